import { afterAll, expect, test } from 'vitest';
import { resolveStart } from '../../src/relay/start.ts';
import { fixtureTable, shareTables } from '../support/shared-tables.ts';

const signal = new AbortController().signal;
const tables = await shareTables();
afterAll(async () => tables[Symbol.asyncDispose]());

test.each([
  ['basics', 0],
  ['feed_toggled', 3],
  ['long_history', 20],
])('the earliest readable version of %s is %i', async (table, version) => {
  expect(await resolveStart(tables.source, fixtureTable(table), { kind: 'earliest' }, signal)).toBe(version);
});

test('latest begins behind the version that is the latest now', async () => {
  expect(await resolveStart(tables.source, fixtureTable('basics'), { kind: 'latest' }, signal)).toBe(12);
});

test('a version is taken as it is, also the one that is next', async () => {
  const table = fixtureTable('basics');
  expect(await resolveStart(tables.source, table, { kind: 'version', version: 4 }, signal)).toBe(4);
  expect(await resolveStart(tables.source, table, { kind: 'version', version: 12 }, signal)).toBe(12);
});

test('a version beyond the next one is refused with what there is', async () => {
  await expect(resolveStart(tables.source, fixtureTable('basics'), { kind: 'version', version: 13 }, signal)).rejects.toMatchObject({
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
  expect(await resolveStart(faulty.source, fixtureTable('basics'), { kind: 'earliest' }, signal)).toBe(1);
});

test('a table none of whose versions gives its changes says so', async () => {
  const refuse = {
    kind: 'status',
    status: 400,
    errorCode: 'INVALID_PARAMETER_VALUE',
    message: 'change data was not recorded for version [0]',
  } as const;
  await using faulty = await shareTables({ faults: [{ match: { route: 'changes' }, do: refuse }] });
  await expect(resolveStart(faulty.source, fixtureTable('basics'), { kind: 'earliest' }, signal)).rejects.toMatchObject({
    code: 'start.none',
  });
});

test('a provider that cannot be reached is not taken for a refusal', async () => {
  await using faulty = await shareTables({ faults: [{ match: { route: 'changes' }, do: { kind: 'status', status: 401 } }] });
  await expect(resolveStart(faulty.source, fixtureTable('basics'), { kind: 'earliest' }, signal)).rejects.toMatchObject({
    code: 'provider.unauthorized',
  });
});
