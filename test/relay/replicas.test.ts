/**
 * Several replicas of one relay, as the group shares the feeds out among them. Each has a publisher of its own, as a process would.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openMembership } from '../../connectors/kafka/membership.ts';
import { sleep } from '../../src/lib/abort.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { checkpointPartition } from '../../src/relay/checkpoint.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { poll } from '../kafka/probe.ts';
import { listener, openPublisher } from './in-process.ts';
import type { Heard, Relay, RunOptions } from './in-process.ts';
import { Playground } from './playground.ts';
import { rowsFrom } from './small-table.ts';
import type { SmallTable } from './small-table.ts';

const PARTITIONS = 8;
const ROWS = 20;
/** Twenty times as fast. */
const fast: Clock = {
  now: () => Date.now() * 20,
  random: () => 0,
  sleep: async (ms, signal) => sleep(ms === Infinity ? ms : ms / 20, signal),
};

interface Replica {
  readonly heard: Heard;
  readonly outcomes: Promise<Readonly<Record<string, string>>>;
  /** As SIGTERM does. */
  stop(): Promise<void>;
  /** Feeds that it works on. */
  running(): readonly string[];
}

await describeKafka('replicas', (brokers) => {
  let play: Playground;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());

  function start(relay: Relay, tables: readonly string[], more: Partial<RunOptions> = {}): Replica {
    const heard = listener();
    const stopping = new AbortController();
    const membership = openMembership({
      brokers,
      tls: null,
      sasl: null,
      clientId: 'replica',
      sessionMs: 30_000,
      beatMs: 50,
      telemetry: heard.telemetry,
    });
    const outcomes = (async () => {
      await using publisher = openPublisher(brokers);
      return await relay.outcomes({
        source: play.shared.source,
        feeds: tables.map((table) => ({ table })),
        publisher,
        membership,
        telemetry: heard.telemetry,
        checkpointPartitions: PARTITIONS,
        chunk: { records: 7, timeMs: 0 },
        stopping: stopping.signal,
        clock: systemClock,
        ...more,
      });
    })();
    outcomes.catch(() => {});
    return {
      heard,
      outcomes,
      stop: async () => {
        stopping.abort(new Error('stopped by the test'));
        await outcomes;
      },
      running: () => [...new Map(heard.states)].filter(([, state]) => state === 'running').map(([feed]) => feed),
    };
  }

  /** Until each feed runs in one of the replicas, and each replica has one. */
  async function untilShared(replicas: readonly Replica[], feeds: number): Promise<void> {
    await poll('sharing out', 240_000, async () => {
      const running = replicas.map((replica) => replica.running());
      return running.every(({ length }) => length > 0) && running.flat().length === feeds && new Set(running.flat()).size === feeds;
    });
  }

  /** One whose name puts each feed on a checkpoint partition of its own: then every replica can have one. */
  function relayWithFeedsApart(tables: readonly string[]): Relay {
    for (;;) {
      const relay = play.stage.another();
      const partitions = new Set(tables.map((table) => checkpointPartition(relay.feed(table), PARTITIONS)));
      if (partitions.size === tables.length) return relay;
    }
  }

  async function tablesOf(count: number): Promise<readonly { readonly table: SmallTable; readonly name: string }[]> {
    const tables = Array.from({ length: count }, () => play.table());
    for (const { table } of tables) await table.commit({ adds: [rowsFrom(0, ROWS)] });
    return tables;
  }

  test('come and go, in the midst of versions too: nothing is lost, doubled or out of order', async () => {
    const tables = await tablesOf(4);
    const names = tables.map(({ name }) => name);
    const relay = relayWithFeedsApart(names);
    let versions = 1;
    const grow = async (): Promise<void> => {
      for (const { table } of tables) await table.commit({ adds: [rowsFrom(versions * ROWS, ROWS)] });
      versions++;
    };
    const one = start(relay, names, { forEver: true });
    await untilShared([one], 4);
    const two = start(relay, names, { forEver: true });
    await grow();
    await untilShared([one, two], 4);
    const three = start(relay, names, { forEver: true });
    await grow();
    await untilShared([one, two, three], 4);
    await grow();
    await one.stop();
    await untilShared([two, three], 4);
    await grow();
    await three.stop();
    await untilShared([two], 4);
    const last = start(relay, names);
    expect(await last.outcomes).toEqual(Object.fromEntries(names.map((name) => [name, 'done'])));
    await two.stop();
    for (const name of names) {
      const read = (await play.versions(relay, relay.topic(name))).toSorted((a, b) => a - b);
      expect(read).toEqual(Array.from({ length: versions }, (_, version) => Array<number>(ROWS).fill(version)).flat());
      const seqs = (await relay.checkpoints(name)).map(({ seq }) => seq);
      expect(seqs).toEqual(seqs.map((_, i) => i + 1));
    }
    // What is called off when a partition moves is no failure, and no news.
    for (const { heard } of [one, two, three, last]) {
      expect(heard.failures.filter(([, { code }]) => code === 'relay.bug')).toEqual([]);
      expect(heard.lines.filter((line) => line.startsWith('error '))).toEqual([]);
    }
  });

  test('that both end when current, end when all is done, whoever did it', async () => {
    const names = (await tablesOf(4)).map(({ name }) => name);
    const relay = play.stage.another();
    const done = Object.fromEntries(names.map((name) => [name, 'done']));
    const replicas = [start(relay, names), start(relay, names)];
    expect(await Promise.all(replicas.map(async ({ outcomes }) => outcomes))).toEqual([done, done]);
    for (const name of names) expect(await play.versions(relay, relay.topic(name))).toEqual(Array<number>(ROWS).fill(0));
  });

  test('count a feed that another one has parked as parked, and one that gets no further as failing', async () => {
    const [{ table: broken, name: parked }, { name: stuck }, { name: well }] = await threeTables();
    await broken.commit({ columns: { id: 'integer', ok: 'string' }, adds: [[{ id: 1, ok: 'x' }]] });
    await broken.commit({ columns: { id: 'integer', ok: 'boolean' }, adds: [[{ id: 2, ok: true }]] });
    const relay = play.stage.another();
    const names = [parked, stuck, well];
    const source: RunOptions['source'] = {
      ...play.shared.source,
      changes: async (table, range, signal) =>
        table.table === stuck
          ? sleep(Infinity, signal).then(() => Promise.reject(new Error()))
          : play.shared.source.changes(table, range, signal),
    };
    // One partition for all: the second replica has nothing, and goes by what is written.
    const one = start(relay, names, { forEver: true, checkpointPartitions: 1, source });
    await poll('a feed that is parked, and one that is done', 240_000, async () => {
      const states = new Map(one.heard.states);
      return states.get(relay.feed(parked)) === 'parked' && one.heard.published.some(({ feed }) => feed === relay.feed(well));
    });
    let ready = 0;
    const onAttempted = (): void => void ready++;
    const two = start(relay, names, { checkpointPartitions: 1, clock: fast, retryTimeoutMs: 30_000, onAttempted });
    const outcomes = await two.outcomes;
    expect(ready).toBe(1);
    expect(outcomes).toEqual({
      [parked]: expect.stringMatching(/^parked schema\.breaking: /),
      [stuck]: `failing feed.elsewhere: ${relay.feed(stuck)} belongs to another replica, and got no further for 30 s`,
      [well]: 'done',
    });
    expect(two.heard.lines.some((line) => line.startsWith('info no partition for this replica'))).toBe(true);
    await one.stop();
  });

  test('that have listed other tables give a topic to one of two feeds that would have it', async () => {
    const [{ name: low }, { name: high }] = await threeTables();
    const relay = play.stage.another();
    /** Its first listing does not have the table. */
    const blindTo = (hidden: string): RunOptions['source'] => {
      let listings = 0;
      return {
        ...play.shared.source,
        async *tables(scope, signal) {
          listings++;
          for await (const table of play.shared.source.tables(scope, signal)) if (listings > 1 || table.table !== hidden) yield table;
        },
      };
    };
    const patterns = [low, high].map((tables) => ({ tables, topic: `${relay.recipient}.same` }));
    const replicas = [low, high].map((hidden) => start(relay, [], { forEver: true, patterns, source: blindTo(hidden) }));
    const feeds = [relay.feed(low), relay.feed(high)];
    const statesOf = (feed: string): readonly string[] =>
      replicas.flatMap(({ heard }) => [...new Map(heard.states)].flatMap(([one, state]) => (one === feed ? [state] : [])));
    await poll('one that runs and one that is parked', 240_000, async () => {
      const states = feeds.map((feed) => statesOf(feed).filter((state) => state === 'running' || state === 'parked'));
      return states.flat().toSorted().join() === 'parked,running' && replicas.some(({ heard }) => heard.published.length > 0);
    });
    await Promise.all(replicas.map(async (replica) => replica.stop()));
    const published = new Set(replicas.flatMap(({ heard }) => heard.published.map(({ feed }) => feed)));
    expect(published.size).toBe(1);
    const failures = replicas.flatMap(({ heard }) => heard.failures);
    expect(failures.map(([, { code }]) => code)).toEqual(['topic.taken']);
    expect(published.has(failures[0]?.[0] ?? '')).toBe(false);
    expect((await relay.changes(`${relay.recipient}.same`)).length).toBe(ROWS);
  });

  async function threeTables(): Promise<
    readonly [{ readonly table: SmallTable; readonly name: string }, { readonly name: string }, { readonly name: string }]
  > {
    const [a, b, c] = await tablesOf(3);
    if (a === undefined || b === undefined || c === undefined) throw new Error('three tables');
    return [a, b, c];
  }
});
