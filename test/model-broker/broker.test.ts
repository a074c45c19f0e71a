/**
 * What the model broker says of Kafka beyond the exam of the drivers: requests that come late, coordinators that give up, compaction.
 */
import { expect, test } from 'vitest';
import { ModelBroker } from './broker.ts';
import type { LoggedRecord } from './log.ts';
import { Scheduler } from './scheduler.ts';

const TIMEOUT_MS = 30_000;

interface Stage {
  readonly broker: ModelBroker;
  /** Lets what the broker does by itself happen, for so long. */
  readonly pass: (ms: number) => Promise<void>;
  /** What a read_committed reader sees of the partition. */
  readonly read: () => readonly string[];
}

/** A broker with the topic `t` of one partition. */
function stage(): Stage {
  const scheduler = new Scheduler(() => 0);
  const clock = scheduler.clockOf(null, () => 0);
  const broker = new ModelBroker({ clock, later: (what, work) => scheduler.later(what, null, work) });
  broker.create({ topic: 't', partitions: 1, replicationFactor: 1, config: {} });
  return {
    broker,
    pass: async (ms) => {
      let isOver = false;
      scheduler.later('over', null, () => (isOver = true), ms);
      await scheduler.run(() => isOver);
    },
    read: () =>
      broker.logs('t').flatMap((log) => log.committed(0, 0).records.map(({ value }) => Buffer.from(value ?? []).toString('utf8'))),
  };
}

function record(value: string, key = 'k'): LoggedRecord {
  return { key: Buffer.from(key), value: Buffer.from(value), headers: {} };
}

test('a commit that arrives when another has claimed commits nothing', async () => {
  const { broker, pass, read } = stage();
  const first = broker.initProducer('id', TIMEOUT_MS);
  broker.produce(first, 't', 0, [record('a')]);
  expect(() => broker.initProducer('id', TIMEOUT_MS)).toThrow('not settled');
  await pass(1);
  const second = broker.initProducer('id', TIMEOUT_MS);
  broker.produce(second, 't', 0, [record('b')]);
  expect(() => broker.end(first, 'committing')).toThrow(expect.objectContaining({ code: 'kafka.fenced' }));
  expect(() => broker.produce(first, 't', 0, [record('c')])).toThrow(expect.objectContaining({ code: 'kafka.fenced' }));
  broker.end(second, 'committing');
  await pass(1);
  expect(read()).toEqual(['b']);
});

test('a commit that is decided is carried out, whoever claims then', async () => {
  const { broker, pass, read } = stage();
  const first = broker.initProducer('id', TIMEOUT_MS);
  broker.produce(first, 't', 0, [record('a')]);
  broker.end(first, 'committing');
  expect(() => broker.initProducer('id', TIMEOUT_MS)).toThrow('not settled');
  expect(read()).toEqual([]);
  await pass(1);
  broker.initProducer('id', TIMEOUT_MS);
  expect(read()).toEqual(['a']);
});

test('a transaction that stays open is aborted by its coordinator, and its producer fenced', async () => {
  const { broker, pass, read } = stage();
  const session = broker.initProducer('id', TIMEOUT_MS);
  broker.produce(session, 't', 0, [record('a')]);
  await pass(TIMEOUT_MS - 1);
  broker.produce(session, 't', 0, [record('b')]);
  await pass(2);
  expect(() => broker.end(session, 'committing')).toThrow(expect.objectContaining({ code: 'kafka.fenced' }));
  expect(broker.logs('t').map(({ stable, end }) => [stable, end])).toEqual([[3, 3]]);
  expect(read()).toEqual([]);
});

test('one that is committed in time is not given up later', async () => {
  const { broker, pass, read } = stage();
  const session = broker.initProducer('id', TIMEOUT_MS);
  broker.produce(session, 't', 0, [record('a')]);
  broker.end(session, 'committing');
  await pass(TIMEOUT_MS / 2);
  broker.produce(session, 't', 0, [record('b')]);
  await pass(TIMEOUT_MS - 1);
  broker.end(session, 'committing');
  await pass(1);
  expect(read()).toEqual(['a', 'b']);
});

test('nobody reads past the first record of an open transaction, whoever commits behind it', async () => {
  const { broker, pass, read } = stage();
  const foreign = broker.initProducer('somebody', TIMEOUT_MS);
  broker.produce(foreign, 't', 0, [record('open')]);
  const session = broker.initProducer('id', TIMEOUT_MS);
  broker.produce(session, 't', 0, [record('a')]);
  broker.end(session, 'committing');
  await pass(1);
  expect(read()).toEqual([]);
  broker.end(foreign, 'aborting');
  await pass(1);
  expect(read()).toEqual(['a']);
});

test('compaction leaves the last committed record of each key, and what is not decided', async () => {
  const { broker, pass, read } = stage();
  const session = broker.initProducer('id', TIMEOUT_MS);
  for (const [value, as] of [
    ['a1', 'committing'],
    ['a2', 'committing'],
    ['a3', 'aborting'],
  ] as const) {
    broker.produce(session, 't', 0, [record(value, 'a')]);
    broker.end(session, as);
    await pass(1);
  }
  broker.produce(session, 't', 0, [record('a4', 'a'), record('b1', 'b')]);
  for (const log of broker.logs('t')) log.compact();
  expect(read()).toEqual(['a2']);
  broker.end(session, 'committing');
  await pass(1);
  expect(read()).toEqual(['a2', 'a4', 'b1']);
});

test('a topic that was deleted and made again is another', () => {
  const { broker } = stage();
  const before = broker.describe('t')?.topicId;
  broker.intrude('t', 0, record('a'));
  broker.delete('t');
  expect(broker.describe('t')).toBe(null);
  broker.create({ topic: 't', partitions: 1, replicationFactor: 1, config: {} });
  expect(broker.describe('t')?.topicId).not.toBe(before);
  expect(broker.logs('t').map(({ end }) => end)).toEqual([0]);
});
