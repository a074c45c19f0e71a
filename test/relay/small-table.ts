/**
 * A Delta table of a test's own making, commit by commit: whatever a provider may one day do to its table can be done here (another schema, another table in its
 * place, a history that is told differently). Columns are flat; rows are plain objects.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Bool, Float64, Int32, Int64, Table, Utf8, tableToIPC, vectorFromArray } from 'apache-arrow';
import type { DataType } from 'apache-arrow';
import { Table as WasmTable, writeParquet } from 'parquet-wasm';
import { add, cdc, remove, writeCommit } from '../delta-writer/table-log.ts';
import { rowSet, vectorFile } from '../connectors/sources/delta-sharing/vector-makers.ts';
import type { Action, LoggedFile } from '../delta-writer/table-log.ts';

const ARROW: Readonly<Record<string, () => DataType>> = {
  // Its values may be too great, as those of any writer who leaves out the annotation of the smaller type.
  byte: () => new Int32(),
  integer: () => new Int32(),
  long: () => new Int64(),
  double: () => new Float64(),
  boolean: () => new Bool(),
  string: () => new Utf8(),
};

/** Name → Delta type; a column of a type that is not in the table above is missing in the files. */
export type Columns = Readonly<Record<string, string>>;
export type Row = Readonly<Record<string, number | string | boolean | null>>;
export type Change = Row & { readonly _change_type: 'insert' | 'delete' | 'update_preimage' | 'update_postimage' };

/** A data file, and which of its rows are deleted, as the log says both. */
export interface StoredFile extends LoggedFile {
  readonly deletionVector?: Readonly<Record<string, unknown>>;
}

/** All of it in one commit; each list is one file. */
export interface SmallCommit {
  readonly columns?: Columns;
  /** The table's id from here on. */
  readonly tableId?: string;
  readonly feed?: boolean;
  readonly adds?: readonly (readonly Row[])[];
  /** Files that were written before, told again. */
  readonly again?: readonly StoredFile[];
  readonly changes?: readonly (readonly Change[])[];
  /** Paths of files of earlier commits. */
  readonly removes?: readonly StoredFile[];
  /** Files that join others without data change. */
  readonly joins?: readonly (readonly Row[])[];
  /** Put into the place of the commit's own file. */
  readonly bytes?: Uint8Array;
}

const START = Date.UTC(2026, 0, 1);

export class SmallTable {
  readonly folder: string;
  readonly #name: string;
  readonly #features: readonly string[];
  #columns: Columns;
  #tableId: string;
  #next = 0;
  #files = 0;

  /** `<folder>/<name>`, below a provider's folder. `features` are what a reader must know. */
  constructor(folder: string, name: string, columns: Columns = { id: 'long', name: 'string' }, features: readonly string[] = []) {
    this.folder = join(folder, name);
    this.#name = name;
    this.#features = features;
    this.#columns = columns;
    this.#tableId = `${name}-id-1`;
  }

  get latest(): number {
    return this.#next - 1;
  }

  /** The next version; gives the data files that it wrote. */
  async commit(commit: SmallCommit): Promise<readonly LoggedFile[]> {
    const version = this.#next;
    this.#next++;
    return this.#write(version, commit, timeOf(version));
  }

  /** The file without the rows of these indices, which a new file beside it says; for a commit that removes it and tells it again. */
  async withVector(file: LoggedFile, rows: readonly number[]): Promise<StoredFile> {
    const path = `vector-${String(this.#files).padStart(5, '0')}.bin`;
    this.#files++;
    const set = rowSet(rows);
    const { bytes, offsets } = vectorFile(set);
    await writeFile(join(this.folder, path), bytes);
    const place = { storageType: 'p', pathOrInlineDv: path, offset: offsets[0], sizeInBytes: set.length };
    return { ...file, deletionVector: { ...place, cardinality: rows.length } };
  }

  /** Tells a version that is there already in another way. */
  async rewrite(version: number, commit: SmallCommit, laterMs = 0): Promise<void> {
    await this.#write(version, commit, timeOf(version) + laterMs);
  }

  /** The table is dropped, and another one made under its name. */
  async recreate(columns: Columns = this.#columns): Promise<void> {
    const log = join(this.folder, '_delta_log');
    for (const name of await readdir(log)) await rm(join(log, name));
    this.#next = 0;
    this.#columns = columns;
    this.#tableId = `${this.#name}-id-${String(this.#files)}-again`;
  }

  async #write(version: number, commit: SmallCommit, timestamp: number): Promise<readonly LoggedFile[]> {
    const log = join(this.folder, '_delta_log');
    await mkdir(log, { recursive: true });
    const actions: Action[] = [];
    const isNew = commit.columns !== undefined || commit.tableId !== undefined || commit.feed !== undefined;
    this.#columns = commit.columns ?? this.#columns;
    this.#tableId = commit.tableId ?? this.#tableId;
    if (version === 0 || isNew) actions.push(this.#metadata(commit.feed ?? true));
    if (version === 0) actions.push(protocolOf(this.#features));
    const added: LoggedFile[] = [];
    for (const rows of commit.adds ?? []) {
      const file = await this.#file('part', rows, commit.bytes);
      added.push(file);
      actions.push(add(file, timestamp, true));
    }
    for (const file of commit.again ?? []) actions.push(withVectorOf(file, add(file, timestamp, true)));
    for (const rows of commit.joins ?? []) {
      const file = await this.#file('part', rows);
      added.push(file);
      actions.push(add(file, timestamp, false));
    }
    for (const rows of commit.changes ?? []) actions.push(cdc(await this.#file('cdc', rows, commit.bytes)));
    const isJoined = commit.joins !== undefined;
    for (const file of commit.removes ?? []) actions.push(withVectorOf(file, remove(file, timestamp, !isJoined)));
    await writeCommit(log, { version, timestamp, operation: 'WRITE', actions });
    return added;
  }

  async #file(kind: string, rows: readonly Row[], bytes: Uint8Array | null = null): Promise<LoggedFile> {
    const path = `${kind}-${String(this.#files).padStart(5, '0')}.parquet`;
    this.#files++;
    const columns: Columns = kind === 'cdc' ? { ...this.#columns, _change_type: 'string' } : this.#columns;
    const content = bytes ?? parquetOf(columns, rows);
    await writeFile(join(this.folder, path), content);
    return { path, size: content.length, stats: null };
  }

  #metadata(feed: boolean): Action {
    const fields = Object.entries(this.#columns).map(([name, type]) => ({ name, type, nullable: true, metadata: {} }));
    return {
      metaData: {
        id: this.#tableId,
        format: { provider: 'parquet', options: {} },
        schemaString: JSON.stringify({ type: 'struct', fields }),
        partitionColumns: [],
        configuration: { 'delta.enableChangeDataFeed': String(feed) },
        createdTime: START,
      },
    };
  }
}

/** `count` rows from `first` on, of the columns that a small table has by itself. */
export function rowsFrom(first: number, count: number): readonly Row[] {
  return Array.from({ length: count }, (_, i) => ({ id: first + i, name: `row ${first + i}` }));
}

/** What a reader must find of one version, as lines of `expected.jsonl`; longs as strings. */
export function linesOf(version: number, changes: readonly Change[], columns: Columns = { id: 'long', name: 'string' }): readonly string[] {
  return changes.map(({ _change_type, ...row }) => {
    const cells = Object.entries(columns).map(([name, type]): [string, unknown] => {
      const value = row[name] ?? null;
      return [name, type === 'long' && value !== null ? String(value) : value];
    });
    return JSON.stringify({
      _change_type,
      _commit_version: version,
      _commit_timestamp: timeOf(version),
      ...Object.fromEntries(cells),
    });
  });
}

/** The rows as inserts. */
export function inserted(rows: readonly Row[]): readonly Change[] {
  return rows.map((row) => ({ ...row, _change_type: 'insert' }));
}

/** When a version was committed. */
export function timeOf(version: number): number {
  return START + version * 60_000;
}

const WRITER_FEATURES = ['changeDataFeed', 'invariants', 'appendOnly'];

function protocolOf(features: readonly string[]): Action {
  const reader = features.length === 0 ? { minReaderVersion: 1 } : { minReaderVersion: 3, readerFeatures: features };
  return { protocol: { ...reader, minWriterVersion: 7, writerFeatures: [...WRITER_FEATURES, ...features] } };
}

/** The action of one file, with the file's vector in it. */
function withVectorOf({ deletionVector }: StoredFile, action: Action): Action {
  if (deletionVector === undefined) return action;
  return Object.fromEntries(Object.entries(action).map(([kind, file]) => [kind, { ...Object(file), deletionVector }]));
}

function parquetOf(columns: Columns, rows: readonly Row[]): Uint8Array {
  const vectors = Object.entries(columns).flatMap(([name, type]) => {
    const arrow = ARROW[type]?.();
    if (arrow === undefined) return [];
    const cells = rows.map((row) => (type === 'long' && typeof row[name] === 'number' ? BigInt(row[name]) : (row[name] ?? null)));
    return [[name, vectorFromArray(cells, arrow)] as const];
  });
  return writeParquet(WasmTable.fromIPCStream(tableToIPC(new Table(Object.fromEntries(vectors)), 'stream')));
}
