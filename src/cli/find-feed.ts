/**
 * Which feed `--recipient` and `--table` mean: one that an entry of the config names, or one that came by a pattern.
 */
import type { Config } from '../config/config.ts';
import { feedOf, isPattern, matchesTable } from '../model/feed-pattern.ts';
import type { FeedId, FeedSpec } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import { parseTableName, tableText } from '../model/version.ts';
import { respelled } from '../relay/topic-ledger.ts';
import { didYouMean, wrong } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import { readCheckpoint } from './checkpoints.ts';
import type { KafkaSession } from './kafka-session.ts';
import type { CommandName } from './usage.ts';

export interface AskedFeeds {
  /** One at least. */
  readonly specs: readonly FeedSpec[];
  /** As it was written. */
  readonly table: string;
}

export interface FoundFeed {
  readonly spec: FeedSpec;
  /** Null: it has not begun. */
  readonly checkpoint: Checkpoint | null;
}

/**
 * Of `asked`, which are feeds of several sources, the one that has begun. Rejects with `arguments.invalid` where that is none, or several, and with `checkpoint.*`.
 */
export async function findFeed(
  command: CommandName,
  { config, publisher }: KafkaSession,
  { specs, table }: AskedFeeds,
  signal: AbortSignal,
): Promise<FoundFeed> {
  const found: FoundFeed[] = [];
  for (const spec of specs) found.push(asBegun(spec, config, await readCheckpoint(config, publisher, spec.id, signal)));
  const begun = found.filter(({ checkpoint }) => checkpoint !== null);
  const [feed, ...others] = begun.length > 0 ? begun : found;
  if (feed === undefined || others.length > 0) {
    const names = found.map(({ spec }) => `${spec.source}/${tableText(spec.table)}`);
    throw wrong(command, `several sources give the recipient a table \`${table}\`: name it with its source, as ${names.join(' or ')}`);
  }
  return feed;
}

/** What `--recipient` and `--table` say, which is to be known before Kafka is asked. Throws as `feedsNamed` does. */
export function askedFeeds(command: CommandName, config: Config, options: Arguments): AskedFeeds {
  const table = options.required('table');
  return { specs: feedsNamed(command, config, options.required('recipient'), table), table };
}

/** One for each source that gives the recipient the table, one at least; case ignored. Throws `arguments.invalid` with the nearest name. */
export function feedsNamed(
  command: CommandName,
  config: Pick<Config, 'recipients' | 'feeds' | 'patterns'>,
  recipient: string,
  text: string,
): readonly FeedSpec[] {
  const known = config.recipients.find((name) => name === recipient.toLowerCase());
  if (known === undefined) throw wrong(command, `the config has no recipient \`${recipient}\`${didYouMean(recipient, config.recipients)}`);
  const [, source = null, name = text] = /^(?:([^/]*)\/)?(.*)$/s.exec(text) ?? [];
  const table = parseTableName(name);
  if (table !== null && isPattern(table)) throw wrong(command, `\`${text}\` is a pattern: name one of its tables`);

  const isMeant = (of: { readonly recipient: string; readonly source: string }): boolean =>
    of.recipient === known && (source === null || of.source.toLowerCase() === source.toLowerCase());
  const named = config.feeds.filter(isMeant);
  const patterns = config.patterns.filter(isMeant);
  const feeds = new Map<FeedId, FeedSpec>();
  for (const feed of named) if (tableText(feed.table).toLowerCase() === name.toLowerCase()) feeds.set(feed.id, feed);
  for (const pattern of patterns) {
    if (table === null || !matchesTable(pattern.tables, table)) continue;
    const feed = feedOf(pattern, table);
    if (!feeds.has(feed.id)) feeds.set(feed.id, feed);
  }
  if (feeds.size > 0) return [...feeds.values()];
  const also = patterns.length > 0 ? ', by name or by a pattern' : '';
  const names = named.map((feed) => tableText(feed.table));
  throw wrong(command, `recipient \`${known}\` has no table \`${text}\`${also}${didYouMean(text, names)}`);
}

/** A table that came by a pattern is spelled here as the person wrote it: its topic is the one that it began. */
function asBegun(spec: FeedSpec, config: Config, checkpoint: Checkpoint | null): FoundFeed {
  const isNamed = config.feeds.some(({ id }) => id === spec.id);
  return { spec: isNamed || checkpoint === null ? spec : { ...spec, topic: respelled(spec.topic, checkpoint) }, checkpoint };
}
