/**
 * Real tables through source, worker and codec, read back by avsc: the rows that Spark gives. The relay's plan and Kafka have no part in it.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { rowReader } from '../../src/codec/avro-reader.ts';
import { openPool } from '../../src/codec/pool.ts';
import { records } from '../../src/codec/records.ts';
import type { ChangeFile, VersionChanges } from '../../src/model/change-files.ts';
import type { Encoder } from '../../src/ports/encoder.ts';
import type { ChangeListing } from '../../src/ports/source.ts';
import { FIXTURE_TABLES, fixtureTable, shareTables } from '../support/shared-tables.ts';

const { signal } = new AbortController();

async function rowsOf(encoder: Encoder, listing: ChangeListing, version: VersionChanges, file: ChangeFile): Promise<readonly unknown[]> {
  const prefixes = { key: null, value: new Uint8Array(0) };
  const layout = { schema: version.schema, table: fixtureTable('t'), key: [], prefixes, partitions: 1, unkeyedPartition: 0 };
  const read = rowReader(encoder.schemas(layout).value);
  const passes =
    file.kind === 'cdf' ? (['leaves', 'arrives'] as const) : file.kind === 'add' ? (['arrives'] as const) : (['leaves'] as const);
  const rows: unknown[] = [];
  for (const pass of passes) {
    const content = await listing.read(version, file, signal);
    const entry = { kind: file.kind, pass, file };
    const segments = encoder.encode(
      {
        entry,
        version: version.version,
        timestamp: version.timestamp,
        layout,
        ...content,
        isSnapshot: false,
        fromRow: 0,
        segmentRecords: 5,
        segmentBytes: 100_000,
      },
      signal,
    );
    for await (const { blocks } of segments) {
      for (const block of blocks) for (const { value } of records(block)) rows.push(read(value ?? new Uint8Array(0)));
    }
  }
  return rows;
}

test.each([
  'basics',
  'big_values',
  'codecs',
  'merges',
  'nested',
  'overwrites',
  'partition_multi',
  'partition_strings',
  'partition_timestamp',
  'partition_types',
  'types_int64',
  'types_int96',
  'wide',
])('%s', async (table) => {
  await using shared = await shareTables();
  await using encoder = openPool({
    workers: 1,
    workerUrl: new URL('../../src/worker.ts', import.meta.url),
    memoryBytes: 512 * 1024 * 1024,
  });
  const to = await shared.source.latestVersion(fixtureTable(table), signal);
  const listing = await shared.source.changes(fixtureTable(table), { from: 0, to, listedAs: null }, signal);
  const rows: unknown[] = [];
  for (const version of listing.versions) for (const file of version.files) rows.push(...(await rowsOf(encoder, listing, version, file)));
  const lines = readFileSync(`${FIXTURE_TABLES}/${table}/expected.jsonl`, 'utf8').trim().split('\n');
  expect(sorted(rows)).toEqual(sorted(lines.map((line): unknown => JSON.parse(line))));
});

function sorted(rows: readonly unknown[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}
