/**
 * Fail the n-th step, for every n (DESIGN §3.1): whatever call of Kafka, of the provider or of the encoder fails in a run, before it is made or with its answer
 * lost, the relay goes on by itself and every row is there once, in order, with the checkpoint behind it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FailureCode } from '../../src/model/failure.ts';
import { expectedLines, reconcile } from '../demo/reconcile.ts';
import { DeltaTable } from '../delta-writer/delta-table.ts';
import type { Step as TableStep } from '../delta-writer/delta-table.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { shareTables } from '../support/shared-tables.ts';
import type { SharedTables } from '../support/shared-tables.ts';
import { versionsOf } from '../support/ledger.ts';
import { readTopic } from '../system/read-topic.ts';
import { expectEveryStep } from './every-step.ts';
import { Step, failingEncoder, failingPublisher, failingSource } from './failing.ts';
import type { Way } from './failing.ts';
import { InProcess } from './in-process.ts';
import type { Relay } from './in-process.ts';

/** Version 2 is larger than a chunk, whose records are 10. */
const HISTORIES: Readonly<Record<string, readonly TableStep[]>> = {
  orders: [
    { kind: 'insert', rows: 4, files: 2 },
    { kind: 'insert', rows: 23, files: 2 },
    { kind: 'merge', rows: 8, files: 2 },
    { kind: 'optimize' },
  ],
  returns: [{ kind: 'insert', rows: 5, files: 1 }, { kind: 'drop-file' }],
};
const FEEDS = [{ table: 'orders', key: ['id'] }, { table: 'returns' }] as const;

await describeKafka('a run of which one step fails', (brokers) => {
  let folder = '';
  let shared: SharedTables;
  let stage: InProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cdf-relay-steps-'));
    for (const [seed, [name, steps]] of Object.entries(HISTORIES).entries()) {
      const table = await DeltaTable.create({
        folder: join(folder, name),
        seed: seed + 3,
        expected: 'rows',
        createdAt: Date.UTC(2026, 0, 1),
      });
      for (const step of steps) await table.append(step, Date.UTC(2026, 0, 2));
    }
    shared = await shareTables({ folder });
    stage = new InProcess(brokers);
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await shared[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  type Parts = 'kafka' | 'source' | 'encoder';

  async function runWith(relay: Relay, parts: Parts, step: Step): Promise<void> {
    const publisher = parts === 'kafka' ? failingPublisher(relay.publisher, step) : relay.publisher;
    const source = parts === 'source' ? failingSource(shared.source, step) : shared.source;
    const encoder = parts === 'encoder' ? failingEncoder(stage.encoder, step) : stage.encoder;
    const options = { feeds: FEEDS, source, publisher, encoder, chunk: { records: 10 } };
    const run = async (): Promise<unknown> => relay.outcomes(options);
    // What fails before there is a checkpoint topic ends the process; it is started again.
    const outcomes = await run().catch(async (error: unknown) => {
      if (step.failed !== 'describe' && step.failed !== 'create' && step.failed !== 'config') throw error;
      return run();
    });
    expect(outcomes).toEqual({ orders: 'done', returns: 'done' });
  }

  /** What is not as it must be after the step. */
  async function faultsOf(relay: Relay, parts: Parts, step: Step): Promise<readonly string[]> {
    const faults: string[] = [];
    await runWith(relay, parts, step);
    for (const { table } of FEEDS) {
      const read = await relay.changes(relay.topic(table));
      const { lost, doubled, disorder } = reconcile(await expectedLines(join(folder, table, 'expected.jsonl')), read);
      faults.push(...lost.map((row) => `lost ${row}`), ...doubled.map((row) => `doubled ${row}`), ...disorder);
      const checkpoints = await relay.checkpoints(table);
      const last = checkpoints.at(-1);
      const { state, failure, position } = last ?? {};
      expect({ state, failure, position }).toMatchObject({
        state: 'running',
        failure: null,
        position: { version: (HISTORIES[table]?.length ?? 0) + 1, records: 0, entry: 0, row: 0, plan: null },
      });
      expect(checkpoints.map(({ seq }) => seq)).toEqual(checkpoints.map((_, i) => i + 1));
      const ends = Map.groupBy(read, ({ partition }) => partition);
      for (const [partition, changes] of ends) expect(last?.open?.nextOffsets[partition]).toBe(Number(changes.at(-1)?.offset) + 1);
      faults.push(...(await relay.ledgerFaults(table)));
      const versions = versionsOf(await relay.ledger(table));
      expect(versions.map(({ version, rows }) => ({ version, rows }))).toEqual(await rowsOf(table));
    }
    return faults;
  }

  /** By version, how many rows of each change type there are; versions without rows too. */
  async function rowsOf(table: string): Promise<readonly unknown[]> {
    const lines = (await expectedLines(join(folder, table, 'expected.jsonl'))).map((line): unknown => JSON.parse(line));
    const count = (version: number, type: string): number =>
      lines.filter((row) => Reflect.get(Object(row), '_commit_version') === version && Reflect.get(Object(row), '_change_type') === type)
        .length;
    return Array.from({ length: (HISTORIES[table]?.length ?? 0) + 1 }, (_, version) => ({
      version,
      rows: Object.fromEntries(['insert', 'update_preimage', 'update_postimage', 'delete'].map((type) => [type, count(version, type)])),
    }));
  }

  async function expectEvery(parts: Parts, way: Way, code: FailureCode): Promise<void> {
    await expectEveryStep(
      (nth) => new Step(nth, way, code),
      (step) => faultsOf(stage.another(), parts, step),
    );
  }

  test('ends with every row once, whichever call to Kafka was not made', async () => {
    await expectEvery('kafka', 'before', 'kafka.unreachable');
  });

  test('ends with every row once, whichever answer of Kafka was lost', async () => {
    await expectEvery('kafka', 'after', 'kafka.unknown');
  });

  test('ends with every row once, whichever question to the provider fails', async () => {
    await expectEvery('source', 'before', 'provider.unreachable');
  });

  test('ends with every row once, whichever file the worker dies of', async () => {
    await expectEvery('encoder', 'before', 'worker.died');
  });

  test('is read alike by another consumer', async () => {
    const relay = stage.another();
    await runWith(relay, 'kafka', new Step(20, 'after', 'kafka.unknown'));
    const read = await readTopic({ brokers, topic: relay.topic('orders'), schemasTopic: relay.schemasTopic });
    const { lost, doubled, disorder } = reconcile(await expectedLines(join(folder, 'orders', 'expected.jsonl')), read);
    expect({ lost, doubled, disorder }).toEqual({ lost: [], doubled: [], disorder: [] });
  });
});
