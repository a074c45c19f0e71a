/**
 * What a relay notices in Kafka besides its work, on a real broker: settings that change under it, transactions that hang in its topics, a checkpoint topic that grows.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import kafkajs from 'kafkajs';
import { Failure } from '../../src/model/failure.ts';
import type { Publisher, TopicAdmin } from '../../src/ports/publisher.ts';
import type { WatchedTopic } from '../../src/relay/settings.ts';
import type { KafkaWatch } from '../../src/relay/watch.ts';
import { quietKafka } from '../demo/consumer.ts';
import { describeKafka, uniqueName } from '../kafka/use-kafka.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { quiet } from '../support/quiet-telemetry.ts';
import { watchOf } from '../support/watch-of.ts';
import { openPublisher } from './in-process.ts';

const { signal } = new AbortController();
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

await describeKafka('a watch', (brokers) => {
  let publisher: Publisher;
  let admin: ReturnType<ReturnType<typeof quietKafka>['admin']>;
  beforeAll(async () => {
    publisher = openPublisher(brokers);
    admin = quietKafka(brokers, 'administrator').admin();
    await admin.connect();
  });
  afterAll(async () => {
    await admin.disconnect();
    await publisher[Symbol.asyncDispose]();
  });

  interface Watched {
    readonly watch: KafkaWatch;
    readonly clock: ManualClock;
    readonly name: string;
    readonly topic: string;
    /** `level text`. What is wrong with the cluster itself is left out: it is one for tests. */
    readonly lines: string[];
    /** By topic. */
    readonly hanging: Map<string, number | null>;
    readonly data: WatchedTopic;
  }

  /** A relay with a checkpoint topic and one data topic. */
  async function watched(look: Partial<TopicAdmin> = {}): Promise<Watched> {
    const name = uniqueName('watched');
    const topic = `${name}.t`;
    const checkpoints = {
      topic: `${name}.checkpoints`,
      partitions: 2,
      replicationFactor: -1,
      config: { 'cleanup.policy': 'compact', 'segment.ms': '3600000', 'segment.bytes': '16777216' },
    };
    await publisher.admin.create([checkpoints, { topic, partitions: 2, replicationFactor: -1, config: {} }], signal);
    const lines: string[] = [];
    const hanging = new Map<string, number | null>();
    const clock = new ManualClock();
    const log: typeof quiet.log = (level, message, fields) => {
      if (['undefined', 'data.retention'].includes(String(fields?.['rule']))) lines.push(`${level} ${message}`);
    };
    const real = publisher.admin;
    const asked: TopicAdmin = {
      reach: (off) => real.reach(off),
      describe: (one, off) => real.describe(one, off),
      create: (specs, off) => real.create(specs, off),
      config: (one, off) => real.config(one, off),
      offsets: (one, off) => real.offsets(one, off),
      firstCommitted: (one, partition, from, off) => real.firstCommitted(one, partition, from, off),
      look: (topics, off) => real.look(topics, off),
      lookAtCluster: (settings, group, off) => real.lookAtCluster(settings, group, off),
      rehearse: (spec, signal) => real.rehearse(spec, signal),
      lookAtTransactions: (id, signal) => real.lookAtTransactions(id, signal),
      tails: (topics, off) => real.tails(topics, off),
      ...look,
    };
    const telemetry = { ...quiet, log, hangingTransaction: (one: string, seconds: number | null) => void hanging.set(one, seconds) };
    const watch = watchOf({ admin: asked, telemetry, clock, name, brokers, checkpointPartitions: 2 });
    return { watch, clock, name, topic, lines, hanging, data: { role: 'data', topic, envelope: 'change', isKeyed: true, partitions: 2 } };
  }

  function hold({ watch, data }: Watched): () => void {
    return watch.hold({ checkpointPartition: 0, topics: () => [data], checkpointBytes: () => 1_000 });
  }

  /** Lets the watch run while `work` does, and gives back how it ended. */
  async function during({ watch }: Watched, work: () => Promise<void>): Promise<unknown> {
    const over = new AbortController();
    const ended = watch.keep(over.signal).catch((error: unknown) => error);
    await work();
    over.abort(OVER);
    return ended;
  }

  const alter = async (topic: string, value: string): Promise<void> => {
    const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name: 'retention.ms', value }] };
    await admin.alterConfigs({ validateOnly: false, resources: [resource] });
    while ((await publisher.admin.config(topic, signal))['retention.ms'] !== value) signal.throwIfAborted();
  };

  test('what is wrong with a topic is said when its feed opens, once, and again when it comes back', async () => {
    const one = await watched();
    const { watch, clock, topic, lines, data } = one;
    const short = [
      `warn rows leave the topic after 60 s: a consumer that is away for longer misses them: ` +
        `kafka-configs.sh --alter --topic ${topic} --add-config retention.ms=604800000 --bootstrap-server ${brokers.join(',')}`,
    ];
    await alter(topic, '60000');
    await watch.begin(signal);
    expect(lines.splice(0)).toEqual([]);
    await watch.opened([data], signal);
    await watch.opened([data], signal);
    expect(lines.splice(0)).toEqual(short);
    hold(one);
    const ended = await during(one, async () => {
      await clock.pass(2 * HOUR_MS);
      expect(lines.splice(0)).toEqual([]);
      await alter(topic, '604800000');
      await clock.pass(2 * HOUR_MS);
      await alter(topic, '60000');
      await clock.pass(MINUTE_MS);
      expect(lines.splice(0)).toEqual([]);
      await clock.pass(2 * HOUR_MS);
      expect(lines.splice(0)).toEqual(short);
    });
    expect(ended).toBe(OVER);
  });

  test("somebody's transaction that hangs in a topic is measured from the first look on, and told of once with the command that ends it", async () => {
    const one = await watched();
    const { clock, topic, lines, hanging } = one;
    const producer = quietKafka(brokers, 'foreign').producer({
      transactionalId: uniqueName('foreign'),
      idempotent: true,
      maxInFlightRequests: 1,
      transactionTimeout: 600_000,
    });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ partition: 1, value: 'hanging' }] });
    const release = hold(one);
    const ended = await during(one, async () => {
      await clock.pass(MINUTE_MS);
      expect(hanging.get(topic)).toBe(0);
      await clock.pass(MINUTE_MS);
      expect([hanging.get(topic), lines.splice(0)]).toEqual([60, []]);
      await clock.pass(MINUTE_MS);
      const tool = `kafka-transactions.sh --bootstrap-server ${brokers.join(',')}`;
      expect([hanging.get(topic), lines.splice(0)]).toEqual([
        120,
        [
          `error a transaction that begins at offset 0 of ${topic}-1 has been open for 120 s, and whoever reads committed records waits there: ` +
            `see whose it is by ${tool} find-hanging --topic ${topic} --partition 1, and if nobody is at work on it end it by ` +
            `${tool} abort --topic ${topic} --partition 1 --start-offset 0`,
        ],
      ]);
      await clock.pass(MINUTE_MS);
      expect([hanging.get(topic), lines.splice(0)]).toEqual([180, []]);
      await transaction.abort();
      await expect
        .poll(async () => (await publisher.admin.tails([topic], signal)).get(topic)?.[1])
        .toEqual({ partition: 1, end: 2, stable: 2 });
      await clock.pass(MINUTE_MS);
      expect(hanging.get(topic)).toBe(0);
      release();
      await clock.pass(MINUTE_MS);
      expect([hanging.get(topic), lines]).toEqual([null, []]);
    });
    expect(ended).toBe(OVER);
    await producer.disconnect();
  });

  test('a checkpoint topic that gains partitions ends the relay within a minute: its feeds would hash elsewhere', async () => {
    const one = await watched();
    const { watch, clock, name } = one;
    const topic = `${name}.checkpoints`;
    await watch.begin(signal);
    const running = watch.keep(signal).catch((error: unknown) => error);
    await clock.pass(MINUTE_MS);
    await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
    while ((await publisher.admin.describe(topic, signal))?.partitions !== 3) signal.throwIfAborted();
    // A partition that is new has no leader yet, and is seen a minute later.
    let ended: unknown = null;
    while (ended === null) ended = await Promise.race([clock.pass(MINUTE_MS).then(() => null), running]);
    expect(ended).toMatchObject({
      code: 'checkpoint.partitions',
      message: `topic ${topic} has 3 partitions, and relay.checkpointPartitions is 2`,
    });
  });

  test('a look that fails is no news, and is made again', async () => {
    let fails = true;
    const one = await watched({
      tails: async (topics, off) => {
        if (fails) throw new Failure('kafka.unreachable', 'no broker answers');
        return publisher.admin.tails(topics, off);
      },
    });
    const { clock, topic, lines, hanging } = one;
    hold(one);
    const ended = await during(one, async () => {
      await clock.pass(MINUTE_MS);
      expect([lines.splice(0), [...hanging]]).toEqual([['debug a look at Kafka failed'], []]);
      fails = false;
      await clock.pass(MINUTE_MS);
      expect([lines, hanging.get(topic)]).toEqual([[], 0]);
    });
    expect(ended).toBe(OVER);
  });
});

const OVER = new Error('the test is over');
