/**
 * What `about.json` tells of the fixture tables, in the words of the exam.
 */
import { readFileSync } from 'node:fs';
import { openDecoder } from '../../../../connectors/decoders/parquet.ts';
import { parseSchema } from '../../../../connectors/sources/delta-sharing/schema.ts';
import { typeText } from '../../../../src/model/table-schema.ts';
import type { TableName } from '../../../../src/model/version.ts';
import { column } from '../../../support/parquet-file.ts';
import type { KnownTable, KnownVectors, KnownVersion } from '../../../contracts/source.ts';

export const TABLES = new URL('../../../fixtures/tables/', import.meta.url);

interface About {
  readonly firstVersionInLog: number;
  readonly latestVersion: number;
  readonly commits: readonly { readonly version: number; readonly timestamp: number; readonly actions: Readonly<Record<string, number>> }[];
  readonly metadata: readonly { readonly fromVersion: number; readonly id: string; readonly schema: object }[];
}

export function tableNamed(table: string): TableName {
  return { share: 'local', schema: 'default', table };
}

export function knownTable(table: string): KnownTable {
  const about = readAbout(table);
  const versions = about.commits.map(({ version, timestamp, actions }): readonly [number, KnownVersion] => {
    const { add = 0, cdc = 0, remove = 0 } = actions;
    const files = cdc > 0 ? { add: 0, cdf: cdc, remove: 0 } : { add, cdf: 0, remove };
    const metadata = about.metadata.findLast(({ fromVersion }) => fromVersion <= version);
    return [version, { timestamp, files, columns: columnsOf(metadata?.schema ?? {}) }];
  });
  return {
    name: tableNamed(table),
    tableId: about.metadata.at(-1)?.id ?? '',
    first: about.firstVersionInLog,
    latest: about.latestVersion,
    versions: new Map(versions),
  };
}

/** Of the table with deletion vectors that Spark wrote. */
export function knownVectors(): KnownVectors {
  const table = 'deletion_vectors';
  const { latestVersion, commits } = readAbout(table);
  const rows = new Map<number, { readonly add: number; readonly remove: number }>();
  for (const line of readFileSync(new URL(`${table}/expected.jsonl`, TABLES), 'utf8')
    .trim()
    .split('\n')) {
    const { _commit_version: version, _change_type: type }: ExpectedRow = JSON.parse(line);
    if (commits.find((commit) => commit.version === version)?.actions['cdc'] !== undefined) continue;
    const { add, remove } = rows.get(version) ?? { add: 0, remove: 0 };
    rows.set(version, type === 'insert' ? { add: add + 1, remove } : { add, remove: remove + 1 });
  }
  return { table: tableNamed(table), from: 0, to: latestVersion, rows, rowsIn };
}

interface ExpectedRow {
  readonly _commit_version: number;
  readonly _change_type: string;
}

function rowsIn(bytes: Uint8Array): number {
  const columns = [column('id', 'long')];
  let rows = 0;
  for (const batch of openDecoder().batches({ bytes, columns, mapping: 'none', changeTypes: false, batchRows: 1000, fromRow: 0 }))
    rows += batch.rows;
  return rows;
}

function columnsOf(schema: object): string {
  return parseSchema(JSON.stringify(schema), [])
    .columns.map(({ name, type }) => `${name}:${typeText(type)}`)
    .join(', ');
}

function readAbout(table: string): About {
  const about: About = JSON.parse(readFileSync(new URL(`${table}/about.json`, TABLES), 'utf8'));
  return about;
}
