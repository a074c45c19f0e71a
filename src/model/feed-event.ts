/**
 * What happens to a feed beside its rows and concerns those who read it: one record on `{recipient}.commits` (schemas/commits.avsc, DESIGN §6).
 */
import type { FeedId } from './feed.ts';
import type { EpochMs, Version } from './version.ts';

export interface FeedEvent {
  readonly feed: FeedId;
  readonly source: string;
  /** `share.schema.table` */
  readonly table: string;
  readonly tableId: string | null;
  /** The topic that the feed published to until then, and the generation that it belongs to. */
  readonly topic: string;
  readonly topicId: string | null;
  readonly generation: number;
  readonly kind:
    /** The changes of `version..toVersion` are not in the topic, and the feed goes on behind them. */
    | 'gap'
    /** The table was dropped and made again. */
    | 'recreation'
    /** From `version` on the schema is one that consumers of `topic` would read wrong. */
    | 'schema_change';
  readonly version: Version;
  readonly toVersion: Version | null;
  /** Where the feed goes on, if not in `topic`. */
  readonly nextTopic: string | null;
  readonly code: string | null;
  readonly message: string | null;
  readonly at: EpochMs;
}
