/**
 * What a config would have the relay do, for commands that only tell: its parts opened as `run` opens them, its feeds as they are listed now, and what each of them would meet.
 */
import { avroTexts } from '../codec/avro-schema.ts';
import type { Config } from '../config/config.ts';
import { Failure } from '../model/failure.ts';
import { isPattern, patternOf } from '../model/feed-pattern.ts';
import type { FeedPattern } from '../model/feed-pattern.ts';
import type { FeedId, FeedSpec } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import { parseTableName, tableText } from '../model/version.ts';
import type { Source } from '../ports/source.ts';
import { lookAhead } from '../relay/prospect.ts';
import type { Prospect } from '../relay/prospect.ts';
import { listFeeds } from '../relay/roster.ts';
import { TopicLedger } from '../relay/topic-ledger.ts';
import { prefetch } from '../lib/prefetch.ts';
import { didYouMean, wrong } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import { framingOf } from './assemble.ts';
import type { CommandName } from './usage.ts';

/** Which feeds are asked about. */
export interface Narrowing {
  readonly feeds: readonly FeedSpec[];
  readonly patterns: readonly FeedPattern[];
  /** Of those that a pattern gives. */
  readonly isAsked: (spec: FeedSpec) => boolean;
  /** Whether it is less than all. */
  readonly isNarrow: boolean;
}

/** By `--recipient` and `--table`, either of which may be left out. Throws `arguments.invalid` where no feed of the config can be meant. */
export function narrowed(command: CommandName, config: Config, options: Arguments): Narrowing {
  const recipient = options.optional('recipient')?.toLowerCase() ?? null;
  const text = options.optional('table');
  const table = text === null ? null : parseTableName(text);
  if (recipient !== null && !config.recipients.includes(recipient))
    throw wrong(command, `the config has no recipient \`${recipient}\`${didYouMean(recipient, config.recipients)}`);
  if (text !== null && (table === null || isPattern(table)))
    throw wrong(command, `--table takes one table, written as share.schema.table, not \`${text}\``);
  const name = table === null ? null : tableText(table).toLowerCase();
  const isAsked = (spec: FeedSpec): boolean =>
    (recipient === null || spec.recipient === recipient) && (name === null || tableText(spec.table).toLowerCase() === name);
  const feeds = config.feeds.filter(isAsked);
  const patterns = config.patterns.filter(
    (pattern) =>
      (recipient === null || pattern.recipient === recipient) &&
      (table === null || patternOf([pattern], `${pattern.recipient}/${pattern.source}/${tableText(table)}`.toLowerCase()) !== null),
  );
  if (feeds.length === 0 && patterns.length === 0) {
    const names = config.feeds.map((feed) => tableText(feed.table));
    throw wrong(command, `no entry of the config has the table \`${text ?? ''}\`${didYouMean(text ?? '', names)}`);
  }
  return { feeds, patterns, isAsked, isNarrow: recipient !== null || text !== null };
}

/** What a source would have to do. */
export interface SourceFeeds {
  readonly feeds: readonly FeedSpec[];
  /** Of all recipients: they share the budget. */
  readonly count: number;
  /** Patterns that no listed table matches. */
  readonly empty: readonly FeedPattern[];
  /** Why those of the patterns are not known. */
  readonly failure: Failure | null;
}

/** Feeds of entries by name, in the order of the file, and then those that the patterns give. */
export async function feedsOfSource(
  config: Config,
  source: Source,
  { feeds: named, patterns: asked, isAsked }: Narrowing,
  signal: AbortSignal,
): Promise<SourceFeeds> {
  const isOf = ({ source: name }: { readonly source: string }): boolean => name === source.name;
  const exact = new Set(config.feeds.map(({ id }) => id));
  const patterns = config.patterns.filter(isOf);
  const own = named.filter(isOf);
  const ofEntries = config.feeds.filter(isOf).length;
  if (!asked.some(isOf)) return { feeds: own, count: ofEntries, empty: [], failure: null };
  try {
    const { feeds } = await listFeeds(source, patterns, exact, signal);
    const empty = asked.filter(isOf).filter((pattern) => !feeds.some((feed) => feed.pattern === pattern || feed.others.includes(pattern)));
    const given = feeds.map(({ spec }) => spec).filter(isAsked);
    return { feeds: [...own, ...given], count: ofEntries + feeds.length, empty, failure: null };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { feeds: own, count: ofEntries, empty: [], failure: error };
  }
}

/** A feed, and what it would meet. */
export interface FeedOutlook {
  readonly spec: FeedSpec;
  readonly last: Checkpoint | null;
  readonly prospect: Prospect;
}

/** Feeds of one source looked at together; its own budget of requests slows them down where it must. */
const WIDTH = 4;
/** Listed tables among which a misspelled name is looked for. */
const NAMES_MAX = 10_000;

/** What is there already; one for all sources. */
export interface Begun {
  readonly checkpoints: ReadonlyMap<FeedId, Checkpoint>;
  readonly ledger: TopicLedger;
}

export function begun(config: Config, checkpoints: ReadonlyMap<FeedId, Checkpoint>): Begun {
  const exact = new Set(config.feeds.map(({ id }) => id));
  const isKnown = (feed: FeedId): boolean => exact.has(feed) || patternOf(config.patterns, feed) !== null;
  const known = new Map([...checkpoints].filter(([feed]) => isKnown(feed)));
  return { checkpoints, ledger: new TopicLedger({ relayName: config.relay.name, recipients: config.recipients }, known, config.feeds) };
}

/** In the order of `feeds`. */
export function outlooks(
  config: Config,
  source: Source,
  feeds: readonly FeedSpec[],
  { ledger, checkpoints }: Begun,
  signal: AbortSignal,
): AsyncIterable<FeedOutlook> {
  const exact = new Set(config.feeds.map(({ id }) => id));
  const framing = framingOf(config);
  const spelling = new Spelling(source, signal);
  return prefetch(each(feeds), WIDTH, async (listed): Promise<FeedOutlook> => {
    const spec = exact.has(listed.id) ? listed : ledger.asBegun(listed);
    const taken = ledger.admit(spec);
    const last = checkpoints.get(spec.id) ?? null;
    const line = { spec, source, works: { framing, encoder: { schemas: avroTexts } } };
    const prospect = await spelling.mended(spec, await lookAhead(line, last, Date.now(), signal));
    return { spec, last, prospect: taken === null ? prospect : { ...prospect, failures: [taken, ...prospect.failures] } };
  });
}

/** What the provider lists, asked for once, where it does not know a table: its name may be misspelled. */
class Spelling {
  readonly #source: Source;
  readonly #signal: AbortSignal;
  #names: Promise<readonly string[]> | null = null;

  constructor(source: Source, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
  }

  async mended({ table }: FeedSpec, prospect: Prospect): Promise<Prospect> {
    const unknown = prospect.failures.find(({ code }) => code === 'table.unknown');
    if (unknown === undefined) return prospect;
    this.#names ??= listedNames(this.#source, this.#signal);
    const told = new Failure('table.unknown', `${unknown.message}${didYouMean(tableText(table), await this.#names)}`, { cause: unknown });
    return { ...prospect, failures: prospect.failures.map((failure) => (failure === unknown ? told : failure)) };
  }
}

/** None where the listing fails: that is told elsewhere. */
async function listedNames(source: Source, signal: AbortSignal): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    const all = { share: () => true, schema: () => true };
    for await (const table of source.tables(all, signal)) if (names.push(tableText(table)) >= NAMES_MAX) break;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
  return names;
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T, void> {
  yield* items;
}
