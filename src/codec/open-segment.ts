/**
 * A segment that grows, run by run, until one of its bounds is met: records, bytes, or the bytes of a single block.
 *
 * A slot is a partition's place here: slot i is partition `firstPartition + i`. Records are first admitted (`fits`, `admit`), which fixes their lengths and
 * places; `layRun` then says where in the arena each slot's stretch of the run begins, and `closeRun` moves the stretches into the blocks.
 */
import { must } from '../lib/assert.ts';
import { summed } from '../model/checksum.ts';
import { CHANGE_TYPES } from '../model/column-batch.ts';
import type { ChangeType } from '../model/column-batch.ts';
import type { KeyMark, Segment } from '../ports/encoder.ts';
import { BLOCK_BYTES_MAX, BlockBuffer } from './block-buffer.ts';
import { recordBytes } from '../lib/single-record.ts';
import type { SingleRecord } from '../lib/single-record.ts';

export interface SegmentBounds {
  readonly segmentRecords: number;
  readonly segmentBytes: number;
}

export class OpenSegment {
  readonly #bounds: SegmentBounds;
  readonly #blocks: readonly BlockBuffer[];
  /** By slot, over the whole block, with the run that is being admitted. */
  readonly #counts: Int32Array;
  readonly #lengths: Int32Array;
  /** By slot, of the run alone. */
  readonly #runCounts: Int32Array;
  readonly #runLengths: Int32Array;
  readonly #runStarts: Int32Array;
  readonly #firstPartition: number;
  readonly #passes: number;
  readonly #letters = new BlockBuffer(0);
  #marks: KeyMark[] = [];
  #firstBadness = '';
  readonly #changes = new Float64Array(CHANGE_TYPES.length);
  #records = 0;
  #duplicates = 0;
  #checksum = 0n;
  #bytes = 0;
  #largest = 0;
  #runBytes = 0;
  #hasGiven = false;

  constructor(bounds: SegmentBounds, slots: number, firstPartition: number, passes: number) {
    this.#bounds = bounds;
    this.#passes = passes;
    this.#firstPartition = firstPartition;
    this.#blocks = Array.from({ length: slots }, (_, slot) => new BlockBuffer(firstPartition + slot));
    this.#counts = new Int32Array(slots);
    this.#lengths = new Int32Array(slots);
    this.#runCounts = new Int32Array(slots);
    this.#runLengths = new Int32Array(slots);
    this.#runStarts = new Int32Array(slots);
  }

  get isEmpty(): boolean {
    return this.#records === 0;
  }

  /** Whether a segment was taken. */
  get hasGiven(): boolean {
    return this.#hasGiven;
  }

  get runBytes(): number {
    return this.#runBytes;
  }

  /** The offset delta of the slot's next record. */
  offsetDelta(slot: number): number {
    return this.#counts[slot] ?? 0;
  }

  /** Whether the records of one row, of this length together, may still come in. Into an empty segment those of any row may. */
  fits(slot: number, records: number, length: number): boolean {
    if (this.#records === 0) return true;
    if (this.#records + records > this.#bounds.segmentRecords || this.#bytes + length > this.#bounds.segmentBytes) return false;
    const block = this.#lengths[slot] ?? 0;
    return block === 0 || block + length <= BLOCK_BYTES_MAX;
  }

  /** `largest` is the length of the longest one. */
  admit(slot: number, records: number, length: number, largest: number): void {
    this.#counts[slot] = (this.#counts[slot] ?? 0) + records;
    this.#lengths[slot] = (this.#lengths[slot] ?? 0) + length;
    this.#runCounts[slot] = (this.#runCounts[slot] ?? 0) + records;
    this.#runLengths[slot] = (this.#runLengths[slot] ?? 0) + length;
    this.#runBytes += length;
    this.#records += records;
    this.#bytes += length;
    if (largest > this.#largest) this.#largest = largest;
  }

  partitionOf(slot: number): number {
    return this.#firstPartition + slot;
  }

  /** Whether a dead letter of this length may still come in, and behind it this many records of the slot, of this length together; as with `fits`. */
  fitsLetter(length: number, slot: number, records: number, more: number): boolean {
    if (!this.fits(slot, 1 + records, length + more)) return false;
    return this.#records === 0 || this.#letters.length === 0 || this.#letters.length + length <= BLOCK_BYTES_MAX;
  }

  /** Takes a dead letter, of which `badness` says what is wrong, instead of the next record of the slot. Not within a run. */
  addLetter(letter: SingleRecord, slot: number, mark: string | null, badness: string): void {
    const bytes = recordBytes(letter, this.#letters.count);
    if (this.#letters.count === 0) this.#firstBadness = badness;
    this.#letters.append(bytes, 1, false);
    if (mark !== null) this.#marks.push({ mark, partition: this.partitionOf(slot), place: this.offsetDelta(slot) });
    this.#records += 1;
    this.#bytes += bytes.length;
  }

  /** Takes the next record of the slot as it is. Not within a run. */
  addRecord(bytes: Uint8Array, slot: number): void {
    this.admit(slot, 1, bytes.length, bytes.length);
    this.#runCounts[slot] = 0;
    this.#runLengths[slot] = 0;
    this.#runBytes = 0;
    must(this.#blocks[slot], 'the block of a slot').append(bytes, 1, false);
  }

  /** One more row that another one of its key follows. */
  addDuplicate(): void {
    this.#duplicates += 1;
  }

  /** By slot, where its stretch of the run begins in the arena. */
  layRun(starts: Int32Array): void {
    let at = 0;
    for (let slot = 0; slot < this.#blocks.length; slot += 1) {
      starts[slot] = at;
      this.#runStarts[slot] = at;
      at += this.#runLengths[slot] ?? 0;
    }
  }

  /** Moves the run from the arena into the blocks. `isFull` says that the segment ends with it. */
  closeRun(arena: Uint8Array, isFull: boolean): void {
    for (const [slot, block] of this.#blocks.entries()) {
      const length = this.#runLengths[slot] ?? 0;
      if (length === 0) continue;
      const start = this.#runStarts[slot] ?? 0;
      block.append(arena.subarray(start, start + length), this.#runCounts[slot] ?? 0, isFull);
    }
    this.#runCounts.fill(0);
    this.#runLengths.fill(0);
    this.#runBytes = 0;
  }

  /** What the bodies of more records sum up to. */
  addChecksum(sum: bigint): void {
    this.#checksum = summed(this.#checksum, sum);
  }

  /** Counts rows of the change type of this index in `CHANGE_TYPES`. */
  count(changeType: number, rows: number): void {
    this.#changes[changeType] = (this.#changes[changeType] ?? 0) + rows;
  }

  /** Hands the segment over and begins an empty one. `nextRow`, of the file of `step`, is the first row that it does not cover. */
  take(step: number, nextRow: number): Segment {
    const segment: Segment = {
      blocks: this.#blocks.filter((block) => block.count > 0).map((block) => block.take()),
      ...this.#takeLetters(),
      records: this.#records,
      bytes: this.#bytes,
      counts: {
        insert: this.#changed('insert'),
        update_preimage: this.#changed('update_preimage'),
        update_postimage: this.#changed('update_postimage'),
        delete: this.#changed('delete'),
      },
      duplicates: this.#duplicates,
      passes: this.#passes,
      checksum: this.#checksum,
      step,
      nextRow,
      largestRecord: this.#largest,
    };
    this.#counts.fill(0);
    this.#lengths.fill(0);
    this.#changes.fill(0);
    this.#records = 0;
    this.#duplicates = 0;
    this.#checksum = 0n;
    this.#bytes = 0;
    this.#largest = 0;
    this.#hasGiven = true;
    return segment;
  }

  #takeLetters(): Pick<Segment, 'deadLetters'> {
    if (this.#letters.count === 0) return {};
    const marks = this.#marks;
    this.#marks = [];
    return { deadLetters: { block: this.#letters.take(), marks, first: this.#firstBadness } };
  }

  #changed(type: ChangeType): number {
    return this.#changes[CHANGE_TYPES.indexOf(type)] ?? 0;
  }
}
