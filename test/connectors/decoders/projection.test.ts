/**
 * Files with some of their columns, read by hyparquet, which has no part in making them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDecoder } from '../../../connectors/decoders/parquet.ts';
import { readFooter } from '../../../connectors/decoders/footer.ts';
import { projected } from '../../../connectors/decoders/projection.ts';
import { readRows } from '../../../connectors/decoders/rows.ts';
import type { Column } from '../../../src/model/table-schema.ts';
import { FIXTURE_TABLES } from '../../support/plain-provider.ts';

const PARQUET = new URL('../../fixtures/parquet', import.meta.url).pathname;

/** Every file of the fixtures, and of each table one data file. */
const files = [filesIn(PARQUET), ...tablesIn(FIXTURE_TABLES).map((table) => filesIn(join(FIXTURE_TABLES, table)).slice(0, 1))].flat();

/** Of each file. */
const COLUMNS_MAX = 4;

function tablesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

function filesIn(folder: string): readonly string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
  return paths.filter((path) => path.endsWith('.parquet') && !path.includes('_delta_log')).map((path) => join(folder, path));
}

test('each column alone is what it is among the others, in files of Spark and of others', async () => {
  let taken = 0;
  for (const path of files) {
    const bytes = new Uint8Array(readFileSync(path));
    const footer = readFooter(bytes);
    const looked = footer.fields.slice(0, COLUMNS_MAX);
    const names = looked.map(({ name }) => name);
    // Some are there to be refused.
    const all = await readRows(bytes, names).catch(() => null);
    if (all === null) continue;
    for (const { name, index } of looked) {
      const alone = projected(bytes, footer, (field) => field.index === index);
      if (alone === bytes) continue;
      taken += 1;
      const made = readFooter(alone);
      expect([path, made.fields.map((field) => field.name), made.rowGroups, made.keys]).toEqual([
        path,
        [name],
        footer.rowGroups,
        footer.keys,
      ]);
      expect(alone.length).toBeLessThan(bytes.length);
      expect(await readRows(alone, null)).toEqual(all.map((row) => ({ [name]: row[name] })));
    }
  }
  expect(taken).toBeGreaterThan(60);
});

test('a file that has little else, or of which all is wanted, is left as it is', () => {
  const bytes = new Uint8Array(readFileSync(join(PARQUET, 'nulls.parquet')));
  const footer = readFooter(bytes);
  expect(projected(bytes, footer, () => true)).toBe(bytes);
  expect(projected(bytes, footer, ({ index }) => index > 0)).toBe(bytes);
});

test('of a file of which no column is wanted its rows are still there', () => {
  const bytes = new Uint8Array(readFileSync(join(PARQUET, 'integers.parquet')));
  const lacking: Column = { name: 'not there', type: { kind: 'long' }, nullable: true, comment: null, physical: null };
  const request = { bytes, columns: [lacking], mapping: 'none', changeTypes: false, batchRows: 100, fromRow: 0 } as const;
  const batches = Array.from(openDecoder().batches(request), ({ firstRow, rows, columns }) => ({ firstRow, rows, columns }));
  expect(batches).toEqual([{ firstRow: 0, rows: 3, columns: [{ kind: 'null' }] }]);
});
