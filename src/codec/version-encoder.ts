/**
 * A whole version, encoded: for envelopes in which what becomes of a row depends on the other rows of its key (DESIGN §6).
 *
 * The version is worked in passes, each over the keys that hash to it, so that what is known of keys at one time is bounded:
 *
 *     pass p:  scan the keys of all files ─► what leaves, entry by entry ─► what arrives, entry by entry
 *              number the keys, count what    debezium: rows whose twin         debezium: a row that finds a kept twin
 *              leaves and arrives by key      arrives are kept, others `d`      is `u`, others `c`
 *                                             upsert: the last row of a key     upsert: the last row of a key
 *                                             that does not arrive: tombstone   : a value
 *
 * Nothing but the request decides any of it, so a second reading gives the same records. Who goes on in the midst of it does the pass again from its scan, and drops what
 * is out: rows before the position count, and are not written.
 */
import { assert } from '../lib/assert.ts';
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
import { NONE, batchesOf, lenientColumns, openSegment, slotsOf } from './segments.ts';
import { changeTypeOf, checkSelection, selectRows } from './select-rows.ts';

const PREIMAGE = CHANGE_TYPES.indexOf('update_preimage');
const POSTIMAGE = CHANGE_TYPES.indexOf('update_postimage');
const INSERT = CHANGE_TYPES.indexOf('insert');
const DELETE = CHANGE_TYPES.indexOf('delete');

/** Spreads keys over passes, otherwise than over partitions and places of the index: it is part of every plan of several passes, and stays. */
const PASS_FACTOR = 0x85ebca6b;

/** What a worker is sent of a request: who reads the files stays behind. */
export type VersionJob = Omit<EncodeVersionRequest, 'read'>;

/** The generator is to be resumed with the content of this file. */
export interface Need {
  readonly kind: 'need';
  readonly file: ChangeFile;
}

/** The version's segments by the contract of `Encoder.encodeVersion`, and between them the files that are needed. */
export function* encodeVersion(
  job: VersionJob,
  decoder: FileDecoder,
  writer: RecordWriter,
): Generator<Segment | Need, void, FileContent | undefined> {
  assert(!job.plan.isSnapshot && job.layout.key.length > 0, 'a version whose rows are paired');
  const open = openSegment(job.layout, job);
  const files = new Files(job.keptBytes);
  const { entries } = job.plan;
  const first = Math.floor(job.from.step / entries.length);
  let covered = job.from.row;
  for (let pass = first; pass < job.passes; pass += 1) {
    const work = new PassWork(job, pass, decoder, writer, open);
    for (const entry of entries) if (isScanned(job, entry)) work.scan(entry, yield* files.content(entry.file));
    for (const [i, entry] of entries.entries()) {
      const step = pass * entries.length + i;
      if (work.isIdle(entry, step)) continue;
      covered = yield* work.encode(entry, step, yield* files.content(entry.file));
    }
  }
  yield open.take(job.passes * entries.length - 1, covered);
}

/** Files that are read again and again, some of which are kept. */
class Files {
  readonly #kept = new Map<string, FileContent>();
  #room: number;

  constructor(keptBytes: number) {
    this.#room = keptBytes;
  }

  *content(file: ChangeFile): Generator<Need, FileContent, FileContent | undefined> {
    const name = `${file.kind} ${file.id}`;
    const kept = this.#kept.get(name);
    if (kept !== undefined) return kept;
    const content = yield { kind: 'need', file };
    assert(content !== undefined, 'the content of a file that was asked for');
    if (content.bytes.length <= this.#room) {
      this.#room -= content.bytes.length;
      this.#kept.set(name, content);
    }
    return content;
  }
}

/** A change file is scanned once, for both of its entries; files of which nothing is paired are not. */
function isScanned({ layout }: VersionJob, entry: PlanEntry): boolean {
  return entry.kind === 'cdf' ? entry.pass === 'leaves' : layout.envelope.kind === 'upsert';
}

class PassWork {
  readonly #job: VersionJob;
  readonly #pass: number;
  readonly #decoder: FileDecoder;
  readonly #writer: RecordWriter;
  readonly #open: OpenSegment;
  readonly #index = new KeyIndex();
  readonly #kept = new KeptRows();
  /** Of each file the numbers of the keys that are paired, in file order, of rows that leave and of rows that arrive: written by the scan, read by the entries. */
  readonly #keys = new Map<ChangeFile, { readonly leaves: NumberList; readonly arrives: NumberList }>();
  /** Rows to be kept of a batch, and their keys. */
  readonly #keepRows = new Int32Array(BATCH_ROWS);
  readonly #keepKeys = new Int32Array(BATCH_ROWS);
  readonly #isUpsert: boolean;
  /** Framing of the key, which is the same in all of them. */
  readonly #framing: number;
  readonly #shift: number;

  constructor(job: VersionJob, pass: number, decoder: FileDecoder, writer: RecordWriter, open: OpenSegment) {
    this.#job = job;
    this.#pass = pass;
    this.#decoder = decoder;
    this.#writer = writer;
    this.#open = open;
    this.#isUpsert = job.layout.envelope.kind === 'upsert';
    this.#framing = job.layout.prefixes.key?.length ?? 0;
    this.#shift = 32 - Math.log2(job.passes);
    writer.begin(slotsOf(job.layout), false, this.#kept, job.bad);
  }

  /** Counts of each key what leaves and what arrives: for `debezium` of the two images of updates. */
  scan(entry: PlanEntry, { bytes, rows: selection }: FileContent): void {
    const layout = keyLayout(this.#layoutOf(entry));
    const writer = this.#writer;
    const keys = { leaves: new NumberList(), arrives: new NumberList() };
    this.#keys.set(entry.file, keys);
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
      if (chosen > 0) yield* writer.write(layout, batch, chosen, target);
      covered = batch.firstRow + batch.rows;
    }
    checkSelection(selection, covered);
    if (this.#keys.get(entry.file)?.[entry.pass].isRead === false) throw otherRows();
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
  #number(i: number, keys: { readonly leaves: NumberList; readonly arrives: NumberList }, pass: Pass): void {
    const { keyBytes, keyStarts, keyLengths, hashes } = this.#writer;
    const framing = this.#framing;
    const key = this.#index.add(keyBytes, (keyStarts[i] ?? 0) + framing, (keyLengths[i] ?? 0) - framing, hashes[i] ?? 0);
    keys[pass].push(key);
    if (pass === 'leaves' && !this.#isUpsert) return;
    const counters = pass === 'leaves' ? this.#index.leaving : this.#index.arriving;
    counters[key] = (counters[key] ?? 0) + 1;
  }

  #keysOf({ file, pass }: PlanEntry): NumberList {
    return this.#keys.get(file)?.[pass] ?? new NumberList();
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
