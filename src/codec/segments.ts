/**
 * One plan entry, encoded: Parquet batches → Avro rows in Kafka record framing → segments. No row is ever an object.
 *
 * For each batch the entry's rows are selected and measured, column by column; keys are encoded aside, since their hash decides the partition.
 * Then row after row is admitted until the segment, a block or the arena is full. A run of admitted rows is written into the arena, again column by column,
 * each row at its own cursor, the rows of one partition side by side; then each partition's stretch is appended to its block:
 *
 *     batch ─ select ─ measure ─┬─ admit a run ─ write into the arena ─ append to blocks ─┐
 *                               └───────────────────── next run ──────────────────────────┴─ segment full: hand it out
 *
 * A record (Kafka protocol, RecordBatch v2 "Record"), all numbers zigzag varints:
 *
 *     length │ attributes 0 │ timestamp delta 0 │ offset delta │ key length │ key │ value length │ value │ headers
 */
import { assert, must } from '../lib/assert.ts';
import { murmur2 } from '../lib/murmur2.ts';
import type { ColumnBatch } from '../model/column-batch.ts';
import type { PlanEntry } from '../model/plan.ts';
import type { EncodeRequest, Segment } from '../ports/encoder.ts';
import type { FileDecoder } from '../ports/file-decoder.ts';
import { arena, atLeast, copy } from './arena.ts';
import type { Arena, Constant } from './arena.ts';
import type { RowRange } from './cells.ts';
import { hasChars, paddedBatch } from './char-padding.ts';
import { OpenSegment } from './open-segment.ts';
import { recordEnd } from './record-end.ts';
import { measureRows, rowLayout, writeRows } from './row-layout.ts';
import type { RowLayout } from './row-layout.ts';
import { changeTypeOf, checkSelection, selectRows } from './select-rows.ts';
import { unsignedLength, writeUnsigned } from './varint.ts';

/** Rows a batch: about 1 MB of Avro, which stays in the processor's cache from column to column. */
export const BATCH_ROWS = 8192;

/** A run's bytes at most, but for a single larger record. */
const ARENA_BYTES = 1024 * 1024;

/** Attributes and timestamp delta: zeroes that every record has. */
const BARE_BYTES = 2;

/** The zigzag form of the key length -1: no key. */
const NO_KEY = 0x01;

/** The memory of one thread, used for file after file. */
export class SegmentEncoder {
  readonly #decoder: FileDecoder;
  readonly #rows = new Int32Array(BATCH_ROWS);
  readonly #slots = new Int32Array(BATCH_ROWS);
  readonly #keyLengths = new Int32Array(BATCH_ROWS);
  readonly #keyStarts = new Int32Array(BATCH_ROWS);
  readonly #valueLengths = new Int32Array(BATCH_ROWS);
  readonly #offsetDeltas = new Int32Array(BATCH_ROWS);
  readonly #bodyLengths = new Int32Array(BATCH_ROWS);
  readonly #cursors = new Int32Array(BATCH_ROWS);
  #slotCursors = new Int32Array(1);
  #keys: Arena = arena(64 * 1024);
  #arena: Arena = arena(ARENA_BYTES);
  #recordEnd: Constant = recordEnd(false);

  constructor(decoder: FileDecoder) {
    this.#decoder = decoder;
  }

  /** The entry's segments by the contract of `Encoder.encode`. One at a time: a generator is finished or returned before the next one begins. */
  *encode(request: EncodeRequest): Generator<Segment, void> {
    const { entry, fromRow } = request;
    const layout = rowLayout(request);
    this.#recordEnd = recordEnd(request.isSnapshot);
    const slots = layout.key === null ? 1 : request.layout.partitions;
    const open = new OpenSegment(request, slots, layout.key === null ? request.layout.unkeyedPartition : 0);
    if (this.#slotCursors.length < slots) this.#slotCursors = new Int32Array(slots);
    const columns = layout.fileColumns;
    let covered = fromRow;
    const isPadded = columns.some(({ type }) => hasChars(type));
    for (const decoded of this.#decoder.batches({
      bytes: request.bytes,
      columns,
      mapping: request.layout.schema.mapping,
      changeTypes: entry.kind === 'cdf',
      batchRows: BATCH_ROWS,
      fromRow,
    })) {
      assert(decoded.rows <= BATCH_ROWS, `a batch of ${decoded.rows} rows`);
      const batch = isPadded ? paddedBatch(decoded, columns) : decoded;
      const count = selectRows(batch, entry, request.rows, this.#rows);
      this.#measure(layout, batch, count, slots);
      for (let start = 0; start < count;) {
        const { end, isFull } = this.#admit(layout, open, start, count);
        if (end > start) {
          const range = { rows: this.#rows, start, end };
          this.#write(layout, open, batch, range);
          open.closeRun(this.#arena.bytes, isFull);
          countChanges(batch, entry, range, open);
        }
        if (isFull) yield open.take(batch.firstRow + must(this.#rows[end], 'the row that did not fit'));
        start = end;
      }
      covered = batch.firstRow + batch.rows;
    }
    checkSelection(request.rows, covered);
    yield open.take(covered);
  }

  /** Lengths of values and keys, the keys themselves, and the slots that they send their rows to. */
  #measure(layout: RowLayout, batch: ColumnBatch, count: number, slots: number): void {
    const range = { rows: this.#rows, start: 0, end: count };
    measureRows(layout.value, batch, range, this.#valueLengths);
    if (layout.key === null) {
      this.#slots.fill(0, 0, count);
      return;
    }
    measureRows(layout.key, batch, range, this.#keyLengths);
    let length = 0;
    for (let i = 0; i < count; i += 1) {
      this.#keyStarts[i] = length;
      length += this.#keyLengths[i] ?? 0;
    }
    this.#keys = atLeast(this.#keys, length);
    this.#cursors.set(this.#keyStarts.subarray(0, count));
    writeRows(layout.key, batch, range, this.#keys, this.#cursors);
    const { bytes } = this.#keys;
    for (let i = 0; i < count; i += 1) {
      this.#slots[i] = (murmur2(bytes, this.#keyStarts[i] ?? 0, this.#keyLengths[i] ?? 0) & 0x7fff_ffff) % slots;
    }
  }

  /** How far the next run goes, and whether the segment is full before the row at `end`. Fixes the lengths of the run's records. */
  #admit(layout: RowLayout, open: OpenSegment, start: number, count: number): { readonly end: number; readonly isFull: boolean } {
    const isKeyed = layout.key !== null;
    const bare = BARE_BYTES + this.#recordEnd.bytes.length;
    for (let i = start; i < count; i += 1) {
      const slot = this.#slots[i] ?? 0;
      const key = this.#keyLengths[i] ?? 0;
      const value = this.#valueLengths[i] ?? 0;
      const measured = (isKeyed ? unsignedLength(key << 1) + key : 1) + unsignedLength(value << 1) + value + bare;
      const length = measured + unsignedLength(open.offsetDelta(slot) << 1);
      // A block begins anew if the record goes into the next segment, but it never gets longer by that.
      const record = unsignedLength(length << 1) + length;
      if (!open.fits(slot, record)) return { end: i, isFull: true };
      if (open.runBytes > 0 && open.runBytes + record > ARENA_BYTES) return { end: i, isFull: false };
      this.#offsetDeltas[i] = open.offsetDelta(slot);
      this.#bodyLengths[i] = length;
      open.admit(slot, record);
    }
    return { end: count, isFull: false };
  }

  /** Writes the run's records into the arena. */
  #write(layout: RowLayout, open: OpenSegment, batch: ColumnBatch, range: RowRange): void {
    this.#arena = atLeast(this.#arena, open.runBytes);
    open.layRun(this.#slotCursors);
    this.#writeFrames(layout.key !== null, range);
    writeRows(layout.value, batch, range, this.#arena, this.#cursors);
  }

  /** Everything around the values, and the cursors at which these begin. */
  #writeFrames(isKeyed: boolean, { start, end }: RowRange): void {
    const { bytes } = this.#arena;
    const tail = this.#recordEnd;
    const tailBytes = tail.bytes.length;
    for (let i = start; i < end; i += 1) {
      const slot = this.#slots[i] ?? 0;
      const body = this.#bodyLengths[i] ?? 0;
      const value = this.#valueLengths[i] ?? 0;
      let at = writeUnsigned(body << 1, bytes, this.#slotCursors[slot] ?? 0);
      const ending = at + body;
      bytes[at] = 0;
      bytes[at + 1] = 0;
      at = writeUnsigned((this.#offsetDeltas[i] ?? 0) << 1, bytes, at + 2);
      if (isKeyed) {
        const key = this.#keyLengths[i] ?? 0;
        at = copy(this.#keys, this.#keyStarts[i] ?? 0, key, this.#arena, writeUnsigned(key << 1, bytes, at));
      } else {
        bytes[at] = NO_KEY;
        at += 1;
      }
      this.#cursors[i] = writeUnsigned(value << 1, bytes, at);
      // Most often the tail is the 0 of no headers, which is written sooner than a call is made.
      if (tailBytes === 1) bytes[ending - 1] = 0;
      else copy(tail, 0, tailBytes, this.#arena, ending - tailBytes);
      this.#slotCursors[slot] = ending;
    }
  }
}

function countChanges(batch: ColumnBatch, entry: PlanEntry, { rows, start, end }: RowRange, open: OpenSegment): void {
  const type = changeTypeOf(entry);
  if (type !== null) {
    open.count(type, end - start);
    return;
  }
  const types = must(batch.changeTypes, 'the change types of a change file');
  for (let i = start; i < end; i += 1) open.count(types[rows[i] ?? 0] ?? 0, 1);
}
