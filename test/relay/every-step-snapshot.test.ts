/**
 * Fail the n-th step, for every n, of a feed that begins with a snapshot of several transactions and later skips a gap: every row is there once, and the gap is told once.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FailureCode } from '../../src/model/failure.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { expectEveryStep } from './every-step.ts';
import { Step, failingEncoder, failingPublisher, failingSource } from './failing.ts';
import type { Way } from './failing.ts';
import { Playground } from './playground.ts';
import { rowsFrom } from './small-table.ts';

const EXPECTED = [
  ...Array.from({ length: 9 }, (_, i) => `1 insert ${i + 1}`),
  ...Array.from({ length: 4 }, (_, i) => `1 insert ${i + 20}`),
  '3 insert 40',
  '3 insert 41',
].toSorted();

type Parts = 'kafka' | 'source' | 'encoder';

await describeKafka('a run from a snapshot of which one step fails', (brokers) => {
  let play: Playground;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());

  /** That every row is there once, and the gap is told once, whatever becomes of the step. */
  async function expectRun(parts: Parts, step: Step): Promise<void> {
    const { table, name } = play.table();
    const relay = play.stage.another();
    const run = async (): Promise<void> => {
      const options = {
        feeds: [{ table: name, start: { kind: 'snapshot' }, onGap: 'skip' } as const],
        source: parts === 'source' ? failingSource(play.shared.source, step) : play.shared.source,
        publisher: parts === 'kafka' ? failingPublisher(relay.publisher, step) : relay.publisher,
        encoder: parts === 'encoder' ? failingEncoder(play.stage.encoder, step) : play.stage.encoder,
        chunk: { records: 5 },
      };
      const once = async (): Promise<unknown> => relay.outcomes(options);
      // What fails before there is a checkpoint topic ends the process; it is started again.
      const outcomes = await once().catch(async (error: unknown) => {
        if (step.failed !== 'describe' && step.failed !== 'create' && step.failed !== 'config') throw error;
        return once();
      });
      expect(outcomes).toEqual({ [name]: 'done' });
    };
    await table.commit({ adds: [rowsFrom(1, 9)] });
    await table.commit({ adds: [rowsFrom(20, 4)] });
    await run();
    await table.commit({ feed: false, adds: [rowsFrom(30, 1)] });
    await table.commit({ feed: true, adds: [rowsFrom(40, 2)] });
    await run();

    const read = await relay.changes(relay.topic(name));
    expect(read.map(({ version, type, columns }) => `${version} ${type} ${String(columns['id'])}`).toSorted()).toEqual(EXPECTED);
    const versions = read.map(({ version }) => version);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(await relay.events()).toEqual([expect.objectContaining({ kind: 'gap', version: '2', toVersion: '2' })]);
    const told = (await relay.ledger(name)).map(
      ({ kind, version, snapshot }) => `${String(kind)} ${String(version)}${snapshot === true ? ' snapshot' : ''}`,
    );
    expect(told).toEqual(['version 1 snapshot', 'gap 2', 'version 3']);
    expect(await relay.ledgerFaults(name)).toEqual([]);
    const checkpoints = await relay.checkpoints(name);
    expect(checkpoints.map(({ seq }) => seq)).toEqual(checkpoints.map((_, i) => i + 1));
    expect(checkpoints.at(-1)).toMatchObject({ state: 'running', failure: null, position: { kind: 'changes', version: 4, records: 0 } });
  }

  test.each<readonly [string, Parts, Way, FailureCode]>([
    ['call to Kafka was not made', 'kafka', 'before', 'kafka.unreachable'],
    ['answer of Kafka was lost', 'kafka', 'after', 'kafka.unknown'],
    ['question to the provider fails', 'source', 'before', 'provider.unreachable'],
    ['file the worker dies of', 'encoder', 'before', 'worker.died'],
  ])('ends with every row once, whichever %s', async (_, parts, way, code) => {
    await expectEveryStep(
      (nth) => new Step(nth, way, code),
      async (step) => {
        await expectRun(parts, step);
        return [];
      },
    );
  });
});
