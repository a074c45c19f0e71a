/**
 * Two feeds that would have one topic, in two replicas: each lists tables for itself, and at other times, so what one has let join the other may not know yet. What both can
 * see is the checkpoints.
 *
 *   the first checkpoint names the topic, and is committed before any row ─► then all checkpoints are read ─► nobody else names it: the topic is the feed's
 *
 * Whoever commits its name later sees the other's. The one that has published keeps the topic. Where none has, the one that goes before, by an entry of its own or else by its
 * id, waits until the other has yielded, or has published because it looked first; the other yields. A feed that yields is parked, and its name counts no more.
 */
import { orAbort } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { Failure } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import { topicIdentity } from '../model/topic-name.ts';
import type { Publisher } from '../ports/publisher.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { readPartitions } from './checkpoint-topic.ts';
import type { Contest } from './line.ts';

export interface TopicContestOptions {
  readonly publisher: Pick<Publisher, 'read'>;
  /** The checkpoint topic. */
  readonly topic: string;
  readonly checkpointPartitions: number;
  readonly clock: Clock;
  /** Whether the config still has the feed, and gives it the topic that its checkpoint names. */
  readonly holds: (checkpoint: Checkpoint) => boolean;
  /** Whether the config names the feed's table. */
  readonly isExact: (feed: FeedId) => boolean;
  /** Ends the readings. */
  readonly signal: AbortSignal;
}

const LOOK_MS = 500;
/** After so long without a word the other is taken for one that has looked first, and has nothing to publish yet. */
const PATIENCE_MS = 60_000;

export class TopicContest implements Contest {
  readonly #options: TopicContestOptions;
  /** Feeds that ask at one time share one reading, begun after they asked. */
  #reading: Promise<readonly Checkpoint[]> | null = null;
  #next: Promise<readonly Checkpoint[]> | null = null;

  constructor(options: TopicContestOptions) {
    this.#options = options;
  }

  async look(feed: FeedId, topic: string, signal: AbortSignal): Promise<void> {
    const rivals = await this.#rivals(feed, topic, signal);
    this.#yield(feed, topic, rivals);
  }

  async settle(feed: FeedId, topic: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const since = clock.now();
    for (;;) {
      const rivals = await this.#rivals(feed, topic, signal);
      this.#yield(feed, topic, rivals);
      const [rival] = rivals;
      if (rival === undefined) return;
      if (clock.now() - since > PATIENCE_MS) throw taken(feed, topic, rival);
      await clock.sleep(LOOK_MS, signal);
    }
  }

  #yield(feed: FeedId, topic: string, rivals: readonly Checkpoint[]): void {
    const { isExact } = this.#options;
    const winner = rivals.find((rival) => hasPublished(rival) || goesBefore(rival.feed, feed, isExact));
    if (winner !== undefined) throw taken(feed, topic, winner);
  }

  async #rivals(feed: FeedId, topic: string, signal: AbortSignal): Promise<readonly Checkpoint[]> {
    const identity = topicIdentity(topic);
    const all = await this.#read(signal);
    return all.filter((one) => one.feed !== feed && one.topic !== '' && topicIdentity(one.topic) === identity && !hasYielded(one));
  }

  async #read(signal: AbortSignal): Promise<readonly Checkpoint[]> {
    this.#next ??= this.#readNext(this.#reading);
    return orAbort(this.#next, signal);
  }

  async #readNext(before: Promise<unknown> | null): Promise<readonly Checkpoint[]> {
    await before?.catch(() => {});
    this.#reading = this.#next;
    this.#next = null;
    const { publisher, topic, checkpointPartitions, holds, signal } = this.#options;
    const partitions = Array.from({ length: checkpointPartitions }, (_, partition) => partition);
    const texts = await readPartitions(publisher, topic, partitions, checkpointPartitions, signal);
    return [...texts].map(([feed, text]) => parseCheckpoint(feed, text)).filter(holds);
  }
}

/** Of two feeds neither of which has begun: an entry of its own goes before a pattern, and then the lower id. */
export function goesBefore(one: FeedId, other: FeedId, isExact: (feed: FeedId) => boolean): boolean {
  if (isExact(one) !== isExact(other)) return isExact(one);
  return one < other;
}

/** It named a topic, and has left it to another feed before it published anything. */
export function hasYielded({ state, columns }: Checkpoint): boolean {
  return state === 'parked' && columns === null;
}

function hasPublished({ columns }: Checkpoint): boolean {
  return columns !== null;
}

export function taken(feed: FeedId, topic: string, holder: { readonly feed: FeedId; readonly topic: string }): Failure {
  const how = holder.topic === topic ? '' : `, which Kafka cannot tell from ${holder.topic}`;
  return new Failure('topic.taken', `the topic of ${feed} is ${topic}${how}: it is the topic of ${holder.feed}`);
}
