/**
 * Tables in memory: a history of versions with small Parquet files, made up by tests.
 */
import type { FileKind } from '../../src/model/change-files.ts';
import type { ChangeType } from '../../src/model/column-batch.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { EpochMs, TableName, Version } from '../../src/model/version.ts';
import { column } from '../codec/batches.ts';
import { writeRows } from '../support/parquet-writer.ts';

export const SCHEMA: TableSchema = { columns: [column('id', { kind: 'long' })], partitionColumns: [], mapping: 'none' };
const CHANGE_COLUMNS = [...SCHEMA.columns, column('_change_type', { kind: 'string' })];

/** A row of a change file, or of a data file, whose change type does not count. */
export interface MemoryRow {
  readonly id: number;
  readonly change: ChangeType;
}

export interface MemoryFile {
  /** Files of one id are the same. */
  readonly id: string;
  readonly rows: readonly MemoryRow[];
}

export interface MemoryVersion {
  /** Data files that came, and that left; where there are change files, they alone tell of the changes. */
  readonly adds: readonly MemoryFile[];
  readonly removes: readonly MemoryFile[];
  readonly changes: readonly MemoryFile[];
}

export interface MemoryTable {
  readonly name: TableName;
  readonly tableId: string;
  readonly versions: readonly MemoryVersion[];
  /** The first version that is still in the log. */
  readonly first?: Version;
  /** Versions that recorded no changes. */
  readonly feedOff?: readonly Version[];
  /** Ids of files that the storage has no more. */
  readonly gone?: readonly string[];
}

export interface ToldFile extends MemoryFile {
  readonly kind: FileKind;
}

/** What the change feed tells of a version. */
export function toldFiles({ adds, removes, changes }: MemoryVersion): readonly ToldFile[] {
  if (changes.length > 0) return changes.map((file) => ({ ...file, kind: 'cdf' }));
  const came = adds.map((file): ToldFile => ({ ...file, kind: 'add' }));
  return [...came, ...removes.map((file): ToldFile => ({ ...file, kind: 'remove' }))];
}

/** The files that hold the table at a version. */
export function liveFiles({ versions }: Pick<MemoryTable, 'versions'>, version: Version): readonly ToldFile[] {
  const live = new Map<string, ToldFile>();
  for (const { adds, removes } of versions.slice(0, version + 1)) {
    for (const file of removes) live.delete(file.id);
    for (const file of adds) live.set(file.id, { ...file, kind: 'add' });
  }
  return [...live.values()];
}

export function commitTime(version: Version): EpochMs {
  return Date.UTC(2026, 0, 1) + version * 60_000;
}

const written = new Map<string, Uint8Array<ArrayBuffer>>();

/** The file as Parquet. Equal files are written once. */
export function parquetOf({ kind, rows }: ToldFile): Uint8Array<ArrayBuffer> {
  const name = `${kind === 'cdf' ? 'cdf' : 'data'} ${rows.map(({ id, change }) => (kind === 'cdf' ? `${id} ${change}` : id)).join()}`;
  const known = written.get(name);
  if (known !== undefined) return known;
  const columns = kind === 'cdf' ? CHANGE_COLUMNS : SCHEMA.columns;
  const cells = rows.map(({ id, change }) => ({ cells: { id: BigInt(id), _change_type: change } }));
  const bytes = writeRows(columns, cells, {
    compression: 'UNCOMPRESSED',
    pageVersion: 1,
    hasDictionaries: false,
    rowGroupRows: 1_000,
    pageBytes: 100_000,
  });
  written.set(name, bytes);
  return bytes;
}
