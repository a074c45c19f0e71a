/**
 * A transactional producer on kafkajs, in the subset of it that lost nothing in any trial (notes/kafka.md §1): one topic-partition a `send`, one send after the
 * other, and no call after an error. kafkajs keeps results by broker, not by partition: when leadership moves during a send of several partitions, records are
 * lost or doubled inside a transaction that commits.
 */
import type { CompressionTypes, Message as KafkajsMessage, Producer, Transaction } from 'kafkajs';
import { must } from '../../src/lib/assert.ts';
import { Failure } from '../../src/model/failure.ts';
import type { RecordBlock } from '../../src/ports/encoder.ts';
import type { ControlRecord } from '../../src/ports/publisher.ts';
import { within } from './deadline.ts';
import type { ClaimingProducer, ProducerParts } from './kafka-driver.ts';
import { CODES, failureOf, inDoubt, transactionalIdRefused } from './kafka-failure.ts';
import type { Attempt } from './kafka-failure.ts';
import type { KafkajsSockets } from './kafkajs-sockets.ts';
import { ProducerState } from './producer-state.ts';
import { batchesOf } from './record-block.ts';
import type { Message } from './record-block.ts';
import { LimitsBook, recordBytesMax } from './topic-limits.ts';
import type { TopicLimits } from './topic-limits.ts';

export interface KafkajsProducerOptions extends ProducerParts {
  /** Made for one transactional id, not yet connected. */
  readonly producer: KafkajsCalls;
  /** The producer's alone. */
  readonly sockets: Pick<KafkajsSockets, 'shut' | 'destroy'>;
  readonly compression: CompressionTypes;
}

type KafkajsCalls = Pick<Producer, 'connect' | 'transaction' | 'disconnect'>;

const CALL_MS = 20_000;
const OPEN_MS = 60_000;
const CLOSE_MS = 5_000;

export class KafkajsProducer implements ClaimingProducer {
  readonly #producer: KafkajsCalls;
  readonly #sockets: Pick<KafkajsSockets, 'shut' | 'destroy'>;
  readonly #transactionalId: string;
  readonly #compression: CompressionTypes;
  readonly #limits: LimitsBook;
  readonly #coordinatorCode: () => Promise<number>;
  readonly #state: ProducerState;
  #transaction: Transaction | null = null;

  constructor(options: KafkajsProducerOptions) {
    this.#producer = options.producer;
    this.#sockets = options.sockets;
    this.#transactionalId = options.transactionalId;
    this.#compression = options.compression;
    this.#limits = new LimitsBook(options.limitsOf);
    this.#coordinatorCode = options.coordinatorCode;
    this.#state = new ProducerState(() => this.#sockets.shut());
  }

  async open(): Promise<void> {
    const attempt = this.#attempt('claiming');
    await this.#state.during('new', 'begun', attempt, OPEN_MS, async () => {
      try {
        await this.#producer.connect();
        // Whoever closed it may have claimed again since: a new epoch would fence that claim.
        if (this.#state.isClosed) throw new Error('closed');
        this.#transaction = await this.#producer.transaction();
      } catch (error) {
        // kafkajs hides why a coordinator was not found, a lacking right among the reasons.
        const code = this.#state.isClosed ? 0 : await this.#coordinatorCode().catch(() => 0);
        if (code !== CODES.transactionalIdUnauthorized) throw error;
        throw transactionalIdRefused(attempt, error);
      }
    });
  }

  async begin(): Promise<void> {
    await this.#state.during('ready', 'begun', this.#attempt('beginning a transaction'), CALL_MS, async () => {
      this.#transaction = await this.#producer.transaction();
    });
  }

  /** Partition by partition: blocks are small where files are, and a request for each would outlast the transaction. */
  async send(topic: string, blocks: readonly RecordBlock[]): Promise<readonly number[]> {
    const offsets = new Map<number, number>();
    for (const [partition, numbered] of Map.groupBy(blocks.entries(), ([, block]) => block.partition)) {
      const bytesMax = recordBytesMax(await this.#check(topic, partition));
      const numbers = numbered.map(([number]) => number).values();
      const ofPartition = numbered.map(([, block]) => block);
      for (const { messages, firsts } of batchesOf(ofPartition, bytesMax)) {
        const base = await this.#sendBatch(topic, partition, messages);
        for (const first of firsts) offsets.set(must(numbers.next().value, 'the block that begins here'), base + first);
      }
    }
    return blocks.map((_, number) => must(offsets.get(number), 'the first record of a block'));
  }

  async sendRecord({ topic, partition, key, value }: ControlRecord): Promise<number> {
    await this.#check(topic, partition);
    return this.#sendBatch(topic, partition, [{ key: Buffer.from(key), value: value === null ? null : Buffer.from(value) }]);
  }

  async sendControl(records: readonly ControlRecord[]): Promise<void> {
    for (const record of records) await this.sendRecord(record);
  }

  async commit(deadlineMs: number): Promise<void> {
    const attempt = this.#attempt('committing');
    await this.#state.during('begun', 'ready', attempt, deadlineMs, async () => {
      try {
        await must(this.#transaction, 'the transaction').commit();
      } catch (error) {
        throw inDoubt(failureOf(error, attempt));
      }
    });
  }

  async abort(deadlineMs: number): Promise<void> {
    await this.#state.during('begun', 'ready', this.#attempt('aborting'), deadlineMs, () =>
      must(this.#transaction, 'the transaction').abort(),
    );
  }

  async close(): Promise<void> {
    if (!this.#state.close()) return;
    await within(this.#producer.disconnect(), CLOSE_MS, () => new Error('late')).catch(() => {});
    this.#sockets.destroy();
  }

  async #sendBatch(topic: string, partition: number, messages: Message[]): Promise<number> {
    const attempt = this.#attempt(
      `sending ${messages.length === 1 ? 'a record' : `${messages.length} records`} to ${topic}-${partition}`,
      topic,
    );
    return this.#state.during('begun', 'begun', attempt, CALL_MS, async () => {
      const answers = await must(this.#transaction, 'the transaction').send({
        topic,
        acks: -1,
        compression: this.#compression,
        messages: onePartition(partition, messages),
      });
      // kafkajs resolves with no answer at all when its metadata lacks the partition.
      const [answer] = answers;
      const offset = Number(answer?.baseOffset ?? Number.NaN);
      if (answers.length !== 1 || answer?.partition !== partition || answer.errorCode !== 0 || !(offset >= 0)) {
        throw new Failure('kafka.rejected', `${attempt.doing}: kafkajs names no offset for it`);
      }
      return offset;
    });
  }

  /** kafkajs looks for a missing topic until its retries are used up, and passes over a missing partition in silence. */
  async #check(topic: string, partition: number): Promise<TopicLimits> {
    const known = this.#limits.known(topic, partition);
    if (known !== null) return known;
    return this.#state.during('begun', 'begun', this.#attempt(`looking at ${topic}`, topic), CALL_MS, () =>
      this.#limits.of(topic, partition),
    );
  }

  #attempt(doing: string, topic: string | null = null): Attempt {
    const transactionalId = this.#transactionalId;
    return {
      doing: `${doing} as ${transactionalId}`,
      transactionalId,
      ...(topic === null ? {} : { topic: { name: topic, right: 'Write' } }),
    };
  }
}

/**
 * kafkajs sorts messages into partitions by `reduce`, with a copy of the list for every message (groupMessagesPerPartition.js): quadratic, most of its time at 4000
 * records. These belong to one partition, so their `reduce` knows the answer.
 */
function onePartition(partition: number, messages: Message[]): KafkajsMessage[] {
  Object.defineProperty(messages, 'reduce', { value: () => ({ [partition]: messages }) });
  return messages;
}
