/**
 * Blocks of framed records → what goes into one record batch each. A block that fits is taken as it is; several small ones are joined, and longer ones are cut at record
 * borders: then the records say their new place in the batch, which may make them some bytes longer.
 *
 * A record begins (RecordBatch v2): length, attributes (1 byte), timestamp delta, offset delta. All but the attributes are zigzag varints: of a number that is not
 * negative, that of its double without a sign.
 */
import { assert } from '../../src/lib/assert.ts';
import { recordBytes } from '../../src/lib/single-record.ts';
import { unsignedLength, writeUnsigned } from '../../src/lib/varint.ts';
import type { RecordBlock } from '../../src/ports/encoder.ts';
import type { ControlRecord } from '../../src/ports/publisher.ts';

/** The records of one batch. */
export interface Cut {
  /** In order, with offset deltas 0, 1, 2 … over all of them. */
  readonly parts: readonly Buffer[];
  readonly bytes: number;
  readonly count: number;
  /** Of the blocks that begin in this batch, in order: the place of their first record. */
  readonly firsts: readonly number[];
}

/** What a record may grow by when it says another place: its offset delta, and its length. */
const GROWTH_MAX = 6;

/**
 * The records of blocks of one partition, in order, in cuts of at most `bytesMax` bytes; a single longer record makes a cut of its own. A block is cut only if it is
 * longer than that by itself. Pulled one by one.
 */
export function* cutsOf(blocks: Iterable<RecordBlock>, bytesMax: number): Generator<Cut> {
  let cut = new OpenCut(bytesMax);
  for (const block of blocks) {
    assert(block.count > 0, 'a block holds records');
    if (cut.count > 0 && cut.bytes + block.bytes.length + block.count * GROWTH_MAX > bytesMax) {
      yield cut.done();
      cut = new OpenCut(bytesMax);
    }
    cut.firsts.push(cut.count);
    if (cut.count === 0 && block.bytes.length <= bytesMax) {
      cut.take(block);
      continue;
    }
    const records = new Records(block);
    while (records.next()) {
      if (cut.count > 0 && cut.bytes + records.bytesAt(cut.count) > bytesMax) {
        yield cut.done();
        cut = new OpenCut(bytesMax);
      }
      cut.append(records);
    }
    assert(records.count === block.count, `a block that says ${block.count} records holds ${records.count}`);
  }
  if (cut.count > 0) yield cut.done();
}

/** A block of one record of the relay's own. */
export function controlBlock({ partition, key, value }: Pick<ControlRecord, 'partition' | 'key' | 'value'>): RecordBlock {
  const record = { key: Buffer.from(key), value: value === null ? null : Buffer.from(value), headers: [] };
  return { partition, count: 1, bytes: recordBytes(record, 0) };
}

class OpenCut {
  readonly firsts: number[] = [];
  bytes = 0;
  count = 0;
  readonly #bytesMax: number;
  readonly #parts: Buffer[] = [];
  /** The block that begins the cut, and how much of it is taken: its records say the right place already. */
  #begun: Records | null = null;
  #begunBytes = 0;
  /** Where records are written that say a new place. */
  #part: Buffer = Buffer.alloc(0);
  #written = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The whole block as it is: it must be the first. */
  take({ bytes, count }: RecordBlock): void {
    this.#parts.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.bytes += bytes.length;
    this.count += count;
  }

  /** The record that `records` is at. */
  append(records: Records): void {
    const bytes = records.bytesAt(this.count);
    this.bytes += bytes;
    if (records.place === this.count++) {
      this.#begun = records;
      this.#begunBytes = records.end;
      return;
    }
    if (this.#written + bytes > this.#part.length) {
      this.#finishPart();
      this.#part = Buffer.allocUnsafe(Math.max(bytes, Math.min(this.#bytesMax + bytes - this.bytes, records.bytesLeftMax)));
    }
    records.writeAt(this.count - 1, this.#part, this.#written);
    this.#written += bytes;
  }

  done(): Cut {
    this.#finishPart();
    return { parts: this.#parts, bytes: this.bytes, count: this.count, firsts: this.firsts };
  }

  #finishPart(): void {
    if (this.#begun !== null) this.#parts.push(this.#begun.firstBytes(this.#begunBytes));
    this.#begun = null;
    if (this.#written > 0) this.#parts.push(this.#part.subarray(0, this.#written));
    this.#written = 0;
  }
}

/** Goes through the records of a block. */
class Records {
  /** Of those seen, the one that it is at included. */
  count = 0;
  readonly #bytes: Buffer;
  readonly #countMax: number;
  /** Of the current record: where its attributes are, its offset delta, what follows that, and its end. */
  #body = 0;
  #delta = 0;
  #rest = 0;
  #end = 0;

  constructor({ bytes, count }: RecordBlock) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#countMax = count;
  }

  /** Of the current record in its block. */
  get place(): number {
    return this.count - 1;
  }

  /** Where the current record ends. */
  get end(): number {
    return this.#end;
  }

  firstBytes(bytes: number): Buffer {
    return this.#bytes.subarray(0, bytes);
  }

  /** Bytes of the current record and of those behind it, whatever places they will say. */
  get bytesLeftMax(): number {
    return this.#bytes.length - this.#body + GROWTH_MAX * (this.#countMax - this.count + 2);
  }

  /** Goes on to the next record; false at the end. */
  next(): boolean {
    if (this.#end === this.#bytes.length) return false;
    let at = this.#end;
    let raw = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte(at++);
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
      assert(shift < 28, 'a varint has at most 5 bytes');
    }
    this.#body = at;
    this.#end = at + (raw >>> 1);
    this.#delta = this.#pastVarint(at + 1);
    this.#rest = this.#pastVarint(this.#delta);
    assert(this.#rest <= this.#end && this.#end <= this.#bytes.length, 'a block ends where a record ends');
    this.count++;
    return true;
  }

  /** Length of the current record where it says the place. */
  bytesAt(place: number): number {
    const length = this.#lengthAt(place);
    return unsignedLength(length * 2) + length;
  }

  writeAt(place: number, into: Buffer, start: number): void {
    let at = writeUnsigned(this.#lengthAt(place) * 2, into, start);
    for (let from = this.#body; from < this.#delta; from++) into[at++] = this.#byte(from);
    at = writeUnsigned(place * 2, into, at);
    this.#bytes.copy(into, at, this.#rest, this.#end);
  }

  #lengthAt(place: number): number {
    return this.#delta - this.#body + unsignedLength(place * 2) + (this.#end - this.#rest);
  }

  #pastVarint(start: number): number {
    let at = start;
    while (this.#byte(at) >= 0x80) at++;
    return at + 1;
  }

  #byte(at: number): number {
    const byte = this.#bytes[at];
    assert(byte !== undefined, 'a block ends where a record ends');
    return byte;
  }
}
