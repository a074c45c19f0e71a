/**
 * A feed: one table for one recipient; the unit of progress, failure and ordering.
 */
import type { EpochMs, TableName, Version } from './version.ts';

/** `<recipient>/<source>/<share>.<schema>.<table>` in lower case. The generation is in the checkpoint's value, never here. */
export type FeedId = string;

export type Start =
  /** The table as it is now, then what changes. */
  | { readonly kind: 'snapshot' }
  /** The first version whose changes the provider still gives. */
  | { readonly kind: 'earliest' }
  /** What comes after the version that is the latest now. */
  | { readonly kind: 'latest' }
  | { readonly kind: 'version'; readonly version: Version }
  /** The first version at or after an instant. */
  | { readonly kind: 'timestamp'; readonly at: EpochMs };

/** What becomes of versions whose changes the provider no longer gives, or never recorded. */
export type OnGap =
  /** A person decides. */
  | 'park'
  /** The feed goes on behind them, and says so on `{recipient}.commits`. */
  | 'skip'
  /** A new generation begins from a snapshot. */
  | 'snapshot';

/** What becomes of a feed whose table was dropped and made again. */
export type OnRecreate =
  /** A person decides. */
  | 'park'
  /** A new generation begins from a snapshot. */
  | 'snapshot';

export type OnSchemaChange =
  /** What every consumer reads right goes on; what breaks one parks. */
  | 'evolve'
  /** Goes on whatever changed: for consumers that read each record by its own schema. */
  | 'follow'
  /** What every consumer reads right goes on; what breaks one begins a new generation at that version. */
  | 'new-topic'
  /** Any change parks. */
  | 'park';

/** What becomes of a row that cannot be a record of its topic: it is longer than the topic takes, or one of its values does not fit its type. */
export type OnBadRecord =
  /** A person decides. */
  | 'park'
  /** It goes to `{recipient}.dead-letters`, and later records of its key say so. */
  | 'dead-letter';

/** What the values of a feed's records are (DESIGN §6). */
export type EnvelopeKind =
  /** Each change is a record: the row with its change type, version and time. */
  | 'change'
  /** Debezium's envelope, with a tombstone behind each delete. */
  | 'debezium'
  /** The row by its key, for compacted topics: a tombstone where it is gone. */
  | 'upsert';

/** What the config says of a feed; the same in every replica. */
export interface FeedSpec {
  readonly id: FeedId;
  readonly recipient: string;
  readonly source: string;
  readonly table: TableName;
  readonly topic: string;
  readonly start: Start;
  /** Column names as the config spells them; empty = no key, one partition. */
  readonly key: readonly string[];
  /** `upsert` has a key. */
  readonly envelope: EnvelopeKind;
  /** Publish into a non-empty topic that no checkpoint knows. */
  readonly adopt: boolean;
  readonly onGap: OnGap;
  readonly onRecreate: OnRecreate;
  readonly onSchemaChange: OnSchemaChange;
  readonly onBadRecord: OnBadRecord;
}

export function feedId(recipient: string, source: string, table: TableName): FeedId {
  return `${recipient}/${source}/${table.share}.${table.schema}.${table.table}`.toLowerCase();
}
