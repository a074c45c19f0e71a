/**
 * A transactional producer on kafkajs, in the subset of it that lost nothing in any trial (notes/kafka.md §1): one topic-partition a `send`, one send after the
 * other, and no call after an error. kafkajs keeps results by broker, not by partition: when leadership moves during a send of several partitions, records are
 * lost or doubled inside a transaction that commits.
 */
import type { CompressionTypes, Message as KafkajsMessage, Producer, Transaction } from 'kafkajs';
import { assert, must } from '../../src/lib/assert.ts';
import { Failure } from '../../src/model/failure.ts';
import type { RecordBlock } from '../../src/ports/encoder.ts';
import type { ControlRecord, TransactionalProducer } from '../../src/ports/publisher.ts';
import { within } from './deadline.ts';
import { failureOf } from './kafka-failure.ts';
import type { Attempt } from './kafka-failure.ts';
import type { KafkajsSockets } from './kafkajs-sockets.ts';
import { batchesOf } from './record-block.ts';
import type { Message } from './record-block.ts';

export interface KafkajsProducerOptions {
  /** Made for one transactional id, not yet connected. */
  readonly producer: KafkajsCalls;
  /** The producer's alone. */
  readonly sockets: Pick<KafkajsSockets, 'shut' | 'destroy'>;
  readonly transactionalId: string;
  readonly compression: CompressionTypes;
  /** Null = no such topic. */
  readonly limitsOf: (topic: string) => Promise<TopicLimits | null>;
}

type KafkajsCalls = Pick<Producer, 'connect' | 'transaction' | 'disconnect'>;

export interface TopicLimits {
  readonly partitions: number;
  /** `max.message.bytes`: of a whole record batch, as compressed. */
  readonly batchBytesMax: number;
}

const SEND_BYTES_MAX = 900_000;
/** The header of a batch is 61 bytes; compression may add a few to what it cannot make smaller. */
const BATCH_OVERHEAD_BYTES = 512;
const CALL_MS = 20_000;
const OPEN_MS = 60_000;
const CLOSE_MS = 5_000;

type State = 'new' | 'ready' | 'begun' | 'busy' | 'broken' | 'closed';

export class KafkajsProducer implements TransactionalProducer {
  readonly #producer: KafkajsCalls;
  readonly #sockets: Pick<KafkajsSockets, 'shut' | 'destroy'>;
  readonly #transactionalId: string;
  readonly #compression: CompressionTypes;
  readonly #limitsOf: (topic: string) => Promise<TopicLimits | null>;
  readonly #limits = new Map<string, TopicLimits>();
  #transaction: Transaction | null = null;
  #state: State = 'new';

  constructor(options: KafkajsProducerOptions) {
    this.#producer = options.producer;
    this.#sockets = options.sockets;
    this.#transactionalId = options.transactionalId;
    this.#compression = options.compression;
    this.#limitsOf = options.limitsOf;
  }

  /** Connects and asks for a new epoch, which fences and settles whoever had the transactional id before. Leaves a transaction begun. */
  async open(): Promise<void> {
    await this.#exclusively('new', 'begun', this.#attempt('claiming'), OPEN_MS, async () => {
      await this.#producer.connect();
      // Whoever closed it may have claimed again since: a new epoch would fence that claim.
      if (this.#isClosed()) throw new Error('closed');
      this.#transaction = await this.#producer.transaction();
    });
  }

  async begin(): Promise<void> {
    await this.#exclusively('ready', 'begun', this.#attempt('beginning a transaction'), CALL_MS, async () => {
      this.#transaction = await this.#producer.transaction();
    });
  }

  /** Partition by partition: blocks are small where files are, and a request for each would outlast the transaction. */
  async send(topic: string, blocks: readonly RecordBlock[]): Promise<readonly number[]> {
    const offsets = new Map<number, number>();
    for (const [partition, numbered] of Map.groupBy(blocks.entries(), ([, block]) => block.partition)) {
      const { batchBytesMax } = await this.#check(topic, partition);
      const bytesMax = Math.min(SEND_BYTES_MAX, batchBytesMax - BATCH_OVERHEAD_BYTES);
      const numbers = numbered.map(([number]) => number).values();
      const ofPartition = numbered.map(([, block]) => block);
      for (const { messages, firsts } of batchesOf(ofPartition, bytesMax)) {
        const base = await this.#sendBatch(topic, partition, messages);
        for (const first of firsts) offsets.set(must(numbers.next().value, 'the block that begins here'), base + first);
      }
    }
    return blocks.map((_, number) => must(offsets.get(number), 'the first record of a block'));
  }

  /** One record, and its offset. */
  async sendRecord({ topic, partition, key, value }: ControlRecord): Promise<number> {
    await this.#check(topic, partition);
    return this.#sendBatch(topic, partition, [{ key: Buffer.from(key), value: value === null ? null : Buffer.from(value) }]);
  }

  async sendControl(records: readonly ControlRecord[]): Promise<void> {
    for (const record of records) await this.sendRecord(record);
  }

  async commit(deadlineMs: number): Promise<void> {
    const attempt = this.#attempt('committing');
    await this.#exclusively('begun', 'ready', attempt, deadlineMs, async () => {
      try {
        await must(this.#transaction, 'the transaction').commit();
      } catch (error) {
        const failure = failureOf(error, attempt);
        if (failure.code === 'kafka.fenced' || failure.code === 'kafka.unauthorized') throw failure;
        throw new Failure('kafka.unknown', failure.message, { cause: error });
      }
    });
  }

  async abort(deadlineMs: number): Promise<void> {
    await this.#exclusively('begun', 'ready', this.#attempt('aborting'), deadlineMs, () =>
      must(this.#transaction, 'the transaction').abort(),
    );
  }

  async close(): Promise<void> {
    if (this.#isClosed()) return;
    this.#state = 'closed';
    this.#sockets.shut();
    await within(this.#producer.disconnect(), CLOSE_MS, () => new Error('late')).catch(() => {});
    this.#sockets.destroy();
  }

  async #sendBatch(topic: string, partition: number, messages: Message[]): Promise<number> {
    const attempt = this.#attempt(
      `sending ${messages.length === 1 ? 'a record' : `${messages.length} records`} to ${topic}-${partition}`,
      topic,
    );
    return this.#exclusively('begun', 'begun', attempt, CALL_MS, async () => {
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
    const known = this.#limits.get(topic);
    if (known !== undefined && partition < known.partitions) return known;
    return this.#exclusively('begun', 'begun', this.#attempt(`looking at ${topic}`, topic), CALL_MS, async () => {
      const limits = await this.#limitsOf(topic);
      if (limits === null) throw new Failure('kafka.rejected', `there is no topic ${topic} to send to`);
      if (partition >= limits.partitions)
        throw new Failure('kafka.rejected', `there is no ${topic}-${partition}: the topic has ${limits.partitions} partitions`);
      this.#limits.set(topic, limits);
      return limits;
    });
  }

  /** One call at a time, only in the state where it is legal, and bounded in time; any rejection breaks the producer. */
  async #exclusively<T>(from: State, to: State, attempt: Attempt, deadlineMs: number, call: () => Promise<T>): Promise<T> {
    assert(this.#state === from, `${attempt.doing}: the producer is ${this.#state}`);
    this.#state = 'busy';
    // A commit that is late is in doubt even if it resolves in the end.
    const code = to === 'ready' ? 'kafka.unknown' : 'kafka.unreachable';
    try {
      const result = await within(call(), deadlineMs, () => new Failure(code, `${attempt.doing}: no answer within ${deadlineMs / 1000} s`));
      this.#become(to);
      return result;
    } catch (error) {
      this.#become('broken');
      if (this.#isClosed() && !(error instanceof Failure))
        throw new Failure('kafka.rejected', `${attempt.doing}: the producer was closed meanwhile`, { cause: error });
      throw failureOf(error, attempt);
    }
  }

  /** `close` may come while a call is under way; nothing follows it. */
  #become(state: State): void {
    if (!this.#isClosed()) this.#state = state;
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
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
