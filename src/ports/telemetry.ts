/**
 * What the relay tells while it runs. The implementation is src/ops; tests hand in one that remembers.
 */
import type { Failure } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import type { ChangeCounts } from '../model/position.ts';
import type { EpochMs, Version } from '../model/version.ts';

export type FeedState =
  /** Its partition is being claimed, or its start resolved. */
  | 'starting'
  /** It publishes, or waits for the next version. */
  | 'running'
  /** A passing failure: it tries again by itself. */
  | 'retrying'
  /** It waits for a person. */
  | 'parked'
  /** `--until-current`: it has reached its target. */
  | 'done';

export type Stage = 'list' | 'fetch' | 'encode' | 'commit';

export interface PublishedChunk {
  readonly feed: FeedId;
  readonly counts: ChangeCounts;
  /** Rows whose key another row of the same version has too, where the envelope tells (`Segment.duplicates`). */
  readonly duplicates: number;
  readonly deadLetters: number;
  readonly bytes: number;
  /** Versions completed by this chunk. */
  readonly versions: number;
  readonly position: Version;
}

export interface Telemetry {
  /** One line of the log. `level` `error` means that a person must act. Fields hold no secret. */
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>): void;

  /** The change of state is logged here too. */
  feedState(feed: FeedId, state: FeedState): void;
  /** The relay has the feed no more: nothing is shown of it from here on, unless it comes back. */
  feedGone(feed: FeedId): void;
  published(chunk: PublishedChunk): void;
  /**
   * After each poll and commit: versions behind, and the commit time of the first version not yet published. Null: not known (what was known before holds), or there is
   * none.
   */
  lag(feed: FeedId, versions: number, firstUnpublishedAt: EpochMs | null): void;
  /** Counted each time, and logged here once until the feed publishes again: callers do not log it. */
  failed(feed: FeedId, failure: Failure): void;
  polled(source: string, outcome: 'advanced' | 'unchanged' | 'failed'): void;
  pollInterval(source: string, seconds: number): void;
  /** How many checkpoint partitions the group of replicas has given to this one. */
  partitionsAssigned(partitions: number): void;
  /** The group has shared the partitions out anew, whether or not that changed anything here. */
  rebalanced(): void;
  transaction(outcome: 'committed' | 'aborted' | 'unknown', seconds: number): void;
  /** For how long the oldest open transaction in the topic, whoever began it, has been seen; 0 = there is none. Null: the topic is not looked at any more. */
  hangingTransaction(topic: string, seconds: number | null): void;
  /** `status` is an HTTP status, or `error` where no answer came. */
  providerRequest(source: string, status: string): void;
  /** Null: the provider does not say, whatever it said before. */
  credentialExpiry(source: string, at: EpochMs | null): void;
  stage(source: string, stage: Stage, seconds: number): void;
}
