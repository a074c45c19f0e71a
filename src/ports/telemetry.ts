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
  /** A person has paused it. */
  | 'paused'
  /** `--until-current`: it has reached its target. */
  | 'done';

export type Stage = 'list' | 'fetch' | 'encode' | 'commit';

/** What becomes of one try to have a checkpoint partition, or of a claim that was had. */
export type ClaimOutcome =
  /** The partition is this relay's. */
  | 'claimed'
  /** Somebody else has claimed it. */
  | 'fenced'
  /** It could not be claimed, or is lost, for another reason. */
  | 'failed';

/** What a registry says of a schema that it is asked about for the first time, or anew. */
export type SchemaOutcome =
  /** It has the schema, as it is. */
  | 'confirmed'
  /** It was not there, and had confirmed the schema before. */
  | 'assumed'
  /** It will not have it, or gives back another. */
  | 'refused'
  /** Nothing was learnt. */
  | 'failed';

/** The way of one version, in our own time but for `visibleAt`, which is the provider's. */
export interface VersionTimes {
  /** Its commit time; null where the provider does not say it. */
  readonly visibleAt: EpochMs | null;
  /** A poll told of it. */
  readonly polledAt: EpochMs;
  /** Its last file was in memory. */
  readonly fetchedAt: EpochMs;
  /** Its last record was encoded, and taken up into a transaction. */
  readonly encodedAt: EpochMs;
  /** Kafka confirmed the transaction that makes it whole. */
  readonly committedAt: EpochMs;
}

/** What is read when somebody looks, since it changes with every request and every file. */
export type Reading =
  /** Questions that the source may be asked at once, by `requestsPerSecond`; 0 while it has asked for a pause. */
  | { readonly of: 'requestBudget'; readonly source: string }
  /** Bytes of files fetched, or being fetched, and not encoded yet. */
  | { readonly of: 'fetchedBytes' }
  /** What those may be at most. */
  | { readonly of: 'fetchedBytesMax' }
  /** `limits.memory`. */
  | { readonly of: 'memoryBytes' }
  /** Feeds that hold rows in memory, or may. */
  | { readonly of: 'feedsAtWork' }
  /** How many may at most. */
  | { readonly of: 'feedsAtWorkMax' }
  | { readonly of: 'workers' }
  /** Workers that have a file or a version in hand. */
  | { readonly of: 'workersBusy' }
  /** Seconds that workers had something in hand for, all together, since the start. */
  | { readonly of: 'workerSeconds' };

/** One committed transaction of rows. */
export interface PublishedChunk {
  readonly feed: FeedId;
  readonly counts: ChangeCounts;
  /** Rows whose key another row of the same version has too, where the envelope tells (`Segment.duplicates`). */
  readonly duplicates: number;
  readonly deadLetters: number;
  /** Dead letters included. */
  readonly records: number;
  readonly bytes: number;
  /** Versions completed by this chunk. */
  readonly versions: number;
  readonly position: Version;
  /** Commit time of the last version that it completes; null if it completes none, or the provider does not say it. */
  readonly lastVersionAt: EpochMs | null;
  /** Of a snapshot, the share of its files whose rows are all committed: 0 to 1. Null: no snapshot. */
  readonly snapshotShare: number | null;
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
  /**
   * For how long, at least, the provider keeps the files of a version after its commit, by the table's own properties. Null: it does not say. Told with each listing; it counts
   * from the commit time that `lag` tells.
   */
  retention(feed: FeedId, ms: number | null): void;
  /** Once for each version with rows that a poll told of while the feed ran here: those that were there before are late by no fault of ours. */
  fresh(source: string, times: VersionTimes): void;
  /** Counted each time, and logged here once until the feed publishes again: callers do not log it. */
  failed(feed: FeedId, failure: Failure): void;
  polled(source: string, outcome: 'advanced' | 'unchanged' | 'failed'): void;
  pollInterval(source: string, seconds: number): void;
  /** The tables of a source were listed, for the patterns of the config. */
  listed(source: string, outcome: 'complete' | 'failed'): void;
  /** How many checkpoint partitions the group of replicas has given to this one. */
  partitionsAssigned(partitions: number): void;
  /** The group has shared the partitions out anew, whether or not that changed anything here. */
  rebalanced(): void;
  transaction(outcome: 'committed' | 'aborted' | 'unknown', seconds: number): void;
  /** For how long the oldest open transaction in the topic, whoever began it, has been seen; 0 = there is none. Null: the topic is not looked at any more. */
  hangingTransaction(topic: string, seconds: number | null): void;
  /** `status` is an HTTP status, or `error` where no answer came. */
  providerRequest(source: string, status: string): void;
  /** A call to the provider or its storage is tried again in place, after this failure: the feed has not failed by it. */
  retried(source: string, failure: Failure): void;
  claim(outcome: ClaimOutcome): void;
  schema(outcome: SchemaOutcome): void;
  /** From now on `read` gives the number whenever somebody looks. It must be cheap and must not throw. A second one for the same reading takes the place of the first. */
  reads(reading: Reading, read: () => number): void;
  /** Null: the provider does not say, whatever it said before. */
  credentialExpiry(source: string, at: EpochMs | null): void;
  stage(source: string, stage: Stage, seconds: number): void;
}
