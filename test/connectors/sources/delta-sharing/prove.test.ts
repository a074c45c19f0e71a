import { describe, expect, it } from 'vitest';
import { must } from '../../../../src/lib/assert.ts';
import type { ChangeListing } from '../../../../src/ports/source.ts';
import { shareTables } from '../../../support/shared-tables.ts';
import { tableNamed } from './known-tables.ts';
import type { Scripted, ScriptedServer } from './scripted-server.ts';
import { cut, scriptedServer, text } from './scripted-server.ts';
import { inlineVector, rowSet, vectorFile } from './vector-makers.ts';
import { answer, ask, askedFor, bytesOf, HOUR_MS, MINUTE, stored, vectorAt } from './vector-wire.ts';
import { CHANGES, NEVER, NOW } from './wire-makers.ts';

const ROWS = [1, 3];
const DV = vectorFile(rowSet(ROWS)).bytes;
const PAR1 = new TextEncoder().encode('PAR1');

async function prove(listing: ChangeListing, signal: AbortSignal = NEVER): Promise<void> {
  await listing.prove(must(listing.versions[0], 'a version'), signal);
}

/** A version of one file at `/f`, whose storage answers as scripted. */
async function proveWith(file: Scripted, action: Readonly<Record<string, unknown>> = {}): Promise<ScriptedServer['asked']> {
  await using server = await scriptedServer();
  server.on(CHANGES, answer(stored(server, 'add', 'f', action)));
  server.on('/f', file);
  await prove((await ask(server)).listing);
  return server.asked;
}

describe('a file is there', () => {
  it('where its first byte comes, and its length is told beside it', async () => {
    const asked = await proveWith(bytesOf(PAR1));
    const [{ headers }] = [
      must(
        asked.find(({ path }) => path === '/f'),
        'a request',
      ),
    ];
    expect([headers.range, headers.authorization, headers['accept-encoding']]).toEqual(['bytes=0-0', undefined, 'identity']);
  });

  it.each<readonly [string, Scripted, Readonly<Record<string, unknown>>]>([
    ['where the storage knows no ranges: the whole is not waited for', cut('PA', { 'content-length': '4' }), {}],
    ['where the length is told nowhere', (response) => response.writeHead(200).write('P'), {}],
    ['where the length is not told beside the part', text(206, 'P', { 'content-range': 'bytes 0-0/*' }), {}],
    ['where nothing is told beside the part', text(206, 'P'), {}],
    ['where the provider does not say its length', bytesOf(PAR1), { size: undefined }],
  ])('%s', async (_, file, action) => {
    await expect(proveWith(file, action)).resolves.toBeDefined();
  });
});

describe('a file is not there', () => {
  const read = "looking for file f of acme's s.d.t at version 1: ";
  it.each<readonly [string, Scripted, string, string]>([
    ['where the storage answers 404', text(404, ''), 'gap.file_gone', 'answers 404: the file is gone'],
    ['where it answers 410', text(410, ''), 'gap.file_gone', 'answers 410: the file is gone'],
    ['where it refuses a fresh URL too', text(403, ''), 'file.forbidden', 'answers 403, to a freshly signed URL too'],
    ['where it has another length', bytesOf(new Uint8Array(5)), 'file.length', 'it has 5 bytes, and the provider says 4'],
    ['where the whole has another length', text(200, 'PARQ1'), 'file.length', 'it has 5 bytes, and the provider says 4'],
    ['where it has no byte', bytesOf(new Uint8Array()), 'file.length', 'it has 0 bytes, and the provider says 4'],
    ['where the range is refused', text(416, ''), 'file.length', 'it ends before byte 1'],
    ['where it answers what means nothing', text(405, ''), 'file.forbidden', 'answers 405'],
  ])('%s', async (_, file, code, message) => {
    const failure: unknown = await proveWith(file).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'Failure', code });
    expect(String(failure)).toContain(read);
    expect(String(failure)).toContain(message);
    expect(String(failure)).not.toContain('sig=');
  });

  it('though its version says nothing of a length', async () => {
    await expect(proveWith(text(404, ''), { size: undefined })).rejects.toMatchObject({ code: 'gap.file_gone', version: 1 });
  });
});

describe('a version is proven', () => {
  it('by each of its files once, and each vector once, read whole', async () => {
    await using server = await scriptedServer();
    const shared = { deletionVector: vectorAt(server, ROWS) };
    server.on(
      CHANGES,
      answer(
        stored(server, 'add', 'a', shared),
        stored(server, 'remove', 'b', shared),
        stored(server, 'add', 'c', { deletionVector: inlineVector([7]) }),
        stored(server, 'remove', 'd', shared),
        stored(server, 'add', 'd', { deletionVector: inlineVector([8]) }),
      ),
    );
    for (const path of ['/a', '/b', '/c', '/d']) server.on(path, bytesOf(PAR1));
    server.on('/dv', bytesOf(DV));
    const { listing } = await ask(server);
    await prove(listing);
    const asked = server.asked.filter(({ path }) => path !== CHANGES).map(({ path, headers }) => `${path} ${headers.range ?? ''}`);
    expect(asked.toSorted()).toEqual(['/a bytes=0-0', '/b bytes=0-0', '/c bytes=0-0', '/d bytes=0-0', '/d bytes=0-0', '/dv bytes=1-44']);
  });

  it.each([
    ['is not what it says', DV.with(20, 9), 'file.vector'],
    ['is cut', DV.subarray(0, 30), 'file.length'],
  ])('not if one of its vectors %s', async (_, bytes, code) => {
    await using server = await scriptedServer();
    server.on(CHANGES, answer(stored(server, 'add', 'f', { deletionVector: vectorAt(server, ROWS) })));
    server.on('/f', bytesOf(PAR1));
    server.on('/dv', bytesOf(bytes));
    await expect(prove((await ask(server)).listing)).rejects.toMatchObject({ code });
  });

  it('sixteen requests at a time, and by fresh URLs once they have expired', async () => {
    await using server = await scriptedServer();
    const count = 100;
    let [now, open, most] = [NOW, 0, 0];
    const listed = (signature: string, expiresAt: number): Scripted =>
      answer(...Array.from({ length: count }, (_, i) => stored(server, 'add', `f${i}`, {}, { expirationTimestamp: expiresAt }, signature)));
    server.on(CHANGES, listed('old', NOW + HOUR_MS), listed('new', NOW + 2 * HOUR_MS));
    const held: (() => void)[] = [];
    for (let i = 0; i < count; i++) {
      server.on(`/f${i}`, (response, asked) => {
        open++;
        most = Math.max(most, open);
        held.push(() => {
          open--;
          bytesOf(PAR1)(response, asked);
        });
        // As many as may come at once are let go together.
        if (held.length === 16 || i >= count - (count % 16)) for (const go of held.splice(0)) go();
        if (i === 48) now = NOW + HOUR_MS;
      });
    }
    const { listing } = await ask(server, { ...MINUTE, now: () => now });
    await prove(listing);
    const signatures = Array.from({ length: count }, (_, i) => askedFor(server, `/f${i}`).map(({ query }) => query['sig']));
    expect(most).toBe(16);
    expect(signatures.every((asked) => asked.length === 1)).toBe(true);
    expect([signatures[0], signatures[count - 1]]).toEqual([['old'], ['new']]);
    expect(askedFor(server, CHANGES)).toHaveLength(2);
  });

  it('no further once a file is not there', async () => {
    await using server = await scriptedServer();
    server.on(CHANGES, answer(...Array.from({ length: 200 }, (_, i) => stored(server, 'add', `f${i}`))));
    for (let i = 0; i < 200; i++) server.on(`/f${i}`, i === 20 ? text(404, '') : bytesOf(PAR1));
    await expect(prove((await ask(server)).listing)).rejects.toMatchObject({ code: 'gap.file_gone', version: 1 });
    expect(server.asked.length).toBeLessThan(60);
  });

  it('not after its caller has left', async () => {
    await using server = await scriptedServer();
    server.on(CHANGES, answer(stored(server, 'add', 'f')));
    const arrived = Promise.withResolvers<void>();
    server.on('/f', () => arrived.resolve());
    const leaving = new AbortController();
    const reason = new Error('enough');
    const proving = prove((await ask(server)).listing, leaving.signal).catch((error: unknown) => error);
    await arrived.promise;
    leaving.abort(reason);
    expect(await proving).toBe(reason);
  });

  it('of a table whose files were vacuumed: not, by the version, before a row of it is read', async () => {
    await using shared = await shareTables();
    const listing = await shared.source.changes(tableNamed('vacuumed'), { from: 2, to: 2, listedAs: null }, NEVER);
    await expect(prove(listing)).rejects.toMatchObject({ code: 'gap.file_gone', version: 2 });
  });
});
