/**
 * What one answer does not decide: a gap, a table in the place of another, how far there is to go. Replicas lag, and storage answers 404 for a moment.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Failure } from '../../src/model/failure.ts';
import type { FailureCode } from '../../src/model/failure.ts';
import type { Source } from '../../src/ports/source.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import type { Relay } from './in-process.ts';
import { Playground } from './playground.ts';
import { rowsFrom } from './small-table.ts';
import type { SmallTable } from './small-table.ts';

await describeKafka('a feed that is told what may not be so', (brokers) => {
  let play: Playground;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());

  /** Versions from 0 on, each with one row whose id is the version. */
  async function grown(versions: number): Promise<{ relay: Relay; name: string; table: SmallTable }> {
    const { table, name } = play.table();
    for (let version = 0; version < versions; version++) await table.commit({ adds: [rowsFrom(version, 1)] });
    return { relay: play.stage.another(), name, table };
  }

  async function idsOf(relay: Relay, topic: string): Promise<readonly string[]> {
    return (await relay.changes(topic)).map(({ version, columns }) => `${version}: ${String(columns['id'])}`);
  }

  /** Half of a snapshot of four rows is published, and then the table is made again. */
  async function madeAgainInSnapshot(policies: {
    readonly onGap?: 'snapshot';
    readonly onRecreate?: 'snapshot';
  }): Promise<{ relay: Relay; name: string; outcome: string }> {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 4)] });
    const relay = play.stage.another();
    const feed = { table: name, start: { kind: 'snapshot' }, ...policies } as const;
    const chunk = { records: 1 };
    await play.runUntilPublished(relay, feed, 2, { chunk });
    await table.recreate();
    await table.commit({ adds: [rowsFrom(100, 2)] });
    return { relay, name, outcome: await play.outcome(relay, feed, { chunk }) };
  }

  test.each([1, 2, 3, 4, 5])('a version that is refused %i times, and then is not, is no gap', async (times) => {
    const { relay, name } = await grown(4);
    const real = play.shared.source;
    let refused = 0;
    const source: Source = {
      ...real,
      changes: async (table, request, signal) => {
        const isRefused = table.table === name && request.from === 2 && ++refused <= times;
        if (isRefused) throw new Failure('gap.unanswered', 'it breaks at these versions', request.to === 2 ? { version: 2 } : {});
        return real.changes(table, request, signal);
      },
    };
    expect(await play.outcome(relay, { table: name, onGap: 'skip', start: { kind: 'version', version: 2 } }, { source })).toBe('done');
    expect(await idsOf(relay, relay.topic(name))).toEqual(['2: 2', '3: 3']);
    expect(await relay.events()).toEqual([]);
  });

  test('a file that is not there once, and then is, starts no new topic', async () => {
    const { relay, name } = await grown(3);
    const real = play.shared.source;
    let reads = 0;
    const source: Source = {
      ...real,
      changes: async (table, request, signal) => {
        const listing = await real.changes(table, request, signal);
        return {
          ...listing,
          read: async (version, file, aborted) => {
            const isMissed = table.table === name && version.version === 1 && ++reads === 1;
            if (isMissed) throw new Failure('gap.file_gone', 'the file is gone', { version: 1 });
            return listing.read(version, file, aborted);
          },
        };
      },
    };
    expect(await play.outcome(relay, { table: name, onGap: 'snapshot' }, { source })).toBe('done');
    expect(await idsOf(relay, relay.topic(name))).toEqual(['0: 0', '1: 1', '2: 2']);
    expect(await relay.checkpoint(name)).toMatchObject({ generation: 1 });
  });

  test('a snapshot is published with --until-current though the replica that is asked for the target lags', async () => {
    const { relay, name } = await grown(3);
    const real = play.shared.source;
    let asked = 0;
    const source: Source = {
      ...real,
      latestVersion: async (table, signal) => {
        const latest = await real.latestVersion(table, signal);
        return table.table === name && ++asked === 2 ? latest - 1 : latest;
      },
    };
    expect(await play.outcome(relay, { table: name, start: { kind: 'snapshot' } }, { source })).toBe('done');
    expect((await idsOf(relay, relay.topic(name))).toSorted()).toEqual(['2: 0', '2: 1', '2: 2']);
  });

  test('a table that was made again and has outgrown what was published starts again at the next claim, if the config says so', async () => {
    const { relay, name, table } = await grown(3);
    expect(await play.outcome(relay, { table: name })).toBe('done');
    await table.recreate();
    for (const first of [100, 101, 102, 103]) await table.commit({ adds: [rowsFrom(first, 1)] });
    expect(await play.outcome(relay, { table: name })).toMatch(/^parked table\.recreated: /);
    expect(await play.outcome(relay, { table: name, onRecreate: 'snapshot' })).toBe('done');
    expect(await idsOf(relay, relay.topic(name))).toEqual(['0: 0', '1: 1', '2: 2']);
    expect((await idsOf(relay, `${relay.topic(name)}.g2`)).toSorted()).toEqual(['3: 100', '3: 101', '3: 102', '3: 103']);
    expect(await relay.events()).toEqual([expect.objectContaining({ kind: 'recreation', nextTopic: `${relay.topic(name)}.g2` })]);
  });

  test('a table that is made again in the middle of its snapshot is `onRecreate`’s', async () => {
    const { relay, name, outcome } = await madeAgainInSnapshot({ onRecreate: 'snapshot' });
    expect(outcome).toBe('done');
    expect(await idsOf(relay, `${relay.topic(name)}.g2`)).toEqual(['0: 100', '0: 101']);
  });

  test('a table that is made again in the middle of its snapshot is none of `onGap`’s', async () => {
    const { outcome } = await madeAgainInSnapshot({ onGap: 'snapshot' });
    expect(outcome).toMatch(/^parked table\.recreated: /);
  });

  test('a table that one replica of several says was made again starts nothing', async () => {
    const { relay, name } = await grown(2);
    expect(await play.outcome(relay, { table: name })).toBe('done');
    const real = play.shared.source;
    let versions = 0;
    let told = 0;
    const source: Source = {
      ...real,
      latestVersion: async (table, signal) => (table.table === name && ++versions === 1 ? 0 : real.latestVersion(table, signal)),
      metadata: async (table, version, signal) => {
        const metadata = await real.metadata(table, version, signal);
        return table.table === name && ++told <= 4 ? { ...metadata, tableId: 'another' } : metadata;
      },
    };
    expect(await play.outcome(relay, { table: name, onRecreate: 'snapshot' }, { source })).toBe('done');
    expect(await relay.checkpoint(name)).toMatchObject({ generation: 1, tableId: `${name}-id-1` });
  });

  test('a table that was replaced in place is the same to a replica that has not heard of it', async () => {
    const { relay, name, table } = await grown(3);
    await table.commit({ tableId: 'in-its-place', adds: [rowsFrom(3, 1)] });
    await table.commit({ adds: [rowsFrom(4, 1)] });
    expect(await play.outcome(relay, { table: name })).toBe('done');
    const real = play.shared.source;
    let versions = 0;
    let told = 0;
    const source: Source = {
      ...real,
      latestVersion: async (shared, signal) => (shared.table === name && ++versions === 1 ? 2 : real.latestVersion(shared, signal)),
      metadata: async (shared, version, signal) => real.metadata(shared, shared.table === name && ++told === 1 ? 2 : version, signal),
    };
    expect(await play.outcome(relay, { table: name }, { source })).toBe('done');
    expect(told).toBeGreaterThan(0);
  });

  test('a gap before a table was replaced in place is a gap', async () => {
    const { relay, name, table } = await grown(3);
    expect(await play.outcome(relay, { table: name })).toBe('done');
    await table.commit({ adds: [rowsFrom(3, 1)] });
    await table.commit({ adds: [rowsFrom(4, 1)] });
    await table.commit({ tableId: 'in-its-place', adds: [rowsFrom(5, 1)] });
    const real = play.shared.source;
    const source: Source = {
      ...real,
      changes: async (shared, request, signal) => {
        const isRefused = shared.table === name && request.from <= 3 && request.to >= 3;
        if (isRefused) throw new Failure('gap.unanswered', 'it breaks at these versions', { version: 3 });
        return real.changes(shared, request, signal);
      },
    };
    expect(await play.outcome(relay, { table: name, onGap: 'skip' }, { source })).toBe('done');
    expect(await idsOf(relay, relay.topic(name))).toEqual(['0: 0', '1: 1', '2: 2', '4: 4', '5: 5']);
  });

  test.each<readonly [FailureCode, number, RegExp]>([
    ['provider.malformed', 1, /^done$/],
    ['provider.malformed', 2, /^parked provider\.malformed: /],
    ['file.undecodable', 1, /^done$/],
    ['file.undecodable', 2, /^parked file\.undecodable: /],
    ['table.no_history', 1, /^parked table\.no_history: /],
  ])('%s, told %i times in turn: the feed is %s', async (code, times, outcome) => {
    const { relay, name } = await grown(2);
    const real = play.shared.source;
    let told = 0;
    const source: Source = {
      ...real,
      changes: async (table, request, signal) => {
        if (table.table === name && ++told <= times) throw new Failure(code, 'it is not what it should be', { version: 0 });
        return real.changes(table, request, signal);
      },
    };
    expect(await play.outcome(relay, { table: name }, { source })).toMatch(outcome);
  });
});
