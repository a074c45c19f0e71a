/**
 * The messages of a transactional producer, each in the one version that the brokers of both kinds speak: those that finalised `transaction.version` 2 (Kafka 4), and
 * those before (https://kafka.apache.org/protocol.html). Answers are given as they are: what a code means is for the asker to say. Of Produce and EndTxn the version
 * itself chooses the protocol: from 12 and 5 on it is transactions version 2 (KIP-890). AddPartitionsToTxn has none above 3 here: those are for brokers alone.
 */
import { Writer, createAPI } from '@platformatic/kafka';
import type { API, Reader } from '@platformatic/kafka';
import { Answer } from './direct-answer.ts';
import type { BrokerAddress } from './connections.ts';

export interface Throttled {
  /** How long the broker wants to be left alone (KIP-219). */
  readonly throttleMs: number;
}

export interface Outcome extends Throttled {
  readonly code: number;
}

/** Of a producer: under which number, and in which of its lives, it writes. */
export interface ProducerEpoch {
  readonly producerId: bigint;
  readonly epoch: number;
}

/** The version of transactions that is spoken (KIP-890). */
export type Transactions = 1 | 2;

const NO_EPOCH: ProducerEpoch = { producerId: -1n, epoch: -1 };
const NO_TOPIC_ID = Buffer.alloc(16);
const TRANSACTION_COORDINATOR = 1;
const ALL_IN_SYNC = -1;
const FINALIZED_FEATURES = 2;

/** The version of transactions that the cluster has finalised; 0 = it knows of none. */
export const apiVersions: API<[], Outcome & { readonly transactionVersion: number }> = createAPI(
  18,
  3,
  () => Writer.create().appendString('cdf-relay').appendString('1').appendTaggedFields(),
  (_id, _key, _version, reader: Reader) => {
    const answer = Answer.of(reader);
    const code = answer.int16();
    // A broker that does not know this version answers in that of version 0.
    if (code !== 0) return { code, throttleMs: 0, transactionVersion: 0 };
    answer.list(() => {
      answer.skip(6);
      answer.tags();
    });
    const throttleMs = answer.int32();
    let transactionVersion = 0;
    answer.tags((tag, field) => {
      if (tag !== FINALIZED_FEATURES) return;
      field.list(() => {
        const name = field.text();
        const level = field.int16();
        field.skip(2);
        field.tags();
        if (name === 'transaction.version') transactionVersion = level;
      });
    });
    return { code, throttleMs, transactionVersion };
  },
  true,
  // The one answer whose header has no tagged fields, so that every client can read it.
  false,
);

export const findCoordinator: API<[transactionalId: string], Outcome & { readonly coordinator: BrokerAddress | null }> = createAPI(
  10,
  4,
  (transactionalId: string) =>
    Writer.create()
      .appendInt8(TRANSACTION_COORDINATOR)
      .appendArray([transactionalId], (w, id) => w.appendString(id), true, false)
      .appendTaggedFields(),
  (_id, _key, _version, reader: Reader) => {
    const answer = Answer.of(reader);
    const throttleMs = answer.int32();
    const found = answer.list(() => {
      answer.text();
      answer.int32();
      const coordinator = { host: answer.text() ?? '', port: answer.int32() };
      const code = answer.int16();
      answer.text();
      answer.tags();
      return { code, coordinator };
    });
    const [first] = found;
    if (first === undefined) throw new Error('the answer cannot be read: it names no coordinator');
    return { throttleMs, ...first };
  },
);

/** `before` is null for a claim, which fences whoever had the id; a producer that only wants its next epoch names the one it has, and is refused if it is not the last. */
export const initProducerId: API<
  [transactionalId: string, timeoutMs: number, before: ProducerEpoch | null],
  Outcome & { readonly given: ProducerEpoch }
> = createAPI(
  22,
  4,
  (transactionalId: string, timeoutMs: number, before: ProducerEpoch | null) => {
    const { producerId, epoch } = before ?? NO_EPOCH;
    return Writer.create()
      .appendString(transactionalId)
      .appendInt32(timeoutMs)
      .appendInt64(producerId)
      .appendInt16(epoch)
      .appendTaggedFields();
  },
  (_id, _key, _version, reader: Reader) => {
    const answer = Answer.of(reader);
    return { throttleMs: answer.int32(), code: answer.int16(), given: epochOf(answer) };
  },
);

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface PartitionCode extends TopicPartition {
  readonly code: number;
}

export const addPartitions: API<
  [transactionalId: string, epoch: ProducerEpoch, partitions: readonly TopicPartition[]],
  Throttled & { readonly partitions: readonly PartitionCode[] }
> = createAPI(
  24,
  3,
  (transactionalId: string, { producerId, epoch }: ProducerEpoch, partitions: readonly TopicPartition[]) =>
    Writer.create()
      .appendString(transactionalId)
      .appendInt64(producerId)
      .appendInt16(epoch)
      .appendArray(byTopic(partitions), (w, [topic, some]) => {
        w.appendString(topic).appendArray(some, (each, { partition }) => each.appendInt32(partition), true, false);
      })
      .appendTaggedFields(),
  (_id, _key, _version, reader: Reader) => {
    const answer = Answer.of(reader);
    const throttleMs = answer.int32();
    const topics = answer.list(() => {
      const topic = answer.text() ?? '';
      const partitions = answer.list(() => {
        const result = { topic, partition: answer.int32(), code: answer.int16() };
        answer.tags();
        return result;
      });
      answer.tags();
      return partitions;
    });
    return { throttleMs, partitions: topics.flat() };
  },
);

type EndTxn = API<[transactionalId: string, epoch: ProducerEpoch, isCommit: boolean], Outcome & { readonly next: ProducerEpoch | null }>;

/** `next` is the epoch of the next transaction; null = it stays. */
export const endTxn: Readonly<Record<Transactions, EndTxn>> = { 1: endTxnApi(3), 2: endTxnApi(5) };

function endTxnApi(version: 3 | 5): EndTxn {
  return createAPI(
    26,
    version,
    (transactionalId: string, { producerId, epoch }: ProducerEpoch, isCommit: boolean) =>
      Writer.create().appendString(transactionalId).appendInt64(producerId).appendInt16(epoch).appendBoolean(isCommit).appendTaggedFields(),
    (_id, _key, _version, reader: Reader) => {
      const answer = Answer.of(reader);
      return { throttleMs: answer.int32(), code: answer.int16(), next: version === 5 ? epochOf(answer) : null };
    },
  );
}

export interface PartitionBatch extends TopicPartition {
  /** A whole record batch, in pieces. */
  readonly batch: { readonly pieces: readonly Buffer[]; readonly bytes: number };
}

export interface Appended extends PartitionCode {
  /** Of the batch's first record. */
  readonly baseOffset: number;
}

type Produce = API<
  [transactionalId: string, timeoutMs: number, batches: readonly PartitionBatch[]],
  Throttled & { readonly partitions: readonly Appended[] }
>;

export const produce: Readonly<Record<Transactions, Produce>> = { 1: produceApi(9), 2: produceApi(12) };

function produceApi(version: 9 | 12): Produce {
  return createAPI(
    0,
    version,
    (transactionalId: string, timeoutMs: number, batches: readonly PartitionBatch[]) =>
      Writer.create()
        .appendString(transactionalId)
        .appendInt16(ALL_IN_SYNC)
        .appendInt32(timeoutMs)
        .appendArray(byTopic(batches), (w, [topic, some]) => {
          w.appendString(topic).appendArray(some, (each, { partition, batch }) => {
            each.appendInt32(partition).appendUnsignedVarInt(batch.bytes + 1);
            for (const piece of batch.pieces) each.append(piece);
          });
        })
        .appendTaggedFields(),
    (_id, _key, _version, reader: Reader) => {
      const answer = Answer.of(reader);
      const topics = answer.list(() => {
        const topic = answer.text() ?? '';
        const partitions = answer.list(() => {
          const result = { topic, partition: answer.int32(), code: answer.int16(), baseOffset: Number(answer.int64()) };
          // When it was appended, and where the log starts.
          answer.skip(16);
          answer.list(() => {
            answer.int32();
            answer.text();
            answer.tags();
          });
          answer.text();
          answer.tags();
          return result;
        });
        answer.tags();
        return partitions;
      });
      return { throttleMs: answer.int32(), partitions: topics.flat() };
    },
  );
}

export interface ClusterMetadata extends Throttled {
  readonly brokers: ReadonlyMap<number, BrokerAddress>;
  readonly topics: readonly { readonly topic: string; readonly code: number; readonly leaders: ReadonlyMap<number, number> }[];
}

/** The leader of each partition as the number of a broker; -1 = it has none. No topic is created by asking for it. */
export const metadata: API<[topics: readonly string[]], ClusterMetadata> = createAPI(
  3,
  12,
  (topics: readonly string[]) =>
    Writer.create()
      .appendArray([...topics], (w, topic) => w.append(NO_TOPIC_ID).appendString(topic))
      .appendBoolean(false)
      .appendBoolean(false)
      .appendTaggedFields(),
  (_id, _key, _version, reader: Reader) => {
    const answer = Answer.of(reader);
    const throttleMs = answer.int32();
    const brokers = answer.list((): [number, BrokerAddress] => {
      const broker: [number, BrokerAddress] = [answer.int32(), { host: answer.text() ?? '', port: answer.int32() }];
      answer.text();
      answer.tags();
      return broker;
    });
    answer.text();
    answer.int32();
    const topics = answer.list(() => {
      const code = answer.int16();
      const topic = answer.text() ?? '';
      answer.skip(16 + 1);
      const leaders = answer.list((): [number, number] => {
        answer.int16();
        const leader: [number, number] = [answer.int32(), answer.int32()];
        answer.int32();
        // Its replicas, those in sync, and those that are offline.
        for (let lists = 0; lists < 3; lists++) answer.int32s();
        answer.tags();
        return leader;
      });
      answer.int32();
      answer.tags();
      return { topic, code, leaders: new Map(leaders) };
    });
    return { throttleMs, brokers: new Map(brokers), topics };
  },
);

function epochOf(answer: Answer): ProducerEpoch {
  return { producerId: answer.int64(), epoch: answer.int16() };
}

function byTopic<T extends TopicPartition>(partitions: readonly T[]): [string, T[]][] {
  return [...Map.groupBy(partitions, ({ topic }) => topic)];
}
