/**
 * The reading half of the Kafka protocol, on the connections and message formats of @platformatic/kafka: metadata with topic ids, offsets by isolation level, fetch
 * with the list of aborted transactions. kafkajs shows none of these. Nothing else calls the library, and its producer is never used (notes/kafka.md §1.4).
 *
 * A `Wire` has one connection a broker, opened when needed. A broker answers the requests of a connection in order, and a fetch may wait for data: so each reader
 * opens a wire of its own. The versions of the messages are those that every Kafka from 3.1 to 4.x speaks. No method repeats anything: that is its callers' part.
 */
import { Connection, fetchV12, findCoordinatorV4, listOffsetsV6, metadataV12 } from '@platformatic/kafka';
import { orAbort } from '../../src/lib/abort.ts';
import { Failure } from '../../src/model/failure.ts';
import { CODES, reasonOf } from './kafka-failure.ts';
import { tlsOptions, tlsServerName, wireSasl } from './options.ts';
import type { KafkaOptions } from './options.ts';

export interface TopicMetadata {
  /** base64url; null where the broker has no topic ids. */
  readonly topicId: string | null;
  /** By partition number. */
  readonly partitions: readonly { readonly leader: BrokerAddress; readonly replicas: number }[];
}

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** One partition of a fetch's answer. */
export type FetchedPartition = fetchV12.FetchResponsePartition;

const TIMESTAMPS = { start: -2n, end: -1n } as const;
const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;

const CONNECT_MS = 5_000;
const REQUEST_MS = 10_000;
/** Bytes of one answer. A larger single batch comes whole nevertheless. */
const FETCH_BYTES_MAX = 8 * 1024 * 1024;
const PARTITION_BYTES_MAX = 1024 * 1024;
const TRANSACTION_COORDINATOR = 1;
const NO_TOPIC_ID = '00000000-0000-0000-0000-000000000000';

export class Wire {
  readonly #options: Pick<KafkaOptions, 'brokers' | 'tls' | 'sasl' | 'clientId'>;
  readonly #connections = new Map<string, Promise<Connection>>();
  /** Brokers that metadata has named; empty before the first answer. */
  #known: readonly BrokerAddress[] = [];
  #closed = false;

  constructor(options: Pick<KafkaOptions, 'brokers' | 'tls' | 'sasl' | 'clientId'>) {
    this.#options = options;
  }

  /** How many brokers the cluster has. */
  async brokers(signal: AbortSignal): Promise<number> {
    const { brokers } = await this.#ofAny((connection) => metadataV12.api.async(connection, [], false, false), signal);
    return brokers.length;
  }

  /** Null = no such topic; it is not created by asking. */
  async topic(name: string, signal: AbortSignal): Promise<TopicMetadata | null> {
    let answer;
    try {
      answer = await this.#ofAny((connection) => metadataV12.api.async(connection, [name], false, false), signal);
    } catch (error) {
      if (reasonOf(error).code === CODES.unknownTopic) return null;
      throw error;
    }
    const { brokers, topics } = answer;
    this.#known = brokers;
    const topic = topics[0];
    if (topic === undefined || topic.partitions.length === 0) return null;
    const partitions = topic.partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex);
    return {
      topicId: topic.topicId === NO_TOPIC_ID ? null : Buffer.from(topic.topicId.replaceAll('-', ''), 'hex').toString('base64url'),
      partitions: partitions.map((partition) => {
        const leader = brokers.find((broker) => broker.nodeId === partition.leaderId);
        if (leader === undefined) throw new Failure('kafka.unreachable', `${name}-${partition.partitionIndex} has no leader`);
        return { leader, replicas: partition.replicaNodes.length };
      }),
    };
  }

  /**
   * Of partitions that `leader` leads, by partition: the first offset that is still there, or the end as read_uncommitted, so that open and aborted transactions
   * count.
   */
  async offsets(
    leader: BrokerAddress,
    topic: string,
    partitions: readonly number[],
    kind: 'start' | 'end',
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, number>> {
    const asked = partitions.map((partitionIndex) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp: TIMESTAMPS[kind] }));
    const connection = await this.#connection(leader, signal);
    const { topics } = await orAbort(
      listOffsetsV6.api.async(connection, -1, READ_UNCOMMITTED, [{ name: topic, partitions: asked }]),
      signal,
    );
    return new Map(topics.flatMap((answer) => answer.partitions.map((partition) => [partition.partitionIndex, Number(partition.offset)])));
  }

  /** Record batches as read_committed, from an offset of each partition; waits up to `waitMs` while there are none. */
  async fetch(
    leader: BrokerAddress,
    topic: string,
    from: ReadonlyMap<number, number>,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<readonly FetchedPartition[]> {
    const partitions = [...from].map(([partition, offset]) => ({
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: BigInt(offset),
      lastFetchedEpoch: -1,
      partitionMaxBytes: PARTITION_BYTES_MAX,
    }));
    const connection = await this.#connection(leader, signal);
    // Version 12 names the topic by the field that later versions put its id into.
    const request = fetchV12.api.async(
      connection,
      waitMs,
      1,
      FETCH_BYTES_MAX,
      READ_COMMITTED,
      0,
      -1,
      [{ topicId: topic, partitions }],
      [],
      '',
    );
    const { responses } = await orAbort(request, signal);
    return responses.flatMap((answer) => answer.partitions);
  }

  /** The error code with which the cluster answers the question for the coordinator of a transactional id; 0 = none. */
  async coordinatorCode(transactionalId: string, signal: AbortSignal): Promise<number> {
    try {
      await this.#ofAny((connection) => findCoordinatorV4.api.async(connection, TRANSACTION_COORDINATOR, [transactionalId]), signal);
      return 0;
    } catch (error) {
      const { code } = reasonOf(error);
      if (code === null) throw error;
      return code;
    }
  }

  /** Ends all connections; requests under way reject. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    const connections = await Promise.allSettled(this.#connections.values());
    this.#connections.clear();
    await Promise.allSettled(connections.flatMap((settled) => (settled.status === 'fulfilled' ? [settled.value.close()] : [])));
  }

  /** Asks one broker after the other until one is there; the last one's error if none is. */
  async #ofAny<T>(ask: (connection: Connection) => Promise<T>, signal: AbortSignal): Promise<T> {
    let last: unknown = null;
    for (const address of [...this.#known, ...this.#options.brokers.map(parseAddress)]) {
      signal.throwIfAborted();
      try {
        return await orAbort(ask(await this.#connection(address, signal)), signal);
      } catch (error) {
        signal.throwIfAborted();
        if (reasonOf(error).kind !== 'network') throw error;
        last = error;
      }
    }
    throw last;
  }

  async #connection(address: BrokerAddress, signal: AbortSignal): Promise<Connection> {
    const name = `${address.host}:${address.port}`;
    if (this.#closed) throw new Failure('kafka.rejected', `asking ${name}: the publisher is closed`);
    let opening = this.#connections.get(name);
    if (opening === undefined) {
      opening = this.#open(address, () => this.#connections.delete(name));
      this.#connections.set(name, opening);
    }
    return orAbort(opening, signal);
  }

  async #open(address: BrokerAddress, forget: () => void): Promise<Connection> {
    const { tls, sasl, clientId } = this.#options;
    const secure = tlsOptions(tls);
    const connection = new Connection(clientId, {
      connectTimeout: CONNECT_MS,
      requestTimeout: REQUEST_MS,
      ...(secure === undefined ? {} : { tls: secure, tlsServerName: tlsServerName(address.host) }),
      ...(sasl === null ? {} : { sasl: wireSasl(sasl) }),
    });
    connection.on('error', forget);
    connection.once('close', forget);
    try {
      await connection.connect(address.host, address.port);
    } catch (error) {
      forget();
      throw error;
    }
    return connection;
  }
}

function parseAddress(text: string): BrokerAddress {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(colon + 1)) };
}
