/**
 * Where a feed stands inside a version (DESIGN §7 "Position"): stopped behind any chunk, it goes on with the next record, and its checkpoint says what it has published.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Clock } from '../../src/lib/clock.ts';
import type { ChangeCounts } from '../../src/model/position.ts';
import { lineOf } from '../demo/avro-row.ts';
import type { ReadChange } from '../demo/consumer.ts';
import { expectedLines, reconcile } from '../demo/reconcile.ts';
import { DeltaTable } from '../delta-writer/delta-table.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { shareTables } from '../support/shared-tables.ts';
import type { SharedTables } from '../support/shared-tables.ts';
import { InProcess, hasty, listener } from './in-process.ts';
import type { Heard, Relay } from './in-process.ts';

const ORDERS = [{ table: 'orders', key: ['id'] }] as const;
const CHUNK = { records: 150 };
/** As long as a version in hand may take while the relay stops. */
const STOP_VERSION_MS = 20_000;

await describeKafka('a feed inside a version', (brokers) => {
  let folder = '';
  let shared: SharedTables;
  let stage: InProcess;
  let expected: readonly string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cdf-relay-position-'));
    const table = await DeltaTable.create({ folder: join(folder, 'orders'), seed: 11, expected: 'rows', createdAt: Date.UTC(2026, 0, 1) });
    await table.append({ kind: 'insert', rows: 1_000, files: 3 }, Date.UTC(2026, 0, 2));
    await table.append({ kind: 'merge', rows: 1_000, files: 4 }, Date.UTC(2026, 0, 3));
    await table.append({ kind: 'drop-file' }, Date.UTC(2026, 0, 4));
    expected = await expectedLines(join(folder, 'orders', 'expected.jsonl'));
    shared = await shareTables({ folder });
    stage = new InProcess(brokers);
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await shared[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  /** A run that is told to stop when so many transactions of rows are committed. */
  async function runAndStop(
    relay: Relay,
    transactions: number,
    afterwardsMs: number,
  ): Promise<{ readonly heard: Heard; readonly outcome: string }> {
    const stopping = new AbortController();
    const heard = listener();
    const clock: Clock = { ...hasty, now: () => Date.now() + (stopping.signal.aborted ? afterwardsMs : 0) };
    const published: typeof heard.telemetry.published = (chunk) => {
      heard.telemetry.published(chunk);
      if (heard.published.length === transactions) stopping.abort(new Error('stop'));
    };
    const outcomes = await relay.outcomes({
      source: shared.source,
      feeds: ORDERS,
      chunk: CHUNK,
      clock,
      stopping: stopping.signal,
      telemetry: { ...heard.telemetry, published },
    });
    return { heard, outcome: outcomes['orders'] ?? '' };
  }

  function ledgerOf(changes: readonly ReadChange[], version: number): unknown {
    const counts: Record<string, number> = { insert: 0, update_preimage: 0, update_postimage: 0, delete: 0 };
    const firstOffsets: Record<string, number> = {};
    for (const change of changes.filter((one) => one.version === version)) {
      counts[change.type] = (counts[change.type] ?? 0) + 1;
      firstOffsets[change.partition] ??= Number(change.offset);
    }
    return { counts, firstOffsets };
  }

  test('goes on behind every chunk after which it was stopped, with a ledger of what is out', async () => {
    const relay = stage.another();
    const topic = relay.topic('orders');
    let stops = 0;
    let inside = 0;
    for (let outcome = ''; outcome !== 'done'; stops++) {
      ({ outcome } = await runAndStop(relay, 1, STOP_VERSION_MS + 1));
      expect(['done', 'stopped']).toContain(outcome);
      const { position, open } = await relay.checkpoint('orders');
      const changes = await relay.changes(topic);
      const next = Object.fromEntries([0, 1].map((partition) => [partition, 0]));
      Object.assign(next, Object.fromEntries(changes.map(({ partition, offset }) => [partition, Number(offset) + 1])));
      expect(open?.nextOffsets).toEqual(next);
      if (position.records === 0) {
        expect(open).toEqual({ ...NOTHING, nextOffsets: next });
      } else {
        inside++;
        expect(open).toMatchObject(Object(ledgerOf(changes, position.version)));
        expect(changes.filter(({ version }) => version === position.version).length).toBe(position.records);
      }
      expect(stops).toBeLessThan(40);
    }
    expect(inside).toBeGreaterThan(8);
    const { lost, doubled, disorder } = reconcile(expected, await relay.changes(topic));
    expect({ lost, doubled, disorder }).toEqual({ lost: [], doubled: [], disorder: [] });
  });

  test('yields the same records in the same order, however often it was stopped (trap 42)', async () => {
    const [one, other] = [stage.another(), stage.another()];
    await runAndStop(one, 0, 0);
    await runAndStop(other, 3, STOP_VERSION_MS + 1);
    await runAndStop(other, 5, STOP_VERSION_MS + 1);
    await runAndStop(other, 0, 0);
    const [first, second] = await Promise.all([one, other].map(async (relay) => relay.changes(relay.topic('orders'))));
    const lines = (changes: readonly ReadChange[] = []): unknown =>
      [0, 1].map((partition) => changes.filter((change) => change.partition === partition).map(lineOf));
    expect(lines(second)).toEqual(lines(first));
    expect(first?.length).toBe(expected.length);
  });

  test('finishes the version in hand when it is told to stop, and begins no other', async () => {
    const relay = stage.another();
    // The table's creation goes before, as a transaction of its own.
    const { heard, outcome } = await runAndStop(relay, 2, 0);
    expect(outcome).toBe('stopped');
    expect((await relay.checkpoint('orders')).position).toMatchObject({ version: 2, records: 0 });
    expect(heard.published.reduce((sum, { counts }) => sum + total(counts), 0)).toBe(1_000);
    expect(heard.states.at(-1)).toEqual([relay.feed('orders'), 'running']);
  });

  test('tells what it publishes: the counts are those of the rows, the lag falls to nothing', async () => {
    const relay = stage.another();
    const { heard, outcome } = await runAndStop(relay, 0, 0);
    expect(outcome).toBe('done');
    const told: Record<string, number> = { ...NONE };
    for (const { counts } of heard.published) for (const [type, count] of Object.entries(counts)) told[type] = (told[type] ?? 0) + count;
    const rows: Record<string, number> = { ...NONE };
    for (const { type } of await relay.changes(relay.topic('orders'))) rows[type] = (rows[type] ?? 0) + 1;
    expect(told).toEqual(rows);
    expect(heard.published.reduce((sum, { versions }) => sum + versions, 0)).toBe(4);
    const behind = heard.lags.map(([, versions, at]) => `${versions} ${at === null ? '' : new Date(at).toISOString().slice(0, 10)}`);
    const versions = heard.lags.map(([, count]) => count);
    expect(versions).toEqual(versions.toSorted((a, b) => b - a));
    // Behind each chunk, the time of the version that is next.
    expect(behind).toEqual(expect.arrayContaining(['3 2026-01-02', '2 2026-01-03', '1 2026-01-04', '0 ']));
  });

  test('that only asks when it is told to stop leaves at once', async () => {
    const relay = stage.another();
    const stopping = new AbortController();
    const heard = listener();
    const source = {
      ...shared.source,
      latestVersion: async (_: unknown, signal: AbortSignal): Promise<number> => {
        const { promise, reject } = Promise.withResolvers<number>();
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        stopping.abort(new Error('stop'));
        return promise;
      },
    };
    const running = relay.run({
      source,
      feeds: ORDERS,
      forEver: true,
      stopping: stopping.signal,
      telemetry: heard.telemetry,
    });
    expect([...(await running).values()]).toEqual([{ kind: 'stopped' }]);
    expect(heard.failures).toEqual([]);
  });
});

const NONE: ChangeCounts = { insert: 0, update_preimage: 0, update_postimage: 0, delete: 0 };
/** What is out of a version before any of it is. */
const NOTHING = { counts: NONE, bytes: 0, records: 0, duplicates: 0, deadLetters: 0, checksum: '0'.repeat(32), firstOffsets: {} };

function total(counts: ChangeCounts): number {
  return counts.insert + counts.update_preimage + counts.update_postimage + counts.delete;
}
