/**
 * Listings, names and credentials of a live provider.
 */
import { afterAll, expect, test } from 'vitest';
import { must } from '../../src/lib/assert.ts';
import { tableText } from '../../src/model/version.ts';
import type { TableName } from '../../src/model/version.ts';
import { EVERYTHING } from '../../src/ports/source.ts';
import { at, textAt } from '../provider/support.ts';
import { Differences } from './differences.ts';
import type { RawAnswer } from './live-provider.ts';
import { openLiveProvider, tablePath } from './live-provider.ts';

/** Pages of one item each are asked for of listings up to this long. */
const ITEMS_MAX = 20;
const TABLES_MAX = 10_000;

const live = await openLiveProvider();
afterAll(() => live[Symbol.asyncDispose]());

test('there is a table to test', () => {
  expect(live.tables.length).toBeGreaterThan(0);
});

test('shares are listed, alike in pages of one', async ({ skip }) => {
  const differences = new Differences();
  const whole = await live.ask('/shares');
  expect(whole.status).toBe(200);
  const shares = namesOf(whole);
  if (shares.length > ITEMS_MAX) return skip(`over ${ITEMS_MAX} shares`);
  const paged: string[] = [];
  let path = '/shares?maxResults=1';
  for (let page = 0; page <= shares.length; page += 1) {
    const answer = await live.ask(path);
    paged.push(...namesOf(answer));
    const token = textAt(answer.lines[0], 'nextPageToken');
    if (token === '') break;
    path = `/shares?maxResults=1&pageToken=${encodeURIComponent(token)}`;
  }
  differences.look('shares in pages', paged.toSorted(), shares.toSorted(), 'copes: it asks for no size of pages');
  expect(differences.told).toEqual([]);
});

test('every table is listed once, and those under test are among them', async () => {
  const differences = new Differences();
  const listed: string[] = [];
  for await (const table of live.source.tables(EVERYTHING, AbortSignal.timeout(240_000))) {
    if (listed.push(tableText(table).toLowerCase()) === TABLES_MAX) break;
  }
  differences.look('tables listed twice', listed.length - new Set(listed).size, 0, 'copes: it keeps tables by their names');
  for (const table of live.tables) {
    const isListed = listed.includes(tableText(table).toLowerCase()) || listed.length === TABLES_MAX;
    differences.look(
      `${tableText(table)} is listed`,
      isListed,
      true,
      'copes: a table that the config names need not be listed; a pattern does not find it',
    );
  }
  expect(differences.told).toEqual([]);
});

test('names are found in any letter case', async () => {
  const differences = new Differences();
  for (const table of live.tables) {
    const upper = { share: table.share.toUpperCase(), schema: table.schema.toUpperCase(), table: table.table.toUpperCase() };
    const [asked, other] = [await live.askTable(table, '/version'), await live.askTable(upper, '/version')];
    differences.look(
      `${tableText(upper)} is ${tableText(table)}`,
      [other.status, other.headers.get('delta-table-version')],
      [asked.status, asked.headers.get('delta-table-version')],
      'copes: it asks by the names of the listing; in an exact entry of the config write the name as the provider does',
    );
  }
  expect(differences.told).toEqual([]);
});

test('what is not there is 404, in JSON', async () => {
  const differences = new Differences();
  const known = must(live.tables[0], 'a table');
  const nowhere: TableName = { ...known, table: 'cdf_relay_asks_for_no_such_table' };
  for (const path of [
    '/shares/cdf_relay_asks_for_no_such_share/schemas',
    `${tablePath(nowhere)}/version`,
    `${tablePath(nowhere)}/metadata`,
  ]) {
    const answer = await live.ask(path);
    const code = at(answer.lines[0], 'errorCode') ?? at(answer.lines[0], 'error_code');
    differences.look(
      `${path} is not there`,
      answer.status,
      404,
      'does not cope: it cannot tell that a table is gone, and goes on asking for it',
    );
    differences.look(`the code of ${path}`, typeof code, 'string', 'copes: the status counts');
  }
  await expect(live.source.latestVersion(nowhere, AbortSignal.timeout(240_000))).rejects.toMatchObject({ code: 'table.unknown' });
  expect(differences.told).toEqual([]);
});

test('without the right credentials there is nothing', async () => {
  const differences = new Differences();
  const paths = ['/shares', ...live.tables.slice(0, 1).map((table) => `${tablePath(table)}/version`)];
  for (const path of paths) {
    for (const [who, authorization] of [
      ['nobody', 'Bearer'],
      ['somebody else', 'Bearer not-the-token-of-anybody'],
    ] as const) {
      const { status } = await live.ask(path, { headers: { authorization } });
      differences.look(
        `${who} asks for ${path}`,
        status === 403 ? 401 : status,
        401,
        'does not cope: it renews credentials, and tells of refused ones, only where they are refused with 401 or 403',
      );
    }
  }
  expect(differences.told).toEqual([]);
});

function namesOf({ lines }: RawAnswer): readonly string[] {
  const items = lines[0]?.['items'];
  return Array.isArray(items) ? items.map((item) => textAt(item, 'name')) : [];
}
