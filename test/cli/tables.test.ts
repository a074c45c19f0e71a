import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { tableLines } from '../../src/cli/tables.ts';
import { startPlainProvider } from '../support/plain-provider.ts';
import { UNREAD, withUnreadTable } from '../support/unread-table.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

async function tables(...options: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  using served = withUnreadTable(fileURLToPath(new URL('../fixtures/tables/', import.meta.url)));
  await using provider = await startPlainProvider({ folder: served.folder });
  return await promisify(execFile)(process.execPath, [MAIN, 'tables', JSON.stringify(provider.profile), ...options]);
}

it('prints one JSON object for each table of the profile, those that cannot be read with the reason', async () => {
  const { stdout, stderr } = await tables('--json');
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(rows).toContainEqual({
    table: 'local.default.basics',
    version: 11,
    changeFeed: true,
    problem: null,
    columns: [
      { name: 'id', type: 'long', nullable: true, isPartition: false },
      { name: 'name', type: 'string', nullable: true, isPartition: false },
      { name: 'qty', type: 'integer', nullable: true, isPartition: false },
      { name: 'price', type: 'decimal(10,2)', nullable: true, isPartition: false },
      { name: 'ok', type: 'boolean', nullable: true, isPartition: false },
    ],
  });
  expect(rows).toContainEqual(
    expect.objectContaining({
      table: `local.default.${UNREAD.table}`,
      columns: [],
      problem: expect.objectContaining({ code: 'table.feature' }),
    }),
  );
  expect(stderr).toMatch(/^\d+ tables at http:\/\/127\.0\.0\.1:\d+\S*\n$/);
});

it('shows a table to a person with its columns in line', () => {
  const columns = [
    { name: 'id', type: 'long', nullable: false, isPartition: false },
    { name: 'region', type: 'string', nullable: true, isPartition: true },
  ];
  expect(tableLines({ table: 's.d.t', version: 3, changeFeed: null, columns, problem: null })).toEqual([
    's.d.t  version 3  change feed: the provider does not say',
    '  id      long  (not null)',
    '  region  string  (partition)',
  ]);
  const problem = { code: 'table.feature', message: 'It has deletion vectors.', remedy: 'Ask.' };
  expect(tableLines({ table: 's.d.t', version: null, changeFeed: null, columns: [], problem })).toEqual([
    's.d.t',
    '  It has deletion vectors.',
    '  → Ask.',
  ]);
});
