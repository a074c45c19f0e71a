/**
 * What a record ends with: the number of its headers and the headers (Kafka protocol, RecordBatch v2 "Record"), the same in every record of an entry.
 */
import { constant } from './arena.ts';
import type { Constant } from './arena.ts';
import { longBytes } from '../lib/varint.ts';

/** Marks rows of a snapshot, which say how the table was and not what changed in it (DESIGN §6). */
const SNAPSHOT_HEADER = 'cdf-relay.snapshot';

export function recordEnd(isSnapshot: boolean): Constant {
  if (!isSnapshot) return constant(longBytes(0n));
  return constant(Buffer.concat([longBytes(1n), withLength(SNAPSHOT_HEADER), withLength('true')]));
}

function withLength(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([longBytes(BigInt(bytes.length)), bytes]);
}
