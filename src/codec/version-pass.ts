/**
 * One pass over a version: the keys that hash to it are numbered and counted, then rows are chosen, kept and joined by them (version-encoder.ts).
 */
import type { ChangeFile, FileContent } from '../model/change-files.ts';
import { CHANGE_TYPES } from '../model/column-batch.ts';
import type { ColumnBatch } from '../model/column-batch.ts';
import { Failure } from '../model/failure.ts';
import type { Pass, PlanEntry } from '../model/plan.ts';
import type { EncodeVersionRequest, Segment } from '../ports/encoder.ts';
import type { FileDecoder } from '../ports/file-decoder.ts';
import { UPDATE } from './debezium-tail.ts';
import { KeyIndex } from './key-index.ts';
import { KeptRows, NO_ROW } from './kept-rows.ts';
import { NO_MORE, NumberList } from './number-list.ts';
import type { OpenSegment } from './open-segment.ts';
import { BATCH_ROWS } from './record-writer.ts';
import type { RecordWriter } from './record-writer.ts';
import { keyLayout, rowLayout } from './row-layout.ts';
import type { RowLayout } from './row-layout.ts';
import { NONE, batchesOf, lenientColumns, slotsOf } from './segments.ts';
import { changeTypeOf, checkSelection, selectRows } from './select-rows.ts';

const PREIMAGE = CHANGE_TYPES.indexOf('update_preimage');
const POSTIMAGE = CHANGE_TYPES.indexOf('update_postimage');
const INSERT = CHANGE_TYPES.indexOf('insert');
const DELETE = CHANGE_TYPES.indexOf('delete');

/** Spreads keys over passes, otherwise than over partitions and places of the index: it is part of every plan of several passes, and stays. */
const PASS_FACTOR = 0x85ebca6b;

const PASSES: readonly Pass[] = ['leaves', 'arrives'];

/** So many rows tell how long the others will be. */
const ROWS_TELLING = 1000;
/** What is known of a kept row. */
const ROW_BYTES = 28;

/** What a worker is sent of a request: who reads the files stays behind. */
export type VersionJob = Omit<EncodeVersionRequest, 'read'>;

/** What is known of keys, in memory that is used by one pass after the other: what a pass leaves behind would still be there when the next one is full. */
export class KeyMemory {
  readonly index = new KeyIndex();
  readonly kept = new KeptRows();
  /** Of each file the numbers of the keys that are paired, in file order, of rows that leave and of rows that arrive: written by the scan, read by the entries. */
  readonly #lists = new Map<ChangeFile, KeyLists>();

  clear(): void {
    this.index.clear();
    this.kept.clear();
    for (const { leaves, arrives } of this.#lists.values()) for (const list of [leaves, arrives]) list.clear();
  }

  listsOf(file: ChangeFile): KeyLists {
    const known = this.#lists.get(file);
    if (known !== undefined) return known;
    const lists = { leaves: new NumberList(), arrives: new NumberList() };
    this.#lists.set(file, lists);
    return lists;
  }

  /** How many rows may have a twin, at most. */
  get twins(): number {
    const lists = [...this.#lists.values()];
    const [leaves, arrives] = PASSES.map((pass) => lists.reduce((sum, list) => sum + list[pass].count, 0));
    return Math.min(leaves ?? 0, arrives ?? 0);
  }

  /** Of keys; that of rows is told by `kept`. */
  get bytes(): number {
    return [...this.#lists.values()].reduce((sum, { leaves, arrives }) => sum + leaves.bytes + arrives.bytes, this.index.bytes);
  }
}

type KeyLists = Readonly<Record<Pass, NumberList>>;

/** What becomes of the rows of one pass. */
export class VersionPass {
  readonly #job: VersionJob;
  readonly #pass: number;
  readonly #decoder: FileDecoder;
  readonly #writer: RecordWriter;
  readonly #open: OpenSegment;
  readonly #memory: KeyMemory;
  readonly #index: KeyIndex;
  readonly #kept: KeptRows;
  /** Rows to be kept of a batch, and their keys. */
  readonly #keepRows = new Int32Array(BATCH_ROWS);
  readonly #keepKeys = new Int32Array(BATCH_ROWS);
  readonly #isUpsert: boolean;
  /** Framing of the key, which is the same in all of them. */
  readonly #framing: number;
  readonly #shift: number;
  /** Whether something of it was published before. */
  readonly #isBegun: boolean;
  #isLeft = false;

  constructor(job: VersionJob, pass: number, memory: KeyMemory, decoder: FileDecoder, writer: RecordWriter, open: OpenSegment) {
    this.#job = job;
    this.#memory = memory;
    this.#index = memory.index;
    this.#kept = memory.kept;
    memory.clear();
    this.#pass = pass;
    this.#decoder = decoder;
    this.#writer = writer;
    this.#open = open;
    this.#isUpsert = job.layout.envelope.kind === 'upsert';
    this.#framing = job.layout.prefixes.key?.length ?? 0;
    this.#shift = 32 - Math.log2(job.passes);
    const step = pass * job.plan.entries.length;
    this.#isBegun = job.from.step > step || (job.from.step === step && job.from.row > 0);
    writer.begin(slotsOf(job.layout), false, this.#kept, job.bad);
  }

  /** Whether the pass was left since it takes too much memory. Nothing of it is out then: it can be done again as two. */
  get isLeft(): boolean {
    return this.#isLeft;
  }

  /** Counts of each key what leaves and what arrives: for `debezium` of the two images of updates. */
  scan(entry: PlanEntry, { bytes, rows: selection }: FileContent): void {
    const layout = keyLayout(this.#layoutOf(entry));
    const writer = this.#writer;
    const keys = this.#memory.listsOf(entry.file);
    for (const batch of this.#batches(entry, layout, bytes)) {
      // Of a change file the rows of both passes, since it is not scanned again.
      const count = entry.kind === 'cdf' ? allRows(batch, writer.rows) : selectRows(batch, entry, selection, writer.rows);
      writer.encodeKeys(layout, batch, count);
      for (let i = 0; i < count; i += 1) {
        if (!this.#isOfPass(i)) continue;
        const type = batch.changeTypes?.[writer.rows[i] ?? 0] ?? null;
        if (this.#isPaired(type))
          this.#number(i, keys, type === null ? entry.pass : type === INSERT || type === POSTIMAGE ? 'arrives' : 'leaves');
      }
      if (this.#leaves()) return;
    }
  }

  /** Whether nothing comes of the entry and nothing has to be known of it. */
  isIdle(entry: PlanEntry, step: number): boolean {
    return step < this.#job.from.step && !this.#isUpsert && entry.kind !== 'cdf';
  }

  /** Returns the first row that is not covered: the file's end. */
  *encode(entry: PlanEntry, step: number, { bytes, rows: selection }: FileContent): Generator<Segment, number, FileContent | undefined> {
    const { from } = this.#job;
    const outBefore = step < from.step ? Infinity : step === from.step ? from.row : 0;
    const writer = this.#writer;
    const target = { open: this.#open, step, file: entry.file.id, changeType: changeTypeOf(entry) };
    const isOut = outBefore === Infinity;
    const keysAreEnough = isOut && (this.#isUpsert || entry.pass === 'arrives');
    const layout = keysAreEnough ? keyLayout(this.#layoutOf(entry)) : rowLayout(this.#layoutOf(entry));
    let covered = 0;
    for (const batch of this.#batches(entry, layout, bytes)) {
      const count = selectRows(batch, entry, selection, writer.rows);
      writer.encodeKeys(layout, batch, count);
      const chosen = this.#isUpsert
        ? this.#judge(entry, batch, count, outBefore)
        : entry.pass === 'leaves'
          ? this.#leave(entry, layout, batch, count, outBefore)
          : this.#arrive(entry, batch, count, outBefore);
      if (this.#leaves()) return covered;
      if (chosen > 0) yield* writer.write(layout, batch, chosen, target);
      covered = batch.firstRow + batch.rows;
    }
    checkSelection(selection, covered);
    if (!this.#keysOf(entry).isRead) throw otherRows();
    return covered;
  }

  /** Of `upsert`: the last row of each key, of those that leave only where none arrives. Returns how many rows are chosen. */
  #judge(entry: PlanEntry, batch: ColumnBatch, count: number, outBefore: number): number {
    const { leaving, arriving } = this.#index;
    const keys = this.#keysOf(entry);
    let chosen = 0;
    for (let i = 0; i < count; i += 1) {
      if (!this.#isOfPass(i)) continue;
      const key = nextOf(keys);
      const isOut = this.#isOut(batch, i, outBefore);
      if (entry.pass === 'leaves') {
        if ((arriving[key] ?? 0) > 0) continue;
        leaving[key] = (leaving[key] ?? 0) - 1;
        if (leaving[key] !== 0) continue;
      } else {
        arriving[key] = (arriving[key] ?? 0) - 1;
        if (arriving[key] !== 0) {
          if (!isOut) this.#open.addDuplicate();
          continue;
        }
      }
      if (isOut) continue;
      this.#writer.move(i, chosen);
      chosen += 1;
    }
    return chosen;
  }

  /** Of `debezium`: keeps the rows whose twin arrives, and chooses the others. */
  #leave(entry: PlanEntry, layout: RowLayout, batch: ColumnBatch, count: number, outBefore: number): number {
    const writer = this.#writer;
    // Of each key, how many of its preimages have a twin so far.
    const { leaving: paired, arriving } = this.#index;
    const keys = this.#keysOf(entry);
    let chosen = 0;
    let kept = 0;
    for (let i = 0; i < count; i += 1) {
      if (!this.#isOfPass(i)) continue;
      const row = writer.rows[i] ?? 0;
      const type = batch.changeTypes?.[row] ?? DELETE;
      const key = type === PREIMAGE ? nextOf(keys) : NO_MORE;
      // Those that leave are twins from the first on, as many as arrive.
      if (key !== NO_MORE && (paired[key] ?? 0) < (arriving[key] ?? 0)) {
        paired[key] = (paired[key] ?? 0) + 1;
        this.#keepRows[kept] = row;
        this.#keepKeys[kept] = key;
        kept += 1;
        continue;
      }
      if (this.#isOut(batch, i, outBefore)) continue;
      writer.move(i, chosen);
      writer.forms[chosen] = type;
      writer.befores[chosen] = NO_ROW;
      chosen += 1;
    }
    if (kept > 0) writer.keep(layout, entry.file.id, batch, this.#keepRows, this.#keepKeys, kept);
    return chosen;
  }

  /** Of `debezium`: joins each postimage with its twin, where there is one. */
  #arrive(entry: PlanEntry, batch: ColumnBatch, count: number, outBefore: number): number {
    const writer = this.#writer;
    const { arriving } = this.#index;
    const keys = this.#keysOf(entry);
    let chosen = 0;
    for (let i = 0; i < count; i += 1) {
      if (!this.#isOfPass(i)) continue;
      const type = batch.changeTypes?.[writer.rows[i] ?? 0] ?? INSERT;
      const isOut = this.#isOut(batch, i, outBefore);
      let before = NO_ROW;
      if (type === POSTIMAGE) {
        const key = nextOf(keys);
        before = this.#kept.take(key);
        arriving[key] = (arriving[key] ?? 0) - 1;
        if (arriving[key] !== 0 && !isOut) this.#open.addDuplicate();
      }
      if (isOut) continue;
      writer.move(i, chosen);
      writer.forms[chosen] = before === NO_ROW ? type : UPDATE;
      writer.befores[chosen] = before;
      chosen += 1;
    }
    return chosen;
  }

  /** Leaves the pass if it takes too much and may be left; throws `version.too_large` if it takes far too much and may not. */
  #leaves(): boolean {
    const { memoryBytes, passes, passesMax, plan } = this.#job;
    const { rows, rowBytes } = this.#kept;
    const keyBytes = this.#memory.bytes;
    const bytes = keyBytes + this.#kept.bytes;
    if (bytes <= memoryBytes && rows < ROWS_TELLING) return false;
    const mayLeave = !this.#isBegun && !this.#open.hasGiven && passes < passesMax;
    // Rows that are still to be kept will be as long as those that are.
    const foreseen = keyBytes + (rows === 0 ? 0 : (rowBytes / rows + ROW_BYTES) * this.#memory.twins);
    this.#isLeft = mayLeave && Math.max(bytes, foreseen) > memoryBytes;
    if (this.#isLeft || bytes <= 2 * memoryBytes) return this.#isLeft;
    throw new Failure(
      'version.too_large',
      `what is known of the keys of version ${plan.version} at one time takes ${bytes} bytes, in pass ${this.#pass + 1} of ${passes}, and may take ${2 * memoryBytes}`,
      { version: plan.version },
    );
  }

  #layoutOf(entry: PlanEntry): Parameters<typeof rowLayout>[0] {
    const { plan, layout } = this.#job;
    return { entry, version: plan.version, timestamp: plan.timestamp, layout, isSnapshot: false };
  }

  #batches(entry: PlanEntry, { fileColumns: columns }: RowLayout, bytes: Uint8Array<ArrayBuffer>): Generator<ColumnBatch, void> {
    const { layout, bad } = this.#job;
    const lenient = bad === undefined ? NONE : lenientColumns(layout, columns);
    return batchesOf(this.#decoder, { bytes, entry, layout, columns, lenient, fromRow: 0 });
  }

  /** Whether the pass is that of the i-th row's key. */
  #isOfPass(i: number): boolean {
    return this.#job.passes === 1 || Math.imul(this.#writer.hashes[i] ?? 0, PASS_FACTOR) >>> this.#shift === this.#pass;
  }

  #isOut(batch: ColumnBatch, i: number, outBefore: number): boolean {
    return batch.firstRow + (this.#writer.rows[i] ?? 0) < outBefore;
  }

  #isPaired(type: number | null): boolean {
    return this.#isUpsert || type === PREIMAGE || type === POSTIMAGE;
  }

  /** The i-th row's key has its number, and one row more. */
  #number(i: number, keys: KeyLists, pass: Pass): void {
    const { keyBytes, keyStarts, keyLengths, hashes } = this.#writer;
    const framing = this.#framing;
    const key = this.#index.add(keyBytes, (keyStarts[i] ?? 0) + framing, (keyLengths[i] ?? 0) - framing, hashes[i] ?? 0);
    keys[pass].push(key);
    if (pass === 'leaves' && !this.#isUpsert) return;
    const counters = pass === 'leaves' ? this.#index.leaving : this.#index.arriving;
    counters[key] = (counters[key] ?? 0) + 1;
  }

  #keysOf({ file, pass }: PlanEntry): NumberList {
    return this.#memory.listsOf(file)[pass];
  }
}

function nextOf(keys: NumberList): number {
  const key = keys.next();
  if (key === NO_MORE) throw otherRows();
  return key;
}

function otherRows(): Failure {
  return new Failure('listing.changed', 'a file has other rows than when its keys were read a moment ago');
}

function allRows(batch: ColumnBatch, rows: Int32Array): number {
  for (let row = 0; row < batch.rows; row += 1) rows[row] = row;
  return batch.rows;
}
