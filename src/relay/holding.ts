/**
 * A checkpoint partition that this relay holds for its feeds, while the group gives it, over as many claims as it takes.
 *
 *   assigned ─► claim ─► supervise each feed ─► until each has an outcome, or the partition is wanted elsewhere
 *                ▲             │ claim lost
 *                └── backoff ◄─┘
 *
 * A claim that is lost is made again: claiming fences whoever held the partition, settles its transaction, and reads what is true. Feeds may join at any time; one that
 * leaves is stopped as all are when the relay stops, so that the others of its partition keep their claim.
 *
 * Before a claim and behind it is asked whether the partition is still ours: who claims late, out of a long pause, fences the true owner (notes/kafka.md §3.2). When it is
 * to be given up, a transaction under way ends first; what is being prepared is dropped, since the next owner prepares it anew from the same checkpoint.
 */
import { orAbort } from '../lib/abort.ts';
import { backoffMs } from '../lib/backoff.ts';
import { Failure } from '../model/failure.ts';
import type { FeedId, FeedSpec } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import type { EpochMs } from '../model/version.ts';
import type { Publisher } from '../ports/publisher.ts';
import { claimText, lastClaim } from './claim-record.ts';
import type { Line, Works } from './line.ts';
import { ClaimedPartition } from './partition.ts';
import type { PartitionPlace } from './partition.ts';
import { newMemory, supervise } from './supervisor.ts';
import type { FeedMemory, Outcome } from './supervisor.ts';
import type { Tenure } from './tenure.ts';
import { respelled } from './topic-ledger.ts';

const RECLAIM = { firstMs: 500, maxMs: 30_000 };
/** For a transaction under way when the partition is given up. */
const RETIRE_MS = 5_000;
/** Until it is asked again whether the group holds this relay for alive. */
const UNCONFIRMED_MS = 200;
/** Fences in a row that mean more than one slow hand-over. */
const FENCES_ALARM = 5;

export interface HoldingOptions {
  /** Of the relay. */
  readonly name: string;
  readonly publisher: Publisher;
  readonly works: Works;
  readonly retryTimeoutMs: number;
  /** Goes into claim records: how a second deployment under the same name is recognised. */
  readonly owner: string;
  /** `http://address:port` where other replicas reach this one; goes into claim records too. Null: nowhere. */
  readonly http: string | null;
  readonly nonce: () => string;
  /** Hash of what the config says of feeds: whether two claims come from one config. */
  readonly configHash: string;
}

/** What a holding asks about the relay that it is part of. */
export interface HoldingContext {
  /** Whether the config has the feed of a checkpoint, listed or not. */
  readonly isKnown: (feed: FeedId) => boolean;
  /** Whether other partitions have been claimed: a feed that joins later must not end the relay. */
  readonly isUnderWay: () => boolean;
  /** Whether the group holds this relay for alive, as far as it knows: otherwise the partition may have been handed on. */
  readonly isConfirmed: () => boolean;
}

/** A feed, for those who look at it and give it orders. */
export interface Steered {
  readonly spec: FeedSpec;
  readonly memory: FeedMemory;
  readonly hasEnded: boolean;
  /** Whether the partition was claimed since it is held. */
  readonly isClaimed: boolean;
  /** As last confirmed under a claim of this replica. */
  readonly checkpoint: Checkpoint | null;
  /** Why the partition is not claimed; null while it is. */
  readonly claimFailure: { readonly failure: Failure; readonly at: EpochMs } | null;
}

interface Member {
  readonly line: Line;
  readonly memory: FeedMemory;
  readonly leaving: AbortController;
  leftAt: EpochMs;
  outcome: Outcome | null;
  /** Never rejects; null while the feed is not run. */
  run: Promise<void> | null;
}

export class Holding {
  readonly #options: HoldingOptions;
  readonly #place: PartitionPlace;
  readonly #isKnown: HoldingContext['isKnown'];
  readonly #isUnderWay: HoldingContext['isUnderWay'];
  readonly #isConfirmed: HoldingContext['isConfirmed'];
  readonly #members = new Map<FeedId, Member>();
  readonly #attempted = Promise.withResolvers<void>();
  #changed = Promise.withResolvers<void>();
  #wasClaimed = false;
  /** The last one, while the partition is held. */
  #claimed: ClaimedPartition | null = null;
  /** Why it could not be claimed, or was lost, since it was last claimed. */
  #claimFailure: Steered['claimFailure'] = null;
  /** Owners of which was told. One for each process that ever fenced this one. */
  readonly #toldRivals = new Set<string>();

  constructor(options: HoldingOptions, place: PartitionPlace, { isKnown, isUnderWay, isConfirmed }: HoldingContext) {
    this.#options = options;
    this.#place = place;
    this.#isKnown = isKnown;
    this.#isUnderWay = isUnderWay;
    this.#isConfirmed = isConfirmed;
  }

  /** Resolves after the first claim or the first failure to claim, and when `hold` ends before. */
  get attempted(): Promise<void> {
    return this.#attempted.promise;
  }

  /** Of the feeds that have one. */
  get outcomes(): ReadonlyMap<FeedId, Outcome> {
    return new Map([...this.#members.values()].flatMap(({ line, outcome }) => (outcome === null ? [] : [[line.spec.id, outcome]])));
  }

  get feeds(): readonly FeedId[] {
    return [...this.#members.keys()];
  }

  /** Checkpoints of feeds that the config does not know; none while the partition is not claimed. */
  get orphans(): readonly Checkpoint[] {
    const claimed = this.#claimed;
    return claimed === null ? [] : this.#orphansIn(claimed).flatMap((feed) => claimed.checkpoint(feed) ?? []);
  }

  /** Of the feeds that have no outcome. */
  get open(): readonly Line[] {
    return this.#open().map(({ line }) => line);
  }

  /** The feed as it is steered; null if it is no member. */
  steered(feed: FeedId): Steered | null {
    const member = this.#members.get(feed);
    if (member === undefined) return null;
    const { line, memory, outcome } = member;
    const checkpoint = this.#claimed?.checkpoint(feed) ?? null;
    const hasEnded = outcome !== null;
    return { spec: line.spec, memory, hasEnded, isClaimed: this.#claimed !== null, checkpoint, claimFailure: this.#claimFailure };
  }

  /** A feed that another replica has brought so far: it need not run here. */
  settle(feed: FeedId, outcome: Outcome): void {
    const member = this.#members.get(feed);
    if (member !== undefined) member.outcome ??= outcome;
  }

  /** Whether `hold` has anything to do: to be called, when it is not running, after a feed joined. */
  get hasWork(): boolean {
    return this.#open().length > 0;
  }

  /** The feed runs from now on, or from the next claim; with `barred` it is parked with that failure. It must not be a member. */
  join(line: Line, barred: Failure | null): void {
    const { works } = line;
    const leaving = new AbortController();
    const own: Works = {
      ...works,
      stopping: AbortSignal.any([works.stopping, leaving.signal]),
      stoppingSince: () => (works.stopping.aborted ? works.stoppingSince() : member.leftAt),
    };
    const memory = newMemory(barred, works.clock);
    const wait = memory.orders.nudged(line.wait);
    const member: Member = { line: { ...line, works: own, wait }, memory, leaving, leftAt: 0, outcome: null, run: null };
    this.#members.set(line.spec.id, member);
    this.#notify();
  }

  /** Resolves when the feed has stopped; its checkpoint stays. */
  async leave(feed: FeedId): Promise<void> {
    const member = this.#members.get(feed);
    if (member === undefined) return;
    member.leftAt = member.line.works.clock.now();
    member.leaving.abort(new Error(`${feed} leaves`));
    this.#notify();
    await member.run;
    member.memory.orders.drop();
    this.#members.delete(feed);
  }

  /**
   * Until all feeds have an outcome, the relay stops, or the tenure ends. Rejects with a `Failure` under which no feed can work, or with `signal.reason`, which is the
   * tenure's too.
   */
  async hold(tenure: Tenure, signal: AbortSignal): Promise<void> {
    const { works } = this.#options;
    const asking = AbortSignal.any([signal, works.stopping, tenure.ending]);
    let lostInARow = 0;
    let fences = 0;
    try {
      while (this.hasWork && !asking.aborted) {
        if (!this.#isConfirmed()) {
          await works.clock.sleep(UNCONFIRMED_MS, asking).catch(() => {});
          continue;
        }
        const claimedAt = works.clock.now();
        try {
          const partition = await this.#claim(tenure, signal);
          this.#claimed = partition;
          this.#claimFailure = null;
          works.telemetry.claim('claimed');
          this.#wasClaimed = true;
          this.#attempted.resolve();
          await this.#attend(partition, tenure, signal);
        } catch (error) {
          this.#attempted.resolve();
          signal.throwIfAborted();
          if (tenure.ending.aborted) return;
          // A right that is taken away while the relay runs may come back; one that was never there is for a person to give.
          const isHopeless = error instanceof Failure && error.disposition === 'environment';
          const isFirst = !this.#wasClaimed && !this.#isUnderWay();
          if (isHopeless && (isFirst || error.code.startsWith('checkpoint.'))) throw error;
          for (const { line } of this.#open()) works.telemetry.feedState(line.spec.id, 'retrying');
          const failure = error instanceof Failure ? error : new Failure('relay.bug', String(error), { cause: error });
          const { code } = failure;
          this.#claimFailure = { failure, at: works.clock.now() };
          lostInARow = works.clock.now() - claimedAt > RECLAIM.maxMs ? 0 : lostInARow + 1;
          fences = code === 'kafka.fenced' ? fences + 1 : 0;
          works.telemetry.claim(code === 'kafka.fenced' ? 'fenced' : 'failed');
          works.telemetry.log(fences >= FENCES_ALARM || lostInARow > 3 ? 'error' : 'warn', 'claim lost, claiming again', {
            partition: this.#place.partition,
            ...(code === 'kafka.fenced' ? await this.#rival(asking) : {}),
            code,
            error: error instanceof Error ? error.message : String(error),
          });
          const waitMs = backoffMs(RECLAIM, lostInARow, 50, () => works.clock.random());
          await works.clock.sleep(waitMs, asking).catch(() => {});
          this.#giveUpOverdue(failure);
        }
      }
    } finally {
      this.#attempted.resolve();
      this.#claimed = null;
      this.#claimFailure = null;
      for (const { memory } of this.#members.values()) memory.orders.drop();
    }
  }

  /** Runs the feeds that have no outcome under one claim, those that join too, until each has one. Rejects when the claim is lost. */
  async #attend(partition: ClaimedPartition, tenure: Tenure, signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const retire = (): void => void partition.retire(new Error('the partition is given up'), RETIRE_MS);
    tenure.ending.addEventListener('abort', retire);
    if (tenure.ending.aborted) retire();
    const scope = AbortSignal.any([signal, partition.lost, ended.signal]);
    const keptAlive = partition.keepAlive(scope).catch(() => {}); // Whatever ends it is seen in `lost`.
    for (const orphan of this.#orphansIn(partition)) {
      this.#options.works.telemetry.log('info', 'checkpoint of a feed that the config does not know', { feed: orphan });
    }
    try {
      while (this.hasWork && !scope.aborted) {
        const changed = this.#changed.promise;
        for (const member of this.#open()) if (member.run === null) this.#start(member, partition, scope, ended);
        await orAbort(changed, scope).catch(() => {});
      }
      await Promise.all([...this.#members.values()].map(async ({ run }) => run));
      scope.throwIfAborted();
    } finally {
      tenure.ending.removeEventListener('abort', retire);
      ended.abort();
      await keptAlive;
      await partition.close();
    }
  }

  #orphansIn(partition: ClaimedPartition): readonly FeedId[] {
    return partition.feeds.filter((feed) => !this.#members.has(feed) && !this.#isKnown(feed));
  }

  #start(member: Member, partition: ClaimedPartition, scope: AbortSignal, ended: AbortController): void {
    member.run = supervise(asBegun(member.line, partition), partition, member.memory, this.#options.retryTimeoutMs, scope)
      .then(
        (outcome) => {
          if (!member.leaving.signal.aborted) member.outcome = outcome;
          member.memory.orders.drop();
        },
        // Without a lost claim it is a mistake of the relay: the feeds begin anew under another claim.
        (error: unknown) => ended.abort(error),
      )
      .finally(() => {
        member.run = null;
        this.#notify();
      });
  }

  #open(): readonly Member[] {
    return [...this.#members.values()].filter(({ outcome, leaving }) => outcome === null && !leaving.signal.aborted);
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #claim(tenure: Tenure, signal: AbortSignal): Promise<ClaimedPartition> {
    const { name, publisher, works, owner, http, nonce, configHash } = this.#options;
    const { topic, partition } = this.#place;
    const claimed = await publisher.claim(
      {
        transactionalId: `${name}.${partition}`,
        topic,
        partition,
        claimValue: claimText({ nonce: nonce(), owner, http, config: configHash, at: works.clock.now() }),
      },
      AbortSignal.any([signal, tenure.ending]),
    );
    try {
      tenure.ending.throwIfAborted();
      const own = new ClaimedPartition(this.#place, claimed, works.clock, works.telemetry);
      await own.writeMeta(claimed.records, signal);
      return own;
    } catch (error) {
      await claimed.producer.close();
      throw error;
    }
  }

  /** Who has claimed the partition: for people, where that can be read. A claim under another config is another deployment's, which is told once. */
  async #rival(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const { publisher, works, owner, configHash } = this.#options;
    const claim = await lastClaim(publisher, this.#place, signal).catch(() => null);
    if (claim === null || claim.owner === owner) return {};
    const rival = { owner: claim.owner, since: new Date(claim.at).toISOString() };
    if (claim.config !== null && claim.config !== configHash && !this.#toldRivals.has(claim.owner)) {
      this.#toldRivals.add(claim.owner);
      works.telemetry.log('error', 'another deployment with other feeds in its config uses the same `relay.name`', {
        partition: this.#place.partition,
        ...rival,
      });
    }
    return rival;
  }

  /** With `--until-current`, feeds that could not even be claimed for `retryTimeoutMs` are given up as failing. */
  #giveUpOverdue(failure: Failure): void {
    const { works, retryTimeoutMs } = this.#options;
    if (!works.untilCurrent) return;
    const now = works.clock.now();
    for (const member of this.#open()) {
      member.memory.failingSince ??= now;
      if (now - member.memory.failingSince < retryTimeoutMs) continue;
      member.outcome = { kind: 'failing', failure };
    }
  }
}

/** A provider that spells a table in other letters than before has not renamed it, whichever replica saw which. */
function asBegun(line: Line, partition: ClaimedPartition): Line {
  const last = partition.checkpoint(line.spec.id);
  if (line.isListed !== true || last === null) return line;
  return { ...line, spec: { ...line.spec, topic: respelled(line.spec.topic, last) } };
}
