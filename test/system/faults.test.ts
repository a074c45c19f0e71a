import { expect, test } from 'vitest';
import { describeKafka } from '../kafka/use-kafka.ts';
import { failEveryRequest } from './fault-runs.ts';
import type { FaultRun } from './fault-runs.ts';
import { sample } from './sample.ts';

/** One of each kind, wherever the seed puts it. `npm run test:faults` makes all of them. */
function oneOfEachKind(all: readonly FaultRun[]): readonly FaultRun[] {
  return [...new Map(sample(all, all.length, 20_261_121).map((run) => [run.fault.do.kind, run])).values()];
}

await describeKafka('a relay of fifty versions of which one request goes wrong', (brokers) => {
  test('ends with every row once and in order, whatever went wrong', { timeout: 600_000 }, async () => {
    const { runs, spared, lost, doubled, disordered, problems } = await failEveryRequest({ brokers, choose: oneOfEachKind, say: () => {} });
    expect(problems).toEqual([]);
    // The URLs of an answer that only proves a version are never used, nor renewed.
    expect(spared.filter((run) => !run.includes('at renewal'))).toEqual([]);
    expect({ lost, doubled, disordered }).toEqual({ lost: 0, doubled: 0, disordered: 0 });
    expect(runs).toBeGreaterThan(20);
  });
});
