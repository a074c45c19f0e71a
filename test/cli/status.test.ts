import { expect, test } from 'vitest';
import { askRelay, urlOf } from '../../src/cli/live-status.ts';
import { statusLines, statusOf } from '../../src/cli/feed-status.ts';
import type { Checkpoint } from '../../src/model/position.ts';
import { newCheckpoint } from '../../src/relay/checkpoint.ts';
import { parse, SAMPLE } from '../config/sample.ts';
import { NOW, openStage } from '../ops/status-stage.ts';

const FEED = 'analytics/acme/sales.public.orders';
const AT = Date.parse('2026-01-01T00:00:00Z');

function checkpoint(change: Partial<Checkpoint>): Checkpoint {
  const fresh = newCheckpoint(FEED, 1, 1, 'cdf-relay/0', AT);
  return { ...fresh, topic: 'analytics.sales.public.orders', state: 'running', position: { ...fresh.position, version: 7 }, ...change };
}

function lines(change: Partial<Checkpoint>, ageMs = 0): readonly string[] {
  const [row] = statusOf(parse(SAMPLE), new Map([[FEED, checkpoint(change)]]));
  return row === undefined ? [] : statusLines(row, AT + ageMs);
}

test('a snapshot under way is told by its version', () => {
  const position = { ...checkpoint({}).position, kind: 'snapshot' as const, records: 50 };
  expect(lines({ position }, 90_000)[0]).toBe(`${FEED}: running; snapshot of version 7, 50 records of it published, last commit 90 s ago`);
});

test('a running feed shows its next version, and how much of it is out', () => {
  expect(lines({}, 90_000)).toEqual([`${FEED}: running; next version 7, last commit 90 s ago`, '  topic analytics.sales.public.orders']);
  const half = { ...checkpoint({}).position, records: 3_000 };
  expect(lines({ position: half, generation: 2 }, 7_200_000)).toEqual([
    `${FEED}: running; next version 7, 3000 records of it published, last commit 2 h ago`,
    '  topic analytics.sales.public.orders, generation 2',
  ]);
});

test('a parked feed shows the sentence and the remedy, and a code of another release none', () => {
  const failure = { code: 'table.recreated', version: 7, message: 'it is another table', at: AT };
  expect(lines({ state: 'parked', failure }).slice(2)).toEqual([
    '  table.recreated at version 7: it is another table',
    '  → If the new table is the one you want: `checkpoint reset`, or `onRecreate: snapshot` and a restart, starts it again in a new topic.',
  ]);
  expect(lines({ state: 'parked', failure: { ...failure, code: 'of.later', version: null } }).slice(2)).toEqual([
    '  of.later: it is another table',
  ]);
});

test('a feed that failed before its first row is parked, not new', () => {
  const failure = { code: 'start.none', version: null, message: 'no changes', at: AT };
  expect(lines({ state: 'new', topic: '', failure })[0]).toBe(`${FEED}: parked; nothing published yet`);
});

test('checkpoints of feeds that left the config come last, as orphans', () => {
  const orphan = 'gone/acme/a.b.c';
  const rows = statusOf(parse(SAMPLE), new Map([[orphan, { ...checkpoint({}), feed: orphan }]]));
  expect(rows.map((row) => statusLines(row, AT)[0])).toEqual([
    `${FEED}: new; nothing published yet`,
    `${orphan}: running, orphan (not in the config); next version 7, last commit 0 s ago`,
  ]);
});

test('feeds that came by a pattern stand behind those that the config names, and are no orphans', () => {
  const config = parse(`${SAMPLE}      - {table: sales.*.*}\n`);
  const ids = ['analytics/acme/a.b.c', 'analytics/acme/sales.public.new', FEED, 'analytics/acme/sales.x.y'];
  const rows = statusOf(config, new Map(ids.map((feed) => [feed, { ...checkpoint({}), feed }])));
  expect(rows.map(({ feed, isOrphan }) => [feed, isOrphan])).toEqual([
    [FEED, false],
    ['analytics/acme/sales.public.new', false],
    ['analytics/acme/sales.x.y', false],
    ['analytics/acme/a.b.c', true],
  ]);
});

test('a paused feed is told as such', () => {
  const failure = { code: 'feed.paused', version: 7, message: 'a person has paused the feed', at: AT };
  expect(lines({ state: 'parked', failure })[0]).toBe(`${FEED}: paused; next version 7, last commit 0 s ago`);
});

test('a relay that runs tells of orphans as the checkpoints do', async () => {
  await using stage = await openStage();
  const orphan = { ...checkpoint({}), feed: 'gone/acme/a.b.c' };
  stage.control.orphans.set(orphan.feed, orphan);
  const live = await askRelay(stage.url, 'acme-relay', AbortSignal.timeout(60_000));
  const told = typeof live === 'string' ? live : live.rows.at(-1);
  expect(told).toEqual(statusOf(parse(SAMPLE), new Map([[orphan.feed, orphan]])).at(-1));
});

test('a relay that runs tells what no checkpoint does: how far behind, and what is tried again', async () => {
  await using stage = await openStage();
  const live = await askRelay(stage.url, 'acme-relay', AbortSignal.timeout(60_000));
  if (typeof live === 'string') throw new Error(live);
  const told = new Map(live.rows.map((row) => [row.feed, statusLines(row, live.at)]));
  expect(live.at).toBe(NOW);
  expect(told.get('analytics/acme/sales.public.order_lines')?.[0]).toBe(
    'analytics/acme/sales.public.order_lines: running; next version 18190, 14 versions and 5 min behind, last commit 4 s ago',
  );
  expect(told.get('analytics/acme/sales.public.orders')?.[0]).toContain('next version 18204, current, last commit');
  expect(told.get('analytics/acme/crm.core.accounts')).toEqual([
    'analytics/acme/crm.core.accounts: retrying; next version 5120, 2 versions and 42 s behind, last commit 75 s ago',
    '  topic analytics.crm.core.accounts',
    '  provider.unavailable at version 5120: asking for the latest version of crm.core.accounts: the provider answered 503, tries again in 41 s',
    '  → The provider fails by itself: if it lasts, tell the provider the time and the table.',
  ]);
  expect(told.get('billing/acme/finance.ledger.quotes')).toEqual([
    'billing/acme/finance.ledger.quotes: new; nothing published yet',
    '  topic billing.finance.ledger.quotes',
  ]);
});

test('where no relay of the name answers, it is said why', async () => {
  const stage = await openStage();
  const signal = AbortSignal.timeout(60_000);
  expect(await askRelay(stage.url, 'another', signal)).toBe(`the relay that answers at ${stage.url} is acme-relay, and not another`);
  await stage[Symbol.asyncDispose]();
  expect(await askRelay(stage.url, 'acme-relay', signal)).toBe(`no relay answers at ${stage.url}`);
});

test('the relay is asked where the config has its port', () => {
  const urlAt = (http: string): string | null => urlOf(parse(`${SAMPLE}http: ${http}\n`));
  expect(urlAt('{port: 1234}')).toBe('http://127.0.0.1:1234');
  expect(urlAt('{host: "::", port: 1234}')).toBe('http://[::1]:1234');
  expect(urlAt('{host: relay.internal, port: 80}')).toBe('http://relay.internal:80');
  expect(urlAt('{port: 0}')).toBe(null);
});
