/**
 * Kafka, as the relay needs it: a driver. Implementations live in connectors/kafka; all of them take test/contracts/publisher.ts on a real broker.
 *
 * The rule that keeps every driver simple (notes/kafka.md §0): after any failed or doubtful transactional call the producer is thrown away, the partition is claimed
 * again and read again. Nobody guesses whether a commit happened.
 */
import type { RecordBlock } from './encoder.ts';

/** A single record of the relay's own: a checkpoint, a schema. */
export interface ControlRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  /** Null deletes the key from a compacted topic. */
  readonly value: string | null;
}

/** The key of the record that every claim commits to its checkpoint partition. */
export const CLAIM_KEY = '\0claim';

export interface ClaimRequest {
  readonly transactionalId: string;
  /** The checkpoint topic and the partition that `transactionalId` alone writes to. */
  readonly topic: string;
  readonly partition: number;
  /** Value of that record, JSON: `{nonce, owner, config, at}`. Its nonce is one that no other claim has. */
  readonly claimValue: string;
}

export interface Claim {
  readonly producer: TransactionalProducer;
  /** Key → value of the partition as read back after the claim: the latest committed value of each key, deleted ones left out. */
  readonly records: ReadonlyMap<string, string>;
}

/**
 * One transactional producer: begin → send* → commit | abort → begin …  After any rejection only `close` is legal.
 * Rejections are `Failure`s: `kafka.fenced`, `kafka.unknown` (a commit or abort in doubt), `kafka.rejected`, `kafka.unreachable`, `kafka.unauthorized`,
 * `record.too_large`.
 */
export interface TransactionalProducer {
  begin(): Promise<void>;
  /**
   * Resolves when the brokers have acknowledged, with the offset of the first record of each block. Blocks of one partition keep their order, and the records that
   * one call sends to it are contiguous unless somebody else writes to the topic meanwhile: a block may go out in several requests, and a foreign record may come
   * between two of them.
   */
  send(topic: string, blocks: readonly RecordBlock[]): Promise<readonly number[]>;
  sendControl(records: readonly ControlRecord[]): Promise<void>;
  commit(deadlineMs: number): Promise<void>;
  abort(deadlineMs: number): Promise<void>;
  /** Never rejects; bounded in time. */
  close(): Promise<void>;
}

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  /** -1 = the broker's default. */
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface TopicState {
  readonly topic: string;
  /** base64url; null where the broker is too old to have topic ids. */
  readonly topicId: string | null;
  readonly partitions: number;
  readonly replicationFactor: number;
}

/** What may be done to a topic, a group or the cluster, by Kafka's own words. */
export type Right =
  | 'Read'
  | 'Write'
  | 'Create'
  | 'Delete'
  | 'Alter'
  | 'Describe'
  | 'ClusterAction'
  | 'DescribeConfigs'
  | 'AlterConfigs'
  | 'IdempotentWrite';

/** Kafka's own names → values, as they are in force. */
export type Settings = Readonly<Record<string, string>>;

/** A topic as it is shown to who watches. */
export interface TopicLook {
  /** Null = there is one, and it may not be described. */
  readonly state: TopicState | null;
  /** Null = they may not be read. */
  readonly settings: Settings | null;
  /** What the relay may do with it; null = the broker does not tell. */
  readonly rights: ReadonlySet<Right> | null;
}

export interface BrokerLook {
  readonly id: number;
  /** Null = they may not be read, which takes the right DescribeConfigs on the cluster. */
  readonly settings: Settings | null;
}

export interface ClusterLook {
  /** In the order of their ids. */
  readonly brokers: readonly BrokerLook[];
  /** What the relay may do with the group; null = the broker does not tell. */
  readonly groupRights: ReadonlySet<Right> | null;
}

/** What transactions under an id of ours would meet. */
export interface TransactionLook {
  /** The version of transactions that the cluster has finalised; 0 = it knows of none, as before Kafka 4. */
  readonly version: number;
  /** Whether the relay may use the id; null = no coordinator tells at this moment. */
  readonly mayWrite: boolean | null;
}

export interface PartitionTail {
  readonly partition: number;
  /** As read_uncommitted. */
  readonly end: number;
  /** The last stable offset: where the earliest transaction that is still open begins, else `end`. */
  readonly stable: number;
}

export interface TopicAdmin {
  /** Resolves once brokers answer; rejects with `kafka.unreachable` after a minute without, or with `kafka.unauthorized` at once. */
  reach(signal: AbortSignal): Promise<{ readonly brokers: number }>;
  /** Null = no such topic. Never creates one. */
  describe(topic: string, signal: AbortSignal): Promise<TopicState | null>;
  /** Creates what is missing and waits until it can be written to; what exists is left as it is. */
  create(specs: readonly TopicSpec[], signal: AbortSignal): Promise<void>;
  /** Rejects as `create` of the topic would, and creates nothing. What exists, exists: that is no rejection. */
  rehearse(spec: TopicSpec, signal: AbortSignal): Promise<void>;
  /** The effective settings of a topic. */
  config(topic: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** By partition, earliest and end offset. The end is asked as read_uncommitted: open and aborted transactions count (notes/kafka.md §3.2). */
  offsets(topic: string, signal: AbortSignal): Promise<readonly { readonly start: number; readonly end: number }[]>;
  /** The offset of the first committed record at or after `from`, or null if there is none up to the end. Control records and aborted ones do not count. */
  firstCommitted(topic: string, partition: number, from: number, signal: AbortSignal): Promise<number | null>;
  /**
   * For who watches, at intervals: topics, settings and rights in as few questions as it takes. Topics that do not exist, or have no leader at this moment, are left out. What may not be seen is told as
   * such and is no rejection; rejections are `kafka.unreachable`, `kafka.unauthorized` (the credential itself) and `kafka.rejected`.
   */
  look(topics: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, TopicLook>>;
  /** As `look`, of the brokers' settings named, and of the rights on a consumer group. */
  lookAtCluster(settings: readonly string[], group: string, signal: AbortSignal): Promise<ClusterLook>;
  /** As `look`. The id must be one that no producer ever has: nothing is begun under it, and nobody fenced. */
  lookAtTransactions(transactionalId: string, signal: AbortSignal): Promise<TransactionLook>;
  /** As `look`: by topic, the partitions in order. Ends are asked before last stable offsets. */
  tails(topics: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, readonly PartitionTail[]>>;
}

/** A committed record, read back. */
export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ReadRequest {
  readonly topic: string;
  /** Null = all partitions. */
  readonly partitions: readonly number[] | null;
  /**
   * Ends when every partition is read up to the end it has now; otherwise goes on until aborted. Transactions that are open now are waited for two seconds, since a
   * commit resolves a moment before its records can be read.
   */
  readonly untilEnd: boolean;
  /** By partition, the offset to begin at instead of the beginning. One beyond the end means that the topic was made again: it is read from its beginning. */
  readonly from?: ReadonlyMap<number, number>;
}

export interface Publisher {
  readonly admin: TopicAdmin;
  /**
   * Initialises the producer (which fences and settles its predecessor), commits the record `\0claim`, and reads the partition as read_committed until it
   * appears. Rejects with `kafka.stuck` if the reading gets no further: a foreign transaction hangs in the partition.
   */
  claim(request: ClaimRequest, signal: AbortSignal): Promise<Claim>;
  /** Committed records in order within each partition, from the beginning unless the request says otherwise; joins no group and commits no offsets that others would see. */
  read(request: ReadRequest, signal: AbortSignal): AsyncIterable<ReadRecord>;
  [Symbol.asyncDispose](): Promise<void>;
}
