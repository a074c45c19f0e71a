/**
 * All feeds of the relay, each in the holding of its checkpoint partition. A partition is held while it has a feed that runs, and not before.
 */
import type { Failure } from '../model/failure.ts';
import type { FeedId, FeedSpec } from '../model/feed.ts';
import { checkpointPartition } from './checkpoint.ts';
import { Holding } from './holding.ts';
import type { HoldingContext, HoldingOptions } from './holding.ts';
import type { Line } from './line.ts';
import type { Outcome } from './supervisor.ts';

export interface CrewOptions extends HoldingOptions {
  readonly checkpointPartitions: number;
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
  readonly #held = new Map<number, Promise<void>>();
  readonly #counts = new Map<string, number>();
  #isUnderWay = false;

  /** `topic` is the checkpoint topic; `isKnown` says whether the config has the feed of a checkpoint. */
  constructor(options: CrewOptions, topic: string, isKnown: (feed: FeedId) => boolean, signal: AbortSignal) {
    this.#options = options;
    this.#topic = topic;
    this.#context = { isKnown, isUnderWay: () => this.#isUnderWay };
    this.scope = AbortSignal.any([signal, this.#broken.signal]);
  }

  /** The feed runs from now on; with `barred` it is parked with that failure. It must not be enlisted already. */
  enlist(line: Line, barred: Failure | null): void {
    const { checkpointPartitions: partitions } = this.#options;
    const partition = checkpointPartition(line.spec.id, partitions);
    const holding =
      this.#holdings.get(partition) ?? new Holding(this.#options, { topic: this.#topic, partition, partitions }, this.#context);
    this.#holdings.set(partition, holding);
    this.#count(line.spec.source, 1);
    holding.join(line, barred);
    this.#hold(partition, holding);
  }

  /** Resolves when the feed has stopped: nothing is told of it any more. Its checkpoint stays. */
  async dismiss(spec: FeedSpec): Promise<void> {
    await this.#holdings.get(checkpointPartition(spec.id, this.#options.checkpointPartitions))?.leave(spec.id);
    this.#options.works.telemetry.feedGone(spec.id);
    this.#count(spec.source, -1);
  }

  /** Resolves when each partition that has a feed now was claimed, or tried to be; from then on the relay is under way. */
  async attempted(): Promise<void> {
    await Promise.all([...this.#holdings.values()].map((holding) => holding.attempted));
    this.#isUnderWay = true;
  }

  /** Ends all feeds at once: a mistake of the relay. */
  abandon(error: unknown): void {
    this.#broken.abort(error);
  }

  /** Resolves when no partition is held any more: each feed has an outcome, or `scope` has aborted. */
  async ended(): Promise<void> {
    while (this.#held.size > 0) await Promise.all(this.#held.values());
  }

  /** Of the feeds that have one. */
  get outcomes(): ReadonlyMap<FeedId, Outcome> {
    return new Map([...this.#holdings.values()].flatMap((holding) => [...holding.outcomes]));
  }

  #hold(partition: number, holding: Holding): void {
    if (this.#held.has(partition)) return;
    const held = holding
      .hold(this.scope)
      .catch((error: unknown) => this.#broken.abort(error))
      .then(() => {
        this.#held.delete(partition);
        // A feed may have joined when the last one was over already.
        if (holding.hasWork && !this.scope.aborted && !this.#options.works.stopping.aborted) this.#hold(partition, holding);
      });
    this.#held.set(partition, held);
  }

  #count(source: string, change: 1 | -1): void {
    const feeds = (this.#counts.get(source) ?? 0) + change;
    this.#counts.set(source, feeds);
    this.#options.onFeeds(source, feeds);
  }
}
