/**
 * A claimed checkpoint partition: the one producer that may write its feeds' rows and positions, and what was read back when it was claimed
 * (DESIGN §8, notes/kafka.md §3).
 *
 * Its feeds take turns: a producer has one open transaction at most. After any failed or doubtful call the claim is lost for all of them: the producer is thrown away,
 * and whoever claims the partition next reads from Kafka what was committed. Nothing here remembers a commit that Kafka did not confirm.
 */
import { assert } from '../lib/assert.ts';
import { orAbort } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { Semaphore } from '../lib/semaphore.ts';
import type { Release } from '../lib/semaphore.ts';
import { Failure } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import type { EpochMs } from '../model/version.ts';
import type { Claim, ControlRecord, TransactionalProducer } from '../ports/publisher.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { META_KEY, checkpointPartition, parseCheckpoint, serialise } from './checkpoint.ts';

/** From begin to the commit's answer; below `transaction.timeout.ms` (30 s), so that we give up before the coordinator does. */
const TRANSACTION_MS = 20_000;
/** Without a transaction for so long the claim is proven by one of its own. */
const IDLE_MS = 30_000;

export interface PartitionPlace {
  /** `<relay.name>.checkpoints`. */
  readonly topic: string;
  readonly partition: number;
  /** Of the whole topic. */
  readonly partitions: number;
}

/** What a transaction holds beside the checkpoint: called between begin and commit, with everything already in memory. */
export type TransactionBody = (producer: TransactionalProducer) => Promise<Checkpoint>;

export class ClaimedPartition {
  readonly place: PartitionPlace;
  /** Topics and names of the ledgers' schemas that were published and confirmed under this claim. */
  readonly schemasOut = new Set<string>();
  readonly #producer: TransactionalProducer;
  readonly #checkpoints: Map<FeedId, Checkpoint>;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #turn = new Semaphore(1);
  readonly #lost = new AbortController();
  readonly #retired = new AbortController();
  #lostBy: FeedId | null = null;
  #lastAt: EpochMs;
  readonly #checkedAt = new Map<FeedId, EpochMs>();

  /** Throws `checkpoint.partitions` or `checkpoint.version` for a partition that this relay must not write to. */
  constructor(place: PartitionPlace, claim: Claim, clock: Clock, telemetry: Telemetry) {
    this.place = place;
    this.#producer = claim.producer;
    this.#clock = clock;
    this.#telemetry = telemetry;
    this.#checkpoints = readCheckpoints(place, claim.records);
    this.#lastAt = clock.now();
  }

  /** Aborts, with the failure, when the claim is lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whose transaction lost the claim; null while it holds, and when nobody's did. */
  get lostBy(): FeedId | null {
    return this.#lostBy;
  }

  /** The feeds that have a checkpoint here, those that left the config too. */
  get feeds(): readonly FeedId[] {
    return [...this.#checkpoints.keys()];
  }

  /** When the feed's history was last found as the checkpoint says under this claim; null if it was not, or is in doubt since. */
  checkedAt(feed: FeedId): EpochMs | null {
    return this.#checkedAt.get(feed) ?? null;
  }

  checked(feed: FeedId): void {
    this.#checkedAt.set(feed, this.#clock.now());
  }

  doubt(feed: FeedId): void {
    this.#checkedAt.delete(feed);
  }

  /** As last committed; null before the feed's first transaction. */
  checkpoint(feed: FeedId): Checkpoint | null {
    return this.#checkpoints.get(feed) ?? null;
  }

  /**
   * One transaction: what `body` sends, then the checkpoint that it returns. Resolves with that checkpoint once it is committed. Any rejection loses the claim.
   */
  async transact(feed: FeedId, body: TransactionBody, signal: AbortSignal): Promise<Checkpoint> {
    return this.#inTurn(feed, (producer) => this.#publish(feed, body, producer), signal);
  }

  /** Writes over how many partitions feeds are hashed, where it is not known yet. Any rejection loses the claim. */
  async writeMeta(known: ReadonlyMap<string, string>, signal: AbortSignal): Promise<void> {
    if (!known.has(META_KEY)) await this.#inTurn(null, (producer) => this.#sendMeta(producer), signal);
  }

  /**
   * Proves the claim by a small transaction whenever there was none for a while, so that a claim that somebody took over (an operator's command, another
   * deployment) is noticed though no feed has anything to publish. Rejects with `signal.reason`, or when the claim is lost.
   */
  async keepAlive(signal: AbortSignal): Promise<never> {
    for (;;) {
      await this.#clock.sleep(Math.max(0, this.#lastAt + IDLE_MS - this.#clock.now()), signal);
      if (this.#clock.now() - this.#lastAt >= IDLE_MS) await this.#inTurn(null, (producer) => this.#sendMeta(producer), signal);
    }
  }

  /** No transaction begins any more; one under way has so long to end. Then the claim is over for all: `lost` aborts with `reason`. Never rejects. */
  async retire(reason: Error, ms: number): Promise<void> {
    this.#retired.abort(reason);
    const ended = new AbortController();
    const late = new AbortController();
    void this.#clock.sleep(ms, ended.signal).then(
      () => late.abort(reason),
      () => {},
    );
    const release = await this.#turn.acquire(1, AbortSignal.any([late.signal, this.#lost.signal])).catch(() => null);
    ended.abort();
    release?.();
    if (!this.#lost.signal.aborted) this.#lost.abort(reason);
  }

  /** Calls `work` as soon as no transaction is under way; not at all when the claim is lost first. */
  between(work: () => void): void {
    this.#turn.acquire(1, this.#lost.signal).then(
      (release) => {
        work();
        release();
      },
      () => {},
    );
  }

  async #inTurn<T>(feed: FeedId | null, work: (producer: TransactionalProducer) => Promise<T>, signal: AbortSignal): Promise<T> {
    const release = await this.#acquireTurn(signal);
    const startedAt = this.#clock.now();
    const seconds = (): number => (this.#clock.now() - startedAt) / 1000;
    const overdue = new AbortController();
    const ended = new AbortController();
    const giveUp = (): void => overdue.abort(overdueFailure(this.place, feed));
    this.#clock.sleep(TRANSACTION_MS, ended.signal).then(giveUp, () => {});
    try {
      this.#lost.signal.throwIfAborted();
      const result = await orAbort(work(this.#producer), AbortSignal.any([overdue.signal, signal]));
      this.#telemetry.transaction('committed', seconds());
      this.#lastAt = this.#clock.now();
      return result;
    } catch (cause) {
      if (!this.#lost.signal.aborted) this.#telemetry.transaction(isInDoubt(cause) ? 'unknown' : 'aborted', seconds());
      // A feed that is called off in its transaction has not failed in it.
      throw this.#lose(signal.aborted ? null : feed, cause);
    } finally {
      ended.abort();
      release();
    }
  }

  /** Where the partition is being given up there are no turns any more: what waits for one learns so when the last transaction has ended. */
  async #acquireTurn(signal: AbortSignal): Promise<Release> {
    try {
      return await this.#turn.acquire(1, AbortSignal.any([signal, this.#retired.signal]));
    } catch (error) {
      if (signal.aborted) throw error;
      return orAbort(new Promise<never>(() => {}), AbortSignal.any([signal, this.#lost.signal]));
    }
  }

  async #publish(feed: FeedId, body: TransactionBody, producer: TransactionalProducer): Promise<Checkpoint> {
    await producer.begin();
    const checkpoint = await body(producer);
    const before = this.#checkpoints.get(feed);
    assert(
      before === undefined || checkpoint.seq === before.seq + 1,
      `checkpoint ${checkpoint.seq} of ${feed} on top of ${before?.seq ?? 'nothing'}`,
    );
    await producer.sendControl([this.record(feed, serialise(checkpoint))]);
    await producer.commit(TRANSACTION_MS);
    this.#checkpoints.set(feed, checkpoint);
    return checkpoint;
  }

  async #sendMeta(producer: TransactionalProducer): Promise<void> {
    await producer.begin();
    await producer.sendControl([this.record(META_KEY, JSON.stringify({ partitions: this.place.partitions }))]);
    await producer.commit(TRANSACTION_MS);
  }

  record(key: string, value: string): ControlRecord {
    return { topic: this.place.topic, partition: this.place.partition, key, value };
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await this.#producer.close();
  }

  #lose(feed: FeedId | null, cause: unknown): unknown {
    if (!this.#lost.signal.aborted) {
      this.#lostBy = feed;
      this.#lost.abort(cause);
    }
    return cause;
  }
}

function overdueFailure({ topic, partition }: PartitionPlace, feed: FeedId | null): Failure {
  const whose = feed === null ? 'of the claim itself' : `of ${feed}`;
  return new Failure('kafka.unknown', `a transaction ${whose} on ${topic}-${partition} has not ended within ${TRANSACTION_MS / 1000} s`);
}

function isInDoubt(cause: unknown): boolean {
  return !(cause instanceof Failure) || cause.code === 'kafka.unknown';
}

function readCheckpoints(place: PartitionPlace, records: ReadonlyMap<string, string>): Map<FeedId, Checkpoint> {
  const checkpoints = new Map<FeedId, Checkpoint>();
  for (const [key, value] of records) {
    checkPlace(place, key, value);
    if (!key.startsWith('\0')) checkpoints.set(key, parseCheckpoint(key, value));
  }
  return checkpoints;
}

/** Throws `checkpoint.partitions` for a record that says, or by its place shows, that feeds were hashed over another number of partitions. */
export function checkPlace(place: PartitionPlace, key: string, value: string): void {
  if (key === META_KEY) checkMeta(place, value);
  if (key.startsWith('\0')) return;
  const expected = checkpointPartition(key, place.partitions);
  if (expected === place.partition) return;
  throw new Failure(
    'checkpoint.partitions',
    `the checkpoint of ${key} is in partition ${place.partition} of ${place.topic}, and belongs into ${expected} of ${place.partitions}`,
  );
}

function checkMeta(place: PartitionPlace, value: string): void {
  const written = JSON.stringify({ partitions: place.partitions });
  if (value === written) return;
  throw new Failure('checkpoint.partitions', `${place.topic} was begun with ${value}, and the config says ${written}`);
}
