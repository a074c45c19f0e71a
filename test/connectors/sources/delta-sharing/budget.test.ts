import { expect, it } from 'vitest';
import { Budget } from '../../../../connectors/sources/delta-sharing/budget.ts';
import type { Clock } from '../../../../src/lib/clock.ts';
import { NEVER } from './wire-makers.ts';

it('a second of questions may be asked at once, and the others follow at the rate, in the order of asking', async () => {
  const time = testClock();
  const budget = new Budget(4, time);
  const asked: (readonly [number, number])[] = [];
  const ask = async (question: number): Promise<void> => {
    await budget.spend(NEVER);
    asked.push([question, time.now()]);
  };
  await Promise.all([1, 2, 3, 4, 5, 6, 7].map(ask));
  expect(asked).toEqual([
    [1, 0],
    [2, 0],
    [3, 0],
    [4, 0],
    [5, 250],
    [6, 500],
    [7, 750],
  ]);
});

it('a bucket that nobody drains fills up to a second and no further', async () => {
  const time = testClock();
  const budget = new Budget(2, time);
  for (let i = 0; i < 3; i++) await budget.spend(NEVER);
  time.pass(60_000);
  const before = time.now();
  for (let i = 0; i < 3; i++) await budget.spend(NEVER);
  expect(time.now() - before).toBe(500);
});

it('less than one question a second is kept too', async () => {
  const time = testClock();
  const budget = new Budget(0.5, time);
  for (let i = 0; i < 3; i++) await budget.spend(NEVER);
  expect(time.now()).toBe(4000);
});

it('whoever leaves the queue spends nothing and holds nobody up', async () => {
  const time = testClock();
  const budget = new Budget(1, time);
  await budget.spend(NEVER);
  const leaving = new AbortController();
  leaving.abort(new Error('gone'));
  await expect(budget.spend(leaving.signal)).rejects.toThrow('gone');
  const waiting = [budget.spend(NEVER), budget.spend(NEVER)];
  await Promise.all(waiting);
  expect(time.now()).toBe(2000);
});

it('a pause that the provider asks for holds everybody, also whoever was waiting already, and a longer one counts', async () => {
  const time = testClock();
  const budget = new Budget(1, time);
  await budget.spend(NEVER);
  time.during(500, () => budget.hold(5000));
  time.during(3000, () => budget.hold(9000));
  time.during(3500, () => budget.hold(1000));
  await budget.spend(NEVER);
  expect(time.now()).toBe(12_000);
});

it('what is left is told: less with each question, more as time passes, and nothing in a pause', async () => {
  const time = testClock();
  const budget = new Budget(4, time);
  const left = [budget.left];
  for (let i = 0; i < 3; i++) {
    await budget.spend(NEVER);
    left.push(budget.left);
  }
  time.pass(500);
  left.push(budget.left);
  budget.hold(2000);
  left.push(budget.left);
  time.pass(60_000);
  left.push(budget.left);
  expect(left).toEqual([4, 3, 2, 1, 3, 0, 4]);
});

it('a pause is ten minutes at most', async () => {
  const time = testClock();
  const budget = new Budget(1, time);
  expect(budget.hold(86_400_000)).toBe(600_000);
  await budget.spend(NEVER);
  expect(time.now()).toBe(600_000);
});

it('a clock that is set back holds nobody for longer', async () => {
  const time = testClock();
  const budget = new Budget(1, time);
  time.pass(3_600_000);
  await budget.spend(NEVER);
  budget.hold(1000);
  time.pass(-3_600_000);
  await budget.spend(NEVER);
  expect(time.now()).toBe(600_000);
});

interface TestClock extends Clock {
  pass(ms: number): void;
  /** Does it at that time, in the midst of whichever wait leads beyond. */
  during(at: number, act: () => void): void;
}

function testClock(): TestClock {
  let now = 0;
  let acts: { readonly at: number; readonly act: () => void }[] = [];
  return {
    now: () => now,
    random: () => 0,
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      const until = now + ms;
      for (const { at, act } of acts.filter((it) => it.at <= until)) {
        now = at;
        act();
      }
      acts = acts.filter((it) => it.at > until);
      now = until;
    },
    pass: (ms) => {
      now += ms;
    },
    during: (at, act) => {
      acts.push({ at, act });
    },
  };
}
