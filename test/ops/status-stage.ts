/**
 * A relay as the HTTP port sees it, with ten feeds in all states: for tests of /api, for the page in a browser, and for its pictures.
 */
import { PLAIN_FEED } from '../support/plain-feed.ts';
import { Failure } from '../../src/model/failure.ts';
import type { FailureCode } from '../../src/model/failure.ts';
import { feedId } from '../../src/model/feed.ts';
import type { FeedId, FeedSpec } from '../../src/model/feed.ts';
import type { Checkpoint } from '../../src/model/position.ts';
import { Secret } from '../../src/model/secret.ts';
import { parseTableName } from '../../src/model/version.ts';
import { Board } from '../../src/ops/board.ts';
import { serveHttp } from '../../src/ops/http-server.ts';
import type { HttpServer } from '../../src/ops/http-server.ts';
import { statusApi } from '../../src/ops/status-api.ts';
import type { FeedControl, FeedOrder, FeedView, OrderAnswer, Others, Owner } from '../../src/ports/feed-control.ts';
import type { FeedState } from '../../src/ports/telemetry.ts';
import { newCheckpoint } from '../../src/relay/checkpoint.ts';
import { must } from '../../src/lib/assert.ts';

export const TOKEN = 'a-token-that-is-long-enough';
export const NOW = Date.parse('2026-03-02T10:15:00Z');
const never = new AbortController().signal;

interface StagedFeed {
  readonly table: string;
  readonly recipient: string;
  readonly state: FeedState | 'elsewhere' | 'new';
  readonly version?: number;
  readonly behind?: number;
  readonly rows?: number;
  readonly failure?: readonly [FailureCode, string];
  readonly snapshotShare?: number;
  readonly nextTryInMs?: number;
  /** Since its last commit. */
  readonly seconds?: number;
}

/** As a platform team might have them on an ordinary morning that is not quite ordinary. */
export const TEN: readonly StagedFeed[] = [
  { table: 'sales.public.orders', recipient: 'analytics', state: 'running', version: 18_204, behind: 0, rows: 48_200 },
  { table: 'sales.public.order_lines', recipient: 'analytics', state: 'running', version: 18_190, behind: 14, rows: 612_000 },
  { table: 'sales.public.customers', recipient: 'analytics', state: 'running', version: 77, behind: 1, rows: 9_400, snapshotShare: 0.62 },
  {
    table: 'sales.public.returns',
    recipient: 'analytics',
    state: 'parked',
    version: 941,
    seconds: 7_260,
    behind: 3,
    failure: ['gap.history_gone', 'versions 941 to 943 of sales.public.returns are gone: the provider cleaned them away'],
  },
  {
    table: 'crm.core.accounts',
    recipient: 'analytics',
    state: 'retrying',
    version: 5_120,
    seconds: 75,
    behind: 2,
    failure: ['provider.unavailable', 'asking for the latest version of crm.core.accounts: the provider answered 503'],
    nextTryInMs: 41_000,
  },
  { table: 'crm.core.contacts', recipient: 'billing', state: 'paused', version: 311, behind: 0, seconds: 88_000 },
  { table: 'finance.ledger.postings', recipient: 'billing', state: 'starting', version: 60_001, seconds: 700 },
  { table: 'finance.ledger.rates', recipient: 'billing', state: 'done', version: 12, behind: 0, seconds: 260_000 },
  { table: 'finance.ledger.invoices', recipient: 'billing', state: 'elsewhere', version: 2_048, seconds: 37 },
  { table: 'finance.ledger.quotes', recipient: 'billing', state: 'new' },
];

export interface Stage extends AsyncDisposable {
  readonly url: string;
  readonly board: Board;
  readonly control: StagedControl;
  /** What was logged. */
  readonly lines: string[];
}

export interface StageOptions {
  readonly feeds?: readonly StagedFeed[];
  readonly adminToken?: Secret | null;
  readonly now?: () => number;
  readonly owners?: ReadonlyMap<number, Owner>;
  /** Before the relay has reached Kafka. */
  readonly isEarly?: boolean;
  readonly replica?: string;
  readonly port?: number;
}

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const {
    feeds = TEN,
    adminToken = new Secret(TOKEN),
    now = (): number => NOW,
    isEarly = false,
    replica = 'relay-0/1',
    port = 0,
  } = options;
  // What is staged happened before.
  let staging: number | null = null;
  const board = new Board(() => staging ?? now());
  const control = new StagedControl(
    feeds.map((feed, partition) => viewOf(feed, partition)),
    options.owners ?? new Map([[8, { name: 'relay-1/1', http: null, since: NOW - 3_600_000 }]]),
  );
  board.pollInterval('acme', 10);
  board.credentialExpiry('acme', NOW + 5 * 86_400_000);
  const at = (secondsAgo: number): void => void (staging = NOW - secondsAgo * 1_000);
  feeds.forEach((feed, i) => play(board, must(control.views[i], 'the feed').spec.id, feed, at));
  staging = null;
  const lines: string[] = [];
  const probes = {
    notStarted: () => null,
    notLive: () => null,
    notReady: () => (isEarly ? 'The relay is not ready until Kafka answers.' : null),
  };
  const staged = { name: replica, http: '', startedAt: NOW - 86_400_000 };
  const api = statusApi({
    relay: { name: 'acme-relay', version: '0.1.0' },
    replica: staged,
    sources: ['acme'],
    board,
    now,
    control: () => (isEarly ? null : control),
    notReady: () => probes.notReady(),
    adminToken,
    log: (level, message, fields) => void lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
  });
  const metrics = { metricsContentType: 'text/plain', metricsText: async () => '# nothing\n' };
  const server: HttpServer = await serveHttp({ host: '127.0.0.1', port, metrics, probes, api, registry: null }, never);
  staged.http = `http://127.0.0.1:${server.port}`;
  return { url: staged.http, board, control, lines, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Feeds that stand as they are told to, and orders that are remembered. */
export class StagedControl implements FeedControl {
  readonly isConfirmed = true;
  readonly views: readonly FeedView[];
  readonly orders: string[] = [];
  answer: OrderAnswer = { kind: 'done', sentence: 'It is done.' };
  readonly #owners: ReadonlyMap<number, Owner>;
  isDeaf = false;

  constructor(views: readonly { readonly view: FeedView; readonly kept: Checkpoint | null }[], owners: ReadonlyMap<number, Owner>) {
    this.views = views.map(({ view }) => view);
    this.kept = new Map(views.flatMap(({ view, kept }) => (view.here === null && kept !== null ? [[view.spec.id, kept]] : [])));
    this.#owners = owners;
  }

  /** In partitions that another replica has. */
  readonly kept: Map<FeedId, Checkpoint>;

  readonly orphans = new Map<FeedId, Checkpoint>();

  isKnown(feed: FeedId): boolean {
    return this.views.some(({ spec }) => spec.id === feed);
  }

  feeds(): readonly FeedView[] {
    return this.views;
  }

  async others(): Promise<Others> {
    if (this.isDeaf) throw new Failure('kafka.unreachable', 'no broker answers');
    return { checkpoints: this.kept, owners: this.#owners };
  }

  async order(feed: FeedId, order: FeedOrder): Promise<OrderAnswer> {
    this.orders.push(`${order} ${feed}`);
    return this.views.find(({ spec }) => spec.id === feed)?.here === null ? { kind: 'elsewhere' } : this.answer;
  }
}

function viewOf(
  { table, recipient, state, version, failure, nextTryInMs, seconds = 4 }: StagedFeed,
  partition: number,
): { readonly view: FeedView; readonly kept: Checkpoint | null } {
  const spec = specOf(recipient, table);
  const code = state === 'paused' ? 'feed.paused' : state === 'parked' ? failure?.[0] : undefined;
  const kept: Checkpoint | null =
    version === undefined
      ? null
      : {
          ...newCheckpoint(spec.id, 1, 7, 'cdf-relay/0.1.0', NOW - seconds * 1_000),
          topic: spec.topic,
          state: code === undefined ? 'running' : 'parked',
          position: {
            ...newCheckpoint(spec.id, 1, 0, '', 0).position,
            version,
            kind: table.endsWith('customers') ? 'snapshot' : 'changes',
          },
          failure:
            code === undefined ? null : { code, version, message: failure?.[1] ?? 'a person has paused the feed', at: NOW - 7_200_000 },
        };
  const isHere = state !== 'elsewhere' && state !== 'new';
  const nextTryAt = nextTryInMs === undefined ? null : NOW + nextTryInMs;
  return { view: { spec, partition, here: isHere ? { checkpoint: kept, claimFailure: null, nextTryAt } : null }, kept };
}

function play(
  board: Board,
  id: FeedId,
  { state, version = 0, behind, rows = 0, failure, snapshotShare, seconds = 4 }: StagedFeed,
  at: (secondsAgo: number) => void,
): void {
  if (state === 'elsewhere' || state === 'new') return;
  at(rows > 0 ? 86_000 : seconds);
  board.feedState(id, state);
  for (let i = rows > 0 ? 24 : 0; i > 0; i--) {
    at(seconds + (i - 1) * 2.4);
    const counts = { insert: Math.ceil(rows / i), update_preimage: i, update_postimage: i, delete: i % 3 };
    board.published({
      feed: id,
      counts,
      duplicates: 0,
      deadLetters: i === 3 ? 1 : 0,
      records: 0,
      bytes: rows * 118,
      versions: 1,
      position: version - i + 1,
      lastVersionAt: null,
      snapshotShare: snapshotShare ?? null,
    });
  }
  if (behind !== undefined) board.lag(id, behind, behind === 0 ? null : NOW - behind * 21_000);
  at(state === 'parked' ? 7_200 : 9);
  if (failure !== undefined) board.failed(id, new Failure(failure[0], failure[1], { version }));
}

function specOf(recipient: string, name: string): FeedSpec {
  const table = must(parseTableName(name), 'a table');
  return {
    id: feedId(recipient, 'acme', table),
    recipient,
    source: 'acme',
    table,
    topic: `${recipient}.${name}`,
    start: { kind: 'snapshot' },
    ...PLAIN_FEED,
  };
}
