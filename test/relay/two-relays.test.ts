/**
 * Two relays by mistake, with one config (DESIGN §3.1): they take the claim from one another again and again, and double nothing.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sleep } from '../../src/lib/abort.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { expectedLines, reconcile } from '../demo/reconcile.ts';
import { writeHistory } from '../delta-writer/history.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { shareTables } from '../support/shared-tables.ts';
import { InProcess, listener, openPublisher } from './in-process.ts';

const VERSIONS = 60;

await describeKafka('two relays with one config', (brokers) => {
  test('fence one another, and publish everything once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-two-'));
    await writeHistory(join(folder, 'orders'), {
      seed: 5,
      versions: VERSIONS,
      rowsPerVersion: { least: 1, most: 60 },
      bigVersions: [{ version: 7, kind: 'insert', rows: 300, files: 3 }],
      expected: 'rows',
      createdAt: Date.UTC(2026, 0, 1),
    });
    await using shared = await shareTables({ folder });
    await using stage = new InProcess(brokers);
    const relay = stage.another();
    const impatient: Clock = { ...systemClock, sleep: async (ms, signal) => sleep(ms === 20_000 || ms > 60_000 ? ms : ms / 10, signal) };
    const heard = [listener(), listener()];
    const outcomes = await Promise.all(
      heard.map(async ({ telemetry }) => {
        await using publisher = openPublisher(brokers);
        const run = { source: shared.source, feeds: [{ table: 'orders', key: ['id'] }], publisher, clock: impatient, telemetry };
        return await relay.outcomes({ ...run, chunk: { records: 50, timeMs: 0 } });
      }),
    );
    expect(outcomes).toEqual([{ orders: 'done' }, { orders: 'done' }]);
    const fenced = heard.map(({ lines }) => lines.filter((line) => line.includes('claim lost')).length);
    expect(fenced.reduce((a, b) => a + b)).toBeGreaterThan(0);
    const { lost, doubled, disorder } = reconcile(
      await expectedLines(join(folder, 'orders', 'expected.jsonl')),
      await relay.changes(relay.topic('orders')),
    );
    expect({ lost, doubled, disorder }).toEqual({ lost: [], doubled: [], disorder: [] });
    expect((await relay.checkpoints('orders')).map(({ seq }) => seq)).toEqual((await relay.checkpoints('orders')).map((_, i) => i + 1));
    expect((await relay.checkpoint('orders')).position).toMatchObject({ version: VERSIONS, records: 0 });
    await rm(folder, { recursive: true });
  });
});
