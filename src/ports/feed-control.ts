/**
 * The relay's feeds as those see and steer them who are not part of its line: the HTTP port (src/ops). The implementation is src/relay/control.ts.
 *
 * An order is carried out by the feed's own loop, between transactions: what a consumer reads is the same whatever is ordered and whenever, but for when it comes.
 */
import type { Failure } from '../model/failure.ts';
import type { FeedId, FeedSpec } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import type { EpochMs } from '../model/version.ts';

/** In the order in which people read them. */
export const FEED_ORDERS = ['pause', 'resume', 'restart', 'poll'] as const;

export type FeedOrder =
  /** Publishes nothing until it is resumed: kept in the checkpoint, so that restarts and other replicas keep to it. */
  | 'pause'
  /** Goes on after a pause; a feed that is parked is looked at again at once. */
  | 'resume'
  /** Drops what is prepared and not in a transaction, opens anew on its checkpoint, and waits out no backoff. */
  | 'restart'
  /** Looks for a new version now, without waiting for the interval. */
  | 'poll';

export type OrderAnswer =
  | { readonly kind: 'done'; readonly sentence: string }
  /** It will be carried out as soon as it can be. */
  | { readonly kind: 'accepted'; readonly sentence: string }
  /** It makes no sense as the feed stands. */
  | { readonly kind: 'refused'; readonly sentence: string }
  | { readonly kind: 'too_soon'; readonly retryAfterMs: number }
  /** Another replica has the feed, or none. */
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'unknown' };

export interface FeedView {
  readonly spec: FeedSpec;
  /** Of the checkpoint topic. */
  readonly partition: number;
  /** Null: the group has given the partition to another replica, or to none. */
  readonly here: FeedHere | null;
}

export interface FeedHere {
  /** As Kafka last confirmed it; null before the first claim, and for a feed without one. */
  readonly checkpoint: Checkpoint | null;
  /** Why its partition could not be claimed, or is lost; null while it is claimed. */
  readonly claimFailure: { readonly failure: Failure; readonly at: EpochMs } | null;
  /** Of a feed that waits to try again. */
  readonly nextTryAt: EpochMs | null;
}

/** Who has claimed a partition last. */
export interface Owner {
  /** Host and process. */
  readonly name: string;
  /** `http://address:port` of its HTTP port; null where it has told none. */
  readonly http: string | null;
  readonly since: EpochMs;
}

/** What Kafka says of partitions that are not this replica's. */
export interface Others {
  /** Those of feeds that the config does not know too. */
  readonly checkpoints: ReadonlyMap<FeedId, Checkpoint>;
  /** By partition. */
  readonly owners: ReadonlyMap<number, Owner>;
}

export interface FeedControl {
  /** Whether the group of replicas is known to hold this one for alive. */
  readonly isConfirmed: boolean;
  /** Whether the config has the feed, by its name or by a pattern. */
  isKnown(feed: FeedId): boolean;
  /** Every feed of the relay, in no order. */
  feeds(): readonly FeedView[];
  /** Checkpoints of feeds that the config does not know: in partitions of this replica as they are, in the others as they were when it started. */
  readonly orphans: ReadonlyMap<FeedId, Checkpoint>;
  /** Read from Kafka now and then, and remembered in between. Rejects as `Publisher.read` does, and with `checkpoint.*`. */
  others(signal: AbortSignal): Promise<Others>;
  /** Resolves when it is carried out, or is accepted when `signal` aborts. Never rejects. One order of a feed is carried out at a time; another one is refused meanwhile. */
  order(feed: FeedId, order: FeedOrder, signal: AbortSignal): Promise<OrderAnswer>;
}
