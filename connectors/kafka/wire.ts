/**
 * The reading half of the Kafka protocol, on the connections and message formats of @platformatic/kafka: metadata with topic ids, offsets by isolation level, fetch
 * with the list of aborted transactions. kafkajs shows none of these. The library's own producer is never used (notes/kafka.md §1.4).
 *
 * A fetch may wait for data, and holds up what follows it on its connection: so each reader opens a wire of its own. The versions of the messages are those that every
 * Kafka from 3.1 to 4.x speaks. No method repeats anything: that is its callers' part.
 */
import { fetchV12, findCoordinatorV4, listOffsetsV6, metadataV12 } from '@platformatic/kafka';
import type { Connection } from '@platformatic/kafka';
import { orAbort } from '../../src/lib/abort.ts';
import { Failure } from '../../src/model/failure.ts';
import { Connections } from './connections.ts';
import type { BrokerAddress, ConnectionOptions } from './connections.ts';
import { CODES, reasonOf } from './kafka-failure.ts';

export interface TopicMetadata {
  /** base64url; null where the broker has no topic ids. */
  readonly topicId: string | null;
  /** By partition number. */
  readonly partitions: readonly { readonly leader: BrokerAddress; readonly replicas: number }[];
}

/** One partition of a fetch's answer. */
export type FetchedPartition = fetchV12.FetchResponsePartition;

const TIMESTAMPS = { start: -2n, end: -1n } as const;
const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;

/** Bytes of one answer. A larger single batch comes whole nevertheless. */
const FETCH_BYTES_MAX = 8 * 1024 * 1024;
const PARTITION_BYTES_MAX = 1024 * 1024;
const TRANSACTION_COORDINATOR = 1;
const NO_TOPIC_ID = '00000000-0000-0000-0000-000000000000';

export class Wire {
  readonly #connections: Connections;
  /** Brokers that metadata has named; empty before the first answer. */
  #known: readonly BrokerAddress[] = [];

  constructor(options: ConnectionOptions) {
    this.#connections = new Connections(options);
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
      topicId: topicIdOf(topic.topicId),
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
    const connection = await this.#connections.to(leader, signal);
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
    const connection = await this.#connections.to(leader, signal);
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

  /** A question that no method here asks, to one broker or, with null, to any that answers. */
  async ask<T>(broker: BrokerAddress | null, question: (connection: Connection) => Promise<T>, signal: AbortSignal): Promise<T> {
    if (broker === null) return this.#ofAny(question, signal);
    return orAbort(question(await this.#connections.to(broker, signal)), signal);
  }

  /** Ends all connections; requests under way reject. Never rejects. */
  async close(): Promise<void> {
    this.#connections.close();
  }

  async #ofAny<T>(ask: (connection: Connection) => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#connections.any(this.#known, async (broker) => ask(await this.#connections.to(broker, signal)), signal);
  }
}

/** base64url of a topic id as the protocol's tools show it; null for none. */
export function topicIdOf(uuid: string): string | null {
  return uuid === NO_TOPIC_ID ? null : Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');
}
