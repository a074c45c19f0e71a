import { afterAll, expect, test } from 'vitest';
import type { Source } from '../../src/ports/source.ts';
import { checkTableId, listVersions } from '../../src/relay/listing.ts';
import type { ListedVersion } from '../../src/relay/listing.ts';
import type { FaultRule } from '../../src/provider/faults.ts';
import { fixtureTable, shareTables } from '../support/shared-tables.ts';

const signal = new AbortController().signal;
const tables = await shareTables();
afterAll(async () => tables[Symbol.asyncDispose]());

async function list(
  table: string,
  from: number,
  to: number,
  shared: Pick<typeof tables, 'source'> = tables,
): Promise<readonly ListedVersion[]> {
  return listVersions(shared.source, { table: fixtureTable(table), from, to, listedAs: null }, signal);
}

function versions(listed: readonly ListedVersion[]): readonly number[] {
  return listed.map(({ version }) => version);
}

test('every version of the range is there, those without lines too', async () => {
  const listed = await list('overwrites', 0, 11);
  expect(versions(listed)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(listed.filter(({ changes }) => (changes?.files.length ?? 0) === 0).length).toBeGreaterThan(0);
});

test('the good part before a gap is listed', async () => {
  expect(versions(await list('feed_toggled', 3, 11))).toEqual([3, 4, 5]);
});

test('a version that is the gap is refused', async () => {
  await expect(list('feed_toggled', 6, 11)).rejects.toMatchObject({ code: 'gap.feed_off', version: 6 });
});

test('versions that the provider breaks at hold up none before them', async () => {
  const broken: FaultRule = { match: { route: 'changes', path: 'endingVersion=11&' }, do: { kind: 'status', status: 500 } };
  await using faulty = await shareTables({ faults: [broken] });
  expect(versions(await list('basics', 8, 11, faulty))).toEqual([8, 9]);
  await expect(list('basics', 11, 11, faulty)).rejects.toMatchObject({ code: 'gap.unanswered', version: 11 });
});

test('a range that can be narrowed is asked for with quick patience, and one version with the whole', async () => {
  const asked: string[] = [];
  const source: Source = {
    ...tables.source,
    changes: async (table, { patience = 'none', ...range }, end) => {
      asked.push(`${range.from}..${range.to} ${patience}`);
      return tables.source.changes(table, { ...range, patience: 'quick' }, end);
    },
  };
  await expect(list('long_history', 18, 23, { source })).rejects.toMatchObject({ code: 'gap.history_gone' });
  expect(asked).toEqual(['18..23 quick', '18..20 quick', '18..19 quick', '18..18 whole']);
});

test('a stale replica that answers with less does not make versions rowless', async () => {
  const stale: FaultRule = { match: { route: 'changes', nth: 1 }, do: { kind: 'stale', versions: 4 } };
  await using faulty = await shareTables({ faults: [stale] });
  const got = await list('basics', 0, 11, faulty);
  const whole = await list('basics', 0, 11);
  expect(got.map(({ version, changes }) => [version, changes?.files.length ?? 0])).toEqual(
    whole.map(({ version, changes }) => [version, changes?.files.length ?? 0]),
  );
});

test('versions that a stale replica does not have are refused, not passed over, behind those that are proven', async () => {
  await using faulty = await shareTables({ faults: [{ match: { route: 'changes' }, do: { kind: 'stale', versions: 4 } }] });
  expect(versions(await list('basics', 0, 11, faulty))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  await expect(list('basics', 8, 11, faulty)).rejects.toMatchObject({ code: 'start.beyond' });
});

test('another table id is refused, unless the old one still stands before it', async () => {
  const listed = await list('basics', 4, 6);
  const check = async (tableId: string | null, of: readonly ListedVersion[]): Promise<void> =>
    checkTableId(tables.source, fixtureTable('basics'), tableId, of, signal);
  const [first] = listed;
  if (first === undefined) throw new Error('nothing was listed');
  await check(null, listed);
  await check(first.tableId, listed);
  await expect(check('an-id-that-was', listed)).rejects.toMatchObject({ code: 'table.recreated', version: 4 });
  await check(first.tableId, [{ ...first, tableId: 'a-new-id' }]);
});
