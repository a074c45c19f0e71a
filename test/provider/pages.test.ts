/**
 * Pages of listings and of files, and names.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { add, at, commit, json, lines, metadata, open, PROTOCOL, temporaryFolder, text, textAt } from './support.ts';
import type { TemporaryFolder, TestProvider } from './support.ts';

const CHANGES = '/shares/Sales/schemas/public/tables/orders/changes';

let folder: TemporaryFolder;
let server: TestProvider;

beforeAll(async () => {
  folder = await temporaryFolder();
  const orders = join(folder.path, 'Sales', 'public', 'orders', 'table');
  await commit(orders, 0, [PROTOCOL, metadata()]);
  await commit(orders, 1, ['a', 'b', 'c'].map(add));
  // Metadata and files in one commit, where the reference server's own pages lose a file.
  await commit(orders, 2, [metadata(), ...['d', 'e'].map(add)]);
  await commit(orders, 3, [metadata()]);
  for (const name of ['one', 'a/b.c', 'a/b/c/d', '_hidden', 'too/deep/to/be/found'])
    await commit(join(folder.path, name), 0, [PROTOCOL, metadata()]);
  server = await open({ folder: folder.path });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test('three folders are share, schema and table; others are tables of local.default', async () => {
  const tables = await server.provider.tables();
  expect(tables.map(({ share, schema, table }) => `${share}|${schema}|${table}`)).toEqual([
    'local|default|a_b_c',
    'local|default|a_b_c_d',
    'local|default|one',
    'Sales|public|orders',
  ]);
});

test('names are found without regard to case', async () => {
  const listed = json(text(await server.ask('/shares/sALES/schemas/PUBLIC/tables')));
  expect(listed).toEqual({ items: [{ name: 'orders', schema: 'PUBLIC', share: 'sALES', id: expect.stringMatching(/^[0-9a-f-]{36}$/) }] });
  expect((await server.ask('/shares/SALES/schemas/Public/tables/ORDERS/version')).headers['delta-table-version']).toBe('3');
  expect(json(text(await server.ask('/shares/SALES')))).toEqual({ share: { name: 'Sales' } });
});

test('the table itself answers HEAD alone', async () => {
  const table = '/shares/Sales/schemas/public/tables/orders';
  expect([(await server.ask(table, { method: 'HEAD' })).headers['delta-table-version'], (await server.ask(table)).status]).toEqual([
    '3',
    405,
  ]);
});

test('listings come in pages of the size asked for, and an empty one has no items', async () => {
  const seen: unknown[] = [];
  let token = '';
  do {
    const page = json(text(await server.ask(`/shares/local/all-tables?maxResults=2${token === '' ? '' : `&pageToken=${token}`}`)));
    seen.push(Array.isArray(page['items']) ? page['items'].map((item) => at(item, 'name')) : null);
    token = textAt(page, 'nextPageToken');
  } while (token !== '');
  expect(seen).toEqual([['a_b_c', 'a_b_c_d'], ['one']]);
  const none = json(text(await server.ask('/shares?maxResults=0')));
  expect(Object.keys(none)).toEqual(['nextPageToken']);
});

test.each([1, 2, 3, 5, 100])('pages of %i files hold every file once and every metadata line once', async (filesMax) => {
  const pages = await readPages(`${CHANGES}?startingVersion=0&includeHistoricalMetadata=true&maxFiles=${filesMax}`);
  const told = pages.flatMap((page) => page.slice(2).map(nameOf));
  expect(told.filter((name) => name !== 'end')).toEqual(['a', 'b', 'c', 'metadata 2', 'd', 'e', 'metadata 3']);
  expect(Math.max(...pages.map((page) => page.filter((line) => at(line, 'add') !== undefined).length))).toBe(Math.min(filesMax, 5));
  expect(new Set(pages.map((page) => JSON.stringify(page.slice(0, 2)))).size).toBe(1);
});

test('a page token is good for its table and its parameters, while the size of pages may change', async () => {
  const first = lines(await server.ask(`${CHANGES}?startingVersion=1&maxFiles=2`));
  const token = String(at(first.at(-1), 'endStreamAction', 'nextPageToken'));
  const rest = lines(await server.ask(`${CHANGES}?startingVersion=1&pageToken=${token}`));
  expect(rest.slice(2).map(nameOf)).toEqual(['c', 'd', 'e']);
  const refused = async (path: string): Promise<unknown> => at(json(text(await server.ask(path))), 'message');
  expect(await refused(`${CHANGES}?startingVersion=0&pageToken=${token}`)).toContain('Query parameter mismatch');
  expect(await refused(`/shares/local/schemas/default/tables/one/changes?startingVersion=1&pageToken=${token}`)).toContain(
    'does not match the table',
  );
});

test('the pages of a question end where its first page saw the table end', async () => {
  await using own = await temporaryFolder();
  const table = join(own.path, 'growing');
  await commit(table, 0, [PROTOCOL, metadata(), add('a'), add('b')]);
  await using growing = await open({ folder: own.path });
  const path = '/shares/local/schemas/default/tables/growing/changes?startingVersion=0&maxFiles=1';
  const first = lines(await growing.ask(path));
  await commit(table, 1, [add('c')]);
  const token = String(at(first.at(-1), 'endStreamAction', 'nextPageToken'));
  const second = lines(await growing.ask(`${path}&pageToken=${token}`));
  expect(second.map(nameOf)).toEqual(['protocol', 'metadata 0', 'b', 'end']);
});

test('a refresh token reads the same snapshot again', async () => {
  const query = async (body: unknown): Promise<readonly unknown[]> =>
    lines(await server.ask('/shares/Sales/schemas/public/tables/orders/query', { method: 'POST', body: JSON.stringify(body) }));
  const answered = await query({ includeRefreshToken: true });
  const refreshToken = String(at(answered.at(-1), 'endStreamAction', 'refreshToken'));
  const again = await query({ refreshToken });
  expect(again.length).toBe(answered.length - 1);
  const beyond = Buffer.from(Buffer.from(refreshToken, 'base64url').toString().replace('"version":3', '"version":4')).toString('base64url');
  expect(at((await query({ refreshToken: beyond }))[0], 'message')).toBe(`Error decoding refresh token: ${beyond}.`);
  expect(at((await query({ maxFiles: 'many' }))[0], 'message')).toBe("expected a number but the string didn't have the appropriate format");
  expect(at((await query({ refreshToken, version: 1 }))[0], 'message')).toBe(
    'refreshToken cannot be used when querying a specific version.',
  );
});

async function readPages(path: string): Promise<readonly (readonly unknown[])[]> {
  const pages: (readonly unknown[])[] = [];
  for (let token = ''; pages.length < 20;) {
    const page = lines(await server.ask(`${path}${token === '' ? '' : `&pageToken=${token}`}`));
    pages.push(page);
    token = textAt(page.at(-1), 'endStreamAction', 'nextPageToken');
    if (token === '') break;
  }
  return pages;
}

function nameOf(line: unknown): string {
  if (at(line, 'protocol') !== undefined) return 'protocol';
  if (at(line, 'metaData') !== undefined) return `metadata ${String(at(line, 'metaData', 'version'))}`;
  if (at(line, 'endStreamAction') !== undefined) return 'end';
  return /\/([^/?]+)\?/.exec(String(at(line, 'add', 'url')))?.[1] ?? '';
}
