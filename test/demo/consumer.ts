/**
 * A consumer such as any team would write: plain kafkajs, `read_committed`, Avro schemas from the recipient's schemas topic by the GUID that stands before each
 * body (0x01 + 16 bytes). It uses nothing of the relay.
 */
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import type { Consumer, Kafka } from 'kafkajs';
import { assert, must } from '../../src/lib/assert.ts';
import { rowReader } from './avro-row.ts';
import type { ChangeRow } from './avro-row.ts';

export interface ReadChange extends ChangeRow {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

export interface ConsumerOptions {
  readonly brokers: readonly string[];
  /** Its groups are `<name>-changes` and `<name>-schemas`. */
  readonly name: string;
  readonly topics: readonly string[];
  readonly schemasTopic: string;
  /** Called for every change, in order within each partition. */
  readonly onChange: (change: ReadChange) => void;
  /** Called once if reading ends by itself. */
  readonly onFailure: (error: Error) => void;
}

kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
  compress: (encoder: { readonly buffer: Buffer }) => promisify(zstdCompress)(encoder.buffer),
  decompress: (buffer: Buffer) => promisify(zstdDecompress)(buffer),
});

/** Resolves when it has joined; the topics must exist. */
export async function startConsumer(options: ConsumerOptions): Promise<AsyncDisposable> {
  const kafka = quietKafka(options.brokers, options.name);
  const readers = new Map<string, PromiseWithResolvers<(body: Uint8Array) => ChangeRow>>();
  const readerOf = (guid: string): PromiseWithResolvers<(body: Uint8Array) => ChangeRow> => {
    const reader = readers.get(guid) ?? Promise.withResolvers();
    readers.set(guid, reader);
    return reader;
  };
  const schemas = consumerOf(kafka, `${options.name}-schemas`, options.onFailure);
  const changes = consumerOf(kafka, `${options.name}-changes`, options.onFailure);
  await Promise.all([schemas.connect(), changes.connect()]);
  await schemas.subscribe({ topics: [options.schemasTopic], fromBeginning: true });
  await changes.subscribe({ topics: [...options.topics], fromBeginning: true });
  await schemas.run({
    autoCommit: false,
    eachMessage: async ({ message }) => {
      if (message.key !== null && message.value !== null) readerOf(message.key.toString()).resolve(rowReader(message.value.toString()));
    },
  });
  await changes.run({
    autoCommit: false,
    eachMessage: async ({ topic, partition, message }) => {
      const value = must(message.value, 'the value of a change');
      assert(value[0] === 0x01, 'a GUID before the Avro body');
      const read = await readerOf(guidText(value.subarray(1, 17))).promise;
      options.onChange({ topic, partition, offset: message.offset, ...read(value.subarray(17)) });
    },
  });
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all([schemas.disconnect(), changes.disconnect()]);
    },
  };
}

/** A client that says nothing on its own. */
export function quietKafka(brokers: readonly string[], clientId: string): Kafka {
  return new kafkajs.Kafka({
    clientId,
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 100, retries: 8 },
  });
}

function consumerOf(kafka: Kafka, groupId: string, onFailure: (error: Error) => void): Consumer {
  const consumer = kafka.consumer({
    groupId,
    readUncommitted: false,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 200,
    sessionTimeout: 10_000,
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) onFailure(payload.error);
  });
  return consumer;
}

function guidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
