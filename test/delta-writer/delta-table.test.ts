import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { DeltaTable } from './delta-table.ts';
import { RowChecksum } from './expected-rows.ts';
import { writeHistory } from './history.ts';
import type { HistoryOptions, WrittenHistory } from './history.ts';

const CREATED_AT = Date.parse('2026-01-01T00:00:00Z');

const HISTORY: HistoryOptions = {
  seed: 7,
  versions: 60,
  rowsPerVersion: { least: 1, most: 200 },
  bigVersions: [
    { version: 20, kind: 'insert', rows: 5000, files: 3 },
    { version: 21, kind: 'update', rows: 6000, files: 4 },
    { version: 22, kind: 'merge', rows: 4000, files: 2 },
  ],
  expected: 'rows',
  createdAt: CREATED_AT,
};

let folder = '';
let written: WrittenHistory;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'delta-writer-'));
  written = await writeHistory(folder, HISTORY);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the rows in the files are the expected rows, version by version', async () => {
  const expected = await linesOf(join(folder, 'expected.jsonl'));
  const read: string[] = [];
  for (const commit of await readLog(written.tableFolder)) read.push(...(await changeRows(written.tableFolder, commit)));
  expect(read.toSorted()).toEqual(expected.toSorted());
  expect(expected.length).toBe(written.rows);
});

test('a history holds every kind of change, versions without rows, and versions told by several files', async () => {
  const { tableFolder, expectedPath } = written;
  const types = new Set((await linesOf(expectedPath ?? '')).map((line) => Row.parse(JSON.parse(line))._change_type));
  const log = await readLog(tableFolder);
  expect([...types].toSorted()).toEqual(['delete', 'insert', 'update_postimage', 'update_preimage']);
  expect([...new Set(log.map((commit) => commit.operation))].toSorted()).toEqual([
    'CREATE TABLE',
    'DELETE',
    'MERGE',
    'OPTIMIZE',
    'SET TBLPROPERTIES',
    'UPDATE',
    'WRITE',
  ]);
  expect(log.filter((commit) => commit.cdc.length > 1).length).toBeGreaterThan(3);
  expect(log.filter((commit) => commit.remove.some((file) => file.dataChange) && commit.cdc.length === 0).length).toBeGreaterThan(0);
});

test('replaying the change rows gives the rows of the files that the log leaves live', async () => {
  const replayed = new Map<string, string>();
  for (const line of await linesOf(join(folder, 'expected.jsonl'))) {
    const { _change_type: type, _commit_version, _commit_timestamp, ...row } = Row.parse(JSON.parse(line));
    if (type === 'delete' || type === 'update_preimage') expect(replayed.delete(row.id)).toBe(true);
    else replayed.set(row.id, JSON.stringify(row));
  }
  const live = new Set<string>();
  for (const commit of await readLog(written.tableFolder)) {
    for (const file of commit.remove) expect(live.delete(file.path)).toBe(true);
    for (const file of commit.add) live.add(file.path);
  }
  const held: string[] = [];
  for (const path of live) for (const { row } of await readRows(join(written.tableFolder, path))) held.push(JSON.stringify(row));
  expect(held.toSorted()).toEqual([...replayed.values()].toSorted());
});

test('the log counts up without a hole, its times rise, and sizes, counts and file times are as it says', async () => {
  const { tableFolder } = written;
  const log = await readLog(tableFolder);
  expect(log.map((commit) => commit.version)).toEqual(Array.from({ length: HISTORY.versions }, (_, version) => version));
  for (const [index, commit] of log.entries()) {
    expect(commit.timestamp).toBeGreaterThan(log[index - 1]?.timestamp ?? 0);
    expect(Math.round((await stat(join(tableFolder, '_delta_log', commit.name))).mtimeMs)).toBe(commit.timestamp);
    for (const file of [...commit.add, ...commit.remove, ...commit.cdc])
      expect((await stat(join(tableFolder, file.path))).size).toBe(file.size);
    for (const file of commit.add)
      expect(await rowCount(join(tableFolder, file.path))).toBe(Stats.parse(JSON.parse(file.stats)).numRecords);
  }
});

test('the same seed gives the same bytes, another seed others', async () => {
  const folders = [await temporaryFolder(), await temporaryFolder(), await temporaryFolder()] as const;
  const history = { ...HISTORY, versions: 15, bigVersions: [] };
  await writeHistory(folders[0], history);
  await writeHistory(folders[1], history);
  await writeHistory(folders[2], { ...history, seed: 8 });
  expect(await digestOf(folders[1])).toBe(await digestOf(folders[0]));
  expect(await digestOf(folders[2])).not.toBe(await digestOf(folders[0]));
});

test('without expected rows the checksum is that of the rows it would have written', async () => {
  const checksum = await writeHistory(await temporaryFolder(), { ...HISTORY, expected: 'checksum' });
  const again = new RowChecksum();
  for (const line of (await linesOf(join(folder, 'expected.jsonl'))).toReversed()) again.add(line);
  expect(checksum).toEqual({ ...written, tableFolder: checksum.tableFolder, expectedPath: null });
  expect(again.toString()).toBe(checksum.checksum);
  expect(await writeHistory(await temporaryFolder(), { ...HISTORY, expected: 'nothing' })).toMatchObject({
    rows: written.rows,
    expectedPath: null,
    checksum: null,
  });
});

test('a big version has just the rows and files asked for', async () => {
  const { tableFolder, expectedPath } = written;
  const counts = Map.groupBy(await linesOf(expectedPath ?? ''), (line) => Row.parse(JSON.parse(line))._commit_version);
  const log = await readLog(tableFolder);
  expect([20, 21, 22].map((version) => counts.get(version)?.length)).toEqual([5000, 6000, 4000]);
  expect([log[20]?.add.length, log[21]?.cdc.length, log[22]?.cdc.length]).toEqual([3, 4, 2]);
});

test('a step that finds nothing to work on still commits a version', async () => {
  const table = await DeltaTable.create({ folder: await temporaryFolder(), seed: 1, expected: 'rows', createdAt: CREATED_AT });
  const commits = [
    await table.append({ kind: 'drop-file' }, CREATED_AT),
    await table.append({ kind: 'optimize' }, CREATED_AT),
    await table.append({ kind: 'delete', rows: 5, files: 2 }, CREATED_AT + 1000),
    await table.append({ kind: 'update', rows: 5, files: 2 }, CREATED_AT),
  ];
  expect(commits.map(({ version, timestamp, operation }) => [version, timestamp - CREATED_AT, operation])).toEqual([
    [1, 1, 'WRITE'],
    [2, 2, 'SET TBLPROPERTIES'],
    [3, 1000, 'DELETE'],
    [4, 1001, 'WRITE'],
  ]);
});

const LoggedFile = z.object({ path: z.string(), size: z.number(), dataChange: z.boolean(), stats: z.string().default('') });
type LoggedFile = z.infer<typeof LoggedFile>;

const ActionLine = z.object({
  commitInfo: z.object({ timestamp: z.number(), operation: z.string() }).optional(),
  add: LoggedFile.optional(),
  remove: LoggedFile.optional(),
  cdc: LoggedFile.optional(),
});

const Stats = z.object({ numRecords: z.number() });

const Row = z.looseObject({ _change_type: z.string(), _commit_version: z.number(), _commit_timestamp: z.number(), id: z.string() });

interface ReadCommit {
  readonly name: string;
  readonly version: number;
  readonly timestamp: number;
  readonly operation: string;
  readonly add: readonly LoggedFile[];
  readonly remove: readonly LoggedFile[];
  readonly cdc: readonly LoggedFile[];
}

async function readLog(tableFolder: string): Promise<readonly ReadCommit[]> {
  const folder = join(tableFolder, '_delta_log');
  const commits: ReadCommit[] = [];
  for (const name of (await readdir(folder)).toSorted()) {
    const lines = (await linesOf(join(folder, name))).map((line) => ActionLine.parse(JSON.parse(line)));
    const info = lines[0]?.commitInfo;
    commits.push({
      name,
      version: Number(name.slice(0, 20)),
      timestamp: info?.timestamp ?? 0,
      operation: info?.operation ?? '',
      add: lines.flatMap((line) => line.add ?? []),
      remove: lines.flatMap((line) => line.remove ?? []),
      cdc: lines.flatMap((line) => line.cdc ?? []),
    });
  }
  return commits;
}

/** What the feed says of a version: its change files alone if it has any, else what came and what left. */
async function changeRows(tableFolder: string, commit: ReadCommit): Promise<readonly string[]> {
  const line = (type: string, row: object): string =>
    JSON.stringify({ _change_type: type, _commit_version: commit.version, _commit_timestamp: commit.timestamp, ...row });
  const lines: string[] = [];
  for (const file of commit.cdc) for (const { type, row } of await readRows(join(tableFolder, file.path))) lines.push(line(type, row));
  if (commit.cdc.length > 0) return lines;
  for (const file of commit.add)
    if (file.dataChange) for (const { row } of await readRows(join(tableFolder, file.path))) lines.push(line('insert', row));
  for (const file of commit.remove)
    if (file.dataChange) for (const { row } of await readRows(join(tableFolder, file.path))) lines.push(line('delete', row));
  return lines;
}

const RAW = new Set(['amount', 'ts', 'day']);

/** By another library than the one that wrote; decimals, times and dates as the integers that are in the file, since hyparquet rounds them. */
async function readRows(path: string): Promise<readonly { readonly type: string; readonly row: object }[]> {
  const file = await bytesOf(path);
  const metadata = parquetMetadata(file);
  const schema = metadata.schema.map((element) =>
    RAW.has(element.name) ? { ...element, converted_type: 'INT_64' as const, logical_type: { type: 'NULL' as const } } : element,
  );
  const rows = await parquetReadObjects({ file, metadata: { ...metadata, schema } });
  return rows.map(({ _change_type: type, __is_cdc: isChange, ...row }) => ({
    type: isChange === true ? String(type) : '',
    row: {
      ...row,
      id: String(row['id']),
      amount: typeof row['amount'] === 'bigint' ? cents(row['amount']) : null,
      price: typeof row['price'] === 'number' ? spelled(row['price']) : null,
      ts: typeof row['ts'] === 'bigint' ? String(row['ts']) : null,
      day: typeof row['day'] === 'number' ? new Date(row['day'] * 86_400_000).toISOString().slice(0, 10) : null,
    },
  }));
}

function cents(value: bigint): string {
  const digits = String(value < 0n ? -value : value).padStart(3, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

function spelled(value: number): number | string {
  return Object.is(value, -0) ? '-0.0' : Number.isFinite(value) ? value : String(value);
}

async function rowCount(path: string): Promise<number> {
  return Number(parquetMetadata(await bytesOf(path)).num_rows);
}

async function bytesOf(path: string): Promise<ArrayBuffer> {
  const bytes = await readFile(path);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

async function linesOf(path: string): Promise<readonly string[]> {
  return (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
}

async function digestOf(folder: string): Promise<string> {
  const digest = createHash('sha256');
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  for (const path of entries.map((entry) => join(entry.parentPath, entry.name)).toSorted())
    digest.update(path.slice(folder.length)).update(await readFile(path));
  return digest.digest('hex');
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'delta-writer-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
