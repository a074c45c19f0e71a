/**
 * A folder that changes while it is served: tables come and go, and others stand in their place.
 */
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { add, at, commit, EVERYTHING, json, lines, metadata, open, PROTOCOL, temporaryFolder, text } from './support.ts';
import type { TestProvider } from './support.ts';

test('a table is there once its folder is, and gone with it', async () => {
  await using folder = await temporaryFolder();
  await using server = await open({ folder: folder.path });
  const asked = async (): Promise<unknown> => {
    const reply = await server.askTable('late', 'version');
    const listed = json(text(await server.ask('/shares')))['items'] ?? null;
    return [reply.status, reply.headers['delta-table-version'], listed];
  };
  expect(await asked()).toEqual([404, undefined, null]);
  await commit(join(folder.path, 'late'), 0, [PROTOCOL, metadata()]);
  expect(await asked()).toEqual([200, '0', [{ name: 'local' }]]);
  await rm(join(folder.path, 'late'), { recursive: true });
  expect(await asked()).toEqual([404, undefined, null]);
});

test('a place without a log is not found by one route, and without files by the others', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'empty', '_delta_log'), { recursive: true });
  await using server = await open({ folder: folder.path });
  const told: unknown[] = [];
  for (const path of ['version', 'metadata', 'changes?startingVersion=0']) {
    const reply = await server.askTable('empty', path);
    told.push([reply.status, json(text(reply))['errorCode']]);
  }
  expect(told).toEqual([
    [400, 'MALFORMED_REQUEST'],
    [400, 'RESOURCE_DOES_NOT_EXIST'],
    [500, 'INTERNAL_ERROR'],
  ]);
});

test('another table in the same folder is told at once, with fewer versions or with more', async () => {
  await using folder = await temporaryFolder();
  await using server = await open({ folder: folder.path });
  const place = join(folder.path, 'one');
  for (const version of [0, 1, 2]) await commit(place, version, version === 0 ? [PROTOCOL, metadata('first')] : [add(`a${version}`)]);
  expect(await seen(server)).toEqual(['2', 'first', 2]);
  await replace('second', 1);
  expect(await seen(server)).toEqual(['1', 'second', 1]);
  await replace('third', 3);
  expect(await seen(server)).toEqual(['3', 'third', 3]);

  async function replace(id: string, latest: number): Promise<void> {
    const next = join(folder.path, '_next');
    for (let version = 0; version <= latest; version += 1) {
      await commit(next, version, version === 0 ? [PROTOCOL, metadata(id)] : [add(`${id}${version}`)]);
    }
    await rename(place, join(folder.path, `_${id}`));
    await rename(next, place);
  }
});

test('CREATE OR REPLACE gives a new id while versions go on, told where it happened', async () => {
  await using folder = await temporaryFolder();
  await using server = await open({ folder: folder.path });
  const place = join(folder.path, 'one');
  const remove = { path: 'a', deletionTimestamp: 1, dataChange: true, extendedFileMetadata: true, partitionValues: {}, size: 100 };
  await commit(place, 0, [PROTOCOL, metadata('first'), add('a')]);
  await commit(place, 1, [metadata('second'), { remove }, add('b')]);
  expect(await seen(server)).toEqual(['1', 'second', 3]);
  const told = lines(await server.askTable('one', 'changes?startingVersion=0&includeHistoricalMetadata=true', 'responseformat=parquet'));
  expect(told.flatMap((line) => at(line, 'metaData', 'id') ?? at(line, 'add', 'version') ?? at(line, 'remove', 'version') ?? [])).toEqual([
    'first',
    0,
    'second',
    1,
    1,
  ]);
});

test('a snapshot comes in the format that its own version allows, and with its own files', async () => {
  await using folder = await temporaryFolder();
  await using server = await open({ folder: folder.path });
  const place = join(folder.path, 'one');
  const vectors = { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['deletionVectors'], writerFeatures: ['deletionVectors'] };
  const deletionVector = { storageType: 'u', pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^', offset: 4, sizeInBytes: 40, cardinality: 6 };
  const marked = { path: 'a', partitionValues: {}, size: 100, modificationTime: 1, dataChange: true, deletionVector };
  const remove = { path: 'a', deletionTimestamp: 1, dataChange: true, extendedFileMetadata: true, partitionValues: {}, size: 100 };
  await commit(place, 0, [PROTOCOL, metadata(), add('a')]);
  await commit(place, 1, [{ protocol: vectors }, add('b')]);
  await commit(place, 2, [{ remove }, { add: marked }]);
  const query = async (version: number, capabilities: string): Promise<unknown> => {
    const headers = { 'delta-sharing-capabilities': capabilities };
    const body = JSON.stringify({ version });
    const reply = await server.ask('/shares/local/schemas/default/tables/one/query', { method: 'POST', body, headers });
    const files = reply.status === 200 ? lines(reply).flatMap((line) => line['file'] ?? []) : [];
    const told = files.map((file) => [at(file, 'version'), at(file, 'deltaSingleAction', 'add', 'deletionVector', 'cardinality')]);
    return [reply.status, reply.headers['delta-sharing-capabilities'], told];
  };
  const both = EVERYTHING.replace('responseformat=delta', 'responseformat=delta,parquet').replace(';includeendstreamaction=true', '');
  const plain = [0, undefined];
  expect(await query(0, both)).toEqual([200, 'responseformat=parquet', [plain]]);
  expect(await query(2, both)).toEqual([
    200,
    'responseformat=delta',
    [
      [2, undefined],
      [2, 6],
    ],
  ]);
  expect(await query(0, 'responseformat=parquet')).toEqual([200, 'responseformat=parquet', [plain]]);
  expect(await query(2, 'responseformat=parquet')).toEqual([400, undefined, []]);
});

/** Latest version, table id, and how many files changed since version 0. */
async function seen(server: TestProvider): Promise<unknown> {
  const version = (await server.askTable('one', 'version')).headers['delta-table-version'];
  const described = lines(await server.askTable('one', 'metadata', 'responseformat=parquet'))[1];
  const changes = lines(await server.askTable('one', 'changes?startingVersion=0', 'responseformat=parquet'));
  return [version, at(described, 'metaData', 'id'), changes.length - 2];
}
