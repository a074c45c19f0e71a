/**
 * The lasting ways of servers. Those of the reference server are held by its transcripts.
 */
import { afterEach, expect, test } from 'vitest';
import type { FaultAction } from '../../src/provider/fault-kinds.ts';
import type { FaultMatch } from '../../src/provider/faults.ts';
import { at, json, lines, open, text, textAt } from './support.ts';
import type { TestProvider } from './support.ts';

let server: TestProvider;
afterEach(() => server[Symbol.asyncDispose]());

test('gap: history with the version in it is refused, with 500 or in words, and the rest is not', async () => {
  await failing(
    [{ table: 'local.default.basics' }, { kind: 'gap', version: 2 }],
    [{ table: 'local.default.codecs' }, { kind: 'gap', version: 2, status: 400 }],
    [{ table: 'local.default.long_history' }, { kind: 'gap', status: 400 }],
  );
  const ask = async (table: string, from: number, to: number): Promise<unknown> => {
    const reply = await server.askTable(table, `changes?startingVersion=${from}&endingVersion=${to}`);
    return reply.status === 200 ? 200 : [reply.status, text(reply)];
  };
  const broken = [500, '{"errorCode":"INTERNAL_ERROR","message":""}'];
  const missing = [400, '{"errorCode":"RESOURCE_DOES_NOT_EXIST","message":"table files missing"}'];
  expect([await ask('basics', 1, 1), await ask('basics', 1, 3), await ask('basics', 2, 2), await ask('basics', 3, 4)]).toEqual([
    200,
    broken,
    broken,
    200,
  ]);
  expect([await ask('codecs', 1, 1), await ask('codecs', 1, 2)]).toEqual([200, missing]);
  expect([await ask('long_history', 0, 30), await ask('long_history', 20, 30)]).toEqual([missing, 200]);
  expect((await server.askTable('basics', 'version')).status).toBe(200);
});

test('no-historical-metadata: the head holds the latest schema without a version, and no other follows', async () => {
  await failing([{ route: 'changes' }, { kind: 'no-historical-metadata' }]);
  const ask = 'changes?startingVersion=0&includeHistoricalMetadata=true';
  const told = lines(await server.askTable('add_columns', ask, 'responseformat=delta')).flatMap((line) => line['metaData'] ?? []);
  expect(told.map((entry) => at(entry, 'version'))).toEqual([undefined]);
  const latest = lines(await server.askTable('add_columns', 'metadata', 'responseformat=delta'))[1];
  expect(told).toEqual([latest?.['metaData']]);
});

test('error-spelling: refusals are spelled as Databricks spells them', async () => {
  await failing([{}, { kind: 'error-spelling' }]);
  const unsupported = json(text(await server.askTable('deletion_vectors', 'changes?startingVersion=0', 'responseformat=delta')));
  expect([unsupported['error_code'], at(asList(unsupported['details'])[0], 'metadata', 'dsError')]).toEqual([
    'UNSUPPORTED_OPERATION',
    'DS_UNSUPPORTED_DELTA_TABLE_FEATURES',
  ]);
  expect(json(text(await server.askTable('nowhere', 'version')))).toMatchObject({ error_code: 'RESOURCE_DOES_NOT_EXIST', details: [] });
});

test('md5-ids: both formats have the same ids, and the header is not heard', async () => {
  await failing([{}, { kind: 'md5-ids' }]);
  const reply = await server.ask(`/shares/local/schemas/default/tables/basics/changes?startingVersion=1&endingVersion=3`, {
    headers: { 'delta-sharing-capabilities': 'responseformat=delta', fileidhash: 'delta' },
  });
  const delta = lines(reply).flatMap((line) => textAt(line, 'file', 'id') || []);
  expect(reply.headers['fileidhash']).toBeUndefined();
  expect(new Set(delta.map((id) => id.length))).toEqual(new Set([32]));
});

test('like: a plan can ask for a whole server, and its rules come first', async () => {
  const rules = [{ match: { route: 'version', nth: 1 }, do: { kind: 'status', status: 503 } }] as const;
  server = await open({ faults: { like: 'reference-1.4', rules } });
  expect((await server.askTable('deletion_vectors', 'version')).status).toBe(503);
  expect(text(await server.askTable('deletion_vectors', 'changes?startingVersion=0'))).toContain('Delta protocol version (3,7) is too new');
  expect(server.provider.requests.map((request) => request.faults[0])).toEqual(['status', 'page-bug']);
});

async function failing(...rules: readonly (readonly [FaultMatch, FaultAction])[]): Promise<void> {
  server = await open({ faults: { rules: rules.map(([match, action]) => ({ match, do: action })) } });
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
