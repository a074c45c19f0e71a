/**
 * Feeds that begin with the table as it is: the snapshot and what changes after it, applied to nothing, are the table (DESIGN §4, §6).
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Source } from '../../src/ports/source.ts';
import { Failure } from '../../src/model/failure.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import type { Relay } from './in-process.ts';
import { listener } from './in-process.ts';
import { Playground } from './playground.ts';
import { rowsFrom } from './small-table.ts';
import type { SmallTable } from './small-table.ts';

const START = { kind: 'snapshot' } as const;

await describeKafka('a feed that begins with a snapshot', (brokers) => {
  let play: Playground;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());

  /** Versions 0 to 2: rows 1 to 8, of which the first file's (1 to 4) are gone and 3 stands in a file of its own. */
  async function grown(): Promise<{ relay: Relay; name: string; table: SmallTable }> {
    const { table, name } = play.table();
    const [first] = await table.commit({ adds: [rowsFrom(1, 4)] });
    await table.commit({ adds: [rowsFrom(5, 4)] });
    await table.commit({ removes: first === undefined ? [] : [first], adds: [rowsFrom(3, 1)] });
    return { relay: play.stage.another(), name, table };
  }

  async function told(relay: Relay, topic: string): Promise<readonly string[]> {
    return (await relay.changes(topic)).map(({ type, version, columns }) => `${version} ${type} ${String(columns['id'])}`);
  }

  test('publishes the rows of the latest version as inserts of that version, marked, and then the changes', async () => {
    const { relay, name, table } = await grown();
    expect(await play.outcome(relay, { table: name, start: START })).toBe('done');
    expect((await told(relay, relay.topic(name))).toSorted()).toEqual([
      '2 insert 3',
      '2 insert 5',
      '2 insert 6',
      '2 insert 7',
      '2 insert 8',
    ]);
    const headers = await relay.headers(relay.topic(name));
    expect(new Set(headers)).toEqual(new Set(['{"cdf-relay.snapshot":"true"}']));
    expect(await relay.checkpoint(name)).toMatchObject({
      start: { asked: 'snapshot', version: 2 },
      position: { kind: 'changes', version: 3 },
    });

    await table.commit({ adds: [rowsFrom(20, 1)] });
    expect(await play.outcome(relay, { table: name, start: START })).toBe('done');
    expect((await told(relay, relay.topic(name))).at(-1)).toBe('3 insert 20');
    expect((await relay.headers(relay.topic(name))).at(-1)).toBe('{}');
  });

  test('gives the rows the time of the commit that they are the state of', async () => {
    const { relay, name } = await grown();
    await play.outcome(relay, { table: name, start: START });
    const [row] = await relay.changes(relay.topic(name));
    expect(row?.timestamp).toBe(Date.UTC(2026, 0, 1, 0, 2));
  });

  test('an empty table has an empty snapshot, and its changes follow', async () => {
    const { table, name } = play.table();
    await table.commit({});
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name, start: START })).toBe('done');
    await table.commit({ adds: [rowsFrom(1, 1)] });
    expect(await play.outcome(relay, { table: name, start: START })).toBe('done');
    expect(await told(relay, relay.topic(name))).toEqual(['1 insert 1']);
  });

  test.each([1, 2, 3])(
    'left after %i transactions, it is gone on with at the same version while the table moves on',
    async (transactions) => {
      const { relay, name, table } = await grown();
      const feed = { table: name, start: START };
      const chunk = { records: 1 };
      await play.runUntilPublished(relay, feed, transactions, { chunk });
      expect(await relay.checkpoint(name)).toMatchObject({ position: { kind: 'snapshot', version: 2, records: transactions } });
      await table.commit({ adds: [rowsFrom(30, 2)] });
      expect(await play.outcome(relay, feed, { chunk })).toBe('done');
      expect((await told(relay, relay.topic(name))).toSorted()).toEqual([
        '2 insert 3',
        '2 insert 5',
        '2 insert 6',
        '2 insert 7',
        '2 insert 8',
        '3 insert 30',
        '3 insert 31',
      ]);
    },
  );

  test('tells by each transaction how much of it is there, and changes tell nothing of it', async () => {
    const { relay, name, table } = await grown();
    const heard = listener();
    const feed = { table: name, start: START };
    await play.outcome(relay, feed, { chunk: { records: 1 }, telemetry: heard.telemetry });
    await table.commit({ adds: [rowsFrom(20, 1)] });
    await play.outcome(relay, feed, { telemetry: heard.telemetry });
    const told = heard.published.filter((chunk) => chunk.feed === relay.feed(name));
    const shares = told.map(({ snapshotShare }) => snapshotShare);
    expect(shares.slice(-2)).toEqual([1, null]);
    expect(new Set(shares)).toEqual(new Set([0, 0.5, 1, null]));
    expect(shares.slice(0, -1)).toEqual(shares.slice(0, -1).toSorted((a, b) => (a ?? 0) - (b ?? 0)));
    expect(told.slice(-2).map(({ records, lastVersionAt }) => [records, lastVersionAt])).toEqual([
      [1, Date.UTC(2026, 0, 1, 0, 2)],
      [1, Date.UTC(2026, 0, 1, 0, 3)],
    ]);
  });

  /** A provider that gives the latest version only, as one does that shares no history. */
  function forgetful(source: Source, versions: { readonly latest: number }): Source {
    return {
      ...source,
      snapshot: async (table, request, signal) => {
        if (request.version !== null && request.version < versions.latest) {
          throw new Failure('snapshot.moved', `version ${request.version} can no longer be read: the latest is ${versions.latest}`);
        }
        return source.snapshot(table, request, signal);
      },
    };
  }

  test('that can no longer be read and of which nothing is published is taken at a later version', async () => {
    const { relay, name, table } = await grown();
    const feed = { table: name, start: START };
    const leaving = new AbortController();
    const heard = listener();
    await relay
      .run({
        feeds: [feed],
        source: {
          ...play.shared.source,
          snapshot: async () => {
            leaving.abort(new Error('left before the first row'));
            throw new Failure('provider.unavailable', 'not now');
          },
        },
        telemetry: heard.telemetry,
        signal: leaving.signal,
      })
      .catch(() => {});
    expect(await relay.checkpoint(name)).toMatchObject({ position: { kind: 'snapshot', version: 2, records: 0 } });
    await table.commit({ adds: [rowsFrom(40, 1)] });
    expect(await play.outcome(relay, feed, { source: forgetful(play.shared.source, { latest: 3 }) })).toBe('done');
    expect((await told(relay, relay.topic(name))).toSorted()).toEqual([
      '3 insert 3',
      '3 insert 40',
      '3 insert 5',
      '3 insert 6',
      '3 insert 7',
      '3 insert 8',
    ]);
    expect(await relay.checkpoint(name)).toMatchObject({
      generation: 1,
      start: { asked: 'snapshot', version: 3 },
      position: { version: 4 },
    });
  });

  test('that can no longer be read when half of it is published is parked, or begun again in a new topic', async () => {
    const { relay, name, table } = await grown();
    const chunk = { records: 1 };
    await play.runUntilPublished(relay, { table: name, start: START }, 2, { chunk });
    await table.commit({ adds: [rowsFrom(50, 1)] });
    const source = forgetful(play.shared.source, { latest: 3 });
    expect(await play.outcome(relay, { table: name, start: START }, { source, chunk })).toBe(
      'parked snapshot.moved: version 2 can no longer be read: the latest is 3',
    );
    expect(await play.outcome(relay, { table: name, start: START, onGap: 'snapshot' }, { source, chunk })).toBe('done');
    expect(await told(relay, relay.topic(name))).toHaveLength(2);
    expect((await told(relay, `${relay.topic(name)}.g2`)).toSorted()).toEqual([
      '3 insert 3',
      '3 insert 5',
      '3 insert 50',
      '3 insert 6',
      '3 insert 7',
      '3 insert 8',
    ]);
    expect(await relay.events()).toEqual([
      expect.objectContaining({
        feed: relay.feed(name),
        kind: 'gap',
        generation: 1,
        topic: relay.topic(name),
        nextTopic: `${relay.topic(name)}.g2`,
        version: '2',
        toVersion: null,
        code: 'snapshot.moved',
      }),
    ]);
  });

  test('of a table that records no changes is not begun, since nothing could follow', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 1)] });
    await table.commit({ feed: false, adds: [rowsFrom(2, 1)] });
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name, start: START })).toBe(
      `parked start.none: local.default.${name} records no changes at its latest version 1, so nothing could follow a snapshot`,
    );
    expect(await told(relay, relay.topic(name))).toEqual([]);
  });
});
