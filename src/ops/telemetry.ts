/**
 * The relay's telemetry: what happens becomes metrics, and the little of it that people need becomes lines of the log.
 *
 * The log is quiet while all is well. A failure is told once, when its code or sentence is new for the feed, and again every ten minutes while it lasts: as a warning where
 * the relay helps itself, as an error where a person must act.
 */
import type { DestinationStream } from 'pino';
import type { Disposition, Failure } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import type { EpochMs } from '../model/version.ts';
import { CHANGE_TYPES } from '../model/column-batch.ts';
import type {
  ClaimOutcome,
  FeedState,
  PublishedChunk,
  Reading,
  SchemaOutcome,
  Stage,
  Telemetry,
  VersionTimes,
} from '../ports/telemetry.ts';
import { Board } from './board.ts';
import { openLog } from './log.ts';
import type { Log, LogLevel, LogOptions } from './log.ts';
import { Metrics } from './metrics.ts';

export interface TelemetryOptions {
  /** Of the relay. */
  readonly version: string;
  readonly log: LogOptions;
  /** Where the log goes; stderr unless a test says otherwise. */
  readonly output?: DestinationStream;
  /** The time in milliseconds since the epoch. */
  readonly now?: () => EpochMs;
}

export interface OpenTelemetry extends Telemetry {
  /** What the status page shows of the feeds that run here. */
  readonly board: Board;
  readonly metricsContentType: string;
  /** The text of /metrics: sound Prometheus exposition. */
  metricsText(): Promise<string>;
  /** Lets go of what the process metrics hold. */
  close(): void;
}

export function openTelemetry(options: TelemetryOptions): OpenTelemetry {
  return new Recorder(openLog(options.log, options.output), options.version, options.now ?? Date.now);
}

const FEED_STATES: Readonly<Record<FeedState, true>> = {
  starting: true,
  running: true,
  retrying: true,
  parked: true,
  paused: true,
  done: true,
};

const OUTCOMES = {
  polls: ['advanced', 'unchanged', 'failed'],
  listings: ['complete', 'failed'],
  transactions: ['committed', 'aborted', 'unknown'],
  claims: ['claimed', 'fenced', 'failed'],
  schemas: ['confirmed', 'assumed', 'refused', 'failed'],
} as const;

const LEVELS: Readonly<Record<Disposition, LogLevel>> = {
  retry: 'warn',
  reclaim: 'warn',
  park: 'error',
  probe: 'error',
  config: 'error',
  environment: 'error',
};

const REPEAT_MS = 600_000;

interface Told {
  readonly text: string;
  readonly at: EpochMs;
}

class Recorder implements OpenTelemetry {
  readonly log: Log;
  readonly board: Board;
  readonly #now: () => EpochMs;
  readonly #metrics = new Metrics();
  readonly #states = new Map<FeedId, FeedState>();
  /** Feeds of which it was told that their key is not unique. */
  readonly #withDuplicates = new Set<FeedId>();
  readonly #told = new Map<FeedId, Told>();
  readonly #firstUnpublished = new Map<FeedId, EpochMs | null>();

  readonly #retention = new Map<FeedId, number>();
  readonly #failing = new Map<FeedId, string>();

  readonly #feedState = this.#metrics.gauge('feed_state');
  readonly #feedFailure = this.#metrics.gauge('feed_failure');
  readonly #failures = this.#metrics.counter('failures_total');
  readonly #lagSeconds = this.#metrics.gauge('lag_seconds');
  readonly #lagVersions = this.#metrics.gauge('lag_versions');
  readonly #lastCommit = this.#metrics.gauge('feed_last_commit_timestamp_seconds');
  readonly #lastVersion = this.#metrics.gauge('feed_last_version_timestamp_seconds');
  readonly #retentionLeft = this.#metrics.gauge('retention_left_seconds');
  readonly #snapshotProgress = this.#metrics.gauge('snapshot_progress_ratio');
  readonly #rows = this.#metrics.counter('rows_total');
  readonly #bytes = this.#metrics.counter('bytes_total');
  readonly #versions = this.#metrics.counter('versions_total');
  readonly #duplicates = this.#metrics.counter('duplicate_keys_total');
  readonly #deadLetters = this.#metrics.counter('dead_letters_total');
  readonly #freshness = this.#metrics.histogram('freshness_seconds');
  readonly #freshnessStages = this.#metrics.histogram('freshness_stage_seconds');
  readonly #stages = this.#metrics.histogram('stage_seconds');
  readonly #polls = this.#metrics.counter('polls_total');
  readonly #pollInterval = this.#metrics.gauge('poll_interval_effective_seconds');
  readonly #listings = this.#metrics.counter('listings_total');
  readonly #requests = this.#metrics.counter('provider_requests_total');
  readonly #retries = this.#metrics.counter('retries_total');
  readonly #credentialExpiry = this.#metrics.gauge('credential_expiry_timestamp_seconds');
  readonly #transactions = this.#metrics.counter('transactions_total');
  readonly #transactionSeconds = this.#metrics.histogram('transaction_seconds');
  readonly #transactionRecords = this.#metrics.histogram('transaction_records');
  readonly #transactionBytes = this.#metrics.histogram('transaction_bytes');
  readonly #hangingTransaction = this.#metrics.gauge('hanging_transaction_seconds');
  readonly #claims = this.#metrics.counter('claims_total');
  readonly #partitionsAssigned = this.#metrics.gauge('partitions_assigned');
  readonly #rebalances = this.#metrics.counter('rebalances_total');
  readonly #schemas = this.#metrics.counter('registry_schemas_total');
  readonly #requestBudget = this.#metrics.gauge('provider_request_budget');
  /** By source. */
  readonly #budgets = new Map<string, () => number>();
  readonly #read = {
    memoryBytes: this.#metrics.gauge('memory_limit_bytes'),
    fetchedBytes: this.#metrics.gauge('fetched_bytes'),
    fetchedBytesMax: this.#metrics.gauge('fetched_limit_bytes'),
    feedsAtWork: this.#metrics.gauge('feeds_at_work'),
    feedsAtWorkMax: this.#metrics.gauge('feeds_at_work_limit'),
    workers: this.#metrics.gauge('workers'),
    workersBusy: this.#metrics.gauge('workers_busy'),
    workerSeconds: this.#metrics.counter('worker_seconds_total'),
  };

  constructor(log: Log, version: string, now: () => EpochMs) {
    this.log = log;
    this.#now = now;
    this.board = new Board(now);
    this.#metrics.gauge('build_info').set({ version, node: process.versions.node }, 1);
    for (const outcome of OUTCOMES.transactions) this.#transactions.inc({ outcome }, 0);
    for (const outcome of OUTCOMES.claims) this.#claims.inc({ outcome }, 0);
    this.#lagSeconds.onScrape(() => {
      for (const [feed, at] of this.#firstUnpublished)
        this.#lagSeconds.set({ feed }, at === null ? 0 : Math.max(0, this.#now() - at) / 1000);
    });
    this.#retentionLeft.onScrape(() => {
      for (const [feed, ms] of this.#retention) {
        const from = this.#firstUnpublished.get(feed) ?? this.#now();
        this.#retentionLeft.set({ feed }, (from + ms - this.#now()) / 1000);
      }
    });
    this.#requestBudget.onScrape(() => {
      for (const [source, read] of this.#budgets) this.#requestBudget.set({ source }, read());
    });
    this.#metrics.addProcessMetrics();
  }

  feedState(feed: FeedId, state: FeedState): void {
    this.board.feedState(feed, state);
    const before = this.#states.get(feed);
    if (before === state) return;
    if (before === undefined) this.#introduce(feed);
    this.#states.set(feed, state);
    // What it failed with before is over: nothing is tried.
    if (state === 'paused') this.#isWell(feed);
    for (const known of Object.keys(FEED_STATES)) this.#feedState.set({ feed, state: known }, known === state ? 1 : 0);
    // A feed that was told of as failing is well again when it publishes, not when it is opened.
    const isNews = state === 'done' || state === 'paused' || (state === 'running' && before !== 'retrying' && !this.#told.has(feed));
    this.log(isNews ? 'info' : 'debug', `feed is ${state}`, { feed });
  }

  feedGone(feed: FeedId): void {
    this.board.feedGone(feed);
    this.#states.delete(feed);
    this.#told.delete(feed);
    this.#withDuplicates.delete(feed);
    this.#firstUnpublished.delete(feed);
    this.#retention.delete(feed);
    this.#failing.delete(feed);
    this.#metrics.dropFeed(feed);
  }

  published(chunk: PublishedChunk): void {
    this.board.published(chunk);
    const { feed, counts } = chunk;
    for (const type of CHANGE_TYPES) this.#rows.inc({ feed, change_type: type }, counts[type]);
    if (chunk.duplicates > 0) this.#tellDuplicates(chunk);
    this.#deadLetters.inc({ feed }, chunk.deadLetters);
    this.#bytes.inc({ feed }, chunk.bytes);
    this.#versions.inc({ feed }, chunk.versions);
    this.#lastCommit.set({ feed }, this.#now() / 1000);
    if (chunk.lastVersionAt !== null) this.#lastVersion.set({ feed }, chunk.lastVersionAt / 1000);
    if (chunk.snapshotShare !== null) this.#snapshotProgress.set({ feed }, chunk.snapshotShare);
    this.#transactionRecords.observe(chunk.records);
    this.#transactionBytes.observe(chunk.bytes);
    this.#isWell(feed);
    if (this.#told.delete(feed)) this.log('info', 'feed goes on', { feed, version: chunk.position });
  }

  lag(feed: FeedId, versions: number, firstUnpublishedAt: EpochMs | null): void {
    this.board.lag(feed, versions, firstUnpublishedAt);
    this.#lagVersions.set({ feed }, versions);
    const last = this.#firstUnpublished.get(feed) ?? null;
    this.#firstUnpublished.set(feed, versions === 0 ? null : (firstUnpublishedAt ?? last));
    if (versions === 0) this.#isWell(feed);
  }

  retention(feed: FeedId, ms: number | null): void {
    if (ms !== null) {
      this.#retention.set(feed, ms);
      return;
    }
    this.#retention.delete(feed);
    this.#retentionLeft.drop(feed);
  }

  fresh(source: string, { visibleAt, polledAt, fetchedAt, encodedAt, committedAt }: VersionTimes): void {
    const observe = (stage: string, from: EpochMs, to: EpochMs): void =>
      this.#freshnessStages.observe({ source, stage }, Math.max(0, to - from) / 1000);
    observe('fetched', polledAt, fetchedAt);
    observe('encoded', fetchedAt, encodedAt);
    observe('committed', encodedAt, committedAt);
    if (visibleAt === null) return;
    observe('polled', visibleAt, polledAt);
    this.#freshness.observe({ source }, Math.max(0, committedAt - visibleAt) / 1000);
  }

  failed(feed: FeedId, failure: Failure): void {
    this.board.failed(feed, failure);
    this.#failures.inc({ feed, code: failure.code });
    this.#isWell(feed);
    this.#failing.set(feed, failure.code);
    this.#feedFailure.set({ feed, code: failure.code }, 1);
    const text = `${failure.code}: ${failure.message}`;
    const told = this.#told.get(feed);
    const isKnown = told !== undefined && told.text === text && this.#now() - told.at < REPEAT_MS;
    if (!isKnown) this.#told.set(feed, { text, at: this.#now() });
    const { code, version, remedy } = failure;
    this.log(isKnown ? 'debug' : LEVELS[failure.disposition], failure.message, {
      feed,
      code,
      ...(version === null ? {} : { version }),
      remedy,
    });
  }

  polled(source: string, outcome: 'advanced' | 'unchanged' | 'failed'): void {
    this.#polls.inc({ source, outcome });
  }

  pollInterval(source: string, seconds: number): void {
    this.board.pollInterval(source, seconds);
    for (const outcome of OUTCOMES.polls) this.#polls.inc({ source, outcome }, 0);
    this.#pollInterval.set({ source }, seconds);
  }

  listed(source: string, outcome: 'complete' | 'failed'): void {
    for (const each of OUTCOMES.listings) this.#listings.inc({ source, outcome: each }, each === outcome ? 1 : 0);
  }

  partitionsAssigned(partitions: number): void {
    this.#partitionsAssigned.set({}, partitions);
  }

  rebalanced(): void {
    this.#rebalances.inc({});
  }

  transaction(outcome: 'committed' | 'aborted' | 'unknown', seconds: number): void {
    this.#transactions.inc({ outcome });
    this.#transactionSeconds.observe(seconds);
  }

  hangingTransaction(topic: string, seconds: number | null): void {
    if (seconds === null) this.#hangingTransaction.drop(topic);
    else this.#hangingTransaction.set({ topic }, seconds);
  }

  retried(source: string, { code }: Failure): void {
    this.#retries.inc({ source, code });
  }

  claim(outcome: ClaimOutcome): void {
    this.#claims.inc({ outcome });
  }

  schema(outcome: SchemaOutcome): void {
    for (const each of OUTCOMES.schemas) this.#schemas.inc({ outcome: each }, each === outcome ? 1 : 0);
  }

  reads(reading: Reading, read: () => number): void {
    if (reading.of === 'requestBudget') {
      this.#budgets.set(reading.source, read);
      return;
    }
    const series = this.#read[reading.of];
    series.onScrape(() => series.set({}, read()));
  }

  providerRequest(source: string, status: string): void {
    this.#requests.inc({ source, status: /^[1-5]\d\d$/.test(status) ? status : 'error' });
  }

  credentialExpiry(source: string, at: EpochMs | null): void {
    this.board.credentialExpiry(source, at);
    if (at === null) this.#credentialExpiry.drop(source);
    else this.#credentialExpiry.set({ source }, at / 1000);
  }

  stage(source: string, stage: Stage, seconds: number): void {
    this.#stages.observe({ source, stage }, seconds);
  }

  get metricsContentType(): string {
    return this.#metrics.contentType;
  }

  async metricsText(): Promise<string> {
    return this.#metrics.text();
  }

  close(): void {
    this.#metrics.clear();
  }

  #isWell(feed: FeedId): void {
    if (this.#failing.delete(feed)) this.#feedFailure.drop(feed);
  }

  /** Once for a feed: the metric goes on counting. */
  #tellDuplicates({ feed, duplicates, position }: PublishedChunk): void {
    this.#duplicates.inc({ feed }, duplicates);
    if (this.#withDuplicates.has(feed)) return;
    this.#withDuplicates.add(feed);
    this.log('warn', 'the key of the feed is not unique: several rows of one version have the same key', {
      feed,
      version: position,
      rows: duplicates,
    });
  }

  /** Series exist from the first sight of a feed: a rate over a counter that appears with its first count misses that count. */
  #introduce(feed: FeedId): void {
    for (const type of CHANGE_TYPES) this.#rows.inc({ feed, change_type: type }, 0);
    this.#duplicates.inc({ feed }, 0);
    this.#deadLetters.inc({ feed }, 0);
    this.#bytes.inc({ feed }, 0);
    this.#versions.inc({ feed }, 0);
  }
}
