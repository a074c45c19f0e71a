import { expect, it } from 'vitest';
import { must } from '../../../../src/lib/assert.ts';
import type { Scripted, ScriptedServer } from './scripted-server.ts';
import { scriptedServer, text } from './scripted-server.ts';
import { inlineVector, joined, rowSet, rowsIn, u16, u32, vectorFile } from './vector-makers.ts';
import { answer, ask, askedFor, bytesOf, HOUR_MS, MINUTE, read, stored, vectorAt } from './vector-wire.ts';
import { CHANGES, NOW } from './wire-makers.ts';

const ROWS = [1, 3];
const DV = vectorFile(rowSet(ROWS)).bytes;

/** An answer with files at `/f0`, `/f1`, … which share the vector at `/dv`, all signed alike. */
function sharing(server: ScriptedServer, files: number, signature: string, expiresAt: number | null = null): Scripted {
  const wrapper = { deletionVectorFileId: 'dv-1', ...(expiresAt === null ? {} : { expirationTimestamp: expiresAt }) };
  const deletionVector = vectorAt(server, ROWS, { signature });
  return answer(...Array.from({ length: files }, (_, i) => stored(server, 'add', `f${i}`, { deletionVector }, wrapper, signature)));
}

function give(server: ScriptedServer, files: number, ...good: readonly string[]): void {
  for (let i = 0; i < files; i++) server.on(`/f${i}`, bytesOf(new TextEncoder().encode('PAR1'), ...good));
  server.on('/dv', bytesOf(DV, ...good));
}

function signatures(server: ScriptedServer, path: string): readonly (string | undefined)[] {
  return askedFor(server, path).map(({ query }) => query['sig']);
}

it('a vector that files share is fetched once for all of them, those who wait and those who come later', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, sharing(server, 5, 'one'));
  give(server, 5);
  const { listing } = await ask(server);
  await Promise.all([0, 1, 2, 3].map(async (index) => read(listing, index)));
  const { rows } = await read(listing, 4);
  expect(rowsIn(must(rows, 'a selection').bits)).toEqual([0, 2]);
  expect(askedFor(server, '/dv')).toHaveLength(1);
});

it('a reader that leaves takes no vector from the others, and the last one that leaves ends its fetching', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, sharing(server, 3, 'one'));
  give(server, 3);
  const arrivals = [Promise.withResolvers<() => void>(), Promise.withResolvers<() => void>()];
  const closed = Promise.withResolvers<void>();
  const waiting = arrivals.map(({ resolve }): Scripted => (response, asked) => {
    response.on('close', () => closed.resolve());
    resolve(() => bytesOf(DV)(response, asked));
  });
  server.on('/dv', ...waiting, bytesOf(DV));
  const { listing } = await ask(server);
  const reason = new Error('enough');

  const leaving = new AbortController();
  const left = read(listing, 0, leaving.signal).catch((error: unknown) => error);
  const give1 = await must(arrivals[0], 'a request').promise;
  const last = new AbortController();
  const staying = read(listing, 1, last.signal).catch((error: unknown) => error);
  leaving.abort(reason);
  expect(await left).toBe(reason);
  last.abort(reason);
  expect(await staying).toBe(reason);
  await closed.promise;
  give1();

  const next = read(listing, 2);
  (await must(arrivals[1], 'a request').promise)();
  expect((await next).rows).toMatchObject({ rows: 4 });
});

it('trap 25: a refused URL of a vector is renewed by the same question, once for all', async () => {
  await using server = await scriptedServer();
  server.on(CHANGES, sharing(server, 3, 'old'), sharing(server, 3, 'new'));
  give(server, 3, 'new');
  const { listing } = await ask(server);
  await Promise.all([0, 1, 2].map(async (index) => read(listing, index)));
  const [first, second, ...more] = askedFor(server, CHANGES);
  expect([second?.query, more]).toEqual([first?.query, []]);
  expect(signatures(server, '/dv')).toEqual(['old', 'new']);
  expect(signatures(server, '/f0')).toEqual(['new']);
});

it('trap 24: URLs that die in the middle of a long version are renewed before they are used', async () => {
  await using server = await scriptedServer();
  let now = NOW;
  server.on(CHANGES, sharing(server, 9, 'old', NOW + HOUR_MS), sharing(server, 9, 'new', NOW + 2 * HOUR_MS));
  give(server, 9, 'old', 'new');
  const { listing } = await ask(server, { ...MINUTE, now: () => now });
  for (let index = 0; index < 9; index++) {
    await read(listing, index);
    now += HOUR_MS / 5;
  }
  expect(Array.from({ length: 9 }, (_, i) => signatures(server, `/f${i}`)[0])).toEqual([
    ...Array.from({ length: 5 }, () => 'old'),
    ...Array.from({ length: 4 }, () => 'new'),
  ]);
  expect(askedFor(server, CHANGES)).toHaveLength(2);
});

it('a vector whose URL is old is fetched by a fresh one', async () => {
  await using server = await scriptedServer();
  let now = NOW;
  server.on(CHANGES, sharing(server, 1, 'old', NOW + HOUR_MS), sharing(server, 1, 'new', NOW + 2 * HOUR_MS));
  give(server, 1, 'old', 'new');
  const { listing } = await ask(server, { ...MINUTE, now: () => now });
  now += HOUR_MS;
  await read(listing);
  expect(signatures(server, '/dv')).toEqual(['new']);
});

it.each([
  ['404', 'gap.file_gone', ['one']],
  ['410', 'gap.file_gone', ['one']],
  ['400', 'file.forbidden', ['one', 'two']],
  ['401', 'file.forbidden', ['one', 'two']],
  ['403', 'file.forbidden', ['one', 'two']],
])('trap 26: status %s of a vector is %s', async (status, code, asked) => {
  await using server = await scriptedServer();
  server.on(CHANGES, sharing(server, 1, 'one'), sharing(server, 1, 'two'), sharing(server, 1, 'three'));
  give(server, 1);
  server.on('/dv', text(Number(status), ''));
  const { source, listing } = await ask(server);
  await expect(read(listing)).rejects.toMatchObject({ code, version: 1 });
  expect([signatures(server, '/dv'), source.waits]).toEqual([asked, []]);
});

it('a renewed answer with another vector is another listing (trap 25)', async () => {
  await using server = await scriptedServer();
  const withRows = (rows: readonly number[], signature: string): Scripted =>
    answer(stored(server, 'add', 'f', { deletionVector: inlineVector(rows) }, {}, signature));
  server.on(CHANGES, withRows([1], 'old'), withRows([1, 2], 'new'));
  server.on('/f', bytesOf(new TextEncoder().encode('PAR1'), 'new'));
  const { listing } = await ask(server);
  await expect(read(listing)).rejects.toMatchObject({
    code: 'listing.changed',
    message: `renewing the URLs of acme's s.d.t, versions 0..9: file f of version 1 has another size, other partition values or another deletion vector`,
  });
});

it('each half of a pair is read by its own URL', async () => {
  await using server = await scriptedServer();
  server.on(
    CHANGES,
    answer(
      stored(server, 'remove', 'f', { deletionVector: inlineVector([1]) }, {}, 'left'),
      stored(server, 'add', 'f', { deletionVector: inlineVector([2]) }, {}, 'came'),
    ),
  );
  server.on('/f', text(200, 'PAR1'));
  const { listing } = await ask(server);
  const [deleted, restored] = [await read(listing, 0), await read(listing, 1)];
  expect(signatures(server, '/f')).toEqual(['left', 'came']);
  expect([deleted, restored].map(({ rows }) => rows && { ...rows, bits: rowsIn(rows.bits) })).toEqual([
    { bits: [2], rows: 3, beyond: false },
    { bits: [1], rows: 3, beyond: false },
  ]);
});

it('vectors are kept for the next reader only as far as they are small, and together', async () => {
  await using server = await scriptedServer();
  const sizes = [500, 500, 500, 500, 500, 600];
  const paths = sizes.map((_, i) => `/dv${i}`);
  const sets = sizes.map(fullSet);
  server.on(
    CHANGES,
    answer(
      ...sets.map(({ bytes, rows }, i) =>
        stored(server, 'add', `f${i}`, {
          size: 8_000_000,
          deletionVector: { ...vectorAt(server, [], { path: paths[i] ?? '', bytes: bytes.length, cardinality: rows }) },
        }),
      ),
    ),
  );
  for (const [i, { bytes }] of sets.entries()) {
    server.on(paths[i] ?? '', bytesOf(vectorFile(bytes).bytes));
    server.on(`/f${i}`, text(200, new Uint8Array(8_000_000)));
  }
  const { listing } = await ask(server);
  // The first four fill what is kept; the fifth takes the place of the one that was not wanted for longest; the sixth is too large.
  for (const index of [0, 1, 2, 3, 0, 4, 0, 1, 5, 5]) await read(listing, index);
  expect(paths.map((path) => askedFor(server, path).length)).toEqual([1, 2, 1, 1, 1, 2]);
});

/** So many containers of 65,536 rows, as bitmaps of 8 KiB. */
function fullSet(containers: number): { readonly bytes: Uint8Array; readonly rows: number } {
  const headers = Array.from({ length: containers }, (_, key) => [key, 65_535]).flat();
  const offsets = Array.from({ length: containers }, () => 0);
  const bits = new Uint8Array(8192 * containers).fill(0xff);
  return {
    bytes: joined(u32(1_681_511_377, 1, 0, 0), u32(12_346, containers), u16(...headers), u32(...offsets), bits),
    rows: 65_536 * containers,
  };
}
