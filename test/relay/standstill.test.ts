import { expect, test } from 'vitest';
import type { PartitionTail } from '../../src/ports/publisher.ts';
import { Standstill } from '../../src/relay/standstill.ts';

const tail = (partition: number, stable: number, end: number): PartitionTail => ({ partition, stable, end });
const of = (...tails: readonly PartitionTail[]): ReadonlyMap<string, readonly PartitionTail[]> => new Map([['t', tails]]);

test('a transaction is as old as it has been seen to begin at one place', () => {
  const standstill = new Standstill();
  const ages = (tails: ReadonlyMap<string, readonly PartitionTail[]>, now: number): unknown =>
    standstill.look(tails, now).map(({ name, openMs }) => [name, openMs]);
  expect(ages(of(tail(0, 5, 5), tail(1, 3, 9)), 1_000)).toEqual([['t-1@3', 0]]);
  expect(ages(of(tail(0, 5, 6), tail(1, 3, 12)), 61_000)).toEqual([
    ['t-0@5', 0],
    ['t-1@3', 60_000],
  ]);
  // The one in 0 has ended and another one begun; in 1 it is still the same.
  expect(ages(of(tail(0, 7, 8), tail(1, 3, 12)), 121_000)).toEqual([
    ['t-0@7', 0],
    ['t-1@3', 120_000],
  ]);
  expect(ages(of(tail(0, 9, 9), tail(1, 13, 13)), 181_000)).toEqual([]);
  expect(ages(of(tail(1, 13, 14)), 241_000)).toEqual([['t-1@13', 0]]);
});

test('what was not looked at for once is new when it is seen again', () => {
  const standstill = new Standstill();
  standstill.look(of(tail(0, 1, 2)), 0);
  standstill.look(new Map(), 60_000);
  expect(standstill.look(of(tail(0, 1, 2)), 120_000)).toEqual([{ topic: 't', partition: 0, stable: 1, end: 2, openMs: 0, name: 't-0@1' }]);
});
