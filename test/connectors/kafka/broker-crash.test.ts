import { expect, test } from 'vitest';
import { CONNECTORS } from '../../../connectors/index.ts';
import type { Claim, Publisher, TransactionalProducer } from '../../../src/ports/publisher.ts';
import { describeOwnKafka } from '../../kafka/use-kafka.ts';
import { quiet } from '../../support/quiet-telemetry.ts';
import { blockOf } from '../../support/record-blocks.ts';

const { signal } = new AbortController();
const DRIVERS = ['kafkajs', 'direct'] as const;
type Driver = (typeof DRIVERS)[number];

function open(driver: Driver, brokers: readonly string[], reachTimeoutMs = 60_000): Publisher {
  const { open: openDriver, defaults } = CONNECTORS.kafka[driver];
  return openDriver({ ...defaults, brokers, clientId: 'crash', telemetry: quiet, reachTimeoutMs });
}

await describeOwnKafka('a broker that dies', {}, (broker) => {
  test('inside a transaction leaves a claim, a tail and the questions to go on where they were, with either driver', async () => {
    const lives = await Promise.all(DRIVERS.map((driver) => live(driver, broker.brokers)));
    await broker.kill(1);
    await Promise.all(
      lives.map(async ({ first }) => {
        await expect(first.commit(2_000)).rejects.toMatchObject({ code: 'kafka.unknown' });
        await first.close();
      }),
    );
    await broker.restart(1);
    expect(await Promise.all(lives.map(({ goOn }) => goOn()))).toEqual(DRIVERS.map(() => ['before', 'last']));
  });

  test('for good is told within the time given', async () => {
    await broker.kill(1);
    const publisher = open('direct', broker.brokers, 200);
    await expect(publisher.admin.reach(signal)).rejects.toMatchObject({
      code: 'kafka.unreachable',
      message: expect.stringMatching(/^connecting to 127\.0\.0\.1:\d+: .*ECONNREFUSED/),
    });
    await publisher[Symbol.asyncDispose]();
  });
});

interface Life {
  /** With records in an open transaction. */
  readonly first: TransactionalProducer;
  /** Claims again and publishes more; what a reader has seen that was there all the time. */
  readonly goOn: () => Promise<readonly string[]>;
}

async function live(driver: Driver, brokers: readonly string[]): Promise<Life> {
  const publisher = open(driver, brokers);
  const data = `data-${driver}`;
  const checkpoints = `checkpoints-${driver}`;
  const claim = (claimValue: string): Promise<Claim> =>
    publisher.claim({ transactionalId: `${driver}.0`, topic: checkpoints, partition: 0, claimValue }, signal);
  const topic = { partitions: 1, replicationFactor: 1, config: {} };
  await publisher.admin.create(
    [
      { ...topic, topic: data },
      { ...topic, topic: checkpoints },
    ],
    signal,
  );
  const values: string[] = [];
  const tail = (async () => {
    for await (const { value } of publisher.read({ topic: data, partitions: null, untilEnd: false }, signal)) {
      values.push(Buffer.from(value ?? []).toString());
      if (values.at(-1) === 'last') return;
    }
  })();
  const { producer: first } = await claim('nonce 1');
  await first.begin();
  await first.send(data, [blockOf(0, [{ key: null, value: 'before' }])]);
  await first.commit(20_000);
  await first.begin();
  await first.send(data, [blockOf(0, [{ key: null, value: 'lost with the broker' }])]);
  return {
    first,
    async goOn() {
      const { producer: second } = await claim('nonce 2');
      await second.begin();
      await second.send(data, [blockOf(0, [{ key: null, value: 'last' }])]);
      await second.commit(20_000);
      await second.close();
      await tail;
      expect(await publisher.admin.describe(data, signal)).toMatchObject({ partitions: 1 });
      expect(await publisher.admin.config(data, signal)).toMatchObject({ 'cleanup.policy': 'delete' });
      await publisher[Symbol.asyncDispose]();
      return values;
    },
  };
}
