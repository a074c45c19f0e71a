/**
 * Fail the n-th step, for every n, of feeds whose versions are worked whole and published in several chunks: images that are paired over files, keys that are judged once.
 * Whatever fails, each key's records are there once and in order; also where the keys are worked in several passes.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FailureCode } from '../../src/model/failure.ts';
import { expectedLines } from '../demo/reconcile.ts';
import { DeltaTable } from '../delta-writer/delta-table.ts';
import type { Step as TableStep } from '../delta-writer/delta-table.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { expectedByKey, saidByKey } from '../support/said-records.ts';
import { versionsOf } from '../support/ledger.ts';
import { shareTables } from '../support/shared-tables.ts';
import type { SharedTables } from '../support/shared-tables.ts';
import { expectEveryStep } from './every-step.ts';
import { Step, failingEncoder, failingPublisher, failingSource } from './failing.ts';
import type { Way } from './failing.ts';
import { InProcess } from './in-process.ts';
import type { Relay } from './in-process.ts';

/** Versions 2 and 3 are larger than a chunk, whose records are 10, and told by several change files. */
const HISTORY: readonly TableStep[] = [
  { kind: 'insert', rows: 30, files: 2 },
  { kind: 'merge', rows: 36, files: 3 },
  { kind: 'update', rows: 30, files: 2 },
  { kind: 'drop-file' },
];
const FEEDS = [
  { table: 'paired', key: ['id'], envelope: 'debezium' },
  { table: 'judged', key: ['id'], envelope: 'upsert' },
] as const;
/** So little that the keys of the larger versions are worked in several passes, and so much that their files may be read. */
const LITTLE_MEMORY = 48 * 1024;
const MUCH_MEMORY = 2 ** 29;

type Parts = 'kafka' | 'source' | 'encoder';

await describeKafka('a run of other envelopes of which one step fails', (brokers) => {
  let folder = '';
  let shared: SharedTables;
  let stage: InProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cdf-relay-envelope-steps-'));
    for (const [seed, { table: name }] of FEEDS.entries()) {
      const table = await DeltaTable.create({ folder: join(folder, name), seed, expected: 'rows', createdAt: Date.UTC(2026, 0, 1) });
      for (const step of HISTORY) await table.append(step, Date.UTC(2026, 0, 2));
    }
    shared = await shareTables({ folder });
    stage = new InProcess(brokers);
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await shared[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function expectWhole(relay: Relay): Promise<void> {
    for (const { table, key, envelope } of FEEDS) {
      const lines = await expectedLines(join(folder, table, 'expected.jsonl'));
      const read = await relay.records(relay.topic(table));
      expect(saidByKey(read)).toEqual(expectedByKey(lines, envelope, key));
      const checkpoints = await relay.checkpoints(table);
      expect(checkpoints.map(({ seq }) => seq)).toEqual(checkpoints.map((_, i) => i + 1));
      const last = checkpoints.at(-1);
      expect(last).toMatchObject({ state: 'running', failure: null, position: { version: HISTORY.length + 1, records: 0, plan: null } });
      for (const [partition, records] of Map.groupBy(read, (record) => record.partition))
        expect(last?.open?.nextOffsets[partition]).toBe((records.at(-1)?.offset ?? 0) + 1);
      expect(await relay.ledgerFaults(table)).toEqual([]);
      expect(versionsOf(await relay.ledger(table)).map(({ version }) => version)).toEqual([...HISTORY.keys(), HISTORY.length]);
    }
  }

  /** That a run ends with every record once, whatever becomes of the step. */
  async function expectRun(relay: Relay, parts: Parts, step: Step, memoryBytes: number): Promise<void> {
    const options = {
      feeds: FEEDS,
      source: parts === 'source' ? failingSource(shared.source, step) : shared.source,
      publisher: parts === 'kafka' ? failingPublisher(relay.publisher, step) : relay.publisher,
      encoder: parts === 'encoder' ? failingEncoder(stage.encoder, step) : stage.encoder,
      // Kafka has many steps a chunk.
      chunk: { records: parts === 'kafka' ? 25 : 10 },
      memoryBytes,
    };
    const run = async (): Promise<unknown> => relay.outcomes(options);
    // What fails before there is a checkpoint topic ends the process; it is started again.
    const outcomes = await run().catch(async (error: unknown) => {
      if (step.failed !== 'describe' && step.failed !== 'create' && step.failed !== 'config') throw error;
      return run();
    });
    expect(outcomes).toEqual({ paired: 'done', judged: 'done' });
    await expectWhole(relay);
  }

  async function expectEvery(parts: Parts, way: Way, code: FailureCode, memoryBytes: number): Promise<void> {
    await expectEveryStep(
      (nth) => new Step(nth, way, code),
      async (step) => {
        await expectRun(stage.another(), parts, step, memoryBytes);
        return [];
      },
    );
  }

  /** Steps of the plan that the feed stopped at in the midst of a version. */
  async function stepsStoppedAt(relay: Relay, table: string): Promise<readonly number[]> {
    return (await relay.checkpoints(table)).filter(({ position }) => position.records > 0).map(({ position }) => position.entry);
  }

  test.each<readonly [string, Parts, Way, FailureCode, number]>([
    ['answer of Kafka was lost', 'kafka', 'after', 'kafka.unknown', MUCH_MEMORY],
    ['question to the provider fails', 'source', 'before', 'provider.unreachable', MUCH_MEMORY],
    ['segment the worker dies behind', 'encoder', 'before', 'worker.died', MUCH_MEMORY],
    ['segment of several passes the worker dies behind', 'encoder', 'before', 'worker.died', LITTLE_MEMORY],
  ])('ends with every record once, whichever %s', async (_, parts, way, code, memoryBytes) => {
    await expectEvery(parts, way, code, memoryBytes);
  });

  test('is published in parts, with little memory in several passes', async () => {
    const relays = [MUCH_MEMORY, LITTLE_MEMORY].map((memoryBytes) => ({ memoryBytes, relay: stage.another() }));
    for (const { relay, memoryBytes } of relays) await expectRun(relay, 'encoder', new Step(0), memoryBytes);
    const stopped = await Promise.all(relays.map(async ({ relay }) => Math.max(...(await stepsStoppedAt(relay, 'paired')))));
    // Three change files are six entries.
    expect(stopped).toEqual([expect.toSatisfy((step) => step < 6), expect.toSatisfy((step) => step >= 6)]);
  });

  test('goes on in as many passes as a version was begun in, whatever memory there is then', async () => {
    const relay = stage.another();
    const stopping = new AbortController();
    const feeds = FEEDS.slice(0, 1);
    const dying = failingEncoder(stage.encoder, new Step(12, 'before', 'file.poison'));
    const few = { feeds, source: shared.source, chunk: { records: 10 }, stopping: stopping.signal };
    expect((await relay.outcomes({ ...few, encoder: dying, memoryBytes: LITTLE_MEMORY }))['paired']).toContain('parked file.poison');
    expect((await relay.checkpoint('paired')).position.records).toBeGreaterThan(0);
    expect(await relay.outcomes({ ...few, memoryBytes: MUCH_MEMORY })).toEqual({ paired: 'done' });
    const lines = await expectedLines(join(folder, 'paired', 'expected.jsonl'));
    expect(saidByKey(await relay.records(relay.topic('paired')))).toEqual(expectedByKey(lines, 'debezium', ['id']));
    expect(Math.max(...(await stepsStoppedAt(relay, 'paired')))).toBeGreaterThanOrEqual(6);
  });
});
