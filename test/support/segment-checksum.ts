import { records } from '../../src/codec/records.ts';
import type { Segment } from '../../src/ports/encoder.ts';
import { murmur3 } from './murmur3.ts';

/** What the segment's checksum must be, by the records that it holds; `framing`: bytes before the bodies of keys and of values. */
export function checksumOfSegment({ blocks }: Segment, framing: { readonly key: number; readonly value: number }): bigint {
  let sum = 0n;
  for (const block of blocks) {
    for (const { key, value } of records(block))
      sum += murmur3(value === null ? (key ?? new Uint8Array(0)).subarray(framing.key) : value.subarray(framing.value));
  }
  return BigInt.asUintN(128, sum);
}
