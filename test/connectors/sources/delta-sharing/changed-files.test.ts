import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ScriptedServer } from './scripted-server.ts';
import { scriptedServer } from './scripted-server.ts';
import { inlineVector, rowSet, z85 } from './vector-makers.ts';
import type { FileObject } from './vector-wire.ts';
import { answer, ask, stored, vectorAt } from './vector-wire.ts';
import { CHANGES } from './wire-makers.ts';

const V1: FileObject = { deletionVector: inlineVector([1]) };
const V2: FileObject = { deletionVector: inlineVector([1, 2]) };
const NONE: FileObject = {};
const OF_NO_ROWS = { storageType: 'i', pathOrInlineDv: '', sizeInBytes: 0, cardinality: 0 };

function sha256(of: string): string {
  return createHash('sha256').update(of).digest('hex');
}

function named(...rows: readonly number[]): object {
  return { id: sha256(z85(rowSet(rows))), cardinality: rows.length };
}

/** Kind, id and rows of each file that is listed. */
async function told(make: (server: ScriptedServer) => readonly object[]): Promise<readonly unknown[]> {
  await using server = await scriptedServer();
  server.on(CHANGES, answer(...make(server)));
  const { listing } = await ask(server);
  return listing.versions.flatMap(({ files }) => files.map(({ kind, id, rows }) => [kind, id, rows]));
}

describe('a file that leaves and comes back in one version', () => {
  it.each<readonly [string, FileObject, FileObject, readonly unknown[]]>([
    ['gains a vector: its rows were deleted', NONE, V1, [['remove', 'f', { inside: named(1), outside: null }]]],
    ['loses its vector: its rows came back', V1, NONE, [['add', 'f', { inside: named(1), outside: null }]]],
    [
      'has another vector: what is in the one and not in the other',
      V1,
      V2,
      [
        ['remove', 'f', { inside: named(1, 2), outside: named(1) }],
        ['add', 'f', { inside: named(1), outside: named(1, 2) }],
      ],
    ],
    ['has the same vector: nothing', V1, V1, []],
    [
      'has a vector of nothing, which is none, and gains one',
      { deletionVector: OF_NO_ROWS },
      V1,
      [['remove', 'f', { inside: named(1), outside: null }]],
    ],
  ])('trap 11: %s', async (_, before, after, expected) => {
    expect(await told((server) => [stored(server, 'remove', 'f', before), stored(server, 'add', 'f', after)])).toEqual(expected);
    // Lines have no order.
    const turned = await told((server) => [stored(server, 'add', 'f', after), stored(server, 'remove', 'f', before)]);
    expect(turned.toReversed()).toEqual(expected);
  });

  it('trap 12: is known by its id, and not by its URL', async () => {
    const files = await told((server) => [
      stored(server, 'remove', 'f', { ...V1, path: `${server.origin}/a?sig=1` }),
      stored(server, 'add', 'f', { ...V2, path: `${server.origin}/b?sig=2` }),
      stored(server, 'add', 'g', { path: `${server.origin}/a?sig=1` }),
    ]);
    expect(files).toEqual([
      ['remove', 'f', { inside: named(1, 2), outside: named(1) }],
      ['add', 'f', { inside: named(1), outside: named(1, 2) }],
      ['add', 'g', null],
    ]);
  });

  it('tells nothing beside change files, and nothing where neither of the two changes data', async () => {
    expect(await told((server) => [stored(server, 'remove', 'f', V1), stored(server, 'add', 'f', V2), stored(server, 'cdc', 'c')])).toEqual(
      [['cdf', 'c', null]],
    );
    const still = { dataChange: false };
    expect(
      await told((server) => [
        stored(server, 'remove', 'f', { ...V1, ...still }),
        stored(server, 'add', 'f', { ...V2, ...still }),
        stored(server, 'remove', 'g', still),
        stored(server, 'add', 'g', still),
      ]),
    ).toEqual([]);
  });

  it('has the size and the partition values that its add says, which a remove need not', async () => {
    await using server = await scriptedServer();
    server.on(
      CHANGES,
      answer(
        stored(server, 'remove', 'f', { ...V1, size: undefined, partitionValues: undefined }),
        stored(server, 'add', 'f', { ...V2, size: 9, partitionValues: { p: 'x' } }),
      ),
    );
    const { listing } = await ask(server);
    const said = listing.versions.flatMap(({ files }) => files.map(({ kind, size, partitionValues }) => [kind, size, partitionValues]));
    expect(said).toEqual([
      ['remove', 9, { p: 'x' }],
      ['add', 9, { p: 'x' }],
    ]);
  });

  it.each<readonly [string, FileObject, FileObject, string]>([
    ['without a vector on either side', NONE, NONE, 'adds and removes the same file f in version 1'],
    ['with two sizes', V1, { ...V2, size: 5 }, 'adds and removes the same file f in version 1, with two sizes'],
    [
      'where only one of the two changes data',
      { ...V1, dataChange: false },
      V2,
      'adds and removes the same file f in version 1, and only one of the two changes data',
    ],
  ])('%s is no legal commit', async (_, before, after, message) => {
    const telling = told((server) => [stored(server, 'remove', 'f', before), stored(server, 'add', 'f', after)]);
    await expect(telling).rejects.toMatchObject({
      code: 'provider.malformed',
      message: `asking acme for the changes 0..9 of s.d.t: the answer ${message}`,
    });
  });
});

describe('a file by itself', () => {
  it('tells of the rows that are not in its vector, whether it comes or leaves', async () => {
    expect(await told((server) => [stored(server, 'add', 'f', V1), stored(server, 'remove', 'g', V2)])).toEqual([
      ['add', 'f', { inside: null, outside: named(1) }],
      ['remove', 'g', { inside: null, outside: named(1, 2) }],
    ]);
  });

  it('that comes twice is one, unless its vector is another', async () => {
    expect(await told((server) => [stored(server, 'add', 'f', V1), stored(server, 'add', 'f', V1)])).toHaveLength(1);
    await expect(told((server) => [stored(server, 'add', 'f', V1), stored(server, 'add', 'f', V2)])).rejects.toMatchObject({
      code: 'provider.malformed',
      message: 'asking acme for the changes 0..9 of s.d.t: the answer has two different files of id f in version 1',
    });
  });
});

describe('the name of a vector', () => {
  const idOf = async (make: (server: ScriptedServer) => object, wrapper: FileObject = {}): Promise<unknown> => {
    await using server = await scriptedServer();
    server.on(CHANGES, answer(stored(server, 'add', 'f', { deletionVector: make(server) }, wrapper)));
    return (await ask(server)).listing.versions[0]?.files[0]?.rows?.outside?.id;
  };

  it('is that of its file, and where it begins in it', async () => {
    expect(await idOf((server) => vectorAt(server, [1], { offset: 7 }), { deletionVectorFileId: 'file-1' })).toBe('file-1@7');
  });

  it('is made of the path alone where the provider does not name the file', async () => {
    for (const wrapper of [{}, { deletionVectorFileId: null }, { deletionVectorFileId: '' }])
      expect(await idOf((server) => vectorAt(server, [1], { path: '/a/b.bin' }), wrapper)).toBe(`${sha256('/a/b.bin')}@1`);
  });

  it('is made of its text where it stands in the line', async () => {
    expect(await idOf(() => inlineVector([5]))).toBe(sha256(z85(rowSet([5]))));
  });
});
