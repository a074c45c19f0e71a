/**
 * What happens to the topic of a feed while the feed runs: it is noticed within the hour, or with the next rows, and parks the feed until somebody has looked.
 */
import { randomBytes } from 'node:crypto';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { must } from '../../src/lib/assert.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { Publisher, TopicAdmin } from '../../src/ports/publisher.ts';
import { acceptCheckpoint } from '../../src/relay/checkpoint.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { Step, failingPublisher } from './failing.ts';
import { listener } from './in-process.ts';
import type { Relay, RunOptions } from './in-process.ts';
import { Playground } from './playground.ts';
import { rowsFrom } from './small-table.ts';
import type { SmallTable } from './small-table.ts';

const HOUR_MS = 3_600_000;

await describeKafka('a topic that changes under a feed that runs', (brokers) => {
  let play: Playground;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());

  /** Goes on as it should from later on, as often as it is told to. */
  class SkippingClock implements Clock {
    #skippedMs = 0;

    skip(ms: number): void {
      this.#skippedMs += ms;
    }

    now(): number {
      return systemClock.now() + this.#skippedMs;
    }

    async sleep(ms: number, signal: AbortSignal): Promise<void> {
      return systemClock.sleep(ms, signal);
    }

    random(): number {
      return 0;
    }
  }

  interface Running {
    readonly relay: Relay;
    readonly name: string;
    readonly topic: string;
    readonly table: SmallTable;
    readonly clock: SkippingClock;
    /** The one that has rows. */
    readonly partition: number;
    /** The `code: message` that parks the feed. */
    readonly parked: Promise<string>;
    /** Resolves when every version below `position` is published. */
    readonly published: (position: number) => Promise<string>;
    readonly stop: () => Promise<void>;
  }

  /** A feed that has published versions 0 and 1 and waits for more; `publisher` wraps the real one. */
  async function running(publisher: (real: Publisher) => Publisher = (real) => real): Promise<Running> {
    const { table, name } = play.table();
    for (const first of [1, 5]) await table.commit({ adds: [rowsFrom(first, 4)] });
    const relay = play.stage.another();
    const clock = new SkippingClock();
    const stopping = new AbortController();
    const reached = [0, 1, 2, 3].map(() => Promise.withResolvers<string>());
    const parked = Promise.withResolvers<string>();
    const { telemetry, failures } = listener();
    const published = (position: number): Promise<string> => must(reached[position], 'a position').promise;
    const options: RunOptions = {
      feeds: [{ table: name }],
      source: play.shared.source,
      publisher: publisher(relay.publisher),
      clock,
      forEver: true,
      stopping: stopping.signal,
      telemetry: {
        ...telemetry,
        published: ({ position }) => reached[position]?.resolve(`published ${position}`),
        failed: (feed, failure) => failures.push([feed, failure]),
        feedState: (_feed, state) => {
          if (state !== 'parked') return;
          const [, { code, message }] = must(failures.at(-1), 'what parks it');
          parked.resolve(`${code}: ${message}`);
        },
      },
    };
    const run = relay.run(options);
    await published(2);
    const { open } = await relay.checkpoint(name);
    const [partition = '0'] = Object.entries(open?.nextOffsets ?? {}).find(([, next]) => next > 0) ?? [];
    const stop = async (): Promise<void> => {
      stopping.abort(new Error('stop'));
      await run;
    };
    return { relay, name, topic: relay.topic(name), table, clock, partition: Number(partition), parked: parked.promise, published, stop };
  }

  async function remove(topic: string): Promise<void> {
    await play.administer(async (admin) => {
      await admin.deleteTopics({ topics: [topic] });
      while ((await admin.listTopics()).includes(topic)) await admin.listTopics();
    });
  }

  test('a topic that was deleted and made again parks its feed within the hour', async () => {
    const { topic, clock, parked, stop } = await running();
    await remove(topic);
    await play.administer(async (admin) => admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true }));
    clock.skip(HOUR_MS);
    expect(await parked).toMatch(/^topic\.recreated: topic \S+ was deleted and made again: its id is .{22}, and was .{22}$/);
    await stop();
  });

  test('a topic that was deleted parks its feed within the hour, though no row comes', async () => {
    const { topic, clock, parked, stop } = await running();
    await remove(topic);
    clock.skip(HOUR_MS);
    expect(await parked).toMatch(/^topic\.recreated: /);
    await stop();
  });

  test("somebody else's record parks the feed within the hour", async () => {
    const { topic, clock, parked, partition, stop } = await running();
    await play.intrude(topic, partition);
    clock.skip(HOUR_MS);
    expect(await parked).toMatch(
      new RegExp(`^topic\\.foreign: partition ${partition} of ${topic} holds a record at \\d+ that is not the relay's$`),
    );
    await stop();
  });

  test('a topic that ends before what was acknowledged parks the feed within the hour', async () => {
    let isCut = false;
    const { topic, clock, parked, stop } = await running((real) => {
      const offsets: TopicAdmin['offsets'] = async (asked, signal) =>
        (await real.admin.offsets(asked, signal)).map(({ start, end }) => ({ start, end: isCut ? start : end }));
      return { ...failingPublisher(real, new Step(0)), admin: { ...failingPublisher(real, new Step(0)).admin, offsets } };
    });
    isCut = true;
    clock.skip(HOUR_MS);
    expect(await parked).toMatch(new RegExp(`^topic\\.lost: partition [01] of ${topic} ends at 0, and 8 was acknowledged$`));
    await stop();
  });

  test("somebody else's record between our own parks the feed behind its version, until it is accepted", async () => {
    const { relay, name, topic, table, parked, partition, stop } = await running();
    await play.intrude(topic, partition);
    await table.commit({ adds: [rowsFrom(9, 2)] });
    const told = await parked;
    expect(told).toMatch(
      new RegExp(`^topic\\.foreign: partition ${partition} of ${topic} holds a record at \\d+ that is not the relay's$`),
    );
    await stop();
    expect(await relay.checkpoint(name)).toMatchObject({ state: 'parked', position: { version: 3 } });
    // Its own records are the last of the topic by now: it does not go on by itself for all that.
    expect(await play.outcome(relay, { table: name })).toBe(`parked ${told}`);
    await relay.operate(name, acceptCheckpoint);
    await table.commit({ adds: [rowsFrom(11, 2)] });
    expect(await play.outcome(relay, { table: name })).toBe('done');
    expect(await relay.checkpoint(name)).toMatchObject({ state: 'running', position: { version: 4 } });
  });

  test('a topic that takes less than it did is sent less at a time, and nobody is called', async () => {
    const { relay, name, topic, table, parked, published, stop } = await running();
    const resource = {
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name: topic,
      configEntries: [{ name: 'max.message.bytes', value: '20000' }],
    };
    await play.administer(async (admin) => {
      await admin.alterConfigs({ validateOnly: false, resources: [resource] });
    });
    const { signal } = new AbortController();
    while ((await relay.publisher.admin.config(topic, signal))['max.message.bytes'] !== '20000') signal.throwIfAborted();
    // Hexadecimal digits at random are packed to half at best: more than the topic takes at once.
    const rows = Array.from({ length: 60 }, (_, i) => ({ id: 100 + i, name: randomBytes(1_000).toString('hex') }));
    await table.commit({ adds: [rows] });
    expect(await Promise.race([parked, published(3)])).toBe('published 3');
    await stop();
    expect((await play.versions(relay, topic)).filter((version) => version === 2).length).toBe(60);
    expect(await relay.checkpoint(name)).toMatchObject({ state: 'running', position: { version: 3 } });
  });

  test('what an aborted transaction of our own left between our records is nobody’s', async () => {
    const { table, name } = play.table();
    for (const first of [1, 5, 9]) await table.commit({ adds: [rowsFrom(first, 4)] });
    const relay = play.stage.another();
    // The claim's own transaction is the first, the resolved start the second.
    const publisher = failingPublisher(relay.publisher, new Step(4, 'before', 'kafka.unknown', 'commit'));
    expect(await play.outcome(relay, { table: name }, { publisher, chunk: { timeMs: 0 } })).toBe('done');
    expect(await play.versions(relay, relay.topic(name))).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
  });
});
