import { expect, test } from 'vitest';
import { openKafkajs } from '../../../connectors/kafka/kafkajs-driver.ts';
import { KAFKA_DEFAULTS } from '../../../connectors/kafka/options.ts';
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
  test('every Produce request holds one topic-partition and less than a megabyte, and no topic is created by naming it', async () => {
    const watch = new ProduceWatch(watched, () => Number(broker.brokers[0]?.split(':')[1]));
    await watch.open();
    const publisher = openKafkajs({ ...KAFKA_DEFAULTS, brokers: [`127.0.0.1:${watched}`], clientId: 'watched', telemetry: quiet });
    const spec = { replicationFactor: -1, config: {} };
    await publisher.admin.create(
      [
        { ...spec, topic: 'data', partitions: 6 },
        { ...spec, topic: 'other', partitions: 2 },
        { ...spec, topic: 'checkpoints', partitions: 2 },
      ],
      signal,
    );
    const { producer } = await publisher.claim(
      { transactionalId: 'watched.0', topic: 'checkpoints', partition: 0, claimValue: 'nonce' },
      signal,
    );
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
    await publisher[Symbol.asyncDispose]();
    await watch.close();

    expect(watch.requests.map((request) => request.partitions)).toEqual([
      ['checkpoints-0'],
      ...[0, 1, 2, 3, 4, 5].map((partition) => [`data-${partition}`]),
      ...Array.from({ length: 3 }, () => ['data-5']),
      ['other-0'],
      ['other-1'],
      ['other-1'],
      ['checkpoints-0'],
    ]);
    expect(Math.max(...watch.requests.map((request) => request.bytes))).toBeLessThan(1_000_000);
  });
});
