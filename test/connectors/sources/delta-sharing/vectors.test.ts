import { describe, expect, it } from 'vitest';
import { must } from '../../../../src/lib/assert.ts';
import type { FileContent } from '../../../../src/model/change-files.ts';
import type { Scripted } from './scripted-server.ts';
import { scriptedServer, text } from './scripted-server.ts';
import { framed, inlineVector, joined, rowSet, rowsIn, u16, u32, vectorFile, z85 } from './vector-makers.ts';
import type { FileObject, Placed } from './vector-wire.ts';
import { answer, ask, askedFor, bytesOf, HOUR_MS, read, stored, vectorAt } from './vector-wire.ts';
import { CHANGES, TOKEN } from './wire-makers.ts';

/** One live file with a vector at `/dv`, whose storage answers as scripted. */
async function readWith(rows: readonly number[], dv: Scripted, placed: Placed = {}): Promise<FileContent> {
  await using server = await scriptedServer();
  server.on(CHANGES, answer(stored(server, 'add', 'f', { deletionVector: vectorAt(server, rows, placed) })));
  server.on('/f', text(200, 'PAR1'));
  server.on('/dv', dv);
  return await read((await ask(server)).listing);
}

describe('a vector in a file', () => {
  it('trap 15: is asked for by its very range, length big endian and set little, without a credential (trap 24)', async () => {
    const { bytes, offsets } = vectorFile(rowSet([7]), rowSet([1, 3]), rowSet([2]));
    const offset = must(offsets[1], 'an offset');
    await using server = await scriptedServer();
    server.on(CHANGES, answer(stored(server, 'add', 'f', { deletionVector: vectorAt(server, [1, 3], { offset }) })));
    server.on('/f', text(200, 'PAR1'));
    server.on('/dv', bytesOf(bytes));
    const { rows } = await read((await ask(server)).listing);
    expect({ ...rows, bits: rowsIn(must(rows, 'a selection').bits) }).toEqual({ bits: [0, 2], rows: 4, beyond: true });
    const [{ headers }] = [must(askedFor(server, '/dv')[0], 'a request')];
    expect(headers.range).toBe(`bytes=${offset}-${offset + 4 + rowSet([1, 3]).length + 4 - 1}`);
    expect([headers.authorization, headers.cookie, headers['accept-encoding']]).toEqual([undefined, undefined, 'identity']);
    expect(JSON.stringify(server.asked.filter(({ path }) => path !== CHANGES))).not.toContain(TOKEN);
  });

  it('is cut out of the whole file where the storage knows no ranges, and the rest is not waited for', async () => {
    const { bytes, offsets } = vectorFile(rowSet([7]), rowSet([1, 3]));
    const endless: Scripted = (response) => {
      response.writeHead(200);
      for (let at = 0; at < bytes.length; at += 5) response.write(bytes.subarray(at, at + 5));
    };
    for (const dv of [text(200, bytes), endless]) {
      const { rows } = await readWith([1, 3], dv, { offset: must(offsets[1], 'an offset') });
      expect(rowsIn(must(rows, 'a selection').bits)).toEqual([0, 2]);
    }
  });

  it('begins where no offset says otherwise at the beginning of the file', async () => {
    await using server = await scriptedServer();
    const { offset: _, ...descriptor }: FileObject = JSON.parse(JSON.stringify(vectorAt(server, [1])));
    server.on(CHANGES, answer(stored(server, 'add', 'f', { deletionVector: descriptor })));
    server.on('/f', text(200, 'PAR1'));
    server.on('/dv', bytesOf(framed(rowSet([1]))));
    const { rows } = await read((await ask(server)).listing);
    expect(rowsIn(must(rows, 'a selection').bits)).toEqual([0]);
  });

  const SET = rowSet([1, 3]);
  const sound = vectorFile(SET).bytes;
  const changed = (at: number, byte: number): Uint8Array => sound.with(at, byte);
  const FAILS: Readonly<Record<string, readonly [Scripted, Placed, string, string]>> = {
    'another length before it': [bytesOf(changed(4, 1)), {}, 'file.vector', 'its file says that it has 1 bytes, and the provider says 36'],
    'a length written little endian': [
      bytesOf(joined(Uint8Array.of(1), u32(SET.length), sound.subarray(5))),
      {},
      'file.vector',
      'its file says that it has 603979776 bytes, and the provider says 36',
    ],
    'a wrong checksum': [bytesOf(changed(sound.length - 1, 0)), {}, 'file.vector', 'its checksum is wrong'],
    'a row that is not of the checksum': [bytesOf(changed(sound.length - 6, 9)), {}, 'file.vector', 'its checksum is wrong'],
    'fewer rows than are said': [bytesOf(sound), { cardinality: 3 }, 'file.vector', 'it holds 2 rows, and the provider says 3'],
    'more rows than are said': [bytesOf(sound), { cardinality: 1 }, 'file.vector', 'it holds 2 rows, and the provider says 1'],
    'another offset than is said': [bytesOf(sound), { offset: 0 }, 'file.vector', 'its file says that it has 16777216 bytes'],
    'no room for so large a set': [bytesOf(sound), { bytes: 17_825_793 }, 'file.vector', 'it has 17825793 bytes, more than 17825792'],
    'a file that ends before it': [bytesOf(sound.subarray(0, 20)), {}, 'file.length', 'it ends before byte 45'],
    'a file that ends where it begins': [bytesOf(sound), { offset: 100 }, 'file.length', 'it ends after 45 bytes, before byte 144'],
    'a file without ranges that ends before it': [text(200, sound.subarray(0, 20)), {}, 'file.length', 'it ends before byte 45'],
    'another part than was asked for': [
      text(206, sound, { 'content-range': `bytes 0-44/45` }),
      {},
      'file.length',
      'the storage answers with another part of it than was asked for',
    ],
  };
  it.each(Object.entries(FAILS))('of %s is told', async (_, [dv, placed, code, message]) => {
    const failure: unknown = await readWith([1, 3], dv, placed).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'Failure', code });
    expect(String(failure)).toContain(`reading file f of acme's s.d.t at version 1, deletion vector `);
    expect(String(failure)).toContain(message);
    expect(String(failure)).not.toMatch(/sig=|127\.0\.0\.1/);
  });

  it.each([
    ['a set of another magic', joined(u32(1), SET.subarray(4)), 'it begins with 1, which is no format of Delta'],
    ['a set with bytes behind its end', joined(SET, u16(0)), 'it has 2 bytes behind its end'],
  ])('of %s is told, though its checksum is right', async (_, set, message) => {
    const reading = readWith([1, 3], bytesOf(vectorFile(set).bytes), { bytes: set.length });
    await expect(reading).rejects.toMatchObject({ code: 'file.vector', version: 1, message: expect.stringContaining(message) });
  });

  it('that was damaged on its way is read again, and after three times it is not', async () => {
    await using server = await scriptedServer();
    server.on(CHANGES, answer(stored(server, 'add', 'f', { deletionVector: vectorAt(server, [1, 3]) })));
    server.on('/f', text(200, 'PAR1'));
    const bad = bytesOf(changed(sound.length - 1, 0));
    server.on('/dv', bad, bad, bytesOf(sound));
    const { source, listing } = await ask(server);
    expect((await read(listing)).rows).toMatchObject({ rows: 4 });
    expect(source.waits).toHaveLength(2);
    server.on('/dv', bad);
    const again = await ask(server, { retryTimeoutMs: HOUR_MS });
    await expect(read(again.listing)).rejects.toMatchObject({ code: 'file.vector', version: 1 });
    expect(again.source.waits).toHaveLength(2);
  });

  it('of a row that its file cannot have is told before a bitmap is made for it', async () => {
    const reading = readWith([2 ** 30], bytesOf(vectorFile(rowSet([2 ** 30])).bytes));
    await expect(reading).rejects.toMatchObject({
      code: 'file.vector',
      version: 1,
      message: expect.stringContaining('it speaks of row 1073741824, and the file has 4 bytes'),
    });
  });
});

describe('a vector in the line', () => {
  it.each([
    [
      'a character that is none of Z85',
      (descriptor: FileObject) => ({ ...descriptor, pathOrInlineDv: '~'.repeat(45) }),
      '"~" is no character',
    ],
    [
      'other text than its length',
      (descriptor: FileObject) => ({ ...descriptor, sizeInBytes: 24 }),
      '24 bytes are not 45 characters of Z85',
    ],
    [
      'the set that Delta PROTOCOL.md shows, whose numbers stand the other way round',
      (descriptor: FileObject) => ({
        ...descriptor,
        pathOrInlineDv: 'wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L',
        sizeInBytes: 40,
      }),
      'it begins with 3503503716, which is no format of Delta',
    ],
    ['a damaged set', () => ({ storageType: 'i', pathOrInlineDv: z85(u32(9)), sizeInBytes: 4, cardinality: 1 }), 'it begins with 9'],
    [
      'other rows than it says',
      (descriptor: FileObject) => ({ ...descriptor, cardinality: 7 }),
      'it holds 2 rows, and the provider says 7',
    ],
  ])('of %s is told when its file is read', async (_, damage, message) => {
    await using server = await scriptedServer();
    const descriptor: FileObject = JSON.parse(JSON.stringify(inlineVector([1, 3])));
    server.on(CHANGES, answer(stored(server, 'add', 'f', { deletionVector: damage(descriptor) })));
    server.on('/f', text(200, 'PAR1'));
    const { listing } = await ask(server);
    await expect(read(listing)).rejects.toMatchObject({ code: 'file.vector', version: 1, message: expect.stringContaining(message) });
  });
});
