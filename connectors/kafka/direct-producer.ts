/**
 * A transactional producer of our own: it sends the record batches that our workers have framed, and says of each call what the brokers said of it.
 *
 * Life: open takes an epoch, which fences every predecessor. Each transaction then appends to partitions, in any number of sends, and ends by EndTxn. Transactions come in
 * two versions, by what the cluster has finalised when the producer opens (KIP-890):
 *   2: the first batch in a partition makes it part of the transaction, and EndTxn gives a new epoch: whatever is late of a transaction is refused.
 *   1: AddPartitionsToTxn comes before the first batch in a partition, and the epoch stays. Late copies would count for the next transaction: of a batch after an abort, of
 *      EndTxn where it was asked twice. After either the producer takes a new epoch before it begins again, as its own successor: if somebody else has claimed the id
 *      meanwhile, that is refused.
 *
 * Sequences count the records of an epoch in each partition. Errors: what stands in THE LIST (direct-retry.ts) is asked again in place; everything else breaks the
 * producer, and its connections end at once, so that nothing of it is sent behind the back of whoever claims next.
 */
import { must } from '../../src/lib/assert.ts';
import type { RecordBlock } from '../../src/ports/encoder.ts';
import type { ControlRecord } from '../../src/ports/publisher.ts';
import type { ConnectionOptions } from './connections.ts';
import { batchOf, nextSequence } from './direct-batch.ts';
import type { Batch } from './direct-batch.ts';
import { DirectCluster } from './direct-cluster.ts';
import { DirectCoordinator } from './direct-coordinator.ts';
import { Courier } from './direct-courier.ts';
import { controlBlock, cutsOf } from './direct-cuts.ts';
import type { Cut } from './direct-cuts.ts';
import { Lane } from './direct-lane.ts';
import type { ProducerEpoch, TopicPartition, Transactions } from './direct-messages.ts';
import { Refused } from './direct-retry.ts';
import type { ClaimingProducer, ProducerParts } from './kafka-driver.ts';
import { failureOf, inDoubt, reasonOf } from './kafka-failure.ts';
import type { Attempt } from './kafka-failure.ts';
import type { KafkaOptions } from './options.ts';
import { ProducerState } from './producer-state.ts';
import type { ProducerPhase } from './producer-state.ts';
import { LimitsBook, recordBytesMax } from './topic-limits.ts';

export type DirectProducerOptions = ConnectionOptions &
  Pick<ProducerParts, 'transactionalId' | 'limitsOf'> &
  Pick<KafkaOptions, 'transactionTimeoutMs' | 'compression'>;

const OPEN_MS = 60_000;
const BEGIN_MS = 20_000;
const SEND_MS = 20_000;

/** What an open producer has. */
interface Session {
  readonly transactions: Transactions;
  readonly epoch: ProducerEpoch;
  /** By partition of a topic, the sequence of the next record. */
  readonly sequences: Map<string, number>;
}

export class DirectProducer implements ClaimingProducer {
  readonly #options: DirectProducerOptions;
  readonly #cluster: DirectCluster;
  readonly #coordinator: DirectCoordinator;
  readonly #courier: Courier;
  readonly #limits: LimitsBook;
  readonly #state: ProducerState;
  readonly #end = new AbortController();
  #session: Session | null = null;
  /** Partitions that are part of the transaction: it ends only if there are any. */
  readonly #touched = new Set<string>();
  #wantsEpoch = false;
  #trouble: unknown = null;

  constructor(options: DirectProducerOptions) {
    this.#options = options;
    this.#cluster = new DirectCluster(options);
    const shared = {
      ...options,
      cluster: this.#cluster,
      onTrouble: (error: unknown): void => {
        this.#trouble = error;
      },
    };
    this.#coordinator = new DirectCoordinator(shared);
    this.#courier = new Courier({ ...shared, attemptOf: (place, count) => this.#attempt(sending(place, count), place.topic) });
    this.#limits = new LimitsBook(options.limitsOf);
    this.#state = new ProducerState(
      () => this.#stop(),
      () => (this.#trouble === null ? null : reasonOf(this.#trouble).text),
    );
  }

  async open(): Promise<void> {
    await this.#during('new', 'begun', this.#attempt('claiming'), OPEN_MS, async (signal) => {
      const transactions = await this.#coordinator.transactions(signal);
      this.#live(transactions, await this.#coordinator.newEpoch(null, signal));
    });
  }

  async begin(): Promise<void> {
    await this.#during('ready', 'begun', this.#attempt('beginning a transaction'), BEGIN_MS, async (signal) => {
      if (!this.#wantsEpoch) return;
      const { transactions, epoch } = this.#now;
      this.#live(transactions, await this.#coordinator.newEpoch(epoch, signal));
      this.#wantsEpoch = false;
    });
  }

  async send(topic: string, blocks: readonly RecordBlock[]): Promise<readonly number[]> {
    return this.#append(blocks.map((block) => ({ topic, block })));
  }

  async sendRecord(record: ControlRecord): Promise<number> {
    const [offset] = await this.#append([{ topic: record.topic, block: controlBlock(record) }]);
    return must(offset, 'the offset of the record');
  }

  async sendControl(records: readonly ControlRecord[]): Promise<void> {
    await this.#append(records.map((record) => ({ topic: record.topic, block: controlBlock(record) })));
  }

  async commit(deadlineMs: number): Promise<void> {
    await this.#endTransaction(true, deadlineMs);
  }

  async abort(deadlineMs: number): Promise<void> {
    await this.#endTransaction(false, deadlineMs);
  }

  async close(): Promise<void> {
    this.#state.close();
  }

  /** Resolves with the offset of the first record of each block. */
  async #append(placed: readonly PlacedBlock[]): Promise<readonly number[]> {
    const groups = [...Map.groupBy(placed.entries(), ([, { topic, block }]) => nameOf({ topic, partition: block.partition })).values()];
    const loads = groups.map((group) => loadOf(group));
    return this.#during('begun', 'begun', this.#attempt(sendingAll(loads), loads[0]?.topic), SEND_MS, async (signal) => {
      const bytesMax: number[] = [];
      for (const { topic, partition } of loads) bytesMax.push(recordBytesMax(await this.#limits.of(topic, partition)));
      await this.#touch(loads, signal);
      const lanes = loads.map((load, i) => new Lane(load, this.#batches(load, cutsOf(load.blocks, must(bytesMax[i], 'the bound')))));
      await this.#courier.deliver(lanes, this.#now.transactions, signal);
      const offsets: number[] = [];
      for (const [i, { numbers }] of loads.entries()) {
        for (const [j, number] of numbers.entries()) offsets[number] = must(lanes[i]?.offsets[j], 'the first record of a block');
      }
      return offsets;
    });
  }

  /** Makes the partitions part of the transaction. */
  async #touch(loads: readonly Load[], signal: AbortSignal): Promise<void> {
    const fresh = loads.filter((load) => !this.#touched.has(nameOf(load)));
    const { transactions, epoch } = this.#now;
    if (transactions === 1 && fresh.length > 0) {
      try {
        await this.#coordinator.add(fresh, epoch, signal);
      } catch (error) {
        signal.throwIfAborted();
        const refused = fresh.find(({ topic }) => error instanceof Refused && error.topic === topic) ?? must(fresh[0], 'a partition');
        throw failureOf(error, this.#attempt(sending(refused, refused.records), refused.topic));
      }
    }
    for (const load of fresh) this.#touched.add(nameOf(load));
  }

  *#batches(place: TopicPartition, cuts: Iterable<Cut>): Generator<Promise<Batch>> {
    const { epoch, sequences } = this.#now;
    const name = nameOf(place);
    for (const cut of cuts) {
      const sequence = sequences.get(name) ?? 0;
      sequences.set(name, nextSequence(sequence, cut.count));
      yield batchOf(cut, { ...epoch, sequence, timestamp: Date.now() }, this.#options.compression);
    }
  }

  async #endTransaction(isCommit: boolean, deadlineMs: number): Promise<void> {
    const attempt = this.#attempt(isCommit ? 'committing' : 'aborting');
    await this.#during('begun', 'ready', attempt, deadlineMs, async (signal) => {
      if (this.#touched.size === 0) return;
      const { transactions, epoch } = this.#now;
      try {
        const { next, isInDoubt } = await this.#coordinator.end(isCommit, epoch, transactions, signal);
        const isNew = next !== null && (next.epoch !== epoch.epoch || next.producerId !== epoch.producerId);
        if (isNew) this.#live(transactions, next);
        this.#wantsEpoch = !isNew && (!isCommit || isInDoubt);
        this.#touched.clear();
      } catch (error) {
        signal.throwIfAborted();
        throw inDoubt(failureOf(error, attempt));
      }
    });
  }

  get #now(): Session {
    return must(this.#session, 'an epoch');
  }

  #live(transactions: Transactions, epoch: ProducerEpoch): void {
    this.#session = { transactions, epoch, sequences: new Map() };
  }

  async #during<T>(
    from: ProducerPhase,
    to: ProducerPhase,
    attempt: Attempt,
    deadlineMs: number,
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    this.#trouble = null;
    return this.#state.during(from, to, attempt, deadlineMs, () => call(this.#end.signal));
  }

  #stop(): void {
    this.#end.abort(new Error('the producer is done'));
    this.#cluster.close();
  }

  #attempt(doing: string, topic?: string): Attempt {
    const { transactionalId } = this.#options;
    return {
      doing: `${doing} as ${transactionalId}`,
      transactionalId,
      ...(topic === undefined ? {} : { topic: { name: topic, right: 'Write' } }),
    };
  }
}

interface PlacedBlock {
  readonly topic: string;
  readonly block: RecordBlock;
}

/** What one partition is to get. */
interface Load extends TopicPartition {
  readonly blocks: readonly RecordBlock[];
  /** The places of the blocks among all that were given. */
  readonly numbers: readonly number[];
  readonly records: number;
}

function loadOf(group: readonly (readonly [number, PlacedBlock])[]): Load {
  const [, { topic, block }] = must(group[0], 'a block');
  return {
    topic,
    partition: block.partition,
    blocks: group.map(([, placed]) => placed.block),
    numbers: group.map(([number]) => number),
    records: group.reduce((sum, [, placed]) => sum + placed.block.count, 0),
  };
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

function sending(place: TopicPartition, records: number): string {
  return `sending ${records === 1 ? 'a record' : `${records} records`} to ${nameOf(place)}`;
}

function sendingAll(loads: readonly Load[]): string {
  const [first] = loads;
  if (first === undefined) return 'sending nothing';
  if (loads.length === 1) return sending(first, first.records);
  const records = loads.reduce((sum, load) => sum + load.records, 0);
  return `sending ${records} records to ${[...new Set(loads.map(({ topic }) => topic))].join(' and ')}`;
}
