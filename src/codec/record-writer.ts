/**
 * Chosen rows of a batch → Kafka records in the blocks of a segment. No row is ever an object.
 *
 * Keys are encoded first and aside, since their hash decides the partition, and for some envelopes what becomes of the row. The rows that are left are measured, column by
 * column. Then row after row is admitted until the segment, a block or the arena is full. A run of admitted rows is written into the arena, again column by
 * column, each row at its own cursor, the rows of one partition side by side; then each partition's stretch is appended to its block:
 *
 *     keys ─ measure ─┬─ admit a run ─ write into the arena ─ append to blocks ─┐
 *                     └───────────────────── next run ──────────────────────────┴─ segment full: hand it out
 *
 * A record (Kafka protocol, RecordBatch v2 "Record"), all numbers zigzag varints:
 *
 *     length │ attributes 0 │ timestamp delta 0 │ offset delta │ key length │ key │ value length │ value │ headers
 */
import { must } from '../lib/assert.ts';
import { murmur2 } from '../lib/murmur2.ts';
import { CHANGE_TYPES } from '../model/column-batch.ts';
import type { ColumnBatch } from '../model/column-batch.ts';
import type { BadRecords, Segment } from '../ports/encoder.ts';
import { arena, atLeast, copy } from './arena.ts';
import type { Arena, Constant } from './arena.ts';
import { BodyHash } from './body-hash.ts';
import type { RowRange } from './cells.ts';
import { deadLetter, lengthOf, sentenceOf } from './dead-letter.ts';
import type { Badness } from './dead-letter.ts';
import { KeptRows, NO_ROW } from './kept-rows.ts';
import { markOf } from './key-marks.ts';
import type { OpenSegment } from './open-segment.ts';
import { recordEnd } from './record-end.ts';
import { measureRows, writeRows } from './row-layout.ts';
import type { RowForms, RowLayout } from './row-layout.ts';
import { recordBytes } from '../lib/single-record.ts';
import type { SingleRecord } from '../lib/single-record.ts';
import { unsignedLength, writeUnsigned } from '../lib/varint.ts';

/** Rows a batch: about 1 MB of Avro, which stays in the processor's cache from column to column. */
export const BATCH_ROWS = 8192;

/** A run's bytes at most, but for a single larger row. */
const ARENA_BYTES = 1024 * 1024;

/** Attributes and timestamp delta: zeroes that every record has. */
const BARE_BYTES = 2;

/** The zigzag form of the length -1: no key, or no value. */
const NONE = 0x01;

/** Where the rows that are written go, on which step of the work, and of which file; and their change type as an index into `CHANGE_TYPES`; null: each row names its own. */
export interface Target {
  readonly open: OpenSegment;
  readonly step: number;
  readonly file: string;
  readonly changeType: number | null;
}

interface Run {
  readonly end: number;
  readonly isFull: boolean;
  /** Of the row at `end`, whose value is no record; null: there is nothing wrong with it. */
  readonly badness: Badness | null;
}

const PREIMAGE = CHANGE_TYPES.indexOf('update_preimage');

/** The memory of one thread, used for file after file. One batch at a time. */
export class RecordWriter {
  /** The chosen rows, by number in the batch; and of the i-th of them what the envelope says of it. */
  readonly rows = new Int32Array(BATCH_ROWS);
  readonly forms = new Uint8Array(BATCH_ROWS);
  readonly befores = new Int32Array(BATCH_ROWS).fill(NO_ROW);
  /** Where in `keyBytes` the key of the i-th row is, and its murmur2. */
  readonly keyStarts = new Int32Array(BATCH_ROWS);
  readonly keyLengths = new Int32Array(BATCH_ROWS);
  readonly hashes = new Int32Array(BATCH_ROWS);
  readonly #slots = new Int32Array(BATCH_ROWS);
  readonly #valueLengths = new Int32Array(BATCH_ROWS);
  readonly #offsetDeltas = new Int32Array(BATCH_ROWS);
  readonly #bodyLengths = new Int32Array(BATCH_ROWS);
  readonly #tombstoneLengths = new Int32Array(BATCH_ROWS);
  readonly #cursors = new Int32Array(BATCH_ROWS);
  #slotCursors = new Int32Array(1);
  #keys: Arena = arena(64 * 1024);
  #arena: Arena = arena(ARENA_BYTES);
  #recordEnd: Constant = recordEnd(false);
  #kept = new KeptRows();
  readonly #bodies = new BodyHash();
  #slotCount = 1;
  #bad: BadRecords | null = null;

  /** What holds from here on: how many slots there are, how records end, and what becomes of rows that cannot be records. */
  begin(slots: number, isSnapshot: boolean, kept: KeptRows = new KeptRows(), bad: BadRecords | null = null): void {
    this.#slotCount = slots;
    this.#bad = bad;
    this.#recordEnd = recordEnd(isSnapshot);
    this.#kept = kept;
    if (this.#slotCursors.length < slots) this.#slotCursors = new Int32Array(slots);
    this.befores.fill(NO_ROW);
  }

  get keyBytes(): Uint8Array {
    return this.#keys.bytes;
  }

  /** Encodes the keys of the first `count` rows. Nothing to do without a key. */
  encodeKeys({ key }: RowLayout, batch: ColumnBatch, count: number): void {
    if (key === null) return;
    const range = { rows: this.rows, start: 0, end: count };
    measureRows(key, batch, range, this.#forms, this.keyLengths);
    let length = 0;
    for (let i = 0; i < count; i += 1) {
      this.keyStarts[i] = length;
      length += this.keyLengths[i] ?? 0;
    }
    this.#keys = atLeast(this.#keys, length);
    this.#cursors.set(this.keyStarts.subarray(0, count));
    writeRows(key, batch, range, this.#forms, this.#keys, this.#cursors);
    const { bytes } = this.#keys;
    for (let i = 0; i < count; i += 1) this.hashes[i] = murmur2(bytes, this.keyStarts[i] ?? 0, this.keyLengths[i] ?? 0);
  }

  /** The `from`-th row, with its key, becomes the `to`-th. */
  move(from: number, to: number): void {
    this.rows[to] = this.rows[from] ?? 0;
    this.keyStarts[to] = this.keyStarts[from] ?? 0;
    this.keyLengths[to] = this.keyLengths[from] ?? 0;
    this.hashes[to] = this.hashes[from] ?? 0;
  }

  /** The records of the first `count` rows, whose keys are encoded, and the segments that they fill. */
  *write(layout: RowLayout, batch: ColumnBatch, count: number, target: Target): Generator<Segment, void> {
    const { open, step } = target;
    this.#measure(layout, batch, count);
    for (let start = 0; start < count;) {
      const { end, isFull, badness } = this.#admit(layout, open, batch, start, count);
      if (end > start) {
        this.#write(layout, open, batch, { rows: this.rows, start, end });
        open.addChecksum(this.#bodies.sum(this.#arena.bytes.subarray(0, open.runBytes)));
        open.closeRun(this.#arena.bytes, isFull);
        this.#count(batch, target, start, end);
      }
      if (isFull) yield open.take(step, batch.firstRow + must(this.rows[end], 'the row that did not fit'));
      start = end;
      if (badness === null) continue;
      const slot = this.#slots[end] ?? 0;
      const { letter, mark } = this.#letter(layout, batch, end, badness, target);
      const tombstone = this.#tombstoneBehind(layout, end);
      const more = tombstone === null ? 0 : lengthOf(tombstone);
      if (!open.fitsLetter(lengthOf(letter), slot, tombstone === null ? 0 : 1, more))
        yield open.take(step, batch.firstRow + (this.rows[end] ?? 0));
      open.addLetter(letter, slot, mark, sentenceOf(badness));
      if (tombstone !== null) {
        open.addRecord(recordBytes(tombstone, open.offsetDelta(slot)), slot);
        this.#bodies.add(layout.framing.key, tombstone.key.length - layout.framing.key);
        open.addChecksum(this.#bodies.sum(tombstone.key));
      }
      start = end + 1;
    }
  }

  /** The rows' cells alone, of these rows of the file's batch, kept for their keys. */
  keep(layout: RowLayout, file: string, batch: ColumnBatch, rows: Int32Array, keys: Int32Array, count: number): void {
    const range = { rows, start: 0, end: count };
    measureRows(layout.row, batch, range, this.#forms, this.#valueLengths);
    let length = 0;
    for (let i = 0; i < count; i += 1) {
      this.#cursors[i] = length;
      length += this.#valueLengths[i] ?? 0;
    }
    const chunk = this.#kept.chunk(length, { file, firstRow: batch.firstRow, misfits: batch.misfits ?? null });
    for (let i = 0; i < count; i += 1) this.#kept.add(keys[i] ?? 0, rows[i] ?? 0, this.#cursors[i] ?? 0, this.#valueLengths[i] ?? 0);
    writeRows(layout.row, batch, range, this.#forms, chunk, this.#cursors);
  }

  get #forms(): RowForms {
    return { forms: this.forms, befores: this.befores, kept: this.#kept };
  }

  /** Lengths of values, and the slots that the keys send their rows to. */
  #measure({ key, value, outputs }: RowLayout, batch: ColumnBatch, count: number): void {
    if (outputs !== 'tombstone') measureRows(value, batch, { rows: this.rows, start: 0, end: count }, this.#forms, this.#valueLengths);
    if (key === null) this.#slots.fill(0, 0, count);
    else for (let i = 0; i < count; i += 1) this.#slots[i] = ((this.hashes[i] ?? 0) & 0x7fff_ffff) % this.#slotCount;
  }

  /** How far the next run goes, and whether the segment is full before the row at `end`, or that row is bad. Fixes the lengths of the run's records. */
  #admit({ key, outputs }: RowLayout, open: OpenSegment, { misfits }: ColumnBatch, start: number, count: number): Run {
    const bad = this.#bad;
    const isKeyed = key !== null;
    const hasValue = outputs !== 'tombstone';
    const hasTombstone = outputs !== 'value';
    const records = hasValue && hasTombstone ? 2 : 1;
    const bare = BARE_BYTES + this.#recordEnd.bytes.length;
    for (let i = start; i < count; i += 1) {
      const slot = this.#slots[i] ?? 0;
      const keyLength = this.keyLengths[i] ?? 0;
      const framed = bare + (isKeyed ? unsignedLength(keyLength << 1) + keyLength : 1);
      const delta = open.offsetDelta(slot);
      // A block begins anew if the records go into the next segment, but they never get longer by that.
      let length = 0;
      let value = 0;
      if (hasValue) {
        const valueLength = this.#valueLengths[i] ?? 0;
        const body = framed + unsignedLength(valueLength << 1) + valueLength + unsignedLength(delta << 1);
        this.#bodyLengths[i] = body;
        value = unsignedLength(body << 1) + body;
        length = value;
      }
      if (hasTombstone) {
        const body = framed + 1 + unsignedLength((delta + records - 1) << 1);
        this.#tombstoneLengths[i] = body;
        length += unsignedLength(body << 1) + body;
      }
      const largest = hasValue ? Math.max(value, length - value) : length;
      if (bad !== null) {
        const badness = this.#badnessOf(i, misfits, largest, bad);
        if (badness !== null) return { end: i, isFull: false, badness };
      }
      if (!open.fits(slot, records, length)) return { end: i, isFull: true, badness: null };
      if (open.runBytes > 0 && open.runBytes + length > ARENA_BYTES) return { end: i, isFull: false, badness: null };
      this.#offsetDeltas[i] = delta;
      open.admit(slot, records, length, largest);
    }
    return { end: count, isFull: false, badness: null };
  }

  /** What is wrong with the `i`-th row, whose longest record is so long; null: nothing. */
  #badnessOf(i: number, misfits: ColumnBatch['misfits'], bytes: number, { largestRecord }: BadRecords): Badness | null {
    const own = misfits?.get(this.rows[i] ?? 0) ?? null;
    const before = this.befores[i] ?? NO_ROW;
    const twin = before === NO_ROW ? null : this.#kept.misfit(before);
    if (own === null && twin === null) return bytes > largestRecord ? { kind: 'too large', bytes, largest: largestRecord } : null;
    const sentences = [...(own === null ? [] : [own]), ...(twin === null ? [] : [`before the update, ${twin}`])];
    return { kind: 'misfit', sentence: sentences.join('; ') };
  }

  /** The dead letter of the `i`-th row's value, or of its tombstone where it has no value, and the mark that its key gets. */
  #letter(
    { key, value }: RowLayout,
    batch: ColumnBatch,
    i: number,
    badness: Badness,
    { open, file, changeType }: Target,
  ): { readonly letter: SingleRecord; readonly mark: string | null } {
    const row = this.rows[i] ?? 0;
    const own = key === null ? null : this.#keyOf(i);
    const before = this.befores[i] ?? NO_ROW;
    const letter = deadLetter(
      {
        badness,
        partition: open.partitionOf(this.#slots[i] ?? 0),
        file,
        row: batch.firstRow + row,
        before: before === NO_ROW ? null : this.#kept.from(before),
        changeType: must(CHANGE_TYPES[changeType ?? batch.changeTypes?.[row] ?? -1], 'the change type of a row'),
        key: own,
        value: () => this.#valueOf(value, batch, i),
      },
      must(this.#bad, 'what becomes of bad rows'),
    );
    return { letter, mark: own === null ? null : markOf(own) };
  }

  /** What is published of the `i`-th row though its value is not: it says that the key is gone. Null where there is nothing to say, or its topic does not take it either. */
  #tombstoneBehind({ outputs }: RowLayout, i: number): (SingleRecord & { readonly key: Uint8Array }) | null {
    if (outputs !== 'value and tombstone') return null;
    const tombstone = { key: this.#keyOf(i), value: null, headers: [] };
    return lengthOf(tombstone) > must(this.#bad, 'what becomes of bad rows').largestRecord ? null : tombstone;
  }

  #keyOf(i: number): Uint8Array {
    const start = this.keyStarts[i] ?? 0;
    return this.#keys.bytes.slice(start, start + (this.keyLengths[i] ?? 0));
  }

  #valueOf(value: RowLayout['value'], batch: ColumnBatch, i: number): Uint8Array {
    const alone = arena(this.#valueLengths[i] ?? 0);
    this.#cursors[i] = 0;
    writeRows(value, batch, { rows: this.rows, start: i, end: i + 1 }, this.#forms, alone, this.#cursors);
    return alone.bytes;
  }

  /** Writes the run's records into the arena. */
  #write(layout: RowLayout, open: OpenSegment, batch: ColumnBatch, range: RowRange): void {
    this.#arena = atLeast(this.#arena, open.runBytes);
    open.layRun(this.#slotCursors);
    const { outputs, framing } = layout;
    for (let i = range.start; i < range.end; i += 1) {
      const slot = this.#slots[i] ?? 0;
      const delta = this.#offsetDeltas[i] ?? 0;
      let at = this.#slotCursors[slot] ?? 0;
      if (outputs !== 'tombstone') at = this.#writeFrame(i, layout.key !== null, delta, framing.value, at);
      if (outputs !== 'value') at = this.#writeTombstone(i, outputs === 'tombstone' ? delta : delta + 1, framing.key, at);
      this.#slotCursors[slot] = at;
    }
    if (outputs !== 'tombstone') writeRows(layout.value, batch, range, this.#forms, this.#arena, this.#cursors);
  }

  /** Everything around the value, and the cursor at which it begins; returns where the record ends. */
  #writeFrame(i: number, isKeyed: boolean, delta: number, framing: number, start: number): number {
    const { bytes } = this.#arena;
    const body = this.#bodyLengths[i] ?? 0;
    let at = writeUnsigned(body << 1, bytes, start);
    const ending = at + body;
    at = this.#writeKey(i, isKeyed, delta, at);
    const value = this.#valueLengths[i] ?? 0;
    const valueAt = writeUnsigned(value << 1, bytes, at);
    this.#cursors[i] = valueAt;
    this.#bodies.add(valueAt + framing, value - framing);
    this.#writeEnd(ending);
    return ending;
  }

  /** A record without a value, which its key stands for; returns where it ends. */
  #writeTombstone(i: number, delta: number, framing: number, start: number): number {
    const { bytes } = this.#arena;
    const body = this.#tombstoneLengths[i] ?? 0;
    let at = writeUnsigned(body << 1, bytes, start);
    const ending = at + body;
    at = this.#writeKey(i, true, delta, at);
    bytes[at] = NONE;
    this.#bodies.add(at - (this.keyLengths[i] ?? 0) + framing, (this.keyLengths[i] ?? 0) - framing);
    this.#writeEnd(ending);
    return ending;
  }

  #writeKey(i: number, isKeyed: boolean, delta: number, start: number): number {
    const { bytes } = this.#arena;
    bytes[start] = 0;
    bytes[start + 1] = 0;
    const at = writeUnsigned(delta << 1, bytes, start + 2);
    if (isKeyed) {
      const key = this.keyLengths[i] ?? 0;
      return copy(this.#keys, this.keyStarts[i] ?? 0, key, this.#arena, writeUnsigned(key << 1, bytes, at));
    }
    bytes[at] = NONE;
    return at + 1;
  }

  #writeEnd(ending: number): void {
    const tail = this.#recordEnd;
    const length = tail.bytes.length;
    // Most often the tail is the 0 of no headers, which is written sooner than a call is made.
    if (length === 1) this.#arena.bytes[ending - 1] = 0;
    else copy(tail, 0, length, this.#arena, ending - length);
  }

  #count(batch: ColumnBatch, { open, changeType }: Target, start: number, end: number): void {
    if (changeType !== null) return open.count(changeType, end - start);
    const types = must(batch.changeTypes, 'the change types of a change file');
    for (let i = start; i < end; i += 1) {
      open.count(types[this.rows[i] ?? 0] ?? 0, 1);
      if (this.befores[i] !== NO_ROW) open.count(PREIMAGE, 1);
    }
  }
}
