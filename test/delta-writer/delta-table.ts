/**
 * A Delta table that grows by whole commits, and knows the rows that its change feed must yield.
 *
 *   step ──► which rows leave, change, arrive ──► Parquet files, one at a time ──► the commit file, by an atomic rename
 *                       │
 *                       └──► expected.jsonl, or a checksum of it
 *
 * In memory it is two numbers a live row (id and revision); cells are made when a file is written. Everything follows from the seed and the steps: two tables
 * made alike are equal byte for byte.
 */
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, must, unreachable } from '../../src/lib/assert.ts';
import type { ChangeType } from '../../src/model/column-batch.ts';
import type { EpochMs, Version } from '../../src/model/version.ts';
import { RowChecksum, expectedRow, inCorpusOrder } from './expected-rows.ts';
import { parquetFile } from './parquet-file.ts';
import type { RowKeys } from './parquet-file.ts';
import { mix, seededRandom } from './random.ts';
import type { Random } from './random.ts';
import { RowList } from './row-list.ts';
import { add, cdc, creation, properties, remove, writeCommit } from './table-log.ts';
import type { Action, LoggedFile } from './table-log.ts';

/** One commit. `rows` counts rows of the change feed (an update makes two); a table with fewer gives what it has. `files` = files that tell them. */
export type Step =
  /** New rows in new data files. One in ten brings back a deleted id. */
  | { readonly kind: 'insert'; readonly rows: number; readonly files: number }
  /** Pre- and postimages in change files. */
  | { readonly kind: 'update'; readonly rows: number; readonly files: number }
  /** Deletes in change files. */
  | { readonly kind: 'delete'; readonly rows: number; readonly files: number }
  /** Updates, inserts and deletes in the same change files. */
  | { readonly kind: 'merge'; readonly rows: number; readonly files: number }
  /** One data file leaves as a whole: the commit has no change file, its rows are deletes. */
  | { readonly kind: 'drop-file' }
  /** Small files become one, without data change: no row of the feed. */
  | { readonly kind: 'optimize' }
  /** A table property changes: no row of the feed. */
  | { readonly kind: 'properties' };

export interface TableOptions {
  /** Gets `table/` and, with `expected: 'rows'`, `expected.jsonl`. */
  readonly folder: string;
  readonly seed: number;
  /** `checksum` writes no `expected.jsonl`, for feeds whose rows are too many to keep; `nothing` saves the half of the time that spelling them takes. */
  readonly expected: 'rows' | 'checksum' | 'nothing';
  /** Time of the commit that creates the table. */
  readonly createdAt: EpochMs;
  /** Hears the text of every row of the feed, whatever `expected` says. */
  readonly onRow?: (version: Version, type: ChangeType, text: string) => void;
}

export interface WrittenVersion {
  readonly version: Version;
  readonly timestamp: EpochMs;
  readonly operation: string;
  /** Rows of the change feed. */
  readonly rows: number;
}

interface DataFile {
  readonly logged: LoggedFile;
  readonly rows: RowKeys;
}

const ROWS_PER_DATA_FILE = 500_000;
const DELETED_REMEMBERED = 1000;
const EXPECTED_LINES_AT_ONCE = 20_000;

export class DeltaTable {
  readonly folder: string;
  /** The rows of the feed, in the corpus's form; null unless `expected: 'rows'`. */
  readonly expectedPath: string | null;
  readonly #options: TableOptions;
  readonly #random: Random;
  readonly #checksum = new RowChecksum();
  readonly #tableId: string;
  #files: readonly DataFile[] = [];
  #deleted: readonly { readonly id: number; readonly revision: number }[] = [];
  #nextId = 1;
  #namesGiven = 0;
  #rows = 0;
  #last: WrittenVersion;

  private constructor(options: TableOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#tableId = this.#uuid();
    this.#last = { version: 0, timestamp: options.createdAt, operation: 'CREATE TABLE', rows: 0 };
    this.folder = join(options.folder, 'table');
    this.expectedPath = options.expected === 'rows' ? join(options.folder, 'expected.jsonl') : null;
  }

  /** Writes version 0, which has no rows. */
  static async create(options: TableOptions): Promise<DeltaTable> {
    const table = new DeltaTable(options);
    await mkdir(join(table.folder, '_delta_log'), { recursive: true });
    await mkdir(join(table.folder, '_change_data'), { recursive: true });
    if (table.expectedPath !== null) await writeFile(table.expectedPath, '');
    await table.#commit(table.#last, creation(table.#tableId, options.createdAt), new RowList());
    return table;
  }

  get latest(): Version {
    return this.#last.version;
  }

  /** Rows of the change feed over all versions. */
  get changeRows(): number {
    return this.#rows;
  }

  /** Rows that the table holds now. */
  get liveRows(): number {
    return this.#files.reduce((sum, file) => sum + file.rows.ids.length, 0);
  }

  /** `RowChecksum` over the change rows of all versions; null with `expected: 'nothing'`. */
  get checksum(): string | null {
    return this.#options.expected === 'nothing' ? null : this.#checksum.toString();
  }

  /**
   * Commits the next version, at `at` or just after the last one. A step that finds nothing to work on (no rows to update, fewer than two files to join) becomes
   * an insert of a row or a change of properties.
   */
  async append(step: Step, at: EpochMs): Promise<WrittenVersion> {
    const timestamp = Math.max(at, this.#last.timestamp + 1);
    const version = this.#last.version + 1;
    switch (step.kind) {
      case 'insert':
        return this.#insert(version, timestamp, step.rows, step.files);
      case 'update':
        return this.#rewrite(version, timestamp, 'UPDATE', { updates: Math.max(1, step.rows >> 1), deletes: 0, inserts: 0 }, step.files);
      case 'delete':
        return this.#rewrite(version, timestamp, 'DELETE', { updates: 0, deletes: step.rows, inserts: 0 }, step.files);
      case 'merge': {
        const deletes = Math.floor(step.rows / 10);
        const updates = Math.floor((step.rows * 3) / 10);
        return this.#rewrite(version, timestamp, 'MERGE', { updates, deletes, inserts: step.rows - deletes - 2 * updates }, step.files);
      }
      case 'drop-file':
        return this.#dropFile(version, timestamp);
      case 'optimize':
        return this.#optimize(version, timestamp);
      case 'properties':
        return this.#setProperties(version, timestamp);
      default:
        return unreachable(step);
    }
  }

  async #insert(version: Version, timestamp: EpochMs, rows: number, files: number): Promise<WrittenVersion> {
    const changes = new RowList();
    for (let row = 0; row < rows; row++) changes.add('insert', ...this.#newRow());
    const added: DataFile[] = [];
    for (const keys of changes.slices(files)) added.push(await this.#writeData(version, keys));
    this.#files = [...this.#files, ...added];
    const actions = added.map((file) => add(file.logged, timestamp, true));
    return this.#commit({ version, timestamp, operation: 'WRITE', rows: changes.length }, actions, changes);
  }

  /** Copy on write: whatever is touched is removed, its survivors are added anew, and change files tell what happened. */
  async #rewrite(version: Version, timestamp: EpochMs, operation: string, wanted: Wanted, files: number): Promise<WrittenVersion> {
    if (this.liveRows === 0) return this.#insert(version, timestamp, 1, 1);
    const { touched, untouched } = this.#touch(wanted.updates + wanted.deletes);
    const changes = new RowList();
    const survivors = new RowList();
    let { updates, deletes } = wanted;
    let left = touched.reduce((sum, file) => sum + file.rows.ids.length, 0);
    for (const file of touched) {
      for (const [id, revision] of rowsOf(file.rows)) {
        const open = updates + deletes;
        const taken = open > 0 && (left <= open || this.#random.chance(70));
        left--;
        if (!taken) {
          survivors.add('insert', id, revision);
        } else if (this.#random.below(open) < updates) {
          updates--;
          changes.add('update_preimage', id, revision);
          changes.add('update_postimage', id, revision + 1);
          survivors.add('insert', id, revision + 1);
        } else {
          deletes--;
          changes.add('delete', id, revision);
          this.#remember(id, revision);
        }
      }
    }
    for (let insert = 0; insert < wanted.inserts; insert++) {
      const [id, revision] = this.#newRow();
      changes.add('insert', id, revision);
      survivors.add('insert', id, revision);
    }
    const added: DataFile[] = [];
    for (const keys of survivors.slices(Math.ceil(survivors.length / ROWS_PER_DATA_FILE))) added.push(await this.#writeData(version, keys));
    const told: LoggedFile[] = [];
    const inFileOrder = this.#random.chance(25) ? changes.leavingFirst() : changes;
    for (const slice of inFileOrder.slices(files)) told.push(await this.#writeChanges(version, slice));
    this.#files = [...untouched, ...added];
    const actions = [
      ...added.map((file) => add(file.logged, timestamp, true)),
      ...told.map(cdc),
      ...touched.map((file) => remove(file.logged, timestamp, true)),
    ];
    return this.#commit({ version, timestamp, operation, rows: changes.length }, actions, changes);
  }

  async #dropFile(version: Version, timestamp: EpochMs): Promise<WrittenVersion> {
    const file = this.#files[this.#random.below(this.#files.length)];
    if (file === undefined) return this.#insert(version, timestamp, 1, 1);
    const changes = new RowList();
    for (const [id, revision] of rowsOf(file.rows)) {
      changes.add('delete', id, revision);
      this.#remember(id, revision);
    }
    this.#files = this.#files.filter((other) => other !== file);
    return this.#commit({ version, timestamp, operation: 'DELETE', rows: changes.length }, [remove(file.logged, timestamp, true)], changes);
  }

  async #optimize(version: Version, timestamp: EpochMs): Promise<WrittenVersion> {
    const small = this.#files.filter((file) => file.rows.ids.length < ROWS_PER_DATA_FILE / 10).slice(0, 10);
    if (small.length < 2) return this.#setProperties(version, timestamp);
    const joined = new RowList();
    for (const file of small) for (const [id, revision] of rowsOf(file.rows)) joined.add('insert', id, revision);
    const whole = await this.#writeData(version, joined);
    this.#files = [...this.#files.filter((file) => !small.includes(file)), whole];
    const actions = [add(whole.logged, timestamp, false), ...small.map((file) => remove(file.logged, timestamp, false))];
    return this.#commit({ version, timestamp, operation: 'OPTIMIZE', rows: 0 }, actions, new RowList());
  }

  async #setProperties(version: Version, timestamp: EpochMs): Promise<WrittenVersion> {
    const actions = [properties(this.#tableId, this.#options.createdAt, { 'delta-writer.version': String(version) })];
    return this.#commit({ version, timestamp, operation: 'SET TBLPROPERTIES', rows: 0 }, actions, new RowList());
  }

  async #commit(written: WrittenVersion, actions: readonly Action[], changes: RowList): Promise<WrittenVersion> {
    await this.#expect(written, changes);
    await writeCommit(join(this.folder, '_delta_log'), { ...written, actions });
    this.#rows += written.rows;
    this.#last = written;
    return written;
  }

  async #expect({ version, timestamp }: WrittenVersion, changes: RowList): Promise<void> {
    const { expected, seed, onRow } = this.#options;
    if (expected === 'nothing' && onRow === undefined) return;
    const rows: { readonly type: ChangeType; readonly text: string }[] = [];
    for (let row = 0; row < changes.length; row++) {
      const change = changes.at(row);
      const text = expectedRow(seed, version, timestamp, change);
      onRow?.(version, change.type, text);
      this.#checksum.add(text);
      if (this.expectedPath !== null) rows.push({ type: change.type, text });
    }
    if (this.expectedPath === null) return;
    const lines = inCorpusOrder(rows);
    for (let first = 0; first < lines.length; first += EXPECTED_LINES_AT_ONCE) {
      await appendFile(this.expectedPath, `${lines.slice(first, first + EXPECTED_LINES_AT_ONCE).join('\n')}\n`);
    }
  }

  async #writeData(version: Version, rows: RowList): Promise<DataFile> {
    const keys = rows.keys();
    const path = `part-00000-${this.#uuid(version)}-c000.snappy.parquet`;
    const size = await this.#write(path, parquetFile(this.#options.seed, keys, null));
    return { rows: keys, logged: { path, size, stats: statsOf(keys) } };
  }

  async #writeChanges(version: Version, changes: RowList): Promise<LoggedFile> {
    const path = `_change_data/cdc-00000-${this.#uuid(version)}.c000.snappy.parquet`;
    return { path, size: await this.#write(path, parquetFile(this.#options.seed, changes.keys(), changes.types())), stats: null };
  }

  async #write(path: string, bytes: Uint8Array): Promise<number> {
    await writeFile(join(this.folder, path), bytes);
    return bytes.length;
  }

  /** Data files from a random one on, until they hold twice the rows wanted. */
  #touch(rows: number): { readonly touched: readonly DataFile[]; readonly untouched: readonly DataFile[] } {
    const first = this.#random.below(this.#files.length);
    const rotated = [...this.#files.slice(first), ...this.#files.slice(0, first)];
    let held = 0;
    let count = 0;
    for (; count < rotated.length && held < 2 * rows; count++) held += must(rotated[count], 'a file').rows.ids.length;
    return { touched: rotated.slice(0, count), untouched: rotated.slice(count) };
  }

  #newRow(): readonly [id: number, revision: number] {
    if (this.#deleted.length > 0 && this.#random.chance(10)) {
      const index = this.#random.below(this.#deleted.length);
      const back = must(this.#deleted[index], 'a deleted row');
      this.#deleted = this.#deleted.toSpliced(index, 1);
      return [back.id, back.revision + 1];
    }
    assert(this.#nextId < 2 ** 31, 'ids fit in 31 bits');
    return [this.#nextId++, 0];
  }

  #remember(id: number, revision: number): void {
    if (this.#deleted.length < DELETED_REMEMBERED) this.#deleted = [...this.#deleted, { id, revision }];
  }

  #uuid(version = 0): string {
    const hex = [1, 2, 3, 4].map((word) => mix(this.#options.seed, version, this.#namesGiven, word).toString(16).padStart(8, '0')).join('');
    this.#namesGiven++;
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}

interface Wanted {
  readonly updates: number;
  readonly deletes: number;
  readonly inserts: number;
}

function* rowsOf(keys: RowKeys): Iterable<readonly [id: number, revision: number]> {
  for (let row = 0; row < keys.ids.length; row++) yield [keys.ids[row] ?? 0, keys.revisions[row] ?? 0];
}

function statsOf(keys: RowKeys): string {
  const least = keys.ids.reduce((a, b) => Math.min(a, b));
  const most = keys.ids.reduce((a, b) => Math.max(a, b));
  return JSON.stringify({ numRecords: keys.ids.length, minValues: { id: least }, maxValues: { id: most }, nullCount: { id: 0 } });
}
