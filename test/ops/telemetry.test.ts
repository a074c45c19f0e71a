import { describe, expect, test } from 'vitest';
import { JsonObject } from '../../src/lib/json.ts';
import { Failure } from '../../src/model/failure.ts';
import { Secret } from '../../src/model/secret.ts';
import { METRICS } from '../../src/ops/metric-table.ts';
import { openTelemetry } from '../../src/ops/telemetry.ts';
import type { OpenTelemetry } from '../../src/ops/telemetry.ts';
import type { PublishedChunk } from '../../src/ports/telemetry.ts';
import { readExposition } from './exposition.ts';

const FEED = 'r/s/a.b.c';

interface Watched extends Disposable {
  readonly telemetry: OpenTelemetry;
  /** Lines of the log without their time. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  pass(ms: number): void;
}

function watched(level: 'debug' | 'info' = 'info'): Watched {
  let now = 1_700_000_000_000;
  const lines: Readonly<Record<string, unknown>>[] = [];
  const output = {
    write: (text: string): void => {
      const line = new JsonObject(JSON.parse(text));
      expect(line.string('time')).toMatch(/^\d{4}-\d\d-\d\dT/);
      lines.push(
        Object.fromEntries(
          line
            .keys()
            .filter((key) => key !== 'time')
            .map((key) => [key, line.raw(key)]),
        ),
      );
    },
  };
  const telemetry = openTelemetry({ version: '1.2.3', log: { level, format: 'json' }, output, now: () => now });
  return { telemetry, lines, pass: (ms) => void (now += ms), [Symbol.dispose]: () => telemetry.close() };
}

const NO_COUNTS = { insert: 0, update_preimage: 0, update_postimage: 0, delete: 0 };

function chunk(given: Partial<PublishedChunk>): PublishedChunk {
  return {
    feed: FEED,
    counts: { ...NO_COUNTS, insert: 1 },
    duplicates: 0,
    deadLetters: 0,
    records: 1,
    bytes: 9,
    versions: 1,
    position: 8,
    lastVersionAt: null,
    snapshotShare: null,
    ...given,
  };
}

/** Each thing that can be told, once at least. */
function tellAll(telemetry: OpenTelemetry): void {
  telemetry.feedState('r/s/a.b."q\\\n', 'running');
  telemetry.retention(FEED, 7 * 86_400_000);
  telemetry.published(chunk({ lastVersionAt: 1_700_000_000_000, snapshotShare: 0.25 }));
  telemetry.lag(FEED, 1, 1_700_000_000_000);
  telemetry.failed(FEED, new Failure('provider.unavailable', 'the provider answers 503'));
  telemetry.retried('s', new Failure('provider.throttled', 'slowly'));
  telemetry.fresh('s', { visibleAt: 0, polledAt: 1000, fetchedAt: 2000, encodedAt: 3000, committedAt: 4000 });
  telemetry.pollInterval('s', 10);
  telemetry.listed('s', 'complete');
  telemetry.transaction('committed', 0.3);
  telemetry.hangingTransaction('r.t', 130);
  telemetry.claim('claimed');
  telemetry.schema('confirmed');
  telemetry.providerRequest('s', '200');
  telemetry.credentialExpiry('s', 1_800_000_000_000);
  telemetry.stage('s', 'fetch', 0.02);
  telemetry.reads({ of: 'requestBudget', source: 's' }, () => 19);
}

async function samples(telemetry: OpenTelemetry, name: keyof typeof METRICS): Promise<Readonly<Record<string, number>>> {
  const family = readExposition(await telemetry.metricsText()).get(`cdf_relay_${name}`);
  return Object.fromEntries(family?.samples ?? []);
}

describe('metrics', () => {
  test('the partitions of this replica are those of now, and rounds of the group are counted', async () => {
    using w = watched();
    w.telemetry.partitionsAssigned(8);
    w.telemetry.rebalanced();
    w.telemetry.partitionsAssigned(3);
    w.telemetry.rebalanced();
    expect(await samples(w.telemetry, 'partitions_assigned')).toEqual({ 'cdf_relay_partitions_assigned{}': 3 });
    expect(await samples(w.telemetry, 'rebalances_total')).toEqual({ 'cdf_relay_rebalances_total{}': 2 });
  });

  test('the text is sound Prometheus exposition and has every metric of the design, with its type', async () => {
    using w = watched();
    const { telemetry } = w;
    tellAll(telemetry);
    const families = readExposition(await telemetry.metricsText());
    const ours = [...families]
      .filter(([name]) => name.startsWith('cdf_relay_'))
      .map(([name, family]) => [name.replace('cdf_relay_', ''), family.type]);
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(Object.entries(METRICS).map(([name, entry]) => [name, entry.type])));
    expect([...families].filter(([name, family]) => name.startsWith('cdf_relay_') && family.samples.size === 0)).toEqual([]);
    expect(families.has('process_resident_memory_bytes')).toBe(true);
  });

  test('the text stays sound before anything happened', async () => {
    using w = watched();
    expect(readExposition(await w.telemetry.metricsText()).get('cdf_relay_transactions_total')?.samples.size).toBe(3);
  });

  test('a feed has all its counters at 0 from its first state on, and is in one state at a time', async () => {
    using w = watched();
    w.telemetry.feedState(FEED, 'starting');
    w.telemetry.feedState(FEED, 'parked');
    expect(await samples(w.telemetry, 'rows_total')).toEqual({
      'cdf_relay_rows_total{change_type="delete",feed="r/s/a.b.c"}': 0,
      'cdf_relay_rows_total{change_type="insert",feed="r/s/a.b.c"}': 0,
      'cdf_relay_rows_total{change_type="update_postimage",feed="r/s/a.b.c"}': 0,
      'cdf_relay_rows_total{change_type="update_preimage",feed="r/s/a.b.c"}': 0,
    });
    const states = await samples(w.telemetry, 'feed_state');
    expect(Object.entries(states).filter(([, value]) => value === 1)).toEqual([
      ['cdf_relay_feed_state{feed="r/s/a.b.c",state="parked"}', 1],
    ]);
    expect(new Set(Object.values(states))).toEqual(new Set([0, 1]));
  });

  test('the lag grows between polls, keeps its start while the commit time of the first version is unknown, and is 0 when caught up', async () => {
    using w = watched();
    const lag = async (): Promise<number | undefined> =>
      (await samples(w.telemetry, 'lag_seconds'))[`cdf_relay_lag_seconds{feed="${FEED}"}`];
    w.telemetry.lag(FEED, 2, 1_700_000_000_000 - 5_000);
    expect(await lag()).toBe(5);
    w.pass(10_000);
    expect(await lag()).toBe(15);
    w.telemetry.lag(FEED, 3, null);
    expect(await lag()).toBe(15);
    w.telemetry.lag(FEED, 0, null);
    expect(await lag()).toBe(0);
    w.telemetry.lag(FEED, 1, null);
    expect(await lag()).toBe(0);
  });

  test('dead letters are counted from the first sight of a feed on', async () => {
    using w = watched();
    w.telemetry.feedState(FEED, 'running');
    expect(Object.values(await samples(w.telemetry, 'dead_letters_total'))).toEqual([0]);
    for (const deadLetters of [2, 0, 1]) w.telemetry.published(chunk({ deadLetters }));
    expect(Object.values(await samples(w.telemetry, 'dead_letters_total'))).toEqual([3]);
  });

  test('rows of a key that is not unique are counted, and told once', async () => {
    using w = watched();
    for (const duplicates of [0, 2, 3]) w.telemetry.published(chunk({ duplicates }));
    expect(Object.values(await samples(w.telemetry, 'duplicate_keys_total'))).toEqual([5]);
    expect(w.lines).toEqual([
      {
        level: 'warn',
        feed: FEED,
        version: 8,
        rows: 2,
        msg: 'the key of the feed is not unique: several rows of one version have the same key',
      },
    ]);
  });

  test('of a feed that is gone no series stays, and another keeps its own', async () => {
    using w = watched();
    for (const feed of [FEED, `${FEED}2`]) {
      w.telemetry.feedState(feed, 'running');
      w.telemetry.lag(feed, 2, 0);
      w.telemetry.retention(feed, 1000);
      w.telemetry.published(chunk({ feed, lastVersionAt: 1, snapshotShare: 0.5 }));
      w.telemetry.failed(feed, new Failure('provider.throttled', 'slowly'));
    }
    const before = await w.telemetry.metricsText();
    w.telemetry.feedGone(FEED);
    const after = await w.telemetry.metricsText();
    expect([before.split(`feed="${FEED}"`).length > 15, after.includes(`feed="${FEED}"`)]).toEqual([true, false]);
    expect(after.split(`feed="${FEED}2"`)).toHaveLength(before.split(`feed="${FEED}2"`).length);
  });

  test('a feed shows the code that it fails with until it publishes, has nothing left to publish, or is paused', async () => {
    using w = watched();
    const codes = async (): Promise<readonly string[]> =>
      Object.keys(await samples(w.telemetry, 'feed_failure')).map((series) => /code="(.*?)"/.exec(series)?.[1] ?? series);
    w.telemetry.failed(FEED, new Failure('registry.unreachable', 'nobody is there'));
    w.telemetry.failed(FEED, new Failure('registry.refused', 'it is not taken'));
    w.telemetry.lag(FEED, 1, null);
    expect(await codes()).toEqual(['registry.refused']);
    w.telemetry.published(chunk({}));
    expect(await codes()).toEqual([]);
    w.telemetry.failed(FEED, new Failure('provider.forbidden', 'not yours'));
    w.telemetry.lag(FEED, 0, null);
    expect(await codes()).toEqual([]);
    w.telemetry.failed(FEED, new Failure('provider.forbidden', 'still not yours'));
    w.telemetry.feedState(FEED, 'paused');
    expect(await codes()).toEqual([]);
    expect(Object.values(await samples(w.telemetry, 'failures_total'))).toEqual([1, 1, 2]);
  });

  test('what is left of the retention shrinks with the age of the first unpublished version, below 0 too, and is whole when there is none', async () => {
    using w = watched();
    const left = async (): Promise<readonly number[]> => Object.values(await samples(w.telemetry, 'retention_left_seconds'));
    w.telemetry.lag(FEED, 1, 1_700_000_000_000 - 60_000);
    expect(await left()).toEqual([]);
    w.telemetry.retention(FEED, 100_000);
    expect(await left()).toEqual([40]);
    w.pass(50_000);
    expect(await left()).toEqual([-10]);
    w.telemetry.lag(FEED, 0, null);
    expect(await left()).toEqual([100]);
    w.telemetry.retention(FEED, null);
    expect(await left()).toEqual([]);
  });

  test('the steps of a version add up to its freshness, and a clock that is ahead takes nothing from them', async () => {
    using w = watched();
    w.telemetry.fresh('s', { visibleAt: 1000, polledAt: 9000, fetchedAt: 9500, encodedAt: 9750, committedAt: 10_000 });
    w.telemetry.fresh('s', { visibleAt: 20_000, polledAt: 19_000, fetchedAt: 19_500, encodedAt: 20_500, committedAt: 21_000 });
    w.telemetry.fresh('s', { visibleAt: null, polledAt: 30_000, fetchedAt: 30_000, encodedAt: 30_000, committedAt: 31_000 });
    const sums = async (name: keyof typeof METRICS): Promise<Readonly<Record<string, number>>> =>
      Object.fromEntries(Object.entries(await samples(w.telemetry, name)).filter(([series]) => /_(?:sum|count)\{/.test(series)));
    const stage = (name: string, sum: number, count: number): Readonly<Record<string, number>> => ({
      [`cdf_relay_freshness_stage_seconds_sum{source="s",stage="${name}"}`]: sum,
      [`cdf_relay_freshness_stage_seconds_count{source="s",stage="${name}"}`]: count,
    });
    expect(await sums('freshness_stage_seconds')).toEqual({
      ...stage('polled', 8, 2),
      ...stage('fetched', 1, 3),
      ...stage('encoded', 1.25, 3),
      ...stage('committed', 1.75, 3),
    });
    expect(await sums('freshness_seconds')).toEqual({
      'cdf_relay_freshness_seconds_sum{source="s"}': 10,
      'cdf_relay_freshness_seconds_count{source="s"}': 2,
    });
  });

  test('what is read is read at each scrape, and whoever reads last counts', async () => {
    using w = watched();
    let busy = 1;
    w.telemetry.reads({ of: 'workersBusy' }, () => 9);
    w.telemetry.reads({ of: 'workersBusy' }, () => busy);
    w.telemetry.reads({ of: 'workerSeconds' }, () => busy * 1.5);
    expect([await samples(w.telemetry, 'workers_busy'), await samples(w.telemetry, 'worker_seconds_total')]).toEqual([
      { 'cdf_relay_workers_busy{}': 1 },
      { 'cdf_relay_worker_seconds_total{}': 1.5 },
    ]);
    busy = 2;
    expect([await samples(w.telemetry, 'workers_busy'), await samples(w.telemetry, 'worker_seconds_total')]).toEqual([
      { 'cdf_relay_workers_busy{}': 2 },
      { 'cdf_relay_worker_seconds_total{}': 3 },
    ]);
  });

  test('the scrape of a thousand feeds has each series of each feed once, and as many the next time', async () => {
    using w = watched();
    const feeds = Array.from({ length: 1000 }, (_, i) => `r/s/a.b.table_${i}`);
    const seriesOf = async (): Promise<ReadonlyMap<string, number>> => {
      const all = [...readExposition(await w.telemetry.metricsText()).values()].flatMap(({ samples: own }) => [...own.keys()]);
      return new Map([...Map.groupBy(all, (series) => /feed="(.*?)"/.exec(series)?.[1] ?? '')].map(([feed, own]) => [feed, own.length]));
    };
    for (let round = 0; round < 2; round++) {
      for (const feed of feeds) {
        w.telemetry.feedState(feed, 'running');
        w.telemetry.retention(feed, 1000);
        w.telemetry.lag(feed, 1, 0);
        w.telemetry.published(chunk({ feed, lastVersionAt: 1 }));
      }
      const series = await seriesOf();
      expect(feeds.map((feed) => series.get(feed))).toEqual(Array.from({ length: 1000 }, () => 19));
    }
    for (const feed of feeds) w.telemetry.feedGone(feed);
    expect([...(await seriesOf()).keys()]).toEqual(['']);
  });

  test('an expiry that is no longer known leaves no number behind', async () => {
    using w = watched();
    w.telemetry.credentialExpiry('s', 1_800_000_000_000);
    w.telemetry.credentialExpiry('t', 1_900_000_000_000);
    w.telemetry.credentialExpiry('s', null);
    expect(await samples(w.telemetry, 'credential_expiry_timestamp_seconds')).toEqual({
      'cdf_relay_credential_expiry_timestamp_seconds{source="t"}': 1_900_000_000,
    });
  });

  test('a topic that is looked at no more leaves no hanging transaction behind', async () => {
    using w = watched();
    w.telemetry.hangingTransaction('r.t', 130);
    w.telemetry.hangingTransaction('r.u', 0);
    w.telemetry.hangingTransaction('r.t', null);
    expect(await samples(w.telemetry, 'hanging_transaction_seconds')).toEqual({ 'cdf_relay_hanging_transaction_seconds{topic="r.u"}': 0 });
  });

  test('a status that is no HTTP status becomes `error`, so that the label stays bounded', async () => {
    using w = watched();
    for (const status of ['429', 'https://host/?sig=1', '']) w.telemetry.providerRequest('s', status);
    expect(await samples(w.telemetry, 'provider_requests_total')).toEqual({
      'cdf_relay_provider_requests_total{source="s",status="429"}': 1,
      'cdf_relay_provider_requests_total{source="s",status="error"}': 2,
    });
  });
});

describe('log', () => {
  test('a failure is told once, again after ten minutes, and its end is told when the feed publishes', () => {
    using w = watched();
    const failure = new Failure('provider.unavailable', 'the provider answers 503', { version: 7 });
    const warning = {
      level: 'warn',
      feed: FEED,
      code: 'provider.unavailable',
      version: 7,
      remedy: failure.remedy,
      msg: 'the provider answers 503',
    };
    for (let i = 0; i < 5; i += 1) w.telemetry.failed(FEED, failure);
    expect(w.lines).toEqual([warning]);
    w.pass(600_000);
    w.telemetry.failed(FEED, failure);
    expect(w.lines).toEqual([warning, warning]);
    w.telemetry.published(chunk({ position: 8 }));
    w.telemetry.published(chunk({ position: 9 }));
    expect(w.lines.slice(2)).toEqual([{ level: 'info', feed: FEED, version: 8, msg: 'feed goes on' }]);
  });

  test('what needs a person is an error; going through retries is no news', () => {
    using w = watched();
    w.telemetry.feedState(FEED, 'starting');
    w.telemetry.feedState(FEED, 'running');
    w.telemetry.feedState(FEED, 'retrying');
    w.telemetry.feedState(FEED, 'running');
    w.telemetry.failed(FEED, new Failure('table.recreated', 'the table has another id'));
    w.telemetry.feedState(FEED, 'parked');
    expect(w.lines.map(({ level, msg }) => [level, msg])).toEqual([
      ['info', 'feed is running'],
      ['error', 'the table has another id'],
    ]);
  });

  test('secrets are redacted and errors shrink to their sentence', () => {
    using w = watched('debug');
    w.telemetry.log('debug', 'look', {
      token: new Secret('hunter2'),
      cause: new Error('cut', { cause: new Error('https://host/f?sig=abc') }),
    });
    expect(w.lines).toEqual([{ level: 'debug', token: '[redacted]', cause: 'cut', msg: 'look' }]);
  });

  test('the pretty form is text for people', () => {
    let text = '';
    const telemetry = openTelemetry({
      version: '1.2.3',
      log: { level: 'info', format: 'pretty' },
      output: { write: (line) => void (text += line) },
    });
    telemetry.log('warn', 'a topic has more partitions', { topic: 't', partitions: [0, 1, 2] });
    telemetry.close();
    expect(text).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: a topic has more partitions\n\s+topic: "t"\n\s+partitions: "0, 1, 2"\n$/);
  });
});
