/**
 * How the process ends (DESIGN §5): a first signal lets it finish what it has in hand, a second one ends it; `--until-current` says by its exit code how far it came.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FaultRule } from '../../src/provider/faults.ts';
import { startPlainProvider } from '../support/plain-provider.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { writeHistory } from '../delta-writer/history.ts';
import { describeKafka, uniqueName } from '../kafka/use-kafka.ts';
import { startCommand } from '../processes/child.ts';
import type { Child } from '../processes/child.ts';

await describeKafka('the relay as a process', (brokers) => {
  let folder = '';
  const opened: AsyncDisposable[] = [];
  const started: Child[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cdf-relay-stop-'));
    const history = { seed: 2, versions: 4, rowsPerVersion: { least: 1, most: 9 }, bigVersions: [], createdAt: Date.UTC(2026, 0, 1) };
    await writeHistory(join(folder, 'tables', 'orders'), { ...history, expected: 'rows' });
  });
  afterAll(async () => {
    for (const child of started) await child.kill();
    for (const one of opened) await one[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function share(faults: readonly FaultRule[] = []): Promise<Provider> {
    const provider = await startPlainProvider({ folder: join(folder, 'tables'), faults });
    opened.push(provider);
    return provider;
  }

  /** A relay of its own name over a provider. */
  async function start(profile: unknown, ...options: readonly string[]): Promise<Child> {
    const name = uniqueName('stop');
    const share = join(folder, `${name}.share`);
    const config = join(folder, `${name}.yaml`);
    await writeFile(share, JSON.stringify(profile));
    await writeFile(
      config,
      `relay: {name: ${name}, checkpointPartitions: 1}
kafka: {brokers: ${JSON.stringify(brokers)}}
sources: [{name: acme, profile: ${share}, poll: 1s, requestsPerSecond: 100}]
recipients: [{name: ${name}-r, tables: [{table: local.default.orders, start: earliest}]}]
http: {host: 127.0.0.1, port: 0}
limits: {workers: 1, retryTimeout: 2s}
log: {level: debug}
`,
    );
    const child = startCommand(['run', '-c', config, ...options]);
    started.push(child);
    return child;
  }

  async function untilItSays(child: Child, text: string): Promise<void> {
    await until(child, () => child.stderr.includes(text));
  }

  async function until(child: Child, isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (!child.isRunning) throw new Error(`it ended by itself: ${child.stderr}`);
      await wait(5);
    }
  }

  test.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s, with nothing in hand at once', async (name) => {
    const relay = await start((await share()).profile);
    await untilItSays(relay, 'feed is running');
    relay.signal(name);
    expect(await relay.exited).toEqual({ code: 0, signal: null });
    expect(relay.stderr).toContain('"stopping"');
    expect(relay.stderr).not.toContain('"level":"error"');
  });

  test('ends at once on a second signal, though a version is in hand', async () => {
    const provider = await share([{ match: { route: 'file' }, do: { kind: 'hang' } }]);
    const relay = await start(provider.profile);
    await until(relay, () => provider.requests.some(({ route }) => route === 'file'));
    relay.signal('SIGTERM');
    await untilItSays(relay, 'stopping');
    relay.signal('SIGTERM');
    expect(await relay.exited).toEqual({ code: 143, signal: null });
  });

  test('stops asking a provider that does not answer', async () => {
    const provider = await share([{ match: { route: 'version' }, do: { kind: 'latency', ms: 120_000 } }]);
    const relay = await start(provider.profile);
    await untilItSays(relay, 'feed is starting');
    relay.signal('SIGTERM');
    expect(await relay.exited).toEqual({ code: 0, signal: null });
  });

  test('ends with 3 when a provider that is down does not come back in time', async () => {
    const provider = await share();
    await provider[Symbol.asyncDispose]();
    const relay = await start(provider.profile, '--until-current');
    expect(await relay.exited).toEqual({ code: 3, signal: null });
    expect(relay.stderr).toContain('ended while still failing');
    expect(relay.stderr).toContain('provider.unreachable');
  });

  test('ends with 0 when everything is published', async () => {
    const relay = await start((await share()).profile, '--until-current');
    expect(await relay.exited).toEqual({ code: 0, signal: null });
  });
});
