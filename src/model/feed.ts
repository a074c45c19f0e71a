/**
 * A feed: one table for one recipient; the unit of progress, failure and ordering.
 */
import type { TableName, Version } from './version.ts';

/** `<recipient>/<source>/<share>.<schema>.<table>` in lower case. The generation is in the checkpoint's value, never here. */
export type FeedId = string;

export type Start =
  /** The first version whose changes the provider still gives. */
  | { readonly kind: 'earliest' }
  /** What comes after the version that is the latest now. */
  | { readonly kind: 'latest' }
  | { readonly kind: 'version'; readonly version: Version };

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
  /** Publish into a non-empty topic that no checkpoint knows. */
  readonly adopt: boolean;
}

export function feedId(recipient: string, source: string, table: TableName): FeedId {
  return `${recipient}/${source}/${table.share}.${table.schema}.${table.table}`.toLowerCase();
}
