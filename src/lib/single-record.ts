/**
 * Records one by one, in the framing of a Kafka record batch (RecordBatch v2 §Record): for the few that are not written by the thousand.
 */
import { unsignedLength, writeUnsigned } from './varint.ts';

export type Headers = readonly { readonly key: string; readonly value: Uint8Array | null }[];

export interface SingleRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Headers;
}

/** The record at its place in a block. */
export function recordBytes({ key, value, headers }: SingleRecord, offsetDelta: number): Uint8Array<ArrayBuffer> {
  const named = headers.flatMap((header) => [sized(Buffer.from(header.key, 'utf8')), sized(header.value)]);
  const body = Buffer.concat([Uint8Array.of(0, 0), varint(offsetDelta), sized(key), sized(value), varint(headers.length), ...named]);
  return new Uint8Array(sized(body));
}

const NONE = Uint8Array.of(1);

/** The bytes behind their length; null has the length -1. */
function sized(bytes: Uint8Array | null): Uint8Array {
  return bytes === null ? NONE : Buffer.concat([varint(bytes.length), bytes]);
}

/** Of a number that is not negative. */
function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(unsignedLength(value << 1));
  writeUnsigned(value << 1, bytes, 0);
  return bytes;
}
