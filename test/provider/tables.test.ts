/**
 * The provider over real tables: versions, times, schemas, ranges and rows must be those that Spark found.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parquetMetadata } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { at, commit, EVERYTHING, exchange, json, lines, metadata, open, TABLES, temporaryFolder, text, textAt } from './support.ts';
import type { TestProvider } from './support.ts';

const NAMES = readdirSync(TABLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

let server: TestProvider;
beforeAll(async () => {
  server = await open();
});
afterAll(() => server[Symbol.asyncDispose]());

test('every folder with a log is a table', async () => {
  expect(await server.provider.tables()).toEqual(NAMES.map((table) => ({ share: 'local', schema: 'default', table })));
});

describe.each(NAMES)('%s', (name) => {
  const about = json(readFileSync(`${TABLES}${name}/about.json`, 'utf8'));
  const commits = list(about['commits']);
  const ranges = list(about['readableRanges']).map((range) => list(range).map(Number));

  test('has the latest version, and each commit has its time to the millisecond', async () => {
    expect((await server.askTable(name, 'version')).headers['delta-table-version']).toBe(String(about['latestVersion']));
    const found: unknown[] = [];
    for (const commit of commits) {
      const time = new Date(Number(at(commit, 'timestamp'))).toISOString();
      const changes = await server.askTable(name, `version?startingTimestamp=${time}`);
      const asOf = await server.askTable(name, `metadata?timestamp=${time}`);
      found.push([changes, asOf].map((reply) => Number(reply.headers['delta-table-version'])));
    }
    expect(found).toEqual(commits.map((commit) => [at(commit, 'version'), at(commit, 'version')]));
  });

  test('tells the changes of every readable range: rows by version, times and schemas', async () => {
    const expected = new Map<number, { rows: number; time: number }>();
    for (const row of readFileSync(`${TABLES}${name}/expected.jsonl`, 'utf8').trimEnd().split('\n').map(json)) {
      const version = Number(row['_commit_version']);
      expected.set(version, { rows: (expected.get(version)?.rows ?? 0) + 1, time: Number(row['_commit_timestamp']) });
    }
    const found = new Map<number, { rows: number; time: number }>();
    for (const [from = 0, to = 0] of ranges) {
      const range = `startingVersion=${from}&endingVersion=${to}&includeHistoricalMetadata=true`;
      const reply = await server.askTable(name, `changes?${range}`);
      expect(reply.status, text(reply)).toBe(200);
      const answered = lines(reply);
      expect(schemasOf(answered)).toEqual(schemasInForce(about, from, to));
      for (const [version, counted] of await countRows(answered.flatMap((line) => line['file'] ?? []))) found.set(version, counted);
    }
    expect([...found].toSorted(([a], [b]) => a - b)).toEqual([...expected].toSorted(([a], [b]) => a - b));
  });

  test('refuses what was not recorded or is gone, and names the first version concerned', async () => {
    const refusals: unknown[] = [];
    const expected: unknown[] = [];
    for (const hole of list(about['unreadable']).filter((range) => at(range, 'why') === 'change feed off')) {
      const from = Number(at(hole, 'from'));
      const to = Number(at(hole, 'to'));
      for (const range of [`startingVersion=${from}&endingVersion=${to}`, `startingVersion=${to}&endingVersion=${to}`]) {
        refusals.push(at(json(text(await server.askTable(name, `changes?${range}`))), 'message'));
      }
      const recorded = 'as change data was not recorded for version';
      expected.push(`Error getting change data for range [${from}, ${to}] ${recorded} [${from}]`);
      expected.push(`Error getting change data for range [${to}, ${to}] ${recorded} [${to}]`);
    }
    const first = Number(about['firstVersionInLog']);
    if (first > 0) {
      refusals.push(at(json(text(await server.askTable(name, `changes?startingVersion=0`))), 'message'));
      expected.push(`You can only query table changes since version ${first}.`);
    }
    expect(refusals).toEqual(expected);
  });

  test('gives the files that are live, from checkpoints and commits: as many as the writer counted', async () => {
    const found: unknown[] = [];
    const expected: unknown[] = [];
    for (const commit of commits) {
      const version = Number(at(commit, 'version'));
      const counted = writersCount(name, version);
      if (counted === null) continue;
      const body = JSON.stringify({ version });
      const headers = { 'delta-sharing-capabilities': EVERYTHING };
      const reply = await server.ask(`/shares/local/schemas/default/tables/${name}/query`, { method: 'POST', body, headers });
      const adds = lines(reply).flatMap((line) => at(line, 'file', 'deltaSingleAction', 'add') ?? []);
      found.push({ version, files: adds.length, bytes: adds.reduce<number>((sum, add) => sum + Number(at(add, 'size')), 0) });
      expected.push({ version, ...counted });
    }
    expect(found).toEqual(expected);
  });
});

test('files that VACUUM removed are listed, and gone', async () => {
  const reply = await server.askTable('vacuumed', 'changes?startingVersion=1&endingVersion=4', 'responseformat=parquet');
  const statuses = new Set<number>();
  for (const line of lines(reply)) {
    const url = textAt(line, 'add', 'url') || textAt(line, 'cdf', 'url');
    if (url !== '') statuses.add((await exchange(url)).status);
  }
  expect(reply.status).toBe(200);
  expect(statuses).toContain(404);
});

test('deletion vectors in files come as signed URLs of those files, with the place of the vector in them', async () => {
  const answered = lines(await server.askTable('deletion_vectors', 'changes?startingVersion=0'));
  const vectors = answered.flatMap((line) => at(actionOf(line['file']), 'deletionVector') ?? []);
  expect(vectors.length).toBeGreaterThan(0);
  for (const vector of vectors) {
    expect(at(vector, 'storageType')).toBe('p');
    const file = await exchange(textAt(vector, 'pathOrInlineDv'));
    // A vector's file begins with its format version, and each vector in it with its size (Delta PROTOCOL.md, Deletion Vector File Storage Format).
    expect([file.status, file.bytes.readUInt8(0), file.bytes.readInt32BE(Number(at(vector, 'offset')))]).toEqual([
      200,
      1,
      at(vector, 'sizeInBytes'),
    ]);
  }
});

test("a file's id is the hash of its path as the log spells it", async () => {
  const log = readFileSync(`${TABLES}partition_strings/table/_delta_log/00000000000000000001.json`, 'utf8');
  const paths = log
    .trimEnd()
    .split('\n')
    .map(json)
    .flatMap((action) => textAt(action, 'add', 'path') || []);
  expect(paths.some((path) => path.includes('%25'))).toBe(true);
  for (const [capabilities, algorithm] of [
    ['responseformat=parquet', 'md5'],
    ['responseformat=delta', 'sha256'],
  ] as const) {
    const answered = lines(await server.askTable('partition_strings', 'changes?startingVersion=1&endingVersion=1', capabilities));
    const ids = answered.map((line) => textAt(line, 'add', 'id') || textAt(line, 'file', 'id')).filter((id) => id !== '');
    expect(ids).toEqual(paths.map((path) => createHash(algorithm).update(path).digest('hex')));
  }
});

test('a table that needs reader features goes to those alone who name them all', async () => {
  const ask = async (capabilities: string): Promise<unknown> => {
    const reply = await server.askTable('types_int64', 'changes?startingVersion=0&endingVersion=1', capabilities);
    return [reply.status, reply.headers['delta-sharing-capabilities'] ?? at(json(text(reply)), 'errorCode')];
  };
  expect(await ask('responseformat=parquet')).toEqual([400, 'UNSUPPORTED_OPERATION']);
  expect(await ask('responseformat=delta')).toEqual([400, 'UNSUPPORTED_OPERATION']);
  expect(await ask('responseformat=delta,parquet;readerfeatures=deletionvectors')).toEqual([400, 'UNSUPPORTED_OPERATION']);
  expect(await ask('responseformat=parquet;readerfeatures=timestampntz')).toEqual([400, 'UNSUPPORTED_OPERATION']);
  expect(await ask('responseFormat=Delta,Parquet;readerFeatures=TimestampNtz')).toEqual([200, 'responseformat=delta']);
});

test('of several reader features none may be missing, and an inline deletion vector stays inline', async () => {
  await using folder = await temporaryFolder();
  const protocol = {
    minReaderVersion: 3,
    minWriterVersion: 7,
    readerFeatures: ['deletionVectors', 'timestampNtz'],
    writerFeatures: ['changeDataFeed'],
  };
  const deletionVector = {
    storageType: 'i',
    pathOrInlineDv: 'wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L',
    sizeInBytes: 40,
    cardinality: 6,
  };
  const file = { path: 'a.parquet', partitionValues: { p: null }, size: 1, modificationTime: 1, dataChange: true, deletionVector };
  await commit(join(folder.path, 'both'), 0, [{ protocol }, metadata(), { add: file }]);
  await using own = await open({ folder: folder.path });
  const some = await own.askTable('both', 'changes?startingVersion=0', 'responseformat=delta;readerfeatures=timestampntz');
  expect(some.status).toBe(400);
  const all = lines(await own.askTable('both', 'changes?startingVersion=0'));
  const { path: _, ...told } = file;
  expect(at(all[2], 'file', 'deltaSingleAction', 'add')).toEqual({ path: expect.any(String), pathAsUri: expect.any(String), ...told });
});

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The schema in force at each version of a range, from the head line and those that follow. */
function schemasOf(answered: readonly unknown[]): ReadonlyMap<number, unknown> {
  const told = answered.flatMap((line) => at(line, 'metaData') ?? []);
  return new Map(told.map((entry) => [Number(at(entry, 'version')), json(String(at(entry, 'deltaMetadata', 'schemaString')))]));
}

/** What about.json says, at the versions where a line must say it: the range's first, and each that sets metadata. */
function schemasInForce(about: unknown, from: number, to: number): ReadonlyMap<number, unknown> {
  const setting = list(at(about, 'commits')).filter((commit) => list(at(commit, 'sets')).includes('metaData'));
  const versions = [from, ...setting.map((commit) => Number(at(commit, 'version'))).filter((version) => version > from && version <= to)];
  const states = list(at(about, 'metadata'));
  return new Map(
    versions.map((version) => {
      const inForce = states.findLast((state) => Number(at(state, 'fromVersion')) <= version);
      return [version, at(inForce, 'schema')];
    }),
  );
}

/**
 * Change rows by version, from the files' footers. With deletion vectors, a file that leaves and comes in one version changes the rows by which its
 * vectors differ; one that only leaves or comes, the rows that its vector lets live.
 */
async function countRows(files: readonly unknown[]): Promise<ReadonlyMap<number, { rows: number; time: number }>> {
  const counted = new Map<number, { rows: number; time: number }>();
  const add = (file: unknown, rows: number): void => {
    const version = Number(at(file, 'version'));
    if (rows > 0) counted.set(version, { rows: (counted.get(version)?.rows ?? 0) + rows, time: Number(at(file, 'timestamp')) });
  };
  for (const group of Map.groupBy(files, (file) => `${String(at(file, 'version'))} ${String(at(file, 'id'))}`).values()) {
    const [first, second] = group;
    const deleted = (file: unknown): number => Number(at(actionOf(file), 'deletionVector', 'cardinality') ?? 0);
    if (second !== undefined) add(first, Math.abs(deleted(first) - deleted(second)));
    else add(first, (await rowsOf(String(at(actionOf(first), 'path')), Number(at(actionOf(first), 'size')))) - deleted(first));
  }
  return counted;
}

async function rowsOf(url: string, size: number): Promise<number> {
  const reply = await exchange(url);
  expect({ status: reply.status, bytes: reply.bytes.length }).toEqual({ status: 200, bytes: size });
  return Number(parquetMetadata(new Uint8Array(reply.bytes).buffer).num_rows);
}

function actionOf(file: unknown): unknown {
  const action = at(file, 'deltaSingleAction');
  return at(action, 'add') ?? at(action, 'remove') ?? at(action, 'cdc');
}

/** Spark leaves a checksum file beside each commit, delta-rs the count in its last checkpoint. */
function writersCount(name: string, version: number): { readonly files: number; readonly bytes: number } | null {
  const path = `${TABLES}${name}/table/_delta_log/${String(version).padStart(20, '0')}.crc`;
  if (!existsSync(path)) return null;
  const counted = json(readFileSync(path, 'utf8'));
  return { files: Number(counted['numFiles']), bytes: Number(counted['tableSizeBytes']) };
}
