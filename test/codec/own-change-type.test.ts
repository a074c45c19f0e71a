/**
 * Data files that hold a column `_change_type` of their own, all null: Spark writes it beside the change files of the same job.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rowReader } from '../../src/codec/avro-reader.ts';
import { openPool } from '../../src/codec/pool.ts';
import { records } from '../../src/codec/records.ts';
import { must } from '../../src/lib/assert.ts';
import type { Encoder } from '../../src/ports/encoder.ts';
import { fixtureTable, shareTables } from '../support/shared-tables.ts';
import type { SharedTables } from '../support/shared-tables.ts';

const { signal } = new AbortController();

let shared: SharedTables | null = null;
let encoder: Encoder | null = null;

beforeAll(async () => {
  shared = await shareTables();
  encoder = openPool({ workers: 1, workerUrl: new URL('../../src/worker.ts', import.meta.url), memoryBytes: 512 * 1024 * 1024 });
});

afterAll(async () => {
  await encoder?.[Symbol.asyncDispose]();
  await shared?.[Symbol.asyncDispose]();
});

test('trap 10: what a data file says of its change type is not read: it is what its action says', async () => {
  const pool = must(encoder, 'the encoder');
  const listing = await must(shared, 'the tables').source.snapshot(fixtureTable('basics'), { version: 3, listedAs: null }, signal);
  const version = must(listing.versions[0], 'the version');
  const layout = {
    envelope: { kind: 'change' as const },
    schema: version.schema,
    table: fixtureTable('basics'),
    key: [],
    prefixes: { key: null, value: new Uint8Array(0) },
    partitions: 1,
    unkeyedPartition: 0,
  };
  const read = rowReader(pool.schemas(layout).value);
  let withOwn = 0;
  for (const file of version.files) {
    const content = await listing.read(version, file, signal);
    // The footer names its columns in plain text.
    if (!Buffer.from(content.bytes).includes('_change_type')) continue;
    withOwn += 1;
    for (const [kind, pass, change] of [
      ['add', 'arrives', 'insert'],
      ['remove', 'leaves', 'delete'],
    ] as const) {
      const segments = pool.encode(
        {
          entry: { kind, pass, file: { ...file, kind } },
          version: 3,
          timestamp: null,
          layout,
          bytes: content.bytes.slice(),
          rows: null,
          isSnapshot: false,
          fromRow: 0,
          segmentRecords: 1000,
          segmentBytes: 1_000_000,
        },
        signal,
      );
      const changes = new Set<unknown>();
      for await (const { blocks } of segments) {
        for (const block of blocks) for (const { value } of records(block)) changes.add(read(must(value, 'a value'))['_change_type']);
      }
      expect([...changes]).toEqual([change]);
    }
  }
  expect(withOwn).toBeGreaterThan(0);
});
