/**
 * What is remembered of each feed that runs here, for the status page: the little of its telemetry that a person wants to see at a glance. Bounded for each feed.
 */
import type { Failure } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import type { ChangeCounts } from '../model/position.ts';
import type { EpochMs, Version } from '../model/version.ts';
import { CHANGE_TYPES } from '../model/column-batch.ts';
import type { FeedState, PublishedChunk, Telemetry } from '../ports/telemetry.ts';

/** One transaction of rows. */
export interface RecentCommit {
  readonly at: EpochMs;
  /** The version that the feed stood at behind it, and how many it made whole. */
  readonly position: Version;
  readonly versions: number;
  readonly rows: ChangeCounts;
  readonly deadLetters: number;
  readonly bytes: number;
}

export interface LiveFeed {
  readonly state: FeedState;
  readonly since: EpochMs;
  /** Null: not polled yet. */
  readonly lagVersions: number | null;
  /** Age of the first version that is not published; 0 if there is none, null if it is not known. */
  readonly lagSeconds: number | null;
  /** Over the last minute, or as long as the feed runs. */
  readonly rowsPerSecond: number;
  /** Of a snapshot that is being published, the share that is committed: 0 to 1. */
  readonly snapshotShare: number | null;
  /** Null since the feed published again, or found that there is nothing to publish. */
  readonly failure: { readonly failure: Failure; readonly at: EpochMs } | null;
  /** The latest first. */
  readonly commits: readonly RecentCommit[];
}

export interface LiveSource {
  /** Null: by cron. */
  readonly pollSeconds: number | null;
  /** Null: it does not end, or nobody says when. */
  readonly credentialExpiresAt: EpochMs | null;
}

const COMMITS_MAX = 20;
const SPAN_MS = 5_000;
const SPANS = 12;

interface Entry {
  state: FeedState;
  since: EpochMs;
  lagVersions: number | null;
  firstUnpublishedAt: EpochMs | null;
  snapshotShare: number | null;
  failure: LiveFeed['failure'];
  readonly commits: RecentCommit[];
  readonly firstAt: EpochMs;
  /** Rows by span of time, the span's number first. */
  readonly spans: { readonly number: number; rows: number }[];
}

/** Fed by the telemetry, in the order in which things happen. */
export class Board implements Pick<
  Telemetry,
  'feedState' | 'feedGone' | 'published' | 'lag' | 'failed' | 'pollInterval' | 'credentialExpiry'
> {
  readonly #now: () => EpochMs;
  readonly #feeds = new Map<FeedId, Entry>();
  readonly #sources = new Map<string, LiveSource>();

  constructor(now: () => EpochMs) {
    this.#now = now;
  }

  /** Null for a feed that does not run here. */
  feed(id: FeedId): LiveFeed | null {
    const entry = this.#feeds.get(id);
    if (entry === undefined) return null;
    const now = this.#now();
    const { state, since, lagVersions, firstUnpublishedAt, snapshotShare, failure, commits } = entry;
    return {
      state,
      since,
      lagVersions,
      lagSeconds: lagVersions === 0 ? 0 : firstUnpublishedAt === null ? null : Math.max(0, now - firstUnpublishedAt) / 1000,
      rowsPerSecond: rate(entry, now),
      snapshotShare,
      failure,
      commits: commits.toReversed(),
    };
  }

  source(name: string): LiveSource {
    return this.#sources.get(name) ?? { pollSeconds: null, credentialExpiresAt: null };
  }

  feedState(id: FeedId, state: FeedState): void {
    const entry = this.#entry(id);
    if (entry.state === state) return;
    entry.state = state;
    entry.since = this.#now();
    // What a person did is no failure, and what it failed with before is over.
    if (state === 'paused') entry.failure = null;
  }

  feedGone(id: FeedId): void {
    this.#feeds.delete(id);
  }

  published({ feed, counts, bytes, versions, position, deadLetters, snapshotShare }: PublishedChunk): void {
    const entry = this.#entry(feed);
    const at = this.#now();
    entry.failure = null;
    entry.snapshotShare = snapshotShare;
    if (entry.lagVersions !== null) entry.lagVersions = Math.max(0, entry.lagVersions - versions);
    entry.commits.push({ at, position, versions, rows: counts, deadLetters, bytes });
    if (entry.commits.length > COMMITS_MAX) entry.commits.shift();
    const number = Math.floor(at / SPAN_MS);
    const rows = CHANGE_TYPES.reduce((sum, type) => sum + counts[type], 0);
    const last = entry.spans.at(-1);
    if (last?.number === number) last.rows += rows;
    else entry.spans.push({ number, rows });
    if (entry.spans.length > SPANS) entry.spans.shift();
  }

  lag(id: FeedId, versions: number, firstUnpublishedAt: EpochMs | null): void {
    const entry = this.#entry(id);
    entry.lagVersions = versions;
    entry.firstUnpublishedAt = versions === 0 ? null : (firstUnpublishedAt ?? entry.firstUnpublishedAt);
    if (versions === 0) entry.failure = null;
  }

  failed(id: FeedId, failure: Failure): void {
    this.#entry(id).failure = { failure, at: this.#now() };
  }

  pollInterval(source: string, seconds: number): void {
    this.#sources.set(source, { ...this.source(source), pollSeconds: seconds === 0 ? null : seconds });
  }

  credentialExpiry(source: string, at: EpochMs | null): void {
    this.#sources.set(source, { ...this.source(source), credentialExpiresAt: at });
  }

  #entry(id: FeedId): Entry {
    const now = this.#now();
    const entry = this.#feeds.get(id) ?? {
      state: 'starting',
      since: now,
      lagVersions: null,
      firstUnpublishedAt: null,
      snapshotShare: null,
      failure: null,
      commits: [],
      firstAt: now,
      spans: [],
    };
    this.#feeds.set(id, entry);
    return entry;
  }
}

function rate({ spans, firstAt }: Entry, now: EpochMs): number {
  const oldest = Math.floor(now / SPAN_MS) - SPANS + 1;
  const rows = spans.filter(({ number }) => number >= oldest).reduce((sum, span) => sum + span.rows, 0);
  return rows / (Math.min(SPANS * SPAN_MS, Math.max(SPAN_MS, now - firstAt)) / 1000);
}
