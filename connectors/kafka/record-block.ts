/**
 * Blocks of records in Kafka's framing → messages for a client that frames records itself. Keys, values and headers are views into the block.
 *
 * A record is (RecordBatch v2): length, attributes (1 byte), timestamp delta, offset delta, key length, key, value length, value, header count, and for each
 * header key length, key, value length, value. All lengths and deltas are zigzag varints; a length of -1 means null.
 */
import { assert } from '../../src/lib/assert.ts';
import { unsignedLength } from '../../src/lib/varint.ts';
import type { RecordBlock } from '../../src/ports/encoder.ts';

export interface Message {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Record<string, Buffer>;
}

/** Consecutive records of one partition, for one request. */
export interface Batch {
  /** At least one. */
  readonly messages: Message[];
  /** Of the blocks that begin in this batch, in order: the place of their first record among the messages. */
  readonly firsts: readonly number[];
}

/**
 * The records of blocks of one partition, in order, in batches of at most `bytesMax` bytes of framed records; a single longer record makes a batch of its own. A
 * batch holds the records of many small blocks, and a long block spans several. Pulled one by one, so that one batch at a time is in memory as messages.
 */
export function* batchesOf(blocks: Iterable<RecordBlock>, bytesMax: number): Generator<Batch> {
  let messages: Message[] = [];
  let firsts: number[] = [];
  let bytes = 0;
  for (const block of blocks) {
    const cursor = new Cursor(Buffer.from(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength));
    let count = 0;
    while (cursor.at < cursor.bytes.length) {
      const { message, bareBytes } = readRecord(cursor);
      let length = framedBytes(bareBytes, messages.length);
      if (messages.length > 0 && bytes + length > bytesMax) {
        yield { messages, firsts };
        messages = [];
        firsts = [];
        bytes = 0;
        length = framedBytes(bareBytes, 0);
      }
      if (count === 0) firsts.push(messages.length);
      messages.push(message);
      bytes += length;
      count++;
    }
    assert(count === block.count && count > 0, `a block that says ${block.count} records holds ${count}`);
  }
  if (messages.length > 0) yield { messages, firsts };
}

/** Length of a record at its place in a batch. The place is written into it as offset delta, so a record of a short block may grow by some bytes. */
function framedBytes(bareBytes: number, place: number): number {
  const body = bareBytes + unsignedLength(place * 2);
  return unsignedLength(body * 2) + body;
}

/** `bareBytes`: of everything but the length and the offset delta. */
function readRecord(cursor: Cursor): { readonly message: Message; readonly bareBytes: number } {
  const length = cursor.varint();
  const end = cursor.at + length;
  cursor.at += 1;
  cursor.varint();
  const deltaAt = cursor.at;
  cursor.varint();
  const bareBytes = length - (cursor.at - deltaAt);
  const key = cursor.bytesOrNull();
  const value = cursor.bytesOrNull();
  const headerCount = cursor.varint();
  if (headerCount === 0) {
    assert(cursor.at === end, 'a record is as long as it says');
    return { message: { key, value }, bareBytes };
  }
  const headers: Record<string, Buffer> = {};
  for (let i = 0; i < headerCount; i++) {
    const name = cursor.bytesOrNull();
    const content = cursor.bytesOrNull();
    assert(name !== null && content !== null, 'a header has a name and a value');
    headers[name.toString('utf8')] = content;
  }
  assert(cursor.at === end, 'a record is as long as it says');
  return { message: { key, value, headers }, bareBytes };
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
