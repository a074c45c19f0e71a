/**
 * Which tables there are: the roster of one source whose tables the config names by a pattern. It is listed when the relay starts, and again and again while it runs.
 *
 *   list ─► feeds of the patterns ─► new ones join
 *    ▲                            └► one that is missing for the third time, and whose version answers 404, leaves
 *    └──────── wait ◄──────────────┘
 *
 * A listing counts only when it is complete: one that fails, in its midst too, changes nothing and counts for nothing. A feed that leaves keeps its checkpoint, and goes on
 * from it when its table is listed again; whether that is the same table is for the feed to find out, as after any pause.
 */
import { backoffMs } from '../lib/backoff.ts';
import { matchesGlob } from '../lib/glob.ts';
import { Failure } from '../model/failure.ts';
import { feedsOf, isNameable, patternText } from '../model/feed-pattern.ts';
import type { FeedPattern, PatternFeed } from '../model/feed-pattern.ts';
import type { FeedId, FeedSpec } from '../model/feed.ts';
import { tableText } from '../model/version.ts';
import type { EpochMs, TableName } from '../model/version.ts';
import type { ListingScope, Source } from '../ports/source.ts';
import type { Works } from './line.ts';
import type { Wait } from './poll.ts';

/** Complete listings in a row without a table before it is asked for by itself. */
const MISSED = 3;
/** Tables of one listing. */
const TABLES_MAX = 100_000;
/** Feeds that the patterns of one source may give. */
const FEEDS_MAX = 10_000;
const BACKOFF = { firstMs: 1_000, maxMs: 60_000 };
/** A listing that fails is told again so often. */
const TELL_AGAIN_MS = 600_000;
const NAMES_TOLD = 10;

export interface RosterOptions {
  readonly source: Source;
  /** Of the source; in the order of the file. */
  readonly patterns: readonly FeedPattern[];
  /** Feeds of entries that name their table: no pattern has them. */
  readonly exact: ReadonlySet<FeedId>;
  /** Until the tables are to be listed again. */
  readonly wait: Wait;
  readonly works: Works;
  readonly retryTimeoutMs: number;
}

/** Where feeds join and leave: the relay. */
export interface Ranks {
  join(feed: PatternFeed): void;
  /** Resolves when the feed has stopped. */
  leave(spec: FeedSpec): Promise<void>;
}

interface Member {
  readonly spec: FeedSpec;
  /** Complete listings in a row that it was missing from. */
  missed: number;
}

export class Roster {
  readonly patterns: readonly FeedPattern[];
  readonly #options: RosterOptions;
  readonly #members = new Map<FeedId, Member>();
  /** What the last listing ended with; null if it was complete. */
  #failure: Failure | null = null;
  #failures = 0;
  #told: { readonly text: string; readonly at: EpochMs } | null = null;
  #wasListed = false;
  #passedOver = '';

  constructor(options: RosterOptions) {
    this.#options = options;
    this.patterns = options.patterns;
  }

  /**
   * The feeds of the first listing. Null: it failed, which is told, and `follow` tries again. With `--until-current` it is tried again here, for `retryTimeoutMs` where that
   * may help, and then rejects with the `Failure`. Rejects with `signal.reason` when aborted.
   */
  async first(signal: AbortSignal): Promise<readonly PatternFeed[] | null> {
    const { works, retryTimeoutMs } = this.#options;
    const since = works.clock.now();
    for (;;) {
      const listed = await this.#list(signal);
      if (this.#failure === null || !works.untilCurrent) return listed;
      if (this.#failure.disposition !== 'retry' || works.clock.now() - since >= retryTimeoutMs) throw this.#failure;
      await this.#pause(this.#failure, signal);
    }
  }

  /** Those of a listing that are new join. */
  admit(listed: readonly PatternFeed[], ranks: Ranks): void {
    for (const feed of listed) {
      if (this.#members.has(feed.spec.id)) continue;
      this.#members.set(feed.spec.id, { spec: feed.spec, missed: 0 });
      ranks.join(feed);
    }
  }

  /** After the first listing: lists again and again, and lets feeds join and leave, until aborted. Rejects with `signal.reason`. */
  async follow(ranks: Ranks, signal: AbortSignal): Promise<never> {
    for (;;) {
      // What time alone does not heal is not asked for more often than what is well.
      if (this.#failure?.disposition !== 'retry') await this.#options.wait(signal);
      else await this.#pause(this.#failure, signal);
      const listed = await this.#list(signal);
      if (listed === null) continue;
      this.admit(listed, ranks);
      await this.#dismiss(listed, ranks, signal);
    }
  }

  async #dismiss(listed: readonly PatternFeed[], ranks: Ranks, signal: AbortSignal): Promise<void> {
    const present = new Set(listed.map(({ spec }) => spec.id));
    for (const member of this.#members.values()) {
      member.missed = present.has(member.spec.id) ? 0 : member.missed + 1;
      if (member.missed < MISSED || !(await this.#isGone(member, signal))) continue;
      this.#members.delete(member.spec.id);
      await ranks.leave(member.spec);
    }
  }

  /** What is listed no more may still be there: a provider that loses its listing has not lost its tables. */
  async #isGone({ spec, missed }: Member, signal: AbortSignal): Promise<boolean> {
    const { source, works } = this.#options;
    try {
      await source.latestVersion(spec.table, signal);
    } catch (error) {
      signal.throwIfAborted();
      return error instanceof Failure && error.code === 'table.unknown';
    }
    if (missed === MISSED)
      works.telemetry.log('warn', 'the table is listed no more, and still answers: its feed goes on', { feed: spec.id, listings: missed });
    return false;
  }

  /** Null if the listing failed, which is kept and told. */
  async #list(signal: AbortSignal): Promise<readonly PatternFeed[] | null> {
    const { source, patterns, exact, works } = this.#options;
    try {
      const { tables, feeds } = await listFeeds(source, patterns, exact, signal);
      if (this.#told !== null) works.telemetry.log('info', 'tables are listed again', { source: source.name });
      this.#failure = null;
      this.#failures = 0;
      this.#told = null;
      this.#tellPassedOver(tables);
      if (!this.#wasListed) this.#tellEmpty(feeds);
      this.#wasListed = true;
      works.telemetry.listed(source.name, 'complete');
      return feeds;
    } catch (error) {
      signal.throwIfAborted();
      this.#failure = error instanceof Failure ? error : new Failure('relay.bug', String(error), { cause: error });
      this.#failures++;
      works.telemetry.listed(source.name, 'failed');
      this.#tell(this.#failure);
      return null;
    }
  }

  #tell({ code, message, remedy, disposition }: Failure): void {
    const { works, source } = this.#options;
    const text = `${code}: ${message}`;
    const now = works.clock.now();
    const isKnown = this.#told?.text === text && now - this.#told.at < TELL_AGAIN_MS;
    if (!isKnown) this.#told = { text, at: now };
    const level = isKnown ? 'debug' : disposition === 'retry' ? 'warn' : 'error';
    works.telemetry.log(level, `the tables cannot be listed, so none joins: ${message}`, { source: source.name, code, remedy });
  }

  #tellPassedOver(tables: readonly TableName[]): void {
    const { works, source } = this.#options;
    const names = [...new Set(tables.filter((table) => !isNameable(table)).map(tableText))];
    const text = names.join('\n');
    if (text !== this.#passedOver && names.length > 0) {
      works.telemetry.log('warn', 'tables are passed over whose names the protocol does not allow', {
        source: source.name,
        count: names.length,
        tables: names.slice(0, NAMES_TOLD),
      });
    }
    this.#passedOver = text;
  }

  #tellEmpty(feeds: readonly PatternFeed[]): void {
    const { works, patterns } = this.#options;
    for (const pattern of patterns) {
      if (feeds.some((feed) => feed.pattern === pattern || feed.others.includes(pattern))) continue;
      works.telemetry.log('warn', 'no table that the provider lists comes by the pattern', { pattern: patternText(pattern) });
    }
  }

  async #pause(failure: Failure, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.works;
    const waitMs = backoffMs(BACKOFF, this.#failures - 1, failure.retryAfterMs, () => clock.random());
    await clock.sleep(waitMs, signal);
  }
}

/**
 * What the provider lists now, and the feeds that the patterns of its source make of it. Rejects as `Source.tables` does, and with `pattern.too_wide`.
 */
export async function listFeeds(
  source: Source,
  patterns: readonly FeedPattern[],
  exact: ReadonlySet<FeedId>,
  signal: AbortSignal,
): Promise<{ readonly tables: readonly TableName[]; readonly feeds: readonly PatternFeed[] }> {
  const tables: TableName[] = [];
  for await (const table of source.tables(scopeOf(patterns), signal)) {
    if (tables.push(table) > TABLES_MAX) throw tooMany(source, `more than ${TABLES_MAX} tables`);
  }
  const feeds = feedsOf(patterns, exact, tables);
  if (feeds.length > FEEDS_MAX)
    throw tooMany(source, `${feeds.length} tables that the patterns match, and at most ${FEEDS_MAX} can be relayed`);
  return { tables, feeds };
}

function scopeOf(patterns: readonly FeedPattern[]): ListingScope {
  const parts = patterns.map(({ tables }) => tables);
  return {
    share: (share) => parts.some((part) => matchesGlob(part.share, share)),
    schema: (share, schema) => parts.some((part) => matchesGlob(part.share, share) && matchesGlob(part.schema, schema)),
  };
}

function tooMany(source: Source, what: string): Failure {
  return new Failure('pattern.too_wide', `listing the tables of ${source.name}: there are ${what}`);
}
