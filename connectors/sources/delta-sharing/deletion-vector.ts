/**
 * A deletion vector as an action names it (Delta PROTOCOL.md §Deletion Vector Descriptor Schema; notes/protocol.md §3.4): by a signed URL, or in the line itself.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../../../src/lib/json.ts';
import { JsonMismatch } from '../../../src/lib/json.ts';
import type { DeletionVector } from '../../../src/model/change-files.ts';
import type { Secret } from '../../../src/model/secret.ts';
import { int64, int64OrNull, urlOf } from './wire.ts';

export interface StoredVector extends DeletionVector {
  /** Length of the set itself: without the frame that it has in a file, and without what its last characters are filled up with. */
  readonly bytes: number;
  readonly place: VectorPlace;
}

export type VectorPlace =
  /** Z85. */
  | { readonly kind: 'inline'; readonly text: string }
  /** `offset` is where its frame begins. */
  | { readonly kind: 'file'; readonly url: Secret; readonly offset: number };

/** Both are an int32 in Delta. */
const OFFSET_MAX = 2 ** 31 - 1;
const BYTES_MAX = 2 ** 31 - 1;

/** `fileId`: `deletionVectorFileId`, which not every server says. Null for a vector of no rows that has no bytes either. Throws `JsonMismatch`. */
export function vectorOf(descriptor: JsonObject, fileId: string | null): StoredVector | null {
  const bytes = bounded(int64(descriptor, 'sizeInBytes', 'deletionVector'), BYTES_MAX, 'sizeInBytes');
  const cardinality = int64(descriptor, 'cardinality', 'deletionVector');
  if (bytes === 0 && cardinality === 0) return null;
  const storageType = descriptor.string('storageType');
  switch (storageType) {
    case 'i': {
      const text = descriptor.string('pathOrInlineDv');
      return { id: hash(text), cardinality, bytes, place: { kind: 'inline', text } };
    }
    case 'p': {
      const url = urlOf(descriptor, 'pathOrInlineDv', 'deletionVector');
      const offset = bounded(int64OrNull(descriptor, 'offset', 'deletionVector') ?? 0, OFFSET_MAX, 'offset');
      const file = fileId === null || fileId === '' ? hash(new URL(url.reveal()).pathname) : fileId;
      return { id: `${file}@${offset}`, cardinality, bytes, place: { kind: 'file', url, offset } };
    }
    default:
      throw new JsonMismatch(
        `deletionVector.storageType is ${JSON.stringify(storageType.slice(0, 20))}, and only a URL (p) or the vector itself (i) can be read`,
      );
  }
}

function bounded(value: number, max: number, key: string): number {
  if (value > max) throw new JsonMismatch(`deletionVector.${key} is larger than ${max}`);
  return value;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
