/**
 * Blocks of records in Kafka's framing → messages for a client that frames records itself. Keys, values and headers are views into the block.
 *
 * A record is (RecordBatch v2): length, attributes (1 byte), timestamp delta, offset delta, key length, key, value length, value, header count, and for each
 * header key length, key, value length, value. All lengths and deltas are zigzag varints; a length of -1 means null.
 */
import { assert } from '../../src/lib/assert.ts';
import type { RecordBlock } from '../../src/ports/encoder.ts';

export interface Message {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Record<string, Buffer>;
}

/** Consecutive records of a block whose framed length together is at most `bytesMax`, or a single longer one. */
export function* cutBlock(block: RecordBlock, bytesMax: number): Generator<Message[]> {
  const cursor = new Cursor(Buffer.from(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength));
  let part: Message[] = [];
  let partBytes = 0;
  let count = 0;
  while (cursor.at < cursor.bytes.length) {
    const start = cursor.at;
    const message = readRecord(cursor);
    const length = cursor.at - start;
    if (part.length > 0 && partBytes + length > bytesMax) {
      yield part;
      part = [];
      partBytes = 0;
    }
    part.push(message);
    partBytes += length;
    count++;
  }
  assert(count === block.count, `a block that says ${block.count} records holds ${count}`);
  if (part.length > 0) yield part;
}

function readRecord(cursor: Cursor): Message {
  const length = cursor.varint();
  const end = cursor.at + length;
  cursor.at += 1;
  cursor.varint();
  cursor.varint();
  const key = cursor.bytesOrNull();
  const value = cursor.bytesOrNull();
  const headerCount = cursor.varint();
  if (headerCount === 0) {
    assert(cursor.at === end, 'a record is as long as it says');
    return { key, value };
  }
  const headers: Record<string, Buffer> = {};
  for (let i = 0; i < headerCount; i++) {
    const name = cursor.bytesOrNull();
    const content = cursor.bytesOrNull();
    assert(name !== null && content !== null, 'a header has a name and a value');
    headers[name.toString('utf8')] = content;
  }
  assert(cursor.at === end, 'a record is as long as it says');
  return { key, value, headers };
}

class Cursor {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** A zigzag varint of at most 32 bits. */
  varint(): number {
    let raw = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.at];
      assert(byte !== undefined, 'a block ends where a record ends');
      this.at++;
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1);
    }
    assert(false, 'a varint has at most 5 bytes');
  }

  bytesOrNull(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const start = this.at;
    this.at += length;
    assert(this.at <= this.bytes.length, 'a block ends where a record ends');
    return this.bytes.subarray(start, this.at);
  }
}
