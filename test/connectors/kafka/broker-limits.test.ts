/**
 * Brokers that forget producers, and end transactions, sooner than is good: every driver tells of it in words, and goes on by another claim.
 */
import { describeTransactionsV0 } from '@platformatic/kafka';
import { afterAll, expect, test } from 'vitest';
import { openDirect } from '../../../connectors/kafka/direct-driver.ts';
import { reasonOf } from '../../../connectors/kafka/kafka-failure.ts';
import { openKafkajs } from '../../../connectors/kafka/kafkajs-driver.ts';
import { KAFKA_DEFAULTS } from '../../../connectors/kafka/options.ts';
import { Wire } from '../../../connectors/kafka/wire.ts';
import { must } from '../../../src/lib/assert.ts';
import type { Claim, Publisher, TransactionalProducer } from '../../../src/ports/publisher.ts';
import { describeOwnKafka } from '../../kafka/use-kafka.ts';
import { quiet } from '../../support/quiet-telemetry.ts';
import { blockOf } from '../../support/record-blocks.ts';

const { signal } = new AbortController();
const COMMIT_MS = 10_000;
const TRANSACTIONAL_ID_NOT_FOUND = 105;
const POLL = { timeout: 30_000 };
/** Long for what a test does in the meantime, and short to wait for. */
const SHORT_MS = 5_000;
const PROPERTIES = {
  'transaction.max.timeout.ms': '20000',
  'transactional.id.expiration.ms': String(SHORT_MS),
  'transaction.remove.expired.transaction.cleanup.interval.ms': '200',
};
const REFUSED = { code: expect.stringMatching(/^kafka\.(?:fenced|rejected|unknown)$/) };
const NAMES = ['direct', 'kafkajs'] as const;
type Driver = (typeof NAMES)[number];
const DRIVERS = { direct: openDirect, kafkajs: openKafkajs } as const;

await describeOwnKafka('brokers of short memory', { properties: PROPERTIES }, ({ brokers }) => {
  const wire = new Wire({ brokers, tls: null, sasl: null, clientId: 'onlooker' });
  const opened: Publisher[] = [];
  afterAll(async () => {
    for (const one of opened) await one[Symbol.asyncDispose]();
    await wire.close();
  });

  function open(driver: Driver, transactionTimeoutMs: number): Publisher {
    const publisher = DRIVERS[driver]({ ...KAFKA_DEFAULTS, transactionTimeoutMs, brokers, clientId: driver, telemetry: quiet });
    opened.push(publisher);
    return publisher;
  }

  /** One topic holds both checkpoints and data. */
  async function topicOf(publisher: Publisher, name: string): Promise<string> {
    await publisher.admin.create([{ topic: name, partitions: 2, replicationFactor: -1, config: {} }], signal);
    return name;
  }

  const claim = (publisher: Publisher, topic: string, claimValue: string): Promise<Claim> =>
    publisher.claim({ transactionalId: `${topic}.0`, topic, partition: 0, claimValue }, signal);

  async function committed(publisher: Publisher, topic: string): Promise<readonly string[]> {
    const values: string[] = [];
    for await (const { value } of publisher.read({ topic, partitions: [1], untilEnd: true }, signal)) {
      values.push(Buffer.from(value ?? []).toString());
    }
    return values;
  }

  const send = (producer: TransactionalProducer, topic: string, value: string): Promise<unknown> =>
    producer.send(topic, [blockOf(1, [{ key: null, value }])]);

  /** Another claim commits a value, and finds nothing else that is. */
  async function succeed(publisher: Publisher, topic: string): Promise<void> {
    const { producer, records } = await claim(publisher, topic, 'nonce 2');
    expect(records).toEqual(new Map([['\0claim', 'nonce 2']]));
    await producer.begin();
    await send(producer, topic, 'after');
    await producer.commit(COMMIT_MS);
    expect(await committed(publisher, topic)).toEqual(['after']);
    await producer.close();
  }

  /** Whether the coordinator knows the transactional id. */
  async function isKnown(transactionalId: string): Promise<boolean> {
    try {
      await wire.ask(null, (connection) => describeTransactionsV0.api.async(connection, [transactionalId]), signal);
      return true;
    } catch (error) {
      if (reasonOf(error).code === TRANSACTIONAL_ID_NOT_FOUND) return false;
      throw error;
    }
  }

  async function isSettled(publisher: Publisher, topic: string): Promise<boolean> {
    const { stable, end } = must((await publisher.admin.tails([topic], signal)).get(topic)?.[1], 'the partition');
    return stable === end;
  }

  test.each(NAMES)('%s: a transaction may not take as long as is asked for, and the claim says so', async (driver) => {
    const publisher = open(driver, 30_000);
    const topic = await topicOf(publisher, `${driver}-too-long`);
    await expect(claim(publisher, topic, 'nonce')).rejects.toMatchObject({
      code: 'kafka.transaction_timeout',
      message: `claiming as ${topic}.0: the brokers allow no transaction to take as long as the relay asks for`,
    });
  });

  // These wait for the brokers: all of them at one time.
  test.concurrent('a producer that was forgotten is refused, and its successor goes on', async () => {
    const forgotten = async (driver: Driver): Promise<void> => {
      const publisher = open(driver, 10_000);
      const topic = await topicOf(publisher, `${driver}-forgotten`);
      const { producer } = await claim(publisher, topic, 'nonce 1');
      await expect.poll(() => isKnown(`${topic}.0`), POLL).toBe(false);
      await producer.begin();
      await expect(send(producer, topic, 'lost').then(() => producer.commit(COMMIT_MS))).rejects.toMatchObject(REFUSED);
      await producer.close();
      await succeed(publisher, topic);
    };
    await Promise.all(NAMES.map(forgotten));
  });

  test.concurrent('a transaction that its coordinator has ended is not committed, and its successor goes on', async () => {
    const ended = async (driver: Driver): Promise<void> => {
      const publisher = open(driver, SHORT_MS);
      const topic = await topicOf(publisher, `${driver}-ended`);
      const { producer } = await claim(publisher, topic, 'nonce 1');
      await producer.begin();
      await send(producer, topic, 'late');
      await expect.poll(() => isSettled(publisher, topic), POLL).toBe(true);
      await expect(producer.commit(COMMIT_MS)).rejects.toMatchObject(REFUSED);
      await producer.close();
      await succeed(publisher, topic);
    };
    await Promise.all(NAMES.map(ended));
  });
});
