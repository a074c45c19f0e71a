import { expect, test } from 'vitest';
import { openKafkajs } from '../../../connectors/kafka/kafkajs-driver.ts';
import { KAFKA_DEFAULTS } from '../../../connectors/kafka/options.ts';
import type { Claim } from '../../../src/ports/publisher.ts';
import { describeOwnKafka } from '../../kafka/use-kafka.ts';
import { quiet } from '../../support/quiet-telemetry.ts';
import { blockOf } from '../../support/record-blocks.ts';

const { signal } = new AbortController();

await describeOwnKafka('a broker that dies', {}, (broker) => {
  test('inside a transaction leaves a claim, a tail and the questions to go on where they were', async () => {
    const publisher = openKafkajs({ ...KAFKA_DEFAULTS, brokers: broker.brokers, clientId: 'crash', telemetry: quiet });
    const claim = (claimValue: string): Promise<Claim> =>
      publisher.claim({ transactionalId: 'crash.0', topic: 'checkpoints', partition: 0, claimValue }, signal);
    const topic = { partitions: 1, replicationFactor: 1, config: {} };
    await publisher.admin.create(
      [
        { ...topic, topic: 'data' },
        { ...topic, topic: 'checkpoints' },
      ],
      signal,
    );
    const values: string[] = [];
    const tail = (async () => {
      for await (const { value } of publisher.read({ topic: 'data', partitions: null, untilEnd: false }, signal)) {
        values.push(Buffer.from(value ?? []).toString());
        if (values.at(-1) === 'last') return;
      }
    })();

    const first = await claim('nonce 1');
    await first.producer.begin();
    await first.producer.send('data', [blockOf(0, [{ key: null, value: 'before' }])]);
    await first.producer.commit(20_000);
    await first.producer.begin();
    await first.producer.send('data', [blockOf(0, [{ key: null, value: 'lost with the broker' }])]);
    await broker.kill(1);
    await expect(first.producer.commit(2_000)).rejects.toMatchObject({ code: 'kafka.unknown' });
    await first.producer.close();
    await broker.restart(1);

    const second = await claim('nonce 2');
    await second.producer.begin();
    await second.producer.send('data', [blockOf(0, [{ key: null, value: 'last' }])]);
    await second.producer.commit(20_000);
    await second.producer.close();
    await tail;
    expect(values).toEqual(['before', 'last']);
    expect(await publisher.admin.describe('data', signal)).toMatchObject({ partitions: 1 });
    expect(await publisher.admin.config('data', signal)).toMatchObject({ 'cleanup.policy': 'delete' });
    await publisher[Symbol.asyncDispose]();
  });

  test('for good is told within the time given', async () => {
    await broker.kill(1);
    const publisher = openKafkajs({ ...KAFKA_DEFAULTS, brokers: broker.brokers, clientId: 'crash', telemetry: quiet, reachTimeoutMs: 200 });
    await expect(publisher.admin.reach(signal)).rejects.toMatchObject({
      code: 'kafka.unreachable',
      message: expect.stringMatching(/^connecting to 127\.0\.0\.1:\d+: .*ECONNREFUSED/),
    });
    await publisher[Symbol.asyncDispose]();
  });
});
