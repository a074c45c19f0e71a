/** A real Prometheus and a real relay: what it tells while it works is what Prometheus takes, and each number comes from the work. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { JsonObject } from '../../src/lib/json.ts';
import { METRICS } from '../../src/ops/metric-table.ts';
import { writeHistory } from '../delta-writer/history.ts';
import { freePorts } from '../kafka/ports.ts';
import { poll } from '../kafka/probe.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { startProgram } from '../processes/child.ts';
import { PartMissing } from '../registry/parts.ts';
import { Stage } from '../system/stage.ts';
import { readExposition } from './exposition.ts';
import type { Family } from './exposition.ts';
import { findPrometheus } from './prometheus.ts';

const RULES = new URL('../../helm/files/rules.yaml', import.meta.url).pathname;
const DASHBOARD = new URL('../../helm/files/dashboard.json', import.meta.url);
const WAIT_MS = 240_000;
const VERSIONS = 4;

/** What only happens where something goes wrong, or where the config says so. */
const ABSENT: readonly (keyof typeof METRICS)[] = [
  'feed_failure',
  'failures_total',
  'retries_total',
  'credential_expiry_timestamp_seconds',
  'hanging_transaction_seconds',
  'listings_total',
  'registry_schemas_total',
  'snapshot_progress_ratio',
];

await describeKafka('the metrics of a relay at work', (brokers) => {
  let folder = '';
  let stage: Stage;
  /** Rows of the change feed. */
  let rows = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cdf-relay-scrape-'));
    const last = VERSIONS - 1;
    const written = await writeHistory(join(folder, 'tables', 'orders'), {
      seed: 5,
      versions: VERSIONS,
      rowsPerVersion: { least: 7, most: 7 },
      bigVersions: [{ version: last, kind: 'insert', rows: 20, files: 2 }],
      expected: 'nothing',
      createdAt: Date.now() - 600_000,
    });
    ({ rows } = written);
    const commit = join(written.tableFolder, '_delta_log', `${String(last).padStart(20, '0')}.json`);
    await rename(commit, join(folder, 'kept-back.json'));
    stage = await Stage.open({ brokers, folder: join(folder, 'tables'), tables: [{ name: 'orders' }] });
    stage.startRelay();
    await stage.isServing();
    await poll('the versions that are there', WAIT_MS, async () => (await number('versions_total')) === last);
    await rename(join(folder, 'kept-back.json'), commit);
    await poll('the version that comes', WAIT_MS, async () => (await number('freshness_seconds', '_count')) === 1);
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function scraped(): Promise<string> {
    return (await fetch(`${stage.httpUrl}/metrics`)).text();
  }

  async function families(): Promise<ReadonlyMap<string, Family>> {
    return readExposition(await scraped());
  }

  /** The sum over the series of a metric. */
  async function number(name: keyof typeof METRICS, suffix = ''): Promise<number> {
    const series = [...((await families()).get(`cdf_relay_${name}`)?.samples ?? [])];
    return series.filter(([key]) => key.startsWith(`cdf_relay_${name}${suffix}{`)).reduce((sum, [, value]) => sum + value, 0);
  }

  test('every metric is there, but those of what did not happen', async () => {
    const all = await families();
    const empty = Object.keys(METRICS).filter((name) => (all.get(`cdf_relay_${name}`)?.samples.size ?? 0) === 0);
    expect(empty.toSorted()).toEqual(ABSENT.toSorted());
  });

  test('numbers are those of the work', async () => {
    const [transactions, bytes] = [await number('transaction_bytes', '_count'), await number('bytes_total')];
    expect({
      rows: await number('rows_total'),
      records: await number('transaction_records', '_sum'),
      bytes: await number('transaction_bytes', '_sum'),
      versions: await number('versions_total'),
      behind: [await number('lag_versions'), await number('lag_seconds')],
      claims: await number('claims_total'),
      partitions: await number('partitions_assigned'),
      // Delta's own week: the table does not set its retention.
      retention: await number('retention_left_seconds'),
      inMemory: [await number('fetched_bytes'), await number('feeds_at_work'), await number('workers_busy')],
      hasMoreTransactions: (await number('transactions_total')) > transactions,
    }).toEqual({
      rows,
      records: rows,
      bytes,
      versions: VERSIONS,
      behind: [0, 0],
      claims: 1,
      partitions: 4,
      retention: 7 * 86_400,
      inMemory: [0, 0, 0],
      hasMoreTransactions: true,
    });
    const counts = [...((await families()).get('cdf_relay_freshness_stage_seconds')?.samples ?? [])].flatMap(([key, count]) => {
      const stage = /_count\{.*stage="(\w+)"/.exec(key)?.[1];
      return stage === undefined ? [] : [[stage, count]];
    });
    expect(Object.fromEntries(counts)).toEqual({ polled: 1, fetched: 1, encoded: 1, committed: 1 });
    const parts = await number('freshness_stage_seconds', '_sum');
    expect(Math.abs(parts - (await number('freshness_seconds', '_sum')))).toBeLessThan(1e-6);
    expect(await number('worker_seconds_total')).toBeGreaterThan(0);
  });

  test('promtool finds nothing to say', async (context) => {
    const promtool = await findPrometheus('promtool').catch(skipping(context.skip));
    const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], { input: await scraped(), encoding: 'utf8' });
    expect({ status, said: `${stdout}${stderr}` }).toEqual({ status: 0, said: '' });
  });

  test('Prometheus scrapes it, and has its numbers, the rules, and data for every panel of the dashboard', async (context) => {
    const panels = expressionsOfPanels();
    expect(panels.length).toBeGreaterThan(40);
    const prometheus = await findPrometheus('prometheus').catch(skipping(context.skip));
    const [port] = await freePorts(1);
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [RULES],
      scrape_configs: [{ job_name: 'relay', static_configs: [{ targets: [new URL(stage.httpUrl).host] }] }],
    };
    await writeFile(join(folder, 'prometheus.yaml'), stringify(config));
    const url = `http://127.0.0.1:${port}`;
    const server = startProgram(prometheus, [
      `--config.file=${join(folder, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    const value = async (query: string): Promise<string | null> => {
      const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query }).toString()}`).catch(() => null);
      if (response?.ok !== true) return null;
      const [first] = new JsonObject(await response.json()).object('data').objects('result');
      const [, text] = first === undefined ? [] : [first.raw('value')].flat();
      return typeof text === 'string' ? text : null;
    };
    try {
      await poll('Prometheus', WAIT_MS, async () => (await value('up{job="relay"}')) === '1');
      await poll('a recorded lag', WAIT_MS, async () => (await value('cdf_relay:feed_lag_seconds:max')) !== null);
      expect(await value('sum(cdf_relay_versions_total)')).toBe(String(VERSIONS));
      expect(await value('count(ALERTS{alertstate="firing"})')).toBe(null);
      await poll('data in every panel', WAIT_MS, async () => {
        const found = await Promise.all(panels.map(async (expr) => value(expr)));
        return !found.includes(null);
      });
    } finally {
      await server.stop();
    }
  });
});

/** What the panels of the dashboard ask for, but of what did not happen or is shown only then. */
function expressionsOfPanels(): readonly string[] {
  const dashboard = new JsonObject(JSON.parse(readFileSync(DASHBOARD, 'utf8')));
  return dashboard
    .objects('panels')
    .flatMap((panel) => (panel.raw('targets') === undefined ? [] : panel.objects('targets').map((target) => target.string('expr'))))
    .filter((expr) => !/ > 0$|\bALERTS\b/.test(expr) && !ABSENT.some((name) => expr.includes(`cdf_relay_${name}`)))
    .map((expr) => expr.replaceAll('$__rate_interval', '10s').replaceAll(/\$(?:relay|recipient|feed)/g, '.*'));
}

/** For a test that needs a part: it is skipped with the reason. */
function skipping(skip: (reason: string) => never): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof PartMissing)) throw error;
    process.stderr.write(`skipped: ${error.message}\n`);
    return skip(error.message);
  };
}
