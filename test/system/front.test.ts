/**
 * Two replicas as processes of their own, asked and given orders by HTTP: one page shows every feed, whichever is asked, and an order reaches the feed wherever it is.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { JsonObject } from '../../src/lib/json.ts';
import { startPlainProvider } from '../support/plain-provider.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { checkpointPartition } from '../../src/relay/checkpoint.ts';
import { freePorts } from '../kafka/ports.ts';
import { describeKafka, uniqueName } from '../kafka/use-kafka.ts';
import { startCommand } from '../processes/child.ts';
import type { Child } from '../processes/child.ts';
import { SmallTable, rowsFrom } from '../relay/small-table.ts';

const TOKEN = 'a-token-that-is-long-enough';
const PARTITIONS = 4;

await describeKafka('two replicas', (brokers) => {
  const tables = ['orders', 'returns', 'customers'];
  const name = nameThatIsShared();
  const started: Child[] = [];
  let folder = '';
  let provider: Provider | null = null;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cdf-relay-front-'));
    for (const table of tables) await new SmallTable(join(folder, 'tables'), table).commit({ adds: [rowsFrom(1, 2)] });
    provider = await startPlainProvider({ folder: join(folder, 'tables') });
    await writeFile(join(folder, 'acme.share'), JSON.stringify(provider.profile));
  });
  afterAll(async () => {
    for (const child of started) await child.kill();
    await provider?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  /** Under which each of two replicas has a feed. */
  function nameThatIsShared(): string {
    for (;;) {
      const tried = uniqueName('front');
      if (new Set(idsOf(tried).map((id) => checkpointPartition(id, PARTITIONS))).size > 1) return tried;
    }
  }

  function idsOf(of: string): readonly string[] {
    return tables.map((table) => `${of}-r/acme/local.default.${table}`).toSorted();
  }

  async function start(port: number): Promise<string> {
    const config = join(folder, `relay-${port}.yaml`);
    const entries = tables.map((table) => `{table: local.default.${table}, start: earliest}`).join(', ');
    await writeFile(
      config,
      `relay: {name: ${name}, checkpointPartitions: ${PARTITIONS}}
kafka: {brokers: ${JSON.stringify(brokers)}}
sources: [{name: acme, profile: acme.share, poll: 1s, requestsPerSecond: 100}]
recipients: [{name: ${name}-r, tables: [${entries}]}]
http: {host: 127.0.0.1, port: ${port}, adminToken: ${TOKEN}}
limits: {workers: 1}
`,
    );
    started.push(startCommand(['run', '-c', config]));
    return config;
  }

  test('tell of each other’s feeds, and hand orders on', async () => {
    const [first, second] = await freePorts(2);
    await start(first);
    const config = await start(second);
    const ids = idsOf(name);
    // Shared out, running, and seen as they are from both sides.
    const isCurrent = (feed: JsonObject): boolean => feed.string('state') === 'running' && feed.object('lag').raw('versions') === 0;
    await untilIs(first, ids, isCurrent, 2);
    await untilIs(second, ids, isCurrent, 2);
    expect((await fetch(`http://127.0.0.1:${first}/startupz`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${first}/readyz`)).status).toBe(200);

    for (const id of ids) expect(await order(first, id, 'pause')).toEqual([200, 'It is paused: nothing is published until it is resumed.']);
    await untilIs(second, ids, (feed) => feed.string('state') === 'paused', 2);
    const status = startCommand(['status', '-c', config]);
    expect(await status.exited).toEqual({ code: 0, signal: null });
    expect(status.stdout.match(/: paused; next version 1, current/g)).toHaveLength(3);
    expect(status.stderr).toContain(`This is what the relay says at http://127.0.0.1:${second}.`);
    for (const id of ids) expect(await order(second, id, 'resume')).toEqual([200, 'It goes on.']);
    await untilIs(first, ids, (feed) => feed.string('state') === 'running', 2);
  });

  async function feedsAt(port: number): Promise<readonly JsonObject[]> {
    const response = await fetch(`http://127.0.0.1:${port}/api/status`).catch(() => null);
    return response === null ? [] : new JsonObject(await response.json()).objects('feeds');
  }

  /** Until all feeds are so, and belong to so many replicas. */
  async function untilIs(port: number, ids: readonly string[], isSo: (feed: JsonObject) => boolean, replicas: number): Promise<void> {
    for (;;) {
      const feeds = await feedsAt(port);
      const owners = new Set(feeds.map((feed) => feed.nullable('owner', (key) => feed.string(key))));
      if (feeds.map((feed) => feed.string('id')).join() === ids.join() && feeds.every(isSo) && owners.size === replicas) return;
      const dead = started.find((child) => !child.isRunning);
      if (dead !== undefined) throw new Error(`it ended by itself: ${dead.stderr}`);
      await wait(50);
    }
  }

  async function order(port: number, id: string, name: string): Promise<readonly [number, string]> {
    const url = `http://127.0.0.1:${port}/api/feeds/${encodeURIComponent(id)}/${name}`;
    const response = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } });
    const answer = new JsonObject(await response.json());
    return [response.status, answer.string('message')];
  }
});
