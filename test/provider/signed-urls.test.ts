/**
 * The files behind the signed URLs.
 */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { at, exchange, lines, open, TABLES, text, textAt } from './support.ts';
import type { TestProvider } from './support.ts';

let server: TestProvider;
let url: string;
let whole: Buffer;

beforeEach(async () => {
  server = await open({ urlLifetimeMs: 3000 });
  url = await firstUrl(server, 'basics');
  const name = decodeURIComponent(/basics\/([^?]+)\?/.exec(url)?.[1] ?? '');
  whole = readFileSync(`${TABLES}basics/table/${name}`);
});
afterEach(() => server[Symbol.asyncDispose]());

test('a signed URL gives the file, without a token', async () => {
  const reply = await exchange(url);
  expect([reply.status, reply.headers['accept-ranges'], reply.headers['content-length']]).toEqual([200, 'bytes', String(whole.length)]);
  expect(reply.bytes).toEqual(whole);
});

test('one range is served, several get the whole body, one past the end is refused', async () => {
  const size = whole.length;
  const ask = async (range: string): Promise<unknown> => {
    const reply = await exchange(url, { headers: { range } });
    return [
      reply.status,
      reply.headers['content-range'] ?? null,
      reply.status === 416 ? text(reply).includes('InvalidRange') : reply.bytes,
    ];
  };
  expect(await ask('bytes=0-3')).toEqual([206, `bytes 0-3/${size}`, whole.subarray(0, 4)]);
  expect(await ask('bytes=-8')).toEqual([206, `bytes ${size - 8}-${size - 1}/${size}`, whole.subarray(size - 8)]);
  expect(await ask('bytes=5-')).toEqual([206, `bytes 5-${size - 1}/${size}`, whole.subarray(5)]);
  expect(await ask(`bytes=0-${size + 5}`)).toEqual([206, `bytes 0-${size - 1}/${size}`, whole]);
  expect(await ask('bytes=0-3,8-9')).toEqual([200, null, whole]);
  expect(await ask('bytes=999999-')).toEqual([416, null, true]);
});

test('a URL dies with its lifetime, and the answer that held it said when', async () => {
  const told = lines(await server.askTable('basics', 'changes?startingVersion=1&endingVersion=1'));
  const expires = at(told.at(-1), 'endStreamAction', 'minUrlExpirationTimestamp');
  expect(expires).toBe(server.clock.ms + 3000);
  server.clock.ms += 2999;
  expect((await exchange(url)).status).toBe(200);
  server.clock.ms += 1;
  const late = await exchange(url);
  expect([late.status, late.headers['content-type']]).toEqual([403, 'application/xml']);
  expect(text(late)).toContain('<Code>AccessDenied</Code><Message>Request has expired.</Message>');
});

test('what is signed is GET of one path until one time, and nothing else', async () => {
  const codeOf = async (changed: string, method = 'GET', headers: Readonly<Record<string, string>> = {}): Promise<unknown> => {
    const reply = await exchange(changed, { method, headers });
    return [reply.status, /<Code>(\w+)</.exec(text(reply))?.[1] ?? null];
  };
  const other = (await firstUrl(server, 'codecs')).split('?')[0] ?? '';
  expect(await codeOf(url.split('?')[0] ?? '')).toEqual([403, 'AccessDenied']);
  expect(await codeOf(url.replace(/.$/, (last) => (last === '0' ? '1' : '0')))).toEqual([403, 'SignatureDoesNotMatch']);
  expect(await codeOf(url.replace(/expires=\d+/, `expires=${server.clock.ms + 99_999_999}`))).toEqual([403, 'SignatureDoesNotMatch']);
  expect(await codeOf(`${other}?${url.split('?')[1] ?? ''}`)).toEqual([403, 'SignatureDoesNotMatch']);
  expect(await codeOf(url, 'HEAD')).toEqual([403, null]);
  expect(await codeOf(url, 'PUT')).toEqual([403, 'SignatureDoesNotMatch']);
  expect(await codeOf(url, 'GET', { authorization: 'Bearer a-token' })).toEqual([400, 'InvalidArgument']);
});

test('the record of a request holds no signature, and says whether a token came along', async () => {
  await exchange(url, { headers: { authorization: 'Bearer a-token' } });
  const told = server.provider.requests.map(({ route, table, authorization, status, path }) => [
    route,
    table,
    authorization,
    status,
    path.split('/')[1],
  ]);
  expect(told).toEqual([
    ['changes', 'local.default.basics', 'token', 200, 'delta-sharing'],
    ['file', 'local.default.basics', 'token', 400, 'files'],
  ]);
  expect(JSON.stringify(server.provider.requests)).not.toMatch(/signature|a-token/);
});

test('paths of the log are decoded once: folders with a percent sign in their names are found', async () => {
  const answered = lines(await server.askTable('partition_strings', 'changes?startingVersion=1&endingVersion=1'));
  const odd = answered.flatMap((line) => at(line, 'add', 'url') ?? at(line, 'file', 'deltaSingleAction', 'add', 'path') ?? []).map(String);
  expect(odd.some((path) => path.includes('%25'))).toBe(true);
  for (const path of odd) expect((await exchange(path)).status, path).toBe(200);
});

async function firstUrl(from: TestProvider, name: string): Promise<string> {
  const answered = lines(await from.askTable(name, 'changes?startingVersion=1&endingVersion=1', 'responseformat=parquet'));
  return answered.map((line) => textAt(line, 'add', 'url')).find((found) => found !== '') ?? '';
}
