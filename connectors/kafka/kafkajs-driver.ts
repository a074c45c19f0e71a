/**
 * The driver `kafkajs`: writes through kafkajs in its safe subset (kafkajs-producer.ts), reads through the wire (wire.ts, committed-reader.ts).
 *
 * A claim (DESIGN §8): a new epoch for the transactional id, which fences the predecessor and settles its transaction; a transaction of one record, `\0claim`; then
 * the partition read as read_committed until that record's offset is passed. Whatever the predecessor committed stands before it, and a foreign transaction that
 * hangs in the partition keeps it from being read: `kafka.stuck`, instead of going on from an older checkpoint.
 */
import { assert } from '../../src/lib/assert.ts';
import { orAbort } from '../../src/lib/abort.ts';
import { Failure } from '../../src/model/failure.ts';
import { CLAIM_KEY } from '../../src/ports/publisher.ts';
import type { Claim, ClaimRequest, Publisher, ReadRecord, ReadRequest } from '../../src/ports/publisher.ts';
import { boundsOf, readCommitted } from './committed-reader.ts';
import type { TopicBounds } from './committed-reader.ts';
import { CODES, transactionalIdRefused } from './kafka-failure.ts';
import { KafkajsAdmin } from './kafkajs-admin.ts';
import { COMPRESSION, kafkajsClient } from './kafkajs-client.ts';
import { KafkajsProducer } from './kafkajs-producer.ts';
import type { TopicLimits } from './kafkajs-producer.ts';
import { KafkajsSockets } from './kafkajs-sockets.ts';
import type { KafkaOptions } from './options.ts';
import { latestUpTo } from './read-back.ts';
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

/** Opens nothing yet: the first call connects. */
export function openKafkajs(options: KafkaOptions): Publisher {
  return new KafkajsDriver(options);
}

class KafkajsDriver implements Publisher {
  readonly admin: KafkajsAdmin;
  readonly #options: KafkaOptions;
  /** Of the admin client. Each producer has a client of its own, since it is thrown away by itself. */
  readonly #sockets: KafkajsSockets;
  readonly #wire: Wire;
  /** Of the reads under way. */
  readonly #wires = new Set<Wire>();

  constructor(options: KafkaOptions) {
    this.#options = options;
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
    const producer = this.#producer(transactionalId);
    try {
      await orAbort(this.#settle(producer, transactionalId, signal), signal);
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

  #producer(transactionalId: string): KafkajsProducer {
    const sockets = new KafkajsSockets(this.#options);
    const producer = kafkajsClient(this.#options, sockets).producer({
      transactionalId,
      transactionTimeout: this.#options.transactionTimeoutMs,
      // Transactions are idempotent by themselves; this would ask for a second producer id, and for a right on the cluster.
      idempotent: false,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => () => {
        assert(false, 'kafkajs chooses no partition: each send is for one');
      },
    });
    const compression = COMPRESSION[this.#options.compression];
    return new KafkajsProducer({ producer, sockets, transactionalId, compression, limitsOf: (topic) => this.#limits(topic) });
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

  async #settle(producer: KafkajsProducer, transactionalId: string, signal: AbortSignal): Promise<void> {
    try {
      await producer.open();
    } catch (error) {
      // kafkajs hides why a coordinator was not found, a lacking right among the reasons.
      const code = await this.#wire.coordinatorCode(transactionalId, signal).catch(() => 0);
      if (code !== CODES.transactionalIdUnauthorized) throw error;
      throw transactionalIdRefused({ doing: `claiming as ${transactionalId}`, transactionalId }, error);
    }
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
