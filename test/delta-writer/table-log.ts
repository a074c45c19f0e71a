/**
 * The log of a table: one JSON file a commit, in Delta's own words (Delta PROTOCOL.md §Actions), as Spark writes them for a table with a change data feed.
 */
import { rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EpochMs, Version } from '../../src/model/version.ts';
import { ORDER_COLUMNS } from './orders.ts';

/** A file as its commit names it. */
export interface LoggedFile {
  /** Below the table's folder. */
  readonly path: string;
  readonly size: number;
  /** Delta's stats as JSON text; null for change files. */
  readonly stats: string | null;
}

export type Action = Readonly<Record<string, unknown>>;

/** The actions of version 0, after its commitInfo. */
export function creation(tableId: string, timestamp: EpochMs): readonly Action[] {
  return [
    properties(tableId, timestamp, {}),
    { protocol: { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['changeDataFeed', 'invariants', 'appendOnly'] } },
  ];
}

/** The table's metadata with further table properties: a commit of this alone changes no row. */
export function properties(tableId: string, createdTime: EpochMs, more: Readonly<Record<string, string>>): Action {
  const fields = ORDER_COLUMNS.map((column) => ({ ...column, nullable: true, metadata: {} }));
  return {
    metaData: {
      id: tableId,
      format: { provider: 'parquet', options: {} },
      schemaString: JSON.stringify({ type: 'struct', fields }),
      partitionColumns: [],
      configuration: { 'delta.enableChangeDataFeed': 'true', ...more },
      createdTime,
    },
  };
}

export function add(file: LoggedFile, modificationTime: EpochMs, dataChange: boolean): Action {
  return { add: { path: file.path, partitionValues: {}, size: file.size, modificationTime, dataChange, stats: file.stats } };
}

export function remove(file: LoggedFile, deletionTimestamp: EpochMs, dataChange: boolean): Action {
  return { remove: { path: file.path, deletionTimestamp, dataChange, extendedFileMetadata: true, partitionValues: {}, size: file.size } };
}

export function cdc(file: LoggedFile): Action {
  return { cdc: { path: file.path, partitionValues: {}, size: file.size, dataChange: false } };
}

export interface Commit {
  readonly version: Version;
  readonly timestamp: EpochMs;
  readonly operation: string;
  readonly actions: readonly Action[];
}

/** Makes the commit visible in one step: a server that reads the folder meanwhile sees all of it or nothing. The file's time is the commit's. */
export async function writeCommit(logFolder: string, commit: Commit): Promise<void> {
  const info = {
    commitInfo: { timestamp: commit.timestamp, operation: commit.operation, operationParameters: {}, engineInfo: 'cdf-relay delta-writer' },
  };
  const name = `${String(commit.version).padStart(20, '0')}.json`;
  const unseen = join(logFolder, `.${name}.tmp`);
  await writeFile(unseen, [info, ...commit.actions].map((action) => `${JSON.stringify(action)}\n`).join(''));
  await utimes(unseen, commit.timestamp / 1000, commit.timestamp / 1000);
  await rename(unseen, join(logFolder, name));
}
