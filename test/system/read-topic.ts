/**
 * What a topic holds for a read_committed consumer that shares no code with the relay: kafkajs reads, and the demo's own Avro reader decodes.
 *
 * The end is found by a mark: a plain record that is sent to every partition before reading, behind whatever is committed. An open transaction would keep the mark
 * from being read, and the reading from ending.
 */
import { randomUUID } from 'node:crypto';
import type { KafkaMessage } from 'kafkajs';
import { must } from '../../src/lib/assert.ts';
import { recordReader, rowReader } from '../demo/avro-row.ts';
import type { ChangeRow } from '../demo/avro-row.ts';
import { quietKafka } from '../demo/consumer.ts';
import type { ReadChange } from '../demo/consumer.ts';
import { decoded } from '../support/said-records.ts';
import type { ReadRecord } from '../support/said-records.ts';

const END_MARK = 'end-mark';
const FRAME_BYTES = 17;

export interface TopicToRead {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly schemasTopic: string;
}

/** Every change of the topic, in order within each partition. The marks stay behind in both topics: no relay may go on in them. */
export async function readTopic(topic: TopicToRead): Promise<readonly ReadChange[]> {
  const changes: ReadChange[] = [];
  await readChanges(topic, (change) => changes.push(change));
  return changes;
}

/** The same, one by one, for topics that are too large to be held. */
export async function readChanges({ brokers, topic, schemasTopic }: TopicToRead, onChange: (change: ReadChange) => void): Promise<void> {
  const readers = new Map<string, (body: Uint8Array) => ChangeRow>();
  for (const { message } of await readAll(brokers, schemasTopic)) readers.set(String(message.key), rowReaderOf(String(message.value)));
  await readEach(brokers, topic, ({ partition, message }) => {
    const value = must(message.value, 'the value of a change');
    const guid = value.toString('hex', 1, FRAME_BYTES);
    const read = must(readers.get(guid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')), `schema ${guid}`);
    onChange({ topic, partition, offset: message.offset, ...read(value.subarray(FRAME_BYTES)) });
  });
}

/** Every record of a topic of any envelope, likewise. */
export async function readRecords({ brokers, topic, schemasTopic }: TopicToRead): Promise<readonly ReadRecord[]> {
  const readers = new Map<string, (body: Uint8Array) => Readonly<Record<string, unknown>>>();
  for (const { message } of await readAll(brokers, schemasTopic)) readers.set(String(message.key), recordReader(String(message.value)));
  const read = (bytes: Buffer | null): ReadRecord['value'] => (bytes === null ? null : decoded(bytes, readers));
  return (await readAll(brokers, topic)).map(({ partition, message }) => ({
    partition,
    offset: Number(message.offset),
    key: read(message.key),
    value: read(message.value),
  }));
}

/** The values of a topic of text, likewise. */
export async function readValues({ brokers, topic }: Pick<TopicToRead, 'brokers' | 'topic'>): Promise<readonly ReadValue[]> {
  return (await readAll(brokers, topic)).map(({ partition, message }) => ({ partition, value: String(message.value) }));
}

export interface ReadValue {
  readonly partition: number;
  readonly value: string;
}

interface Read {
  readonly partition: number;
  readonly message: KafkaMessage;
}

async function readAll(brokers: readonly string[], topic: string): Promise<readonly Read[]> {
  const read: Read[] = [];
  await readEach(brokers, topic, (record) => read.push(record));
  return read;
}

async function readEach(brokers: readonly string[], topic: string, onRecord: (record: Read) => void): Promise<void> {
  const kafka = quietKafka(brokers, 'system-reader');
  const mark = randomUUID();
  const left = await markEnds(brokers, topic, mark);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const nexts = new Map<number, number>();
  const hear = (partition: number, message: KafkaMessage): void => {
    const offset = Number(message.offset);
    // A consumer that left its group for a moment begins anew.
    if (offset < (nexts.get(partition) ?? 0)) return;
    nexts.set(partition, offset + 1);
    if (message.key?.toString() !== END_MARK) onRecord({ partition, message });
    else if (message.value?.toString() === mark && left.delete(partition) && left.size === 0) resolve();
  };
  const consumer = kafka.consumer({
    groupId: `reader-${randomUUID()}`,
    readUncommitted: false,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 100,
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) reject(payload.error);
  });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        try {
          hear(partition, message);
        } catch (error) {
          reject(error);
        }
      },
    });
    await promise;
  } finally {
    await consumer.disconnect();
  }
}

/** The partitions, each with its mark. */
async function markEnds(brokers: readonly string[], topic: string, mark: string): Promise<Set<number>> {
  const kafka = quietKafka(brokers, 'end-marker');
  const admin = kafka.admin();
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await Promise.all([admin.connect(), producer.connect()]);
  try {
    const [metadata] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics;
    const partitions = must(metadata, topic).partitions.map(({ partitionId }) => partitionId);
    for (const partition of partitions) await producer.send({ topic, acks: -1, messages: [{ partition, key: END_MARK, value: mark }] });
    return new Set(partitions);
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  }
}

function rowReaderOf(schema: string): (body: Uint8Array) => ChangeRow {
  try {
    return rowReader(schema);
  } catch {
    // The schemas topic holds key schemas too, which are no rows.
    return () => {
      throw new Error(`a change with the schema ${schema}`);
    };
  }
}
