/**
 * Failures that pass: what fails is tried again with a backoff of its own, and takes nobody with it (DESIGN §3.4).
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { orAbort, sleep } from '../../src/lib/abort.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Publisher } from '../../src/ports/publisher.ts';
import type { Source } from '../../src/ports/source.ts';
import { poll } from '../kafka/probe.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { listener } from './in-process.ts';
import { Playground } from './playground.ts';
import { sendingAfter } from './sending-after.ts';
import { rowsFrom } from './small-table.ts';

await describeKafka('a feed that keeps failing', (brokers) => {
  let play: Playground;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());

  async function tableOf(versions: number): Promise<string> {
    const { table, name } = play.table();
    for (let version = 0; version < versions; version++) await table.commit({ adds: [rowsFrom(version * 10, 2)] });
    return name;
  }

  /** Records the waits of backoffs, and makes them a tenth as long. */
  function recording(waits: number[]): Clock {
    return {
      ...systemClock,
      random: () => 0.99,
      sleep: async (ms, signal) => {
        // A transaction keeps the time that it has.
        if (ms === 20_000) return sleep(ms, signal);
        if (ms < 30_000) waits.push(ms);
        return sleep(ms / 10, signal);
      },
    };
  }

  test('in its transactions leaves the rotation for longer and longer, while the other publishes', async () => {
    const [bad, worse, good] = [await tableOf(1), await tableOf(1), await tableOf(12)];
    const relay = play.stage.another();
    const heard = listener();
    const publisher = sendingAfter(relay.publisher, async (topic) => {
      if (topic === relay.topic(bad) || topic === relay.topic(worse)) throw new Failure('kafka.rejected', 'the broker does not take it');
    });
    // The good one takes longer to begin than the bad ones, one after the other, to be given up, and loses its claim again and again.
    const slowness: Readonly<Record<string, number>> = { [worse]: 300, [good]: 800 };
    const source: Source = {
      ...play.shared.source,
      latestVersion: async (table, signal) => {
        await sleep(slowness[table.table] ?? 0, signal);
        return play.shared.source.latestVersion(table, signal);
      },
    };
    const waits: number[] = [];
    const outcomes = await relay.outcomes({
      source,
      feeds: [{ table: bad }, { table: worse }, { table: good }],
      publisher,
      chunk: { timeMs: 0 },
      clock: recording(waits),
      retryTimeoutMs: 400,
      telemetry: heard.telemetry,
    });
    const refused = 'failing kafka.rejected: the broker does not take it';
    expect(outcomes).toEqual({ [bad]: refused, [worse]: refused, [good]: 'done' });
    expect((await play.versions(relay, relay.topic(good))).length).toBe(24);
    expect(await play.versions(relay, relay.topic(bad))).toEqual([]);
    expect(new Set(heard.failures.map(([feed]) => feed))).toEqual(new Set([relay.feed(bad), relay.feed(worse)]));
    expect(waits).toEqual(expect.arrayContaining([990, 1_980]));
  });

  test('in a transaction that hangs holds the others up until its deadline, and leaves the rotation too', async () => {
    const [hung, good] = [await tableOf(1), await tableOf(6)];
    const relay = play.stage.another();
    const heard = listener();
    const hanging = { since: Promise.withResolvers<void>() };
    const publisher = sendingAfter(relay.publisher, async (topic) => {
      if (topic !== relay.topic(hung)) return;
      hanging.since.resolve();
      await new Promise<never>(() => {});
    });
    const waits: number[] = [];
    const clock: Clock = {
      ...recording(waits),
      // The deadline of a transaction comes as soon as one hangs, and never for the others.
      sleep: async (ms, signal) => {
        if (ms !== 20_000) return recording(waits).sleep(ms, signal);
        await orAbort(hanging.since.promise, signal);
        hanging.since = Promise.withResolvers();
      },
    };
    const feeds = [{ table: hung }, { table: good }];
    const run = { source: play.shared.source, feeds, publisher, chunk: { timeMs: 0 }, clock, retryTimeoutMs: 100 };
    const outcomes = await relay.outcomes({ ...run, telemetry: heard.telemetry });
    expect(outcomes).toEqual({ [hung]: expect.stringContaining('failing kafka.unknown: a transaction of'), [good]: 'done' });
    expect((await play.versions(relay, relay.topic(good))).length).toBe(12);
    expect(new Set(heard.failures.map(([feed]) => feed))).toEqual(new Set([relay.feed(hung)]));
    expect(waits).toContain(990);
  });

  test('for its credential is tried again as soon as there is another', async () => {
    const name = await tableOf(2);
    const relay = play.stage.another();
    const heard = listener();
    const renewal = Promise.withResolvers<void>();
    let isRenewed = false;
    const source: Source = {
      ...play.shared.source,
      latestVersion: async (table, signal) => {
        if (!isRenewed) throw new Failure('provider.unauthorized', 'the token has expired');
        return play.shared.source.latestVersion(table, signal);
      },
      credentialRenewed: async (signal) => orAbort(renewal.promise, signal),
    };
    const stopping = new AbortController();
    const run = relay.run({ source, feeds: [{ table: name }], forEver: true, stopping: stopping.signal, telemetry: heard.telemetry });
    await poll('the feed to be parked', 60_000, async () => heard.failures.length > 0);
    isRenewed = true;
    renewal.resolve();
    await poll('both versions', 60_000, async () => heard.published.length > 0);
    stopping.abort(new Error('the test is over'));
    await run;
    expect(new Set(await play.versions(relay, relay.topic(name)))).toEqual(new Set([0, 1]));
  });

  test('for its provider backs off to a minute, and is not examined again under the same claim', async () => {
    const name = await tableOf(3);
    const relay = play.stage.another();
    expect(await relay.outcomes({ source: play.shared.source, feeds: [{ table: name }] })).toEqual({ [name]: 'done' });
    let failures = 0;
    const source: Source = {
      ...play.shared.source,
      latestVersion: async (table, signal) => {
        failures++;
        if (failures < 9) throw new Failure('provider.unreachable', 'it is down', failures === 3 ? { retryAfterMs: 7_777 } : {});
        return play.shared.source.latestVersion(table, signal);
      },
    };
    let looks = 0;
    const { admin } = relay.publisher;
    const publisher: Publisher = {
      claim: (request, signal) => relay.publisher.claim(request, signal),
      read: (request, signal) => relay.publisher.read(request, signal),
      admin: {
        reach: (signal) => admin.reach(signal),
        describe: (topic, signal) => admin.describe(topic, signal),
        create: (specs, signal) => admin.create(specs, signal),
        config: (topic, signal) => admin.config(topic, signal),
        firstCommitted: (topic, partition, from, signal) => admin.firstCommitted(topic, partition, from, signal),
        look: (topics, signal) => admin.look(topics, signal),
        lookAtCluster: (settings, group, signal) => admin.lookAtCluster(settings, group, signal),
        rehearse: (spec, signal) => admin.rehearse(spec, signal),
        lookAtTransactions: (id, signal) => admin.lookAtTransactions(id, signal),
        tails: (topics, signal) => admin.tails(topics, signal),
        offsets: async (topic, signal) => {
          looks++;
          return admin.offsets(topic, signal);
        },
      },
      [Symbol.asyncDispose]: async () => {},
    };
    const waits: number[] = [];
    const clock: Clock = {
      ...systemClock,
      random: () => 0.99,
      sleep: async (ms, signal) => {
        // The waiting of the claim and for the group, and a transaction's bound, are no backoff.
        if (ms === 60_000 || ms === 30_000 || ms === 20_000 || ms < 100) return sleep(ms, signal);
        waits.push(ms);
      },
    };
    expect(await relay.outcomes({ source, publisher, clock, feeds: [{ table: name }] })).toEqual({ [name]: 'done' });
    expect(waits).toEqual([990, 1_980, 7_777, 7_920, 15_840, 31_680, 59_400, 59_400]);
    expect(looks).toBe(1);
  });

  test('keeps in its checkpoint every column that it has published', async () => {
    const { table, name } = play.table({ id: 'integer', name: 'string' });
    await table.commit({ adds: [rowsFrom(1, 1)] });
    await table.commit({ columns: { id: 'integer', name: 'string', qty: 'integer' }, adds: [[{ id: 2, name: 'b', qty: 3 }]] });
    const relay = play.stage.another();
    const run = { source: play.shared.source, feeds: [{ table: name }] };
    expect(await relay.outcomes(run)).toEqual({ [name]: 'done' });
    await table.commit({ columns: { id: 'long', qty: 'integer' }, adds: [[{ id: 3, qty: 4 }]] });
    expect(await relay.outcomes(run)).toEqual({ [name]: 'done' });
    expect((await relay.checkpoint(name)).columns).toEqual({
      id: { identity: 'id', type: 'long' },
      name: { identity: 'name', type: 'string', dropped: true },
      qty: { identity: 'qty', type: 'integer' },
    });
    // A column that comes back is judged by what is still in the topic.
    await table.commit({ columns: { id: 'long', name: 'boolean' }, adds: [[{ id: 4, name: true }]] });
    const said = (await relay.outcomes(run))[name];
    expect(said).toBe('parked schema.breaking: version 3 changes the type of column name from string to boolean');
  });
});
