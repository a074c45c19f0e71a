/**
 * A log that grows, has a hole, begins in the middle, or belongs to another table all at once.
 */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { add, at, commit, json, lines, metadata, open, PROTOCOL, TABLES, temporaryFolder, text, textAt } from './support.ts';
import type { TestProvider } from './support.ts';

const ON = 'responseformat=parquet;includeendstreamaction=true';

test('new commits are there at the next request', async () => {
  await using folder = await temporaryFolder();
  const table = join(folder.path, 'growing');
  await commit(table, 0, [PROTOCOL, metadata()]);
  await using server = await open({ folder: folder.path });
  expect(await look(server, 'growing')).toEqual({ latest: '0', changes: [] });
  await commit(table, 1, [add('a.parquet')]);
  await commit(table, 2, [add('b.parquet')]);
  expect(await look(server, 'growing')).toEqual({ latest: '2', changes: [1, 2] });
  await commit(table, 3, [add('c.parquet')]);
  expect(await look(server, 'growing')).toEqual({ latest: '3', changes: [1, 2, 3] });
});

test('tables that come later are found when they are asked for', async () => {
  await using folder = await temporaryFolder();
  await using server = await open({ folder: folder.path });
  expect((await server.askTable('late', 'version')).status).toBe(404);
  await commit(join(folder.path, 'late', 'table'), 0, [PROTOCOL, metadata()]);
  expect((await server.askTable('late', 'version')).headers['delta-table-version']).toBe('0');
});

test('a hole in the log is a fault of the server, as in the reference server', async () => {
  await using folder = await temporaryFolder();
  const table = join(folder.path, 'holed');
  await commit(table, 0, [PROTOCOL, metadata()]);
  await commit(table, 2, [add('a.parquet')]);
  await using server = await open({ folder: folder.path });
  for (const path of ['version', 'changes?startingVersion=2', 'metadata']) {
    const reply = await server.askTable('holed', path);
    expect([reply.status, reply.headers['content-type'], text(reply)]).toEqual([
      500,
      'text/plain; charset=utf-8',
      '{"errorCode":"INTERNAL_ERROR","message":""}',
    ]);
  }
  expect(server.logged).toContain('local.default.holed: versions (0, 2) are not contiguous');
});

test('a table made anew shows its new id and its lower version', async () => {
  await using folder = await temporaryFolder();
  const table = join(folder.path, 'again');
  await commit(table, 0, [PROTOCOL, metadata('old')]);
  await commit(table, 1, [add('a.parquet')]);
  await using server = await open({ folder: folder.path });
  const idOf = async (): Promise<unknown> => at(lines(await server.askTable('again', 'metadata', ON))[1], 'metaData', 'id');
  expect([await idOf(), await look(server, 'again')]).toEqual(['old', { latest: '1', changes: [1] }]);
  await rm(table, { recursive: true });
  await commit(table, 0, [PROTOCOL, metadata('new-one')]);
  expect([await idOf(), await look(server, 'again')]).toEqual(['new-one', { latest: '0', changes: [] }]);
});

test('a log whose newest commit is rewritten, or that is cleaned while it is served, is read again', async () => {
  await using folder = await temporaryFolder();
  const table = join(folder.path, 'changing');
  await commit(table, 0, [PROTOCOL, metadata()]);
  await commit(table, 1, [add('a.parquet')]);
  await using server = await open({ folder: folder.path });
  const urlOf = async (): Promise<string> =>
    textAt(lines(await server.askTable('changing', 'changes?startingVersion=1', ON))[2], 'add', 'url');
  expect(await urlOf()).toContain('/a.parquet');
  await commit(table, 1, [add('another.parquet')]);
  expect(await urlOf()).toContain('/another.parquet');
  await rm(join(table, '_delta_log', '00000000000000000000.json'));
  const cleaned = await server.askTable('changing', 'version');
  expect([cleaned.status, server.logged.at(-1)]).toEqual([
    500,
    expect.stringContaining('begins at version 1 and no checkpoint says what was before'),
  ]);
});

test('a log cleaned to before a JSON checkpoint with sidecars begins at the checkpoint, the first version whose state is known', async () => {
  await using folder = await temporaryFolder();
  const table = join(folder.path, 'cleaned');
  await cp(join(TABLES, 'v2_checkpoint_row_tracking', 'table'), table, { recursive: true });
  for (let version = 0; version < 8; version += 1) await rm(join(table, '_delta_log', `${String(version).padStart(20, '0')}.json`));
  await using server = await open({ folder: folder.path });
  const below = json(text(await server.askTable('cleaned', 'changes?startingVersion=9')));
  expect(below['message']).toBe('You can only query table changes since version 10.');
  const query = {
    method: 'POST',
    body: '{}',
    headers: { 'delta-sharing-capabilities': 'responseformat=delta;readerfeatures=v2checkpoint' },
  };
  const idsOf = async (provider: TestProvider, name: string): Promise<unknown> =>
    lines(await provider.ask(`/shares/local/schemas/default/tables/${name}/query`, query))
      .map((line) => textAt(line, 'file', 'id'))
      .toSorted((a, b) => a.localeCompare(b));
  await using complete = await open();
  expect(await idsOf(server, 'cleaned')).toEqual(await idsOf(complete, 'v2_checkpoint_row_tracking'));
});

test('a revealed table begins with its first version and gains one per interval, on every route alike', async () => {
  await using server = await open({ revealMs: 2000 });
  const seen: unknown[] = [];
  for (const elapsed of [0, 1999, 1, 2000, 100_000]) {
    server.clock.ms += elapsed;
    const beyond = await server.askTable('long_history', 'changes?startingVersion=61');
    seen.push([(await look(server, 'long_history', 20)).latest, /table\((\d+)\)/.exec(text(beyond))?.[1]]);
  }
  expect(seen).toEqual([
    ['20', '20'],
    ['20', '20'],
    ['21', '21'],
    ['22', '22'],
    ['60', '60'],
  ]);
  server.clock.ms -= 100_000;
  const clamped = lines(await server.askTable('long_history', 'changes?startingVersion=20&endingVersion=60', ON));
  expect(new Set(clamped.flatMap((line) => at(line, 'add', 'version') ?? at(line, 'cdf', 'version') ?? []))).toEqual(new Set([20, 21, 22]));
});

test('commit times that do not increase are made to, and in-commit timestamps are left as they are', async () => {
  await using folder = await temporaryFolder();
  const info = (timestamp: number, inCommitTimestamp: number): unknown => ({ commitInfo: { timestamp, inCommitTimestamp } });
  for (const [name, ict] of [
    ['plain', 'false'],
    ['ict', 'true'],
  ] as const) {
    const table = join(folder.path, name);
    const configuration = { 'delta.enableChangeDataFeed': 'true', 'delta.enableInCommitTimestamps': ict };
    await commit(table, 0, [info(1000, 5000), PROTOCOL, metadata('t', configuration), add('a')]);
    await commit(table, 1, [info(1000, 4000), add('b')]);
    await commit(table, 2, [info(900, 6000), add('c')]);
  }
  await using server = await open({ folder: folder.path });
  const times = async (name: string): Promise<unknown> =>
    lines(await server.askTable(name, 'changes?startingVersion=0', ON)).flatMap((line) => at(line, 'add', 'timestamp') ?? []);
  expect([await times('plain'), await times('ict')]).toEqual([
    [1000, 1001, 1002],
    [5000, 4000, 6000],
  ]);
});

async function look(server: TestProvider, name: string, from = 0): Promise<{ latest: unknown; changes: unknown }> {
  const latest = (await server.askTable(name, 'version')).headers['delta-table-version'];
  const changes = lines(await server.askTable(name, `changes?startingVersion=${from}`, ON));
  return { latest, changes: changes.flatMap((line) => at(line, 'add', 'version') ?? []) };
}
