/**
 * What a feed's line is made of: handed in once, the same for all of its runs.
 */
import type { Clock } from '../lib/clock.ts';
import type { Semaphore } from '../lib/semaphore.ts';
import type { FeedId, FeedSpec } from '../model/feed.ts';
import type { EpochMs } from '../model/version.ts';
import type { Encoder } from '../ports/encoder.ts';
import type { TopicAdmin } from '../ports/publisher.ts';
import type { Framing, SchemaRegistry } from '../ports/schema-registry.ts';
import type { Source } from '../ports/source.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { ChunkLimits } from './chunk.ts';
import type { Wait } from './poll.ts';
import type { KafkaWatch } from './watch.ts';

export interface DataTopics {
  /** Whether the relay may create what is missing. */
  readonly create: boolean;
  readonly partitions: number;
  /** -1 = the broker's default. */
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

/** What all feeds of a relay share. */
export interface Works {
  readonly encoder: Encoder;
  readonly registry: SchemaRegistry;
  readonly framing: Framing;
  readonly admin: TopicAdmin;
  readonly watch: KafkaWatch;
  readonly topics: DataTopics;
  readonly chunk: ChunkLimits;
  /** Worker threads: how many files of one feed are decoded ahead. */
  readonly workers: number;
  /** Target RSS. */
  readonly memoryBytes: number;
  /** Feeds that may hold rows in memory at the same time. */
  readonly atWork: Semaphore;
  /** Bytes of files fetched and not yet encoded, over all feeds. */
  readonly fetched: Semaphore;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  /** What checkpoints name as their writer. */
  readonly relay: string;
  /** Ends every feed at the version that was the latest at first contact. */
  readonly untilCurrent: boolean;
  /** Aborts when the relay is to stop: what is in hand is finished within bounds, nothing new is begun. */
  readonly stopping: AbortSignal;
  /** When it was told to. */
  readonly stoppingSince: () => EpochMs;
}

/** Whose a topic is, where several replicas let feeds join (topic-contest.ts). Both reject with `topic.taken`. */
export interface Contest {
  /** Before the feed's first checkpoint. */
  look(feed: FeedId, topic: string, signal: AbortSignal): Promise<void>;
  /** Behind it, before the first row. */
  settle(feed: FeedId, topic: string, signal: AbortSignal): Promise<void>;
}

export interface Line {
  readonly spec: FeedSpec;
  readonly source: Source;
  readonly wait: Wait;
  /** Of `works.atWork`, what the feeds of this source may take together: a provider that hangs must leave places for the others. */
  readonly share: Semaphore;
  readonly works: Works;
  /** Where tables come by patterns: settles with the other replicas whose a topic is. */
  readonly contest?: Contest;
  /** It came by a pattern: its spelling is the provider's, and the checkpoint's goes before. */
  readonly isListed?: boolean;
}
