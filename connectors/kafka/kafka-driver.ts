/**
 * What every driver has in common: it writes through a transactional producer of its own kind, and reads through the wire (wire.ts, committed-reader.ts).
 *
 * A claim (DESIGN §8): a new epoch for the transactional id, which fences the predecessor and settles its transaction; a transaction of one record, `\0claim`; then
 * the partition read as read_committed until that record's offset is passed. Whatever the predecessor committed stands before it, and a foreign transaction that
 * hangs in the partition keeps it from being read: `kafka.stuck`, instead of going on from an older checkpoint.
 */
import { orAbort } from '../../src/lib/abort.ts';
import { Failure } from '../../src/model/failure.ts';
import { CLAIM_KEY } from '../../src/ports/publisher.ts';
import type {
  Claim,
  ClaimRequest,
  ControlRecord,
  Publisher,
  ReadRecord,
  ReadRequest,
  TransactionalProducer,
} from '../../src/ports/publisher.ts';
import { boundsOf, readCommitted } from './committed-reader.ts';
import type { TopicBounds } from './committed-reader.ts';
import { KafkajsAdmin } from './kafkajs-admin.ts';
import { kafkajsClient } from './kafkajs-client.ts';
import { KafkajsSockets } from './kafkajs-sockets.ts';
import type { KafkaOptions } from './options.ts';
import { latestUpTo } from './read-back.ts';
import type { TopicLimits } from './topic-limits.ts';
import { Wire } from './wire.ts';

const COMMIT_MS = 20_000;
/** The broker's default of `max.message.bytes`. */
const BATCH_BYTES_DEFAULT = 1_048_588;
const CLAIM_FETCH_WAIT_MS = 100;
const READ_FETCH_WAIT_MS = 500;
/**
 * A commit resolves before its records can be read: the markers follow within milliseconds. A read up to the end waits this long for transactions that it finds
 * open, and then ends before them.
 */
const SETTLE_MS = 2_000;

/** A producer as a claim needs it. */
export interface ClaimingProducer extends TransactionalProducer {
  /** Connects and asks for a new epoch, which fences and settles whoever had the transactional id before. Leaves a transaction begun. */
  open(): Promise<void>;
  /** One record, and its offset. */
  sendRecord(record: ControlRecord): Promise<number>;
}

/** Makes a producer that is not yet connected. */
export type ProducerFactory = (parts: ProducerParts) => ClaimingProducer;

export interface ProducerParts {
  readonly transactionalId: string;
  /** What a topic takes; null = no such topic. Without the right to read its settings, Kafka's defaults are assumed. */
  readonly limitsOf: (topic: string) => Promise<TopicLimits | null>;
  /** The error code with which the cluster answers the question for the coordinator of the transactional id; 0 = none. */
  readonly coordinatorCode: () => Promise<number>;
}

export class KafkaDriver implements Publisher {
  readonly admin: KafkajsAdmin;
  readonly #options: KafkaOptions;
  readonly #newProducer: ProducerFactory;
  /** Of the admin client. */
  readonly #sockets: KafkajsSockets;
  readonly #wire: Wire;
  /** Of the reads under way. */
  readonly #wires = new Set<Wire>();

  constructor(options: KafkaOptions, newProducer: ProducerFactory) {
    this.#options = options;
    this.#newProducer = newProducer;
    this.#sockets = new KafkajsSockets(options);
    this.#wire = new Wire(options);
    this.admin = new KafkajsAdmin({
      admin: kafkajsClient(options, this.#sockets).admin(),
      wire: this.#wire,
      openWire: () => new Wire(options),
      brokers: options.brokers,
      reachTimeoutMs: options.reachTimeoutMs,
    });
  }

  async claim(request: ClaimRequest, signal: AbortSignal): Promise<Claim> {
    const { transactionalId, topic, partition, claimValue } = request;
    const producer = this.#newProducer({
      transactionalId,
      limitsOf: (name) => this.#limits(name),
      coordinatorCode: () => this.#wire.coordinatorCode(transactionalId, signal),
    });
    try {
      await orAbort(producer.open(), signal);
      const offset = await orAbort(producer.sendRecord({ topic, partition, key: CLAIM_KEY, value: claimValue }), signal);
      await orAbort(producer.commit(COMMIT_MS), signal);
      return { producer, records: await this.#readBack(request, offset, signal) };
    } catch (error) {
      await producer.close();
      throw error;
    }
  }

  async *read(request: ReadRequest, signal: AbortSignal): AsyncGenerator<ReadRecord> {
    const { topic, untilEnd } = request;
    const wire = new Wire(this.#options);
    this.#wires.add(wire);
    try {
      const bounds = await boundsOf(wire, topic, signal);
      const settledBy = performance.now() + SETTLE_MS;
      const wanted = request.partitions ?? Array.from({ length: bounds.partitions }, (_, partition) => partition);
      const from = new Map(wanted.map((partition) => [partition, beginning(bounds, partition, request.from)]));
      const left = new Set(wanted.filter((partition) => (from.get(partition) ?? 0) < (bounds.ends.get(partition) ?? 0)));
      if (untilEnd && left.size === 0) return;
      if (untilEnd) for (const partition of wanted) if (!left.has(partition)) from.delete(partition);
      for await (const step of readCommitted(wire, topic, from, READ_FETCH_WAIT_MS, signal)) {
        const end = bounds.ends.get(step.partition) ?? 0;
        for (const record of step.records) {
          if (!untilEnd || record.offset < end) yield record;
        }
        const isOver = step.next >= end || (step.next >= step.stable && performance.now() > settledBy);
        if (untilEnd && isOver) {
          left.delete(step.partition);
          if (left.size === 0) return;
        }
      }
    } finally {
      this.#wires.delete(wire);
      await wire.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sockets.shut();
    await Promise.all([this.admin.close(), this.#wire.close(), ...[...this.#wires].map((one) => one.close())]);
    this.#sockets.destroy();
  }

  /** What a topic takes. Without the right to read its settings, Kafka's defaults are assumed. */
  async #limits(topic: string): Promise<TopicLimits | null> {
    const never = new AbortController().signal;
    const state = await this.admin.describe(topic, never);
    if (state === null) return null;
    const batchBytesMax = await this.admin.config(topic, never).then(
      (config) => Number(config['max.message.bytes'] ?? BATCH_BYTES_DEFAULT),
      (error: unknown) => {
        if (error instanceof Failure && error.code === 'kafka.unauthorized') return BATCH_BYTES_DEFAULT;
        throw error;
      },
    );
    return { partitions: state.partitions, batchBytesMax };
  }

  /** The latest value of each key up to the claim's own record. */
  async #readBack(request: ClaimRequest, claimOffset: number, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const { topic, partition, claimValue } = request;
    const doing = `claiming as ${request.transactionalId}`;
    const place = `${topic}-${partition}`;
    const wire = new Wire(this.#options);
    let records: ReadonlyMap<string, string>;
    try {
      const start = (await boundsOf(wire, topic, signal)).starts.get(partition) ?? 0;
      const steps = readCommitted(wire, topic, new Map([[partition, start]]), CLAIM_FETCH_WAIT_MS, signal);
      const limits = { timeoutMs: this.#options.claimTimeoutMs, now: () => performance.now() };
      records = await latestUpTo(steps, claimOffset, { doing, place }, limits);
    } finally {
      await wire.close();
    }
    if (records.get(CLAIM_KEY) !== claimValue) {
      throw new Failure('kafka.fenced', `${doing}: another claim of ${place} followed ours`);
    }
    return records;
  }
}

/** Where a read begins in a partition. */
function beginning({ starts, ends }: TopicBounds, partition: number, from: ReadRequest['from']): number {
  const start = starts.get(partition) ?? 0;
  const asked = from?.get(partition) ?? start;
  return asked > (ends.get(partition) ?? 0) ? start : Math.max(start, asked);
}
