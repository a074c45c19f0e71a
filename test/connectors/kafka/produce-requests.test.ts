import { setImmediate as whateverIsDue } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openKafkajs } from '../../../connectors/kafka/kafkajs-driver.ts';
import { KAFKA_DEFAULTS } from '../../../connectors/kafka/options.ts';
import type { TransactionalProducer } from '../../../src/ports/publisher.ts';
import { freePorts } from '../../kafka/ports.ts';
import { describeOwnKafka } from '../../kafka/use-kafka.ts';
import { quiet } from '../../support/quiet-telemetry.ts';
import { blockOf } from '../../support/record-blocks.ts';
import { ProduceWatch } from './produce-watch.ts';

const { signal } = new AbortController();
const [watched] = await freePorts(1);

// kafkajs loses and doubles records of requests that hold several partitions (tulios/kafkajs#1303): the whole driver rests on this.
const properties = { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${watched}`, 'auto.create.topics.enable': 'true' };
await describeOwnKafka('on the socket', { properties }, (broker) => {
  const watch = new ProduceWatch(watched, () => Number(broker.brokers[0]?.split(':')[1]));
  const publisher = openKafkajs({ ...KAFKA_DEFAULTS, brokers: [`127.0.0.1:${watched}`], clientId: 'watched', telemetry: quiet });
  beforeAll(() => watch.open());
  beforeEach(() => {
    watch.requests.length = 0;
  });
  afterAll(async () => {
    await publisher[Symbol.asyncDispose]();
    await watch.close();
  });

  /** A broker tells of a topic before it takes records for it: the driver would send them again, and the watch see both. */
  async function create(topics: Readonly<Record<string, number>>): Promise<void> {
    const specs = Object.entries(topics).map(([topic, partitions]) => ({ topic, partitions, replicationFactor: -1, config: {} }));
    await publisher.admin.create(specs, signal);
    for (const { topic } of specs) await publisher.admin.offsets(topic, signal);
  }

  async function claim(topic: string): Promise<TransactionalProducer> {
    const { producer } = await publisher.claim({ transactionalId: `${topic}.0`, topic, partition: 0, claimValue: 'nonce' }, signal);
    return producer;
  }

  test('every Produce request holds one topic-partition and less than a megabyte, and no topic is created by naming it', async () => {
    await create({ data: 6, other: 2, checkpoints: 2 });
    const producer = await claim('checkpoints');
    await producer.begin();
    const noise = Array.from({ length: 4_000 }, (_, i) => ({ key: `k${i}`, value: 'v'.repeat(500) }));
    await producer.send('data', [...[0, 1, 2, 3, 4, 5].map((partition) => blockOf(partition, noise.slice(0, 10))), blockOf(5, noise)]);
    await producer.send('other', [blockOf(0, noise.slice(0, 2)), blockOf(1, noise.slice(0, 2))]);
    await producer.sendControl([
      { topic: 'other', partition: 1, key: 'schema', value: 'text' },
      { topic: 'checkpoints', partition: 0, key: 'feed', value: 'position' },
    ]);
    await producer.commit(20_000);
    await producer.begin();
    await expect(producer.send('typo', [blockOf(0, noise.slice(0, 1))])).rejects.toMatchObject({ code: 'kafka.rejected' });
    await producer.close();
    // This broker creates whatever a client lets it create.
    expect(await publisher.admin.describe('typo', signal)).toBe(null);

    expect(watch.requests.map((request) => request.partitions)).toEqual([
      ['checkpoints-0'],
      ...[0, 1, 2, 3, 4].map((partition) => [`data-${partition}`]),
      ...Array.from({ length: 3 }, () => ['data-5']),
      ['other-0'],
      ['other-1'],
      ['other-1'],
      ['checkpoints-0'],
    ]);
    expect(Math.max(...watch.requests.map((request) => request.bytes))).toBeLessThan(1_000_000);
  });

  test('thousands of small blocks, as of many small files, take as few requests as their bytes, and keep order and offsets', async () => {
    await create({ 'small-files': 6, 'small-checkpoints': 1 });
    const producer = await claim('small-checkpoints');
    const blocks = 20_000;
    const value = (i: number): string => `${i} ${'v'.repeat(500)}`;
    await producer.begin();
    const offsets = await producer.send(
      'small-files',
      Array.from({ length: blocks }, (_, i) => blockOf(i % 6, [{ key: null, value: value(i) }])),
    );
    await producer.commit(20_000);
    await producer.close();

    expect(offsets).toEqual(Array.from({ length: blocks }, (_, i) => Math.floor(i / 6)));
    const values: string[] = [];
    for await (const record of publisher.read({ topic: 'small-files', partitions: null, untilEnd: true }, signal)) {
      values[record.offset * 6 + record.partition] = Buffer.from(record.value ?? []).toString();
    }
    expect(values).toEqual(Array.from({ length: blocks }, (_, i) => value(i)));
    expect(watch.requests.map((request) => request.partitions)).toEqual([
      ['small-checkpoints-0'],
      ...[0, 1, 2, 3, 4, 5].flatMap((partition) => [[`small-files-${partition}`], [`small-files-${partition}`]]),
    ]);
  });

  test('a send that is given up ends when its producer is closed, and the brokers see no more of it', async () => {
    await create({ lonely: 1, 'lonely-checkpoints': 1 });
    const producer = await claim('lonely-checkpoints');
    await producer.begin();
    await producer.send('lonely', [blockOf(0, [{ key: null, value: 'first' }])]);
    await watch.close();
    const abandoned = producer.send('lonely', [blockOf(0, [{ key: null, value: 'second' }])]);
    await whateverIsDue();
    await producer.close();
    await watch.open();
    const before = watch.connections;
    await expect(abandoned).rejects.toMatchObject({
      code: 'kafka.rejected',
      message: 'sending a record to lonely-0 as lonely-checkpoints.0: the producer was closed meanwhile',
    });
    expect(watch.connections).toBe(before);
    expect(watch.requests.map((request) => request.partitions)).toEqual([['lonely-checkpoints-0'], ['lonely-0']]);
  });
});
