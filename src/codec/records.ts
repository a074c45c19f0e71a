/**
 * Blocks of records, taken apart again: for people and for tests.
 */
import { assert } from '../lib/assert.ts';
import type { RecordBlock } from '../ports/encoder.ts';

export interface BlockRecord {
  readonly offsetDelta: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
}

/** The records of a block in order (Kafka protocol, RecordBatch v2 "Record"). Keys and values are views into the block. A block that is not sound is a bug. */
export function* records(block: RecordBlock): Generator<BlockRecord, void> {
  const reader = new Reader(block.bytes);
  for (let i = 0; i < block.count; i += 1) {
    const length = reader.varint();
    const end = reader.at + length;
    reader.varint(); // attributes, which are zero and so look like a varint
    reader.varint(); // timestamp delta
    const offsetDelta = reader.varint();
    const key = reader.bytes();
    const value = reader.bytes();
    const headers: { readonly key: string; readonly value: Uint8Array | null }[] = [];
    for (let left = reader.varint(); left > 0; left -= 1) {
      headers.push({ key: Buffer.from(reader.bytes() ?? []).toString('utf8'), value: reader.bytes() });
    }
    assert(reader.at === end, `record ${i} of a block ends at ${reader.at}, not ${end}`);
    yield { offsetDelta, key, value, headers };
  }
  assert(reader.at === block.bytes.length, `a block of ${block.count} records has ${block.bytes.length - reader.at} bytes more`);
}

class Reader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.at];
      assert(byte !== undefined, 'a block ends within a record');
      this.at += 1;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
    throw new Error('bug: a varint of more than five bytes in a block');
  }

  /** Null for a length of -1. */
  bytes(): Uint8Array | null {
    const length = this.varint();
    if (length < 0) return null;
    this.at += length;
    assert(this.at <= this.#bytes.length, 'a block ends within a record');
    return this.#bytes.subarray(this.at - length, this.at);
  }
}
