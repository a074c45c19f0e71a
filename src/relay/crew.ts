/**
 * All feeds of the relay, each in the holding of its checkpoint partition. A partition is held while the group gives it to this replica and it has a feed that runs.
 *
 *   enlist, dismiss ─► holdings ◄─ assigned, revoked, lost (the group)
 *                         └─► held ─► outcomes
 */
import { orAbort } from '../lib/abort.ts';
import { Failure } from '../model/failure.ts';
import type { FeedId, FeedSpec } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import type { Duty, Member, Membership } from '../ports/membership.ts';
import { checkpointPartition } from './checkpoint.ts';
import { Elsewhere } from './elsewhere.ts';
import { Holding } from './holding.ts';
import type { HoldingContext, HoldingOptions, Steered } from './holding.ts';
import type { Line } from './line.ts';
import type { Outcome } from './supervisor.ts';
import { Tenure } from './tenure.ts';

export interface CrewOptions extends HoldingOptions {
  readonly checkpointPartitions: number;
  readonly membership: Membership;
  /** Called when the number of feeds of a source has changed. */
  readonly onFeeds: (source: string, feeds: number) => void;
}

export class Crew {
  /** Aborts with the failure under which no feed can work, or as the signal that the crew was made with. */
  readonly scope: AbortSignal;
  readonly #options: CrewOptions;
  readonly #topic: string;
  readonly #context: HoldingContext;
  readonly #broken = new AbortController();
  readonly #holdings = new Map<number, Holding>();
  /** Of the partitions that are this replica's. */
  readonly #tenures = new Map<number, Tenure>();
  readonly #held = new Map<number, Promise<void>>();
  readonly #counts = new Map<string, number>();
  #member: Member | null = null;
  #isUnderWay = false;
  #changed = Promise.withResolvers<void>();

  /** `topic` is the checkpoint topic; `isKnown` says whether the config has the feed of a checkpoint. */
  constructor(options: CrewOptions, topic: string, isKnown: (feed: FeedId) => boolean, signal: AbortSignal) {
    this.#options = options;
    this.#topic = topic;
    this.#context = {
      isKnown,
      isUnderWay: () => this.#isUnderWay,
      isConfirmed: () => this.#member?.isConfirmed === true,
    };
    this.scope = AbortSignal.any([signal, this.#broken.signal]);
  }

  /** From now on the group says which partitions are worked on. To be called once. */
  join(): void {
    const { name, checkpointPartitions: partitions, membership, works, owner, configHash: config } = this.#options;
    const request = { group: `${name}.relay`, topic: this.#topic, partitions, owner, config };
    const member = membership.join(request, this.#duty(), this.scope);
    this.#member = member;
    member.joined.catch((error: unknown) => {
      if (!this.scope.aborted && !works.stopping.aborted) this.#broken.abort(error);
    });
    if (works.untilCurrent) this.#expect(member.joined).catch((error: unknown) => this.#broken.abort(error));
    const leave = (): void => void member.leave();
    if (works.stopping.aborted) leave();
    else works.stopping.addEventListener('abort', leave, { once: true });
  }

  /** The feed runs from now on, wherever its partition is; with `barred` it is parked with that failure. It must not be enlisted already. */
  enlist(line: Line, barred: Failure | null): void {
    const { checkpointPartitions: partitions } = this.#options;
    const partition = checkpointPartition(line.spec.id, partitions);
    const holding =
      this.#holdings.get(partition) ?? new Holding(this.#options, { topic: this.#topic, partition, partitions }, this.#context);
    this.#holdings.set(partition, holding);
    this.#count(line.spec.source, 1);
    holding.join(line, barred);
    this.#hold(partition);
    this.#member?.announce();
  }

  /** Resolves when the feed has stopped: nothing is told of it any more. Its checkpoint stays. */
  async dismiss(spec: FeedSpec): Promise<void> {
    await this.#holdings.get(checkpointPartition(spec.id, this.#options.checkpointPartitions))?.leave(spec.id);
    this.#options.works.telemetry.feedGone(spec.id);
    this.#count(spec.source, -1);
    this.#member?.announce();
  }

  /** Resolves when the group has spoken, and each partition of this replica that has a feed now was claimed, or tried to be; from then on the relay is under way. */
  async attempted(): Promise<void> {
    await orAbort(this.#member?.joined ?? Promise.resolve(), this.scope).catch(() => {});
    await Promise.all([...this.#tenures.keys()].map(async (partition) => this.#holdings.get(partition)?.attempted));
    this.#isUnderWay = true;
  }

  /** Ends all feeds at once: a mistake of the relay. */
  abandon(error: unknown): void {
    this.#broken.abort(error);
  }

  /** Resolves when nothing is left to do here: each feed has an outcome (`--until-current`), the relay stops, or `scope` has aborted. The group is left then. */
  async ended(): Promise<void> {
    const { works } = this.#options;
    const isOver = (): boolean => this.scope.aborted || works.stopping.aborted;
    await this.#member?.joined.catch(() => {});
    const elsewhere = new Elsewhere({ ...this.#options, topic: this.#topic });
    while (!isOver()) {
      const changed = this.#changed.promise;
      const open = [...this.#holdings].flatMap(([partition, holding]) => holding.open.map((line) => ({ line, partition })));
      if (works.untilCurrent && open.length === 0 && this.#held.size === 0) break;
      const asking = AbortSignal.any([this.scope, works.stopping]);
      const others = open.filter(({ partition }) => !this.#tenures.has(partition));
      const isWatching = works.untilCurrent && this.#held.size === 0 && others.length === open.length;
      const waits = isWatching ? this.#settleOthers(elsewhere, others, asking) : changed;
      await orAbort(waits, asking).catch((error: unknown) => {
        if (!isOver()) this.#broken.abort(error);
      });
    }
    while (this.#held.size > 0) await Promise.all(this.#held.values());
    await this.#member?.leave();
  }

  /** Of the feeds that have one. */
  get outcomes(): ReadonlyMap<FeedId, Outcome> {
    return new Map([...this.#holdings.values()].flatMap((holding) => [...holding.outcomes]));
  }

  /** Whether the group is known to hold this replica for alive. */
  get isConfirmed(): boolean {
    return this.#member?.isConfirmed === true;
  }

  /** Every feed, and whether its partition is this replica's. */
  get feeds(): readonly { readonly partition: number; readonly isHere: boolean; readonly feed: Steered }[] {
    return [...this.#holdings].flatMap(([partition, holding]) => {
      const isHere = this.#tenures.has(partition);
      return holding.feeds.flatMap((id) => holding.steered(id) ?? []).map((feed) => ({ partition, isHere, feed }));
    });
  }

  isKnown(id: FeedId): boolean {
    return this.#context.isKnown(id);
  }

  /** In partitions that are claimed here, checkpoints of feeds that the config does not know. */
  get orphans(): readonly Checkpoint[] {
    return [...this.#holdings.values()].flatMap((holding) => holding.orphans);
  }

  /** Null for a feed that the relay does not have. */
  find(id: FeedId): { readonly isHere: boolean; readonly feed: Steered } | null {
    const partition = checkpointPartition(id, this.#options.checkpointPartitions);
    const feed = this.#holdings.get(partition)?.steered(id) ?? null;
    return feed === null ? null : { isHere: this.#tenures.has(partition), feed };
  }

  /** A run that is to end does not wait for ever for a group of which nothing is heard. */
  async #expect(joined: Promise<void>): Promise<void> {
    const { name, works, retryTimeoutMs } = this.#options;
    const heard = new AbortController();
    joined.then(
      () => heard.abort(),
      () => heard.abort(),
    );
    try {
      await works.clock.sleep(retryTimeoutMs, AbortSignal.any([this.scope, works.stopping, heard.signal]));
    } catch {
      return;
    }
    this.#broken.abort(new Failure('kafka.unreachable', `nothing was heard of the group ${name}.relay for ${retryTimeoutMs / 1000} s`));
  }

  async #settleOthers(
    elsewhere: Elsewhere,
    others: readonly { readonly line: Line; readonly partition: number }[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const [partition, outcomes] of await elsewhere.look(others, signal)) {
      for (const [feed, outcome] of outcomes) this.#holdings.get(partition)?.settle(feed, outcome);
    }
  }

  #duty(): Duty {
    return {
      busy: () => new Set([...this.#holdings].filter(([, { feeds }]) => feeds.length > 0).map(([partition]) => partition)),
      assigned: (partition) => {
        this.#tenures.set(partition, new Tenure());
        this.#hold(partition);
        this.#notify();
      },
      revoked: async (partition) => {
        const tenure = this.#tenures.get(partition);
        // A relay that stops finishes what it has in hand, within its own bounds.
        if (!this.#options.works.stopping.aborted) tenure?.end();
        await this.#held.get(partition);
        if (tenure !== undefined && this.#tenures.get(partition) === tenure) this.#tenures.delete(partition);
        this.#tellGone(partition);
        this.#notify();
      },
      lost: (partition) => {
        const tenure = this.#tenures.get(partition);
        this.#tenures.delete(partition);
        tenure?.endAtOnce();
        if (!this.#held.has(partition)) this.#tellGone(partition);
        this.#notify();
      },
    };
  }

  #hold(partition: number): void {
    const tenure = this.#tenures.get(partition);
    const holding = this.#holdings.get(partition);
    const { stopping } = this.#options.works;
    if (tenure === undefined || holding === undefined || this.#held.has(partition)) return;
    if (!holding.hasWork || tenure.ending.aborted || this.scope.aborted || stopping.aborted) return;
    const held = holding
      .hold(tenure, AbortSignal.any([this.scope, tenure.over]))
      .catch((error: unknown) => {
        if (!tenure.over.aborted) this.#broken.abort(error);
      })
      .then(() => {
        this.#held.delete(partition);
        if (!this.#tenures.has(partition)) this.#tellGone(partition);
        // A feed may have joined when the last one was over already, and the partition may be back.
        this.#hold(partition);
        this.#notify();
      });
    this.#held.set(partition, held);
  }

  /** What another replica has is told of there. */
  #tellGone(partition: number): void {
    const { works } = this.#options;
    if (works.stopping.aborted) return;
    for (const feed of this.#holdings.get(partition)?.feeds ?? []) works.telemetry.feedGone(feed);
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #count(source: string, change: 1 | -1): void {
    const feeds = (this.#counts.get(source) ?? 0) + change;
    this.#counts.set(source, feeds);
    this.#options.onFeeds(source, feeds);
  }
}
