/**
 * What is told of a feed on `{recipient}.commits` (schemas/commits.avsc, DESIGN §6): each version that is whole, and what happens beside the rows and concerns those who read them.
 */
import type { FeedId } from './feed.ts';
import type { ChangeCounts } from './position.ts';
import type { EpochMs, Version } from './version.ts';

export interface FeedEvent {
  readonly feed: FeedId;
  readonly source: string;
  /** `share.schema.table` */
  readonly table: string;
  readonly tableId: string | null;
  /** The topic that holds the version, or that the feed published to until then, and the generation that it belongs to. */
  readonly topic: string;
  readonly topicId: string | null;
  readonly generation: number;
  readonly kind:
    /** `version` is whole in the topic. */
    | 'version'
    /** The changes of `version..toVersion` are not in the topic, and the feed goes on behind them. */
    | 'gap'
    /** The table was dropped and made again. */
    | 'recreation'
    /** From `version` on the schema is one that consumers of `topic` would read wrong. */
    | 'schema_change'
    /** Nothing is published from `version` on until a person has looked. */
    | 'park'
    /** The feed goes on from `version`. */
    | 'resume';
  readonly version: Version;
  readonly toVersion: Version | null;
  /** Of a version; the same fields of other kinds are zero, empty or null. */
  readonly commitTimestamp: EpochMs | null;
  readonly snapshot: boolean;
  readonly rows: ChangeCounts;
  /** Null, as the two below and the checksum: a relay that kept none began the version. */
  readonly records: number | null;
  readonly duplicates: number | null;
  readonly deadLetters: number | null;
  readonly bytes: number;
  readonly keySchema: string | null;
  readonly valueSchema: string | null;
  /** By number. */
  readonly partitions: readonly Stretch[];
  /** As src/model/checksum.ts has it. */
  readonly checksum: string | null;
  /** Where the feed goes on, if not in `topic`. */
  readonly nextTopic: string | null;
  readonly code: string | null;
  readonly message: string | null;
  readonly at: EpochMs;
}

/** Records of one version in one partition. Markers of transactions stand between them. */
export interface Stretch {
  readonly partition: number;
  readonly firstOffset: number;
  /** One past the last record. */
  readonly nextOffset: number;
}
