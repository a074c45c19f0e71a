/**
 * Tables that are another table than before, histories that are told differently, and replicas that are late: what looks alike at first sight must not be taken for
 * one another (DESIGN §7 "Anchor", "Advance").
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { Source } from '../../src/ports/source.ts';
import type { FaultRule } from '../../src/provider/faults.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { hasty, listener } from './in-process.ts';
import type { Relay, RunOptions } from './in-process.ts';
import { Playground } from './playground.ts';
import { rowsFrom } from './small-table.ts';
import type { SmallTable } from './small-table.ts';

await describeKafka('a table that is not what it was', (brokers) => {
  let play: Playground;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());

  /** A relay that has published versions 0 to 2. */
  async function published(): Promise<{ relay: Relay; name: string; table: SmallTable }> {
    const { table, name } = play.table();
    for (const first of [1, 5, 9]) await table.commit({ adds: [rowsFrom(first, 2)] });
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name })).toBe('done');
    return { relay, name, table };
  }

  /** A daemon beside the test, until `fact` holds of its telemetry. */
  async function follow(
    relay: Relay,
    name: string,
    more: Partial<RunOptions>,
    act: () => Promise<void>,
    fact: (said: string) => boolean,
  ): Promise<string> {
    const stopping = new AbortController();
    const heard = listener();
    const said = (): string =>
      [...heard.states, ...heard.failures.map(([, { code }]) => code), ...heard.published.map(({ position }) => `at ${position}`)].join(
        '\n',
      );
    const running = relay.run({
      source: play.shared.source,
      ...more,
      feeds: [{ table: name }],
      forEver: true,
      stopping: stopping.signal,
      telemetry: heard.telemetry,
    });
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await systemClock.sleep(5, AbortSignal.timeout(240_000));
    };
    await until(() => said().includes('running'));
    await act();
    await until(() => fact(said()));
    stopping.abort(new Error('the test has seen enough'));
    await running;
    return said();
  }

  test.each([
    { what: 'fewer versions', versions: 1 },
    { what: 'as many versions', versions: 3 },
    { what: 'more versions', versions: 5 },
  ])('made again with $what, it is parked; reset publishes the new one', async ({ versions }) => {
    const { relay, name, table } = await published();
    await table.recreate();
    for (let version = 0; version < versions; version++) await table.commit({ adds: [rowsFrom(100 * (version + 1), 1)] });
    const told = await play.outcome(relay, { table: name });
    expect(told).toMatch(
      new RegExp(
        `^parked table\\.recreated: local\\.default\\.${name} is another table than before: its id is ${name}-id-\\d+-again\\b.*, and was ${name}-id-1`,
      ),
    );
    const parked = await relay.checkpoint(name);
    expect(await play.outcome(relay, { table: name })).toBe(told);
    expect(await relay.checkpoint(name)).toEqual(parked);
    expect(await play.versions(relay, relay.topic(name))).toEqual([0, 0, 1, 1, 2, 2]);
  });

  test('made again while a feed waits for its first version, it is parked', async () => {
    const { table, name } = play.table();
    for (const first of [1, 2, 3]) await table.commit({ adds: [rowsFrom(first, 1)] });
    const relay = play.stage.another();
    const feed = { table: name, start: { kind: 'latest' } } as const;
    expect(await play.outcome(relay, feed)).toBe('done');
    expect(await relay.checkpoint(name)).toMatchObject({
      position: { version: 3 },
      tableId: `${name}-id-1`,
      start: { asked: 'latest', version: 3 },
    });
    await table.recreate();
    for (let first = 1; first <= 5; first++) await table.commit({ adds: [rowsFrom(first, 1)] });
    expect(await play.outcome(relay, feed)).toMatch(/^parked table\.recreated: /);
    expect(await play.versions(relay, relay.topic(name))).toEqual([]);
  });

  test('made again right after its snapshot, with as many versions, it is parked', async () => {
    const { table, name } = play.table();
    for (const first of [1, 2]) await table.commit({ adds: [rowsFrom(first, 1)] });
    const relay = play.stage.another();
    const feed = { table: name, start: { kind: 'snapshot' } } as const;
    expect(await play.outcome(relay, feed)).toBe('done');
    await table.recreate();
    for (const first of [10, 20]) await table.commit({ adds: [rowsFrom(first, 1)] });
    expect(await play.outcome(relay, feed)).toMatch(/^parked table\.recreated: .*; nothing of its history is published yet$/);
    expect(await play.versions(relay, relay.topic(name))).toEqual([1, 1]);
  });

  test.each([
    { what: 'within one listing', runsBetween: false },
    { what: 'between two runs', runsBetween: true },
  ])('replaced in place $what, its versions go on', async ({ runsBetween }) => {
    const { relay, name, table } = await published();
    const added = await table.commit({ adds: [rowsFrom(20, 1)] });
    if (runsBetween) expect(await play.outcome(relay, { table: name })).toBe('done');
    await table.commit({ tableId: `${name}-id-2`, removes: added, adds: [rowsFrom(30, 1)] });
    await table.commit({ tableId: `${name}-id-3` });
    if (runsBetween) expect(await play.outcome(relay, { table: name })).toBe('done');
    await table.commit({ adds: [rowsFrom(40, 1)] });
    expect(await play.outcome(relay, { table: name })).toBe('done');
    expect(await play.versions(relay, relay.topic(name))).toEqual([0, 0, 1, 1, 2, 2, 3, 4, 4, 6]);
    expect(await relay.checkpoint(name)).toMatchObject({ tableId: `${name}-id-3`, position: { version: 7 } });
  });

  test('with another history under the same id, it is parked at the next start', async () => {
    const { relay, name, table } = await published();
    await table.rewrite(2, { adds: [rowsFrom(70, 2)] });
    await table.commit({ adds: [rowsFrom(80, 1)] });
    expect(await play.outcome(relay, { table: name })).toBe(
      `parked history.rewritten: version 2 of local.default.${name} has other files or another time than when it was published`,
    );
    expect(await play.versions(relay, relay.topic(name))).toEqual([0, 0, 1, 1, 2, 2]);
  });

  test('with another history after a lower version was told, it is parked by a relay that runs', async () => {
    const { relay, name, table } = await published();
    const act = async (): Promise<void> => {
      await table.rewrite(2, { adds: [rowsFrom(70, 2)] });
      await table.commit({ adds: [rowsFrom(80, 1)] });
    };
    // The first question of the run is answered as it is, the next few by a replica that is late.
    const late = (nth: number): FaultRule => ({
      match: { route: 'version', table: `local.default.${name}`, nth },
      do: { kind: 'stale', versions: 2 },
    });
    await using faulty = await play.sharedAlso([2, 3, 4].map(late));
    await expect(
      follow(relay, name, { source: { ...faulty.source, endpoint: play.shared.source.endpoint } }, act, (said) => said.includes('parked')),
    ).resolves.toContain('history.rewritten');
    expect(await play.versions(relay, relay.topic(name))).toEqual([0, 0, 1, 1, 2, 2]);
  });

  test('with another history, it is parked within the hour by a relay that runs', async () => {
    const { relay, name, table } = await published();
    let later = 0;
    const clock: Clock = { ...hasty, now: () => Date.now() + later };
    const act = async (): Promise<void> => {
      await table.rewrite(2, { adds: [rowsFrom(70, 2)] });
      later = 3_600_000;
    };
    await expect(follow(relay, name, { clock }, act, (said) => said.includes('parked'))).resolves.toContain('history.rewritten');
  });

  test('a replica that is late is waited for', async () => {
    const { relay, name, table } = await published();
    const late = (nth: number): FaultRule => ({ match: { table: `local.default.${name}`, nth }, do: { kind: 'stale', versions: 2 } });
    await using faulty = await play.sharedAlso([3, 4, 5, 6, 7, 8].map(late));
    const act = async (): Promise<void> => void (await table.commit({ adds: [rowsFrom(80, 1)] }));
    const source = { ...faulty.source, endpoint: play.shared.source.endpoint };
    await expect(follow(relay, name, { source }, act, (said) => said.includes('at 4'))).resolves.not.toContain('parked');
    expect(await play.versions(relay, relay.topic(name))).toEqual([0, 0, 1, 1, 2, 2, 3]);
  });

  test('a server that breaks after the table was made again is seen through', async () => {
    const { relay, name, table } = await published();
    await table.recreate();
    for (let first = 1; first <= 5; first++) await table.commit({ adds: [rowsFrom(first, 1)] });
    await using faulty = await play.sharedAlso([
      { match: { route: 'changes', table: `local.default.${name}` }, do: { kind: 'status', status: 500 } },
    ]);
    const source = { ...faulty.source, endpoint: play.shared.source.endpoint };
    const outcomes = await relay.outcomes({ source, feeds: [{ table: name }], retryTimeoutMs: 0 });
    expect(outcomes[name]).toMatch(/^parked table\.recreated: /);
  });

  test('that is told differently before any of it is published is listed again', async () => {
    const { table, name } = play.table();
    for (const first of [1, 5]) await table.commit({ adds: [rowsFrom(first, 2)] });
    await using faulty = await play.sharedAlso([
      { match: { route: 'file', table: `local.default.${name}`, nth: 1 }, do: { kind: 'status', status: 403 } },
    ]);
    let isRewritten = false;
    const source: Source = {
      ...faulty.source,
      changes: async (asked, range, signal) => {
        const listing = await faulty.source.changes(asked, range, signal);
        const read: typeof listing.read = async (version, file, end) => {
          if (!isRewritten) await table.rewrite(1, { adds: [rowsFrom(50, 3)] });
          isRewritten = true;
          return listing.read(version, file, end);
        };
        return { ...listing, read };
      },
    };
    const relay = play.stage.another();
    expect(await relay.outcomes({ source, feeds: [{ table: name }] })).toEqual({ [name]: 'done' });
    expect(await play.versions(relay, relay.topic(name))).toEqual([0, 0, 1, 1, 1]);
  });

  test('versions without rows at the end are waited for, and the position is behind them', async () => {
    const { relay, name, table } = await published();
    const joined = await table.commit({ adds: [rowsFrom(20, 1)] });
    await table.commit({ joins: [rowsFrom(20, 1)], removes: joined });
    expect(await play.outcome(relay, { table: name })).toBe('done');
    expect(await relay.checkpoint(name)).toMatchObject({ position: { version: 5, records: 0 }, anchor: { version: 3 } });
    const seq = (await relay.checkpoint(name)).seq;
    await table.commit({ joins: [rowsFrom(20, 1)] });
    expect(await play.outcome(relay, { table: name })).toBe('done');
    expect(await relay.checkpoint(name)).toMatchObject({ seq: seq + 1, position: { version: 6 } });
  });
});
