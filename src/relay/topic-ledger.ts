/**
 * Which feed has which topic. Topics of entries that name their table are told apart by the config; those that come by a pattern are known once their tables are listed.
 *
 * A feed that has begun keeps its topic. Of feeds that have not, an entry that names its table goes before one that came by a pattern, and then the lower id. So the same
 * config, listings and checkpoints give the same answer after every restart, and in every replica; what replicas know at different times is settled when a feed begins
 * (topic-contest.ts).
 */
import { Failure } from '../model/failure.ts';
import type { FeedId, FeedSpec } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import { reservedBecause, topicIdentity } from '../model/topic-name.ts';
import type { TopicNeighbours } from '../model/topic-name.ts';
import { topicOf } from './checkpoint.ts';
import { goesBefore, hasYielded, taken } from './topic-contest.ts';

interface Holder {
  readonly feed: FeedId;
  readonly topic: string;
}

export class TopicLedger {
  readonly #neighbours: TopicNeighbours;
  readonly #checkpoints: ReadonlyMap<FeedId, Checkpoint>;
  /** By topics as Kafka tells them apart. Bounded by the feeds of the config and of the listings. */
  readonly #holders = new Map<string, Holder>();
  /** By feed, its topic; of feeds that have left too, since they may come back. */
  readonly #admitted = new Map<FeedId, string>();
  readonly #isExact: (feed: FeedId) => boolean;

  /** `checkpoints` are those of feeds that the config has, by name or by a pattern; `exact` are its entries by name. */
  constructor(neighbours: TopicNeighbours, checkpoints: ReadonlyMap<FeedId, Checkpoint>, exact: readonly FeedSpec[]) {
    this.#neighbours = neighbours;
    this.#checkpoints = checkpoints;
    const named = new Map(exact.map((spec) => [spec.id, spec]));
    this.#isExact = (feed) => named.has(feed);
    for (const [feed, checkpoint] of checkpoints) {
      const { topic, generation } = checkpoint;
      const spec = named.get(feed);
      // What an entry by name has left is free for the others, as far as the topic itself allows.
      const hasLeft = spec !== undefined && topicOf(spec.topic, generation) !== topic;
      if (topic !== '' && !hasLeft && !hasYielded(checkpoint)) this.#holders.set(topicIdentity(topic), { feed, topic });
    }
  }

  /**
   * The feed with its topic as it began it: a provider that spells a table in other letters than before has not renamed it (notes/protocol.md §9, trap 40). Only for feeds
   * that came by a pattern, whose spelling is the provider's.
   */
  asBegun(spec: FeedSpec): FeedSpec {
    const admitted = this.#admitted.get(spec.id) ?? '';
    const last = this.#checkpoints.get(spec.id);
    if (isSameButCase(admitted, spec.topic)) return { ...spec, topic: admitted };
    return last === undefined ? spec : { ...spec, topic: respelled(spec.topic, last) };
  }

  /** Null, and the topic is the feed's; or `topic.taken` or `topic.reserved`, which parks it. */
  admit(spec: FeedSpec): Failure | null {
    const reserved = reservedBecause(spec.topic, this.#neighbours);
    if (reserved !== null) return new Failure('topic.reserved', `the topic of ${spec.id} is ${spec.topic}, ${reserved}`);
    const key = topicIdentity(spec.topic);
    const holder = this.#holders.get(key);
    if (holder !== undefined && holder.feed !== spec.id) {
      const hasBegun = this.#checkpoints.has(holder.feed);
      if (hasBegun || goesBefore(holder.feed, spec.id, this.#isExact)) return taken(spec.id, spec.topic, holder);
    }
    this.#holders.set(key, { feed: spec.id, topic: spec.topic });
    this.#admitted.set(spec.id, spec.topic);
    return null;
  }
}

/** The topic in the letters of the checkpoint, where it differs from the checkpoint's by their case alone. */
export function respelled(topic: string, last: Checkpoint): string {
  const begun = last.generation === 1 ? last.topic : last.topic.slice(0, -`.g${last.generation}`.length);
  return isSameButCase(begun, topic) && topicOf(begun, last.generation) === last.topic ? begun : topic;
}

function isSameButCase(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
