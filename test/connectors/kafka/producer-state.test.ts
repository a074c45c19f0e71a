import { expect, test } from 'vitest';
import { ProducerState } from '../../../connectors/kafka/producer-state.ts';

const attempt = { doing: 'committing as r.0' };
const never = (): Promise<void> => Promise.withResolvers<void>().promise;

test('a call that takes too long is told with what it met, breaks the producer and ends what it began', async () => {
  let ends = 0;
  const state = new ProducerState(
    () => void ends++,
    () => 'the broker answered COORDINATOR_NOT_AVAILABLE (15)',
  );
  await state.during('new', 'begun', attempt, 1_000, () => Promise.resolve());
  await expect(state.during('begun', 'ready', attempt, 1, never)).rejects.toMatchObject({
    code: 'kafka.unknown',
    message: 'committing as r.0: no answer within 0.001 s, but the broker answered COORDINATOR_NOT_AVAILABLE (15)',
  });
  expect(ends).toBe(1);
  await expect(state.during('begun', 'ready', attempt, 1, never)).rejects.toThrow('bug: committing as r.0: the producer is broken');
  expect([state.close(), state.close(), ends]).toEqual([true, false, 2]);
});

test('one call at a time', async () => {
  const state = new ProducerState(() => {});
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = state.during('new', 'begun', attempt, 1_000, () => promise);
  await expect(state.during('begun', 'ready', attempt, 1_000, never)).rejects.toThrow('the producer is busy');
  resolve('done');
  expect(await first).toBe('done');
});
