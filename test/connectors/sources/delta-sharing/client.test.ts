import { expect, it } from 'vitest';
import type { SourceTimeouts } from '../../../../connectors/sources/delta-sharing/timeouts.ts';
import { TIMEOUTS } from '../../../../connectors/sources/delta-sharing/timeouts.ts';
import { must } from '../../../../src/lib/assert.ts';
import { Failure } from '../../../../src/model/failure.ts';
import { EVERYTHING } from '../../../../src/ports/source.ts';
import type { Source } from '../../../../src/ports/source.ts';
import type { Scripted } from './scripted-server.ts';
import { cut, hangUp, json, lines, scriptedServer, silence, text } from './scripted-server.ts';
import { CHANGES, END, file, metaData, METADATA, NEVER, NOW, PARQUET, PROTOCOL, sourceOver, TABLE, TOKEN, VERSION } from './wire-makers.ts';

const AT_7: Scripted = text(200, '', { 'Delta-Table-Version': '7' });
const MINUTE = { retryTimeoutMs: 60_000 };
const BRIEF = { headersMs: 40, stallMs: 20_000, graceMs: 200_000 };

it('the latest version is the header of /version, whatever its letter case, and with 204 too', async () => {
  await using server = await scriptedServer();
  server.on(VERSION, AT_7, (response) => response.writeHead(204, { 'delta-table-version': '8' }).end());
  const source = sourceOver(server);
  expect(await source.latestVersion(TABLE, NEVER)).toBe(7);
  expect(await source.latestVersion(TABLE, NEVER)).toBe(8);
  expect(source.requests).toEqual(['acme 200', 'acme 204']);
});

it('names are encoded one by one', async () => {
  await using server = await scriptedServer();
  const path = '/api/shares/a%20b/schemas/c%2Fd/tables/%C3%A9%3F';
  server.on(`${path}/version`, AT_7);
  expect(await sourceOver(server).latestVersion({ share: 'a b', schema: 'c/d', table: 'é?' }, NEVER)).toBe(7);
});

it('a name that would lead to another address is asked for nowhere', async () => {
  await using server = await scriptedServer();
  await expect(sourceOver(server).latestVersion({ share: 's', schema: '..', table: 't' }, NEVER)).rejects.toMatchObject({
    code: 'table.unknown',
  });
  expect(server.asked).toEqual([]);
});

it.each([408, 425, 429, 500, 502, 503, 504])('status %i is tried again, with full jitter', async (status) => {
  await using server = await scriptedServer();
  server.on(VERSION, json(status, {}), json(status, {}), json(status, {}), AT_7);
  const source = sourceOver(server, MINUTE);
  expect(await source.latestVersion(TABLE, NEVER)).toBe(7);
  expect(source.waits).toEqual([500, 1000, 2000]);
  expect(source.requests).toEqual([`acme ${status}`, `acme ${status}`, `acme ${status}`, 'acme 200']);
});

it('a broken connection is tried again, and reported as an error', async () => {
  await using server = await scriptedServer();
  server.on(VERSION, hangUp, AT_7);
  const source = sourceOver(server, MINUTE);
  expect(await source.latestVersion(TABLE, NEVER)).toBe(7);
  expect(source.requests).toEqual(['acme error', 'acme 200']);
});

it('a server that says nothing is left after the time for headers', async () => {
  await using server = await scriptedServer();
  server.on(VERSION, silence, AT_7);
  const source = sourceOver(server, { ...MINUTE, timeouts: { others: BRIEF } });
  expect(await source.latestVersion(TABLE, NEVER)).toBe(7);
});

it('changes are waited for longer than other questions and files, which must end within the time of trying again', () => {
  expect(TIMEOUTS).toEqual({
    changes: { headersMs: 60_000, stallMs: 30_000, graceMs: 300_000 },
    others: { headersMs: 20_000, stallMs: 20_000, graceMs: 200_000 },
    files: { headersMs: 20_000, stallMs: 20_000, graceMs: 200_000 },
  });
});

it.each<[keyof SourceTimeouts, string, (source: Source) => Promise<unknown>]>([
  ['changes', CHANGES, (source) => source.changes(TABLE, { from: 0, to: 0, listedAs: null }, NEVER)],
  ['others', VERSION, (source) => source.latestVersion(TABLE, NEVER)],
  ['others', METADATA, (source) => source.metadata(TABLE, null, NEVER)],
  ['others', '/api/shares', (source) => source.tables(EVERYTHING, NEVER)[Symbol.asyncIterator]().next()],
  ['files', '/f', readFirstFile],
])('the time of %s holds for %s', async (kind, path, ask) => {
  await using server = await scriptedServer();
  server.on(CHANGES, lines([PROTOCOL, metaData(0), file('add', 0, 'f', { url: `${server.origin}/f` }), END], PARQUET));
  server.on(path, silence);
  const asking = ask(sourceOver(server, { timeouts: { [kind]: BRIEF } }));
  await expect(asking).rejects.toThrow('nothing came for 0.04 s');
});

async function readFirstFile(source: Source): Promise<unknown> {
  const listing = await source.changes(TABLE, { from: 0, to: 0, listedAs: null }, NEVER);
  const version = must(listing.versions[0], 'a version');
  return listing.read(version, must(version.files[0], 'a file'), NEVER);
}

it('what is tried again in place is told by its code, and what is given up is not', async () => {
  await using server = await scriptedServer();
  server.on(VERSION, json(429, {}), json(503, {}), AT_7, json(503, {}, { 'retry-after': '3600' }));
  const source = sourceOver(server, { ...MINUTE, requestsPerSecond: 5 });
  expect(source.budget()).toBe(5);
  await source.latestVersion(TABLE, NEVER);
  expect(source.retries).toEqual(['acme provider.throttled', 'acme provider.unavailable']);
  await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({ code: 'provider.unavailable' });
  expect([source.retries.length, source.budget()]).toEqual([2, 0]);
});

it('an answer that is cut is asked for again (trap 21)', async () => {
  await using server = await scriptedServer();
  const whole = [PROTOCOL, metaData(0), END];
  server.on(
    CHANGES,
    cut(`${JSON.stringify(PROTOCOL)}\n{"metaDa`, PARQUET),
    cut(`${JSON.stringify(PROTOCOL)}\n${JSON.stringify(metaData(0))}\n`, PARQUET),
    lines([PROTOCOL, metaData(0)], PARQUET),
    text(200, `${JSON.stringify(PROTOCOL)}\n{"metaDa`),
    lines(whole, PARQUET),
  );
  const source = sourceOver(server, MINUTE);
  expect((await source.changes(TABLE, { from: 0, to: 0, listedAs: null }, NEVER)).versions).toEqual([]);
  expect(source.waits).toHaveLength(4);
});

it.each([
  ['seconds', '7', 7000],
  ['an HTTP date', new Date(NOW + 9000).toUTCString(), 9000],
  ['a date gone by', new Date(NOW - 9000).toUTCString(), 500],
  ['nonsense', 'soon', 500],
])('Retry-After as %s is the least wait', async (_, header, waitMs) => {
  await using server = await scriptedServer();
  server.on(VERSION, json(429, {}, { 'retry-after': header }), AT_7);
  const source = sourceOver(server, MINUTE);
  expect(await source.latestVersion(TABLE, NEVER)).toBe(7);
  expect(source.waits).toEqual([waitMs]);
});

it('Retry-After holds back every question of the source, which is said', async () => {
  await using server = await scriptedServer();
  server.on(VERSION, json(503, {}, { 'retry-after': '120' }), AT_7);
  const source = sourceOver(server, MINUTE);
  await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({ code: 'provider.unavailable', retryAfterMs: 120_000 });
  expect(source.waits).toEqual([]);
  await Promise.all([source.latestVersion(TABLE, NEVER), source.latestVersion(TABLE, NEVER)]);
  expect(source.waits).toEqual([120_000]);
  expect(source.logs).toEqual(['debug the provider asks for a pause: it is asked nothing for 120 s']);
});

it('what all feeds ask together keeps to the budget of the source; files are not counted', async () => {
  await using server = await scriptedServer();
  server.on(VERSION, AT_7);
  const source = sourceOver(server, { ...MINUTE, requestsPerSecond: 2 });
  await Promise.all(Array.from({ length: 5 }, async () => source.latestVersion(TABLE, NEVER)));
  expect(source.waits).toEqual([500, 500, 500]);
});

it('a wait that would outlast the limit is not begun: the failure tells how long it was to be', async () => {
  await using server = await scriptedServer();
  server.on(VERSION, json(429, {}, { 'retry-after': '61' }));
  const source = sourceOver(server, MINUTE);
  await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({ code: 'provider.throttled', retryAfterMs: 61_000 });
  expect(source.waits).toEqual([]);
});

it('the last try comes when the time is over, and its failure is told', async () => {
  await using server = await scriptedServer();
  server.on(VERSION, json(503, { message: 'still starting' }));
  const source = sourceOver(server, { ...MINUTE, random: () => 0.999 });
  await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({ code: 'provider.unavailable' });
  expect(source.waits.reduce((sum, ms) => sum + ms, 0)).toBe(60_000);
  expect(server.asked).toHaveLength(source.waits.length + 1);
});

it('a clock that is set back makes trying no longer', async () => {
  await using server = await scriptedServer();
  server.on(VERSION, json(503, {}));
  let now = NOW;
  const source = sourceOver(server, { ...MINUTE, now: () => (now -= 1000) });
  await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({ code: 'provider.unavailable' });
  expect(source.waits.reduce((sum, ms) => sum + ms, 0)).toBe(60_000);
});

it.each([400, 401, 403, 404, 409])('status %i is not tried again', async (status) => {
  await using server = await scriptedServer();
  server.on(VERSION, json(status, {}));
  const source = sourceOver(server, MINUTE);
  await expect(source.latestVersion(TABLE, NEVER)).rejects.toBeInstanceOf(Failure);
  expect(server.asked.filter(({ path }) => path === VERSION)).toHaveLength(1);
});

it('a redirect within the origin is followed with the token', async () => {
  await using server = await scriptedServer();
  server.on(VERSION, text(307, '', { location: '/elsewhere' }));
  server.on('/elsewhere', AT_7);
  expect(await sourceOver(server).latestVersion(TABLE, NEVER)).toBe(7);
  expect(server.asked.map(({ path, headers }) => [path, headers.authorization])).toEqual([
    [VERSION, `Bearer ${TOKEN}`],
    ['/elsewhere', `Bearer ${TOKEN}`],
  ]);
});

it('a redirect to another origin is refused, and nothing goes there', async () => {
  await using server = await scriptedServer();
  await using other = await scriptedServer();
  server.on(VERSION, text(302, '', { location: `${other.origin}/version?secret=1` }));
  const failure = await sourceOver(server, MINUTE)
    .latestVersion(TABLE, NEVER)
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'provider.malformed' });
  expect(String(failure)).not.toContain('secret');
  expect(other.asked).toEqual([]);
});

it('an abort ends a question, a body and a wait with its own reason', async () => {
  await using server = await scriptedServer();
  const reason = new Error('enough');
  const started = Promise.withResolvers<void>();
  const answers: readonly Scripted[] = [
    () => started.resolve(),
    (response) => {
      response.writeHead(200, PARQUET);
      response.write('{"protocol"');
      started.resolve();
    },
  ];
  for (const answer of answers) {
    server.on(CHANGES, answer);
    const controller = new AbortController();
    const asking = sourceOver(server, MINUTE).changes(TABLE, { from: 0, to: 0, listedAs: null }, controller.signal);
    const ended = asking.catch((error: unknown) => error);
    await started.promise;
    controller.abort(reason);
    expect(await ended).toBe(reason);
  }
  await expect(sourceOver(server).latestVersion(TABLE, AbortSignal.abort(reason))).rejects.toBe(reason);
});

it('no more than eight questions are asked at once', async () => {
  await using server = await scriptedServer();
  const held: (() => void)[] = [];
  const eight = Promise.withResolvers<void>();
  server.on(VERSION, (response) => {
    held.push(() => response.writeHead(200, { 'delta-table-version': '7' }).end());
    if (held.length >= 8) eight.resolve();
  });
  const source = sourceOver(server);
  const asking = Promise.all(Array.from({ length: 20 }, () => source.latestVersion(TABLE, NEVER)));
  await eight.promise;
  server.on('/ping', text(200, ''));
  for (let i = 0; i < 10; i++) await fetch(`${server.origin}/ping`);
  expect(held).toHaveLength(8);
  server.on(VERSION, AT_7);
  for (const answer of held) answer();
  expect(await asking).toEqual(Array.from({ length: 20 }, () => 7));
});
