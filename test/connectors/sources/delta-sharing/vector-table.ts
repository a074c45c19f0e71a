/**
 * A table of one data file with several row groups, whose history is nothing but deletion vectors; and what it must tell.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must } from '../../../../src/lib/assert.ts';
import { TABLES } from './known-tables.ts';
import { rowSet, vectorFile, z85, z85Rust } from './vector-makers.ts';

/** The rows of the data file that are deleted after each version, from version 1 on. Null = the file is gone. */
export type Deleted = readonly (readonly number[] | null)[];

export interface VectorTable extends Disposable {
  /** For a provider. */
  readonly folder: string;
  readonly name: string;
}

type Written = 'file' | 'inline' | 'inline-rust';

const CREATED_AT = 1_795_000_000_000;

/** `dataFile` begins the name of a file of the fixture table. Vectors are written in turn as `as` says; those in files share one. */
export function writeVectorTable(table: string, dataFile: string, deleted: Deleted, as: readonly Written[]): VectorTable {
  const folder = mkdtempSync(join(tmpdir(), 'cdf-relay-vectors-'));
  const from = new URL(`${table}/table/`, TABLES).pathname;
  const path = must(
    readdirSync(from).find((name) => name.startsWith(dataFile)),
    dataFile,
  );
  const log = join(folder, 'vectors', 'table', '_delta_log');
  mkdirSync(log, { recursive: true });
  copyFileSync(join(from, path), join(folder, 'vectors', 'table', path));
  const { size } = statSync(join(from, path));

  const sets = deleted.map((rows) => rowSet(rows ?? []));
  const stored = vectorFile(...sets);
  writeFileSync(join(folder, 'vectors', 'table', 'vectors.bin'), stored.bytes);
  const vectorAt = (version: number): object => {
    const rows = deleted[version] ?? [];
    if (rows.length === 0) return {};
    const set = must(sets[version], 'a set');
    const how = as[version % as.length] ?? 'file';
    const place =
      how === 'file'
        ? { storageType: 'p', pathOrInlineDv: 'vectors.bin', offset: must(stored.offsets[version], 'an offset') }
        : { storageType: 'i', pathOrInlineDv: how === 'inline' ? z85(set) : z85Rust(set) };
    return { deletionVector: { ...place, sizeInBytes: set.length, cardinality: rows.length } };
  };
  const write = (version: number, actions: readonly object[]): void => {
    const all = [{ commitInfo: { timestamp: CREATED_AT + 1000 * version, operation: 'DELETE' } }, ...actions];
    writeFileSync(join(log, `${String(version).padStart(20, '0')}.json`), all.map((action) => `${JSON.stringify(action)}\n`).join(''));
  };
  const add = (version: number): object => ({
    add: { path, partitionValues: {}, size, modificationTime: CREATED_AT, dataChange: true, ...vectorAt(version) },
  });
  const remove = (version: number): object => ({
    remove: { path, deletionTimestamp: CREATED_AT, dataChange: true, extendedFileMetadata: false, ...vectorAt(version) },
  });
  const features = { readerFeatures: ['deletionVectors'], writerFeatures: ['deletionVectors', 'changeDataFeed'] };
  write(0, [{ protocol: { minReaderVersion: 3, minWriterVersion: 7, ...features } }, { metaData: metaDataOf(table) }]);
  for (const [index, rows] of deleted.entries()) {
    write(index + 1, [...(index === 0 ? [] : [remove(index - 1)]), ...(rows === null ? [] : [add(index)])]);
  }
  return { folder, name: 'vectors', [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

interface Line {
  readonly metaData?: { readonly schemaString: string };
}

function metaDataOf(table: string): object {
  const first = readFileSync(new URL(`${table}/table/_delta_log/${'0'.repeat(20)}.json`, TABLES), 'utf8');
  const found = first.split('\n').find((line) => line.startsWith('{"metaData"'));
  const line: Line = JSON.parse(must(found, 'metadata'));
  return {
    id: '7f2b6c1e-0000-4000-8000-000000000001',
    format: { provider: 'parquet', options: {} },
    schemaString: line.metaData?.schemaString,
    partitionColumns: [],
    configuration: { 'delta.enableChangeDataFeed': 'true', 'delta.enableDeletionVectors': 'true' },
    createdTime: CREATED_AT,
  };
}
