/**
 * Entries of the config that name tables by a pattern: each table that a provider lists, and that one of them matches, is a feed.
 *
 * Pure: the same entries and the same listing give the same feeds in the same order, in every replica and after every restart.
 */
import { isGlob, matchesGlob } from '../lib/glob.ts';
import { feedId } from './feed.ts';
import type { FeedId, FeedSpec } from './feed.ts';
import { topicName } from './topic-name.ts';
import { parseTableName, tableText } from './version.ts';
import type { TableName } from './version.ts';

/** What an entry says of each of its feeds. */
export type FeedSettings = Omit<FeedSpec, 'id' | 'recipient' | 'source' | 'table' | 'topic'>;

export interface FeedPattern {
  readonly recipient: string;
  readonly source: string;
  /** `*` and `?` in any of the three parts. */
  readonly tables: TableName;
  readonly topicTemplate: string;
  readonly settings: FeedSettings;
}

/** A feed that a pattern gave. */
export interface PatternFeed {
  readonly spec: FeedSpec;
  readonly pattern: FeedPattern;
  /** Further patterns of the recipient that match the table too: the first in the file has it. */
  readonly others: readonly FeedPattern[];
}

export function isPattern(tables: TableName): boolean {
  return isGlob(tables.share) || isGlob(tables.schema) || isGlob(tables.table);
}

export function matchesTable(tables: TableName, table: TableName): boolean {
  return matchesGlob(tables.share, table.share) && matchesGlob(tables.schema, table.schema) && matchesGlob(tables.table, table.table);
}

/** `analytics/acme/sales.public.*`: as a feed's id is spelled. */
export function patternText({ recipient, source, tables }: FeedPattern): string {
  return feedId(recipient, source, tables);
}

/** Whether `share.schema.table` leads back to the three names: the protocol allows no other, and two tables must not share a feed's id. */
export function isNameable(table: TableName): boolean {
  const named = parseTableName(tableText(table));
  return named !== null && named.share === table.share && named.schema === table.schema;
}

export function feedOf(pattern: FeedPattern, table: TableName): FeedSpec {
  const { recipient, source, topicTemplate, settings } = pattern;
  return { id: feedId(recipient, source, table), recipient, source, table, topic: topicName(topicTemplate, recipient, table), ...settings };
}

/**
 * The feeds of one source's tables, in the order of their ids. `patterns` are those of the source, in the order of the file; what `exact` names belongs to no pattern.
 * Names that differ by case alone are one table: of several spellings in one listing the first in the order of characters is taken. What `isNameable` is not is no feed.
 */
export function feedsOf(patterns: readonly FeedPattern[], exact: ReadonlySet<FeedId>, tables: Iterable<TableName>): readonly PatternFeed[] {
  const feeds = new Map<FeedId, PatternFeed>();
  for (const table of distinct(tables)) {
    const matching = Map.groupBy(
      patterns.filter((pattern) => matchesTable(pattern.tables, table)),
      (pattern) => pattern.recipient,
    );
    for (const [pattern, ...others] of matching.values()) {
      if (pattern === undefined) continue;
      const spec = feedOf(pattern, table);
      if (!exact.has(spec.id)) feeds.set(spec.id, { spec, pattern, others });
    }
  }
  return [...feeds.values()].sort((a, b) => (a.spec.id < b.spec.id ? -1 : 1));
}

/** The pattern that has the feed of this id, whether its table is listed or not; null if none has. `patterns` are in the order of the file. */
export function patternOf(patterns: readonly FeedPattern[], feed: FeedId): FeedPattern | null {
  const [recipient, source, ...rest] = feed.split('/');
  const table = parseTableName(rest.join('/'));
  if (table === null) return null;
  return (
    patterns.find(
      (pattern) =>
        pattern.recipient.toLowerCase() === recipient && pattern.source.toLowerCase() === source && matchesTable(pattern.tables, table),
    ) ?? null
  );
}

function distinct(tables: Iterable<TableName>): readonly TableName[] {
  const spelled = new Map<string, TableName>();
  for (const table of tables) {
    if (!isNameable(table)) continue;
    const key = tableText(table).toLowerCase();
    const known = spelled.get(key);
    if (known === undefined || tableText(table) < tableText(known)) spelled.set(key, table);
  }
  return [...spelled.values()];
}
