/**
 * A Kafka in memory: the specification of what the relay relies on (DESIGN §8, notes/kafka.md §3), and nothing else. Every method is one request, done whole at its moment
 * or refused with a `Failure`; between two of them anything may happen.
 *
 * A transactional id has one producer at a time, the one with the highest epoch: whoever asks for the id anew gets the next epoch, but not before the transaction of its
 * predecessor is settled, an open one by being aborted. Whoever comes with an older epoch is fenced. A transaction goes
 *
 *   open ──► committing ──► committed
 *     └────► aborting ────► aborted
 *
 * and from the middle on there is no way back: the coordinator writes the markers in its own time, log by log, and the last one ends the transaction. Until a log has the
 * marker, none of its readers gets past the transaction's first record there. One that stays open for too long is aborted by the coordinator, under a new epoch.
 *
 * Epochs rise with each claim and with each time-out, but not from one transaction to the next: that is version 1 of Kafka's transactions, the weaker one.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../src/lib/clock.ts';
import { Failure } from '../../src/model/failure.ts';
import type { TopicSpec, TopicState } from '../../src/ports/publisher.ts';
import { Log } from './log.ts';
import type { LoggedRecord, Transaction } from './log.ts';

/** The request cannot be done yet, since markers are on the way: ask again (CONCURRENT_TRANSACTIONS). */
export class Busy extends Error {}

/** What a producer proves itself by. */
export interface Session {
  readonly transactionalId: string;
  readonly epoch: number;
}

export interface BrokerOptions {
  readonly clock: Clock;
  /** Has what the broker does by itself done, at some time after the request. */
  readonly later: (what: string, work: () => void) => void;
}

interface Topic {
  readonly state: TopicState;
  readonly config: Readonly<Record<string, string>>;
  readonly logs: readonly Log[];
}

interface Producer {
  epoch: number;
  timeoutMs: number;
  transaction: Transaction | null;
  /** Ends the waiting for the transaction's time-out. */
  decided: AbortController;
}

/** What a record batch adds to its records (RecordBatch v2). */
const BATCH_HEADER_BYTES = 61;
const CONFIG = { 'cleanup.policy': 'delete', 'max.message.bytes': '1048588', 'min.insync.replicas': '1' } as const;
const DECIDED = new Error('the transaction is decided');

export class ModelBroker {
  readonly #options: BrokerOptions;
  readonly #topics = new Map<string, Topic>();
  readonly #producers = new Map<string, Producer>();
  /** Of topics that were deleted. */
  readonly #buried: Topic[] = [];
  #transactions = 0;

  constructor(options: BrokerOptions) {
    this.#options = options;
  }

  describe(topic: string): TopicState | null {
    return this.#topics.get(topic)?.state ?? null;
  }

  /** What exists is left as it is. */
  create({ topic, partitions, config }: TopicSpec): void {
    if (this.#topics.has(topic)) return;
    const topicId = createHash('sha256').update(`${topic} ${this.#buried.length}`).digest('base64url').slice(0, 22);
    this.#topics.set(topic, {
      state: { topic, topicId, partitions, replicationFactor: 1 },
      config: { ...CONFIG, ...config },
      logs: Array.from({ length: partitions }, () => new Log()),
    });
  }

  delete(topic: string): void {
    this.#buried.push(this.#topic(topic));
    this.#topics.delete(topic);
  }

  config(topic: string): Readonly<Record<string, string>> {
    return this.#topic(topic).config;
  }

  /** The partitions of the topic, to be read. Throws `topic.missing`. */
  logs(topic: string): readonly Log[] {
    return this.#topic(topic).logs;
  }

  /** The same of every topic that ever had the name, for who judges a test. */
  logsEver(topic: string): readonly (readonly Log[])[] {
    return [...this.#buried, ...this.#topics.values()].filter(({ state }) => state.topic === topic).map(({ logs }) => logs);
  }

  /** A new epoch for the id, once its last transaction is settled: which an open one is by being aborted. */
  initProducer(transactionalId: string, timeoutMs: number): Session {
    const producer = this.#producers.get(transactionalId) ?? { epoch: -1, timeoutMs, transaction: null, decided: new AbortController() };
    this.#producers.set(transactionalId, producer);
    this.#fence(producer);
    if (producer.transaction !== null) throw new Busy(`the transaction of ${transactionalId} is not settled yet`);
    producer.epoch++;
    producer.timeoutMs = timeoutMs;
    return { transactionalId, epoch: producer.epoch };
  }

  /** Appends to the producer's transaction, which begins with its first record. Gives the offset of the first one. */
  produce(session: Session, topic: string, partition: number, records: readonly LoggedRecord[]): number {
    const producer = this.#producer(session);
    const there = this.#topics.get(topic);
    if (there === undefined) throw new Failure('kafka.rejected', `there is no topic ${topic} to send to`);
    const log = there.logs[partition];
    if (log === undefined)
      throw new Failure('kafka.rejected', `there is no ${topic}-${partition}: the topic has ${there.logs.length} partitions`);
    for (const record of records) {
      if (lengthOf(record) + BATCH_HEADER_BYTES > Number(there.config['max.message.bytes']))
        throw new Failure('record.too_large', `a record for ${topic}-${partition} has ${lengthOf(record)} bytes`);
    }
    const transaction = this.#open(session.transactionalId, producer);
    const offsets = records.map((record) => log.append(transaction, record, this.#options.clock.now()));
    return offsets[0] ?? log.end;
  }

  /** Decides the transaction; what follows from that comes later. */
  end(session: Session, as: 'committing' | 'aborting'): void {
    const producer = this.#producer(session);
    const { transaction } = producer;
    if (transaction === null || transaction.state === as) return;
    if (transaction.state !== 'open') throw new Failure('kafka.rejected', `the transaction is ${transaction.state}`);
    this.#settle(producer, transaction, as);
  }

  /** The coordinator gives an open transaction up; its producer is fenced by that. Nothing where there is none. */
  timeOut(transactionalId: string): void {
    const producer = this.#producers.get(transactionalId);
    if (producer !== undefined) this.#fence(producer);
  }

  /** A record of somebody who uses no transactions. */
  intrude(topic: string, partition: number, record: LoggedRecord): void {
    this.logs(topic)[partition]?.append(null, record, this.#options.clock.now());
  }

  #topic(topic: string): Topic {
    const there = this.#topics.get(topic);
    if (there === undefined) throw new Failure('topic.missing', `there is no topic ${topic}`);
    return there;
  }

  #producer({ transactionalId, epoch }: Session): Producer {
    const producer = this.#producers.get(transactionalId);
    if (producer?.epoch !== epoch) throw new Failure('kafka.fenced', `${transactionalId} has a newer producer than that of epoch ${epoch}`);
    return producer;
  }

  #open(transactionalId: string, producer: Producer): Transaction {
    const { transaction } = producer;
    if (transaction?.state === 'open') return transaction;
    if (transaction !== null) throw new Busy(`the markers of the transaction before are on the way`);
    const begun: Transaction = { serial: this.#transactions++, logs: new Set(), state: 'open' };
    producer.transaction = begun;
    producer.decided = new AbortController();
    this.#options.clock.sleep(producer.timeoutMs, producer.decided.signal).then(
      () => this.timeOut(transactionalId),
      () => {},
    );
    return begun;
  }

  #fence(producer: Producer): void {
    if (producer.transaction?.state !== 'open') return;
    producer.epoch++;
    this.#settle(producer, producer.transaction, 'aborting');
  }

  #settle(producer: Producer, transaction: Transaction, as: 'committing' | 'aborting'): void {
    transaction.state = as;
    producer.decided.abort(DECIDED);
    let left = transaction.logs.size;
    for (const log of transaction.logs) {
      this.#options.later('marker', () => {
        log.mark(transaction, this.#options.clock.now());
        left--;
        if (left > 0) return;
        transaction.state = as === 'committing' ? 'committed' : 'aborted';
        producer.transaction = null;
      });
    }
  }
}

function lengthOf({ key, value }: LoggedRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0);
}
