import { afterAll, expect, test } from 'vitest';
import type { Source } from '../../src/ports/source.ts';
import type { FaultRule } from '../../src/provider/faults.ts';
import { Failure } from '../../src/model/failure.ts';
import { resolveStart } from '../../src/relay/start.ts';
import type { Start } from '../../src/model/feed.ts';
import type { TableName } from '../../src/model/version.ts';
import { fixtureTable, shareTables } from '../support/shared-tables.ts';

const signal = new AbortController().signal;
const NOW = Date.parse('2026-11-01T00:00:00Z');

async function startOf(source: Source, table: TableName, start: Start, until: AbortSignal): Promise<number> {
  return (await resolveStart(source, table, start, NOW, until)).position.version;
}

const tables = await shareTables();
afterAll(async () => tables[Symbol.asyncDispose]());

test.each([
  ['basics', 0],
  ['feed_toggled', 3],
  ['long_history', 20],
])('the earliest readable version of %s is %i', async (table, version) => {
  expect(await startOf(tables.source, fixtureTable(table), { kind: 'earliest' }, signal)).toBe(version);
});

test('latest begins behind the version that is the latest now', async () => {
  expect(await startOf(tables.source, fixtureTable('basics'), { kind: 'latest' }, signal)).toBe(12);
});

test('a version is taken as it is, also the one that is next', async () => {
  const table = fixtureTable('basics');
  expect(await startOf(tables.source, table, { kind: 'version', version: 4 }, signal)).toBe(4);
  expect(await startOf(tables.source, table, { kind: 'version', version: 12 }, signal)).toBe(12);
});

test('a version beyond the next one is refused with what there is', async () => {
  await expect(startOf(tables.source, fixtureTable('basics'), { kind: 'version', version: 13 }, signal)).rejects.toMatchObject({
    code: 'start.beyond',
    message: 'start is version 13, and local.default.basics has versions up to 11',
  });
});

test('a refusal that passes does not cut the history short', async () => {
  const refuse = {
    kind: 'status',
    status: 400,
    errorCode: 'INVALID_PARAMETER_VALUE',
    message: 'change data was not recorded for version [9]',
  } as const;
  await using faulty = await shareTables({
    // Version 0 and, once, version 1 are refused; 2 answers. Asked again, 1 answers.
    faults: [
      { match: { route: 'changes', path: 'startingVersion=0&' }, do: refuse },
      { match: { route: 'changes', path: 'startingVersion=1&', times: 1 }, do: refuse },
    ],
  });
  expect(await startOf(faulty.source, fixtureTable('basics'), { kind: 'earliest' }, signal)).toBe(1);
});

test('versions that a provider breaks at, as some do where the log was cleaned, are behind the earliest', async () => {
  const broken = (version: number): FaultRule => ({
    match: { route: 'changes', path: `startingVersion=${version}&` },
    do: { kind: 'status', status: 500 },
  });
  await using faulty = await shareTables({ faults: [0, 1, 2].map(broken) });
  expect(await startOf(faulty.source, fixtureTable('basics'), { kind: 'earliest' }, signal)).toBe(3);
});

test('what the search ends with is refused three times in turn with what it found answering, and nothing is waited for', async () => {
  const asked: string[] = [];
  const source: Source = {
    ...tables.source,
    changes: async (table, { patience = 'none', ...range }, end) => {
      asked.push(`${range.from}..${range.to} ${patience}`);
      return tables.source.changes(table, { ...range, patience: 'quick' }, end);
    },
  };
  expect(await startOf(source, fixtureTable('feed_toggled'), { kind: 'earliest' }, signal)).toBe(3);
  expect(asked).toEqual([
    '0..0 quick',
    '1..1 quick',
    '2..2 quick',
    '4..4 quick',
    '2..2 quick',
    '3..3 quick',
    '2..2 quick',
    '3..3 quick',
    '2..2 quick',
    '3..3 quick',
    '2..2 quick',
    '3..3 quick',
  ]);
});

test('a provider that breaks at every version for a while does not cut the history short', async () => {
  let breaks = 0;
  const source: Source = {
    ...tables.source,
    changes: async (table, range, end) => {
      const isBroken = range.from < 2 || breaks > 0;
      // Version 2 answers once, and then nothing does.
      if (range.from === 2) breaks++;
      if (isBroken) throw new Failure('gap.unanswered', 'the provider breaks', { version: range.from });
      return tables.source.changes(table, range, end);
    },
  };
  await expect(startOf(source, fixtureTable('basics'), { kind: 'earliest' }, signal)).rejects.toMatchObject({
    code: 'provider.unavailable',
    message: 'version 2 of local.default.basics was given a moment ago: the provider breaks',
  });
});

test('a table none of whose versions gives its changes says so', async () => {
  const refuse = {
    kind: 'status',
    status: 400,
    errorCode: 'INVALID_PARAMETER_VALUE',
    message: 'change data was not recorded for version [0]',
  } as const;
  await using faulty = await shareTables({ faults: [{ match: { route: 'changes' }, do: refuse }] });
  await expect(startOf(faulty.source, fixtureTable('basics'), { kind: 'earliest' }, signal)).rejects.toMatchObject({
    code: 'start.none',
  });
});

test('a provider that cannot be reached is not taken for a refusal', async () => {
  await using faulty = await shareTables({ faults: [{ match: { route: 'changes' }, do: { kind: 'status', status: 401 } }] });
  await expect(startOf(faulty.source, fixtureTable('basics'), { kind: 'earliest' }, signal)).rejects.toMatchObject({
    code: 'provider.unauthorized',
  });
});
