/**
 * Relays at random: whatever befalls them and in whatever order messages arrive, nothing is lost or doubled, and nothing is parked without a reason.
 * `npm run test:schedules` looks at thousands of schedules, others each time; a counterexample that it finds is kept in counterexamples.test.ts.
 */
import { randomInt } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { live } from './adventure.ts';
import { anyAdventure } from './any-adventure.ts';

const RUNS = Number(process.env['SCHEDULES'] ?? 0);
const FEW = { numRuns: 250, seed: 1 };

test('whatever befalls relays, every row is published once and in order', { timeout: 3_600_000 }, async () => {
  const property = fc.asyncProperty(anyAdventure, async (adventure) => {
    expect((await live(adventure)).faults).toEqual([]);
  });
  await fc.assert(property, RUNS > 0 ? { numRuns: RUNS, seed: randomInt(2 ** 31) } : FEW);
});
