import { expect, it } from 'vitest';
import { must } from '../../../../src/lib/assert.ts';
import type { ChangeListing } from '../../../../src/ports/source.ts';
import type { Scripted, ScriptedServer } from './scripted-server.ts';
import { cut, json, lines, scriptedServer, stall, text } from './scripted-server.ts';
import type { SourceSettings, Watched } from './wire-makers.ts';
import {
  CHANGES,
  DELTA,
  deltaMetaData,
  deltaProtocol,
  END,
  file,
  metaData,
  NEVER,
  NOW,
  PARQUET,
  PROTOCOL,
  sourceOver,
  TABLE,
  VERSION,
} from './wire-makers.ts';

const MINUTE = { retryTimeoutMs: 60_000 };
const HOUR_MS = 3_600_000;

interface Signed {
  readonly version?: number;
  readonly id?: string;
  readonly expiresAt?: number;
  readonly size?: number | null;
}

/** An answer that lists files at `/<id>` of the server, signed with `signature`. */
function listed(server: ScriptedServer, signature: string, files: readonly Signed[], end: object = END): Scripted {
  return lines(
    [
      PROTOCOL,
      metaData(0),
      ...files.map(({ version = 1, id = 'f', expiresAt, size = 4 }) =>
        file('add', version, id, {
          url: `${server.origin}/${id}?sig=${signature}`,
          size,
          ...(expiresAt === undefined ? {} : { expirationTimestamp: expiresAt }),
        }),
      ),
      end,
    ],
    PARQUET,
  );
}

async function ask(server: ScriptedServer, settings: SourceSettings = {}): Promise<{ source: Watched; listing: ChangeListing }> {
  const source = sourceOver(server, settings);
  return { source, listing: await source.changes(TABLE, { from: 0, to: 9, listedAs: null }, NEVER) };
}

async function read(listing: ChangeListing, index = 0, signal: AbortSignal = NEVER): Promise<string> {
  const version = must(listing.versions[0], 'a version');
  const { bytes } = await listing.read(version, must(version.files[index], 'a file'), signal);
  return new TextDecoder().decode(bytes);
}

function signatures(server: ScriptedServer, path = '/f'): readonly (string | undefined)[] {
  return server.asked.filter((asked) => asked.path === path).map(({ query }) => query['sig']);
}

/** Takes the listed signatures, and refuses all others as storage does. */
function takes(...good: readonly string[]): Scripted {
  return (response, asked) =>
    (good.includes(asked.query['sig'] ?? '') ? text(200, 'PAR1') : text(403, '<Code>AccessDenied</Code>'))(response, asked);
}

it('a file is read by its URL alone: no token, no cookie, no compression (trap 24)', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, listed(server, 'one', [{}]));
  server.on('/f', text(200, 'PAR1', { 'set-cookie': 'a=b' }));
  const { listing } = await ask(server);
  expect([await read(listing), await read(listing)]).toEqual(['PAR1', 'PAR1']);
  const headers = server.asked.filter(({ path }) => path === '/f').map((asked) => asked.headers);
  for (const sent of headers) {
    expect(sent['authorization']).toBeUndefined();
    expect(sent['cookie']).toBeUndefined();
    expect(sent['accept-encoding']).toBe('identity');
  }
});

it('the way a URL is written is kept, to the byte', async () => {
  await using server = await scriptedServer();
  server.on(
    CHANGES,
    lines([PROTOCOL, metaData(0), file('add', 1, 'f', { url: `${server.origin}/a%3Db/c%25d?X=1%2F2&sig=one` }), END], PARQUET),
  );
  server.on('/a%3Db/c%25d', takes('one'));
  expect(await read((await ask(server)).listing)).toBe('PAR1');
});

it('a file whose size nobody says is read whole', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, listed(server, 'one', [{ size: null }]));
  const unannounced: Scripted = (response) => {
    response.writeHead(200);
    response.write('PA', () => response.end('R1'));
  };
  server.on('/f', unannounced, text(200, 'PAR1'));
  const { listing } = await ask(server);
  expect([await read(listing), await read(listing)]).toEqual(['PAR1', 'PAR1']);
});

it.each([
  ['a broken body', cut('PA', { 'content-length': '4' })],
  ['a body that stands still', stall('PA', { 'content-length': '4' })],
  ['status 503', text(503, 'SlowDown')],
  ['status 429', text(429, '')],
  ['a file of another length, which may have been cut', text(200, 'PA')],
])('%s is read again in place', async (_, bad) => {
  await using server = await scriptedServer();
  server.on(CHANGES, listed(server, 'one', [{}]));
  server.on('/f', bad, text(200, 'PAR1'));
  const { source, listing } = await ask(server, { ...MINUTE, timeouts: { files: { headersMs: 20_000, stallMs: 500, graceMs: 200_000 } } });
  expect(await read(listing)).toBe('PAR1');
  expect(source.waits).toHaveLength(1);
  expect(server.asked.filter(({ path }) => path === CHANGES)).toHaveLength(1);
});

it('a file that is of the wrong length each time is given up after three reads', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, listed(server, 'one', [{}]));
  server.on('/f', text(200, 'PA'));
  const { listing } = await ask(server, { retryTimeoutMs: HOUR_MS });
  await expect(read(listing)).rejects.toMatchObject({ code: 'file.length' });
  expect(signatures(server)).toHaveLength(3);
});

it('a refused URL is renewed by the same question, once for all who wait (traps 4, 25, 26)', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, listed(server, 'old', [{}, { id: 'g' }]), listed(server, 'new', [{ id: 'g' }, {}]));
  server.on('/f', takes('new'));
  server.on('/g', takes('new'));
  const { listing } = await ask(server);
  expect(await Promise.all([read(listing, 0), read(listing, 1), read(listing, 0)])).toEqual(['PAR1', 'PAR1', 'PAR1']);
  const [first, second, ...more] = server.asked.filter(({ path }) => path === CHANGES);
  expect(more).toEqual([]);
  expect(second?.query).toEqual(first?.query);
  expect(second?.headers['delta-sharing-capabilities']).toContain('responseformat=parquet;');
});

it.each([400, 401, 403])('status %i from the storage leads to one fresh URL, and then is final (trap 26)', async (status) => {
  await using server = await scriptedServer();
  server.on(CHANGES, listed(server, 'one', [{}]), listed(server, 'two', [{}]), listed(server, 'three', [{}]));
  server.on('/f', text(status, ''));
  const { listing } = await ask(server, MINUTE);
  await expect(read(listing)).rejects.toMatchObject({ code: 'file.forbidden', version: 1 });
  expect(signatures(server)).toEqual(['one', 'two']);
});

it('a URL within five seconds of its end is renewed before it is used', async () => {
  await using server = await scriptedServer();
  let now = NOW;
  server.on(CHANGES, listed(server, 'old', [{ expiresAt: NOW + HOUR_MS }]), listed(server, 'new', [{ expiresAt: NOW + 2 * HOUR_MS }]));
  server.on('/f', takes('old', 'new'));
  const { listing } = await ask(server, { now: () => now });
  now = NOW + HOUR_MS - 5001;
  await read(listing);
  now = NOW + HOUR_MS - 5000;
  await read(listing);
  expect(signatures(server)).toEqual(['old', 'new']);
});

it('the end that a whole page tells holds for files that tell none; 45 minutes hold where nobody tells', async () => {
  for (const [end, lifeMs] of [
    [{ endStreamAction: { minUrlExpirationTimestamp: NOW + 600_000 } }, 595_000],
    [END, 45 * 60_000],
  ] as const) {
    await using server = await scriptedServer();
    let now = NOW;
    server.on(CHANGES, listed(server, 'old', [{}], end), listed(server, 'new', [{}]));
    server.on('/f', takes('old', 'new'));
    const { listing } = await ask(server, { now: () => now });
    now = NOW + lifeMs - 1;
    await read(listing);
    now = NOW + lifeMs;
    await read(listing);
    expect(signatures(server)).toEqual(['old', 'new']);
  }
});

it.each([
  ['9223372036854775807', '9223372036854775807'],
  ['"9223372036854775807"', '-1'],
  ['"never"', '1e300'],
])('an end of %s or %s is one that nobody tells', async (fileEnd, pageEnd) => {
  await using server = await scriptedServer();
  const answer = (signature: string): Scripted => {
    const add = JSON.stringify(file('add', 1, 'f', { url: `${server.origin}/f?sig=${signature}`, expirationTimestamp: 0 }));
    const end = `{"endStreamAction":{"minUrlExpirationTimestamp":${pageEnd}}}`;
    return lines([PROTOCOL, metaData(0), add.replace('"expirationTimestamp":0', `"expirationTimestamp":${fileEnd}`), end], PARQUET);
  };
  let now = NOW;
  server.on(CHANGES, answer('old'), answer('new'));
  server.on('/f', takes('old', 'new'));
  const { listing } = await ask(server, { now: () => now });
  now = NOW + 45 * 60_000 - 1;
  await read(listing);
  now = NOW + 45 * 60_000;
  await read(listing);
  expect(signatures(server)).toEqual(['old', 'new']);
});

it('an end that is past on arrival is not believed, since the clocks differ: the storage decides', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, listed(server, 'one', [{ expiresAt: NOW - HOUR_MS }]));
  server.on('/f', takes('one'));
  const { listing } = await ask(server);
  expect([await read(listing), await read(listing)]).toEqual(['PAR1', 'PAR1']);
  expect(server.asked.filter(({ path }) => path === CHANGES)).toHaveLength(1);
});

it.each([
  ['a file less', [{}], 'file g of version 1 is no longer listed'],
  ['a file more', [{}, { id: 'g' }, { id: 'h' }], 'file h of version 1 was not listed before'],
  [
    'a file of another size',
    [{}, { id: 'g', size: 5 }],
    'file g of version 1 has another size, other partition values or another deletion vector',
  ],
  ['a file of another version', [{}, { id: 'g', version: 2 }], 'file g of version 1 is no longer listed'],
])('a renewed answer with %s is another listing, to be asked for anew at once (trap 25)', async (_, files, difference) => {
  await using server = await scriptedServer();
  server.on(CHANGES, listed(server, 'old', [{}, { id: 'g' }]), listed(server, 'new', files));
  server.on('/f', takes('new'));
  const { source, listing } = await ask(server, MINUTE);
  await expect(read(listing)).rejects.toMatchObject({
    code: 'listing.changed',
    disposition: 'retry',
    message: `renewing the URLs of acme's s.d.t, versions 0..9: ${difference}`,
  });
  expect(source.waits).toEqual([]);
});

it.each([
  ['a table made anew', [PROTOCOL, metaData(0, { id: 'table-2' }), END], PARQUET, 'the table has another id'],
  ['another format', [deltaProtocol(), deltaMetaData(0), END], DELTA, 'the answer is in format delta, and was in parquet before'],
  [
    'another id hash',
    [PROTOCOL, metaData(0), END],
    { ...PARQUET, fileidhash: 'delta' },
    'file ids are made by delta, and were by one not named before',
  ],
])('a renewed answer of %s is another listing, whether or not the way was given', async (_, answer, headers, difference) => {
  for (const listedAs of [null, { responseFormat: 'parquet', idHash: null } as const]) {
    await using server = await scriptedServer();
    server.on(CHANGES, listed(server, 'old', [{}]), lines(answer, headers));
    server.on('/f', takes('new'));
    const listing = await sourceOver(server, MINUTE).changes(TABLE, { from: 0, to: 9, listedAs }, NEVER);
    await expect(read(listing)).rejects.toMatchObject({
      code: 'listing.changed',
      message: `renewing the URLs of acme's s.d.t, versions 0..9: ${difference}`,
    });
  }
});

it('a renewal that is refused says why', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, listed(server, 'old', [{}]), json(400, { message: 'change data was not recorded for version [1]' }));
  server.on('/f', takes('new'));
  await expect(read((await ask(server)).listing)).rejects.toMatchObject({ code: 'gap.feed_off', version: 1 });
});

it('a renewal is waited for, however hasty the question was: the files are needed', async () => {
  await using server = await scriptedServer();
  const broken = Array.from({ length: 6 }, () => text(500, ''));
  server.on(CHANGES, listed(server, 'old', [{}]), ...broken, listed(server, 'new', [{}]));
  server.on(VERSION, text(200, '', { 'delta-table-version': '9' }));
  server.on('/f', takes('new'));
  const listing = await sourceOver(server, MINUTE).changes(TABLE, { from: 0, to: 9, listedAs: null, patience: 'quick' }, NEVER);
  expect(await read(listing)).toBe('PAR1');
});

it('one reader that leaves takes no URL from the others', async () => {
  await using server = await scriptedServer();
  const asked = Promise.withResolvers<() => void>();
  const renewed = listed(server, 'new', [{}]);
  server.on(CHANGES, listed(server, 'old', [{}]), (response, question) => asked.resolve(() => renewed(response, question)));
  server.on('/f', takes('new'));
  const { listing } = await ask(server);
  const leaving = new AbortController();
  const left = read(listing, 0, leaving.signal).catch((error: unknown) => error);
  const answer = await asked.promise;
  const staying = read(listing);
  const reason = new Error('enough');
  leaving.abort(reason);
  expect(await left).toBe(reason);
  answer();
  expect(await staying).toBe('PAR1');
});

it('a redirect within the storage is followed', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, listed(server, 'one', [{}]));
  server.on('/f', text(307, '', { location: '/moved?sig=one' }));
  server.on('/moved', takes('one'));
  expect(await read((await ask(server)).listing)).toBe('PAR1');
});
