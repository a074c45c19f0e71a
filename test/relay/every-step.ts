/**
 * Fail the n-th step of a run, for every n (DESIGN §3.1): a run in which nothing fails tells the steps, then each of them is failed in a run of its own.
 *
 * Of the steps, `npm test` takes the first and the last of each name, for there a run differs most from what is around it, and a spread of the others, in which
 * chunks follow one another. `npm run test:steps` takes all.
 */
import { expect } from 'vitest';
import type { Step } from './failing.ts';

const WANTS_ALL = process.env['STEPS'] === 'all';
const ONE_IN = 4;
/** So few are taken all. */
const FEW = 12;
const AT_ONCE = 4;
/** What goes on side by side takes a step more or less in another run. */
const UNMET_MAX = 4;

/**
 * `stepAt` makes the step that fails at the n-th call, and never with 0. `faultsOf` makes a run with a step, under a relay name of its own, and tells in sentences
 * what is not as it must be; what it throws is one of them.
 */
export async function expectEveryStep(stepAt: (nth: number) => Step, faultsOf: (step: Step) => Promise<readonly string[]>): Promise<void> {
  const told = async (step: Step): Promise<readonly string[]> => {
    const faults = await faultsOf(step).catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
    return faults.map((fault) => `${String(step.failed)}: ${fault}`);
  };
  const counting = stepAt(0);
  expect(await told(counting)).toEqual([]);
  expect(counting.names.length).toBeGreaterThan(3);
  const steps = placesOf(counting.names).map((at) => stepAt(at + 1));
  const faults: string[] = [];
  const waiting = steps.values();
  const work = async (): Promise<void> => {
    for (const step of waiting) faults.push(...(await told(step)));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  expect(faults).toEqual([]);
  expect(steps.filter(({ failed }) => failed === null).length).toBeLessThanOrEqual(UNMET_MAX);
}

function placesOf(names: readonly string[]): readonly number[] {
  const takesAll = WANTS_ALL || names.length <= FEW;
  return names.flatMap((name, at) =>
    takesAll || names.indexOf(name) === at || names.lastIndexOf(name) === at || at % ONE_IN === 0 ? [at] : [],
  );
}
