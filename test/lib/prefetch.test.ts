import { expect, test } from 'vitest';
import { prefetch } from '../../src/lib/prefetch.ts';

async function* numbers(count: number, closed: { value: boolean }): AsyncGenerator<number> {
  try {
    for (let i = 0; i < count; i++) yield i;
  } finally {
    closed.value = true;
  }
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

test('results come in the order of the source though later ones are ready first', async () => {
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
  const results = collect(
    prefetch(numbers(3, { value: false }), 3, async (n) => {
      await gates[n]?.promise;
      return n * 10;
    }),
  );
  gates[2]?.resolve();
  gates[1]?.resolve();
  gates[0]?.resolve();
  expect(await results).toEqual([0, 10, 20]);
});

test('no more than the width is in flight', async () => {
  let running = 0;
  let most = 0;
  await collect(
    prefetch(numbers(20, { value: false }), 3, async (n) => {
      running++;
      most = Math.max(most, running);
      await Promise.resolve();
      running--;
      return n;
    }),
  );
  expect(most).toBeLessThanOrEqual(3);
});

test('a failure is thrown where its item would have come, and the source is closed', async () => {
  const closed = { value: false };
  const seen: number[] = [];
  const run = async (): Promise<void> => {
    for await (const n of prefetch(numbers(9, closed), 4, (n) => (n === 2 ? Promise.reject(new Error('two')) : n))) seen.push(n);
  };
  await expect(run()).rejects.toThrow('two');
  expect(seen).toEqual([0, 1]);
  expect(closed.value).toBe(true);
});

test('leaving early closes the source', async () => {
  const closed = { value: false };
  for await (const n of prefetch(numbers(9, closed), 2, (n) => n)) if (n === 1) break;
  expect(closed.value).toBe(true);
});

test('a reader that leaves calls off what is being made, and what was made for nobody is discarded', async () => {
  const off = new AbortController();
  const made: number[] = [];
  const discarded: number[] = [];
  const make = async (n: number): Promise<number> => {
    if (n > 2) await new Promise((_, reject) => off.signal.addEventListener('abort', () => reject(new Error('called off'))));
    made.push(n);
    return n;
  };
  const leaving = { abandon: () => off.abort(), discard: (n: number) => void discarded.push(n) };
  for await (const n of prefetch(numbers(9, { value: false }), 4, make, leaving)) if (n === 0) break;
  expect({ made, discarded }).toEqual({ made: [0, 1, 2], discarded: [1, 2] });
});
