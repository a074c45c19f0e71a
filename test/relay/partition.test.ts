import { expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { Failure } from '../../src/model/failure.ts';
import type { TransactionalProducer } from '../../src/ports/publisher.ts';
import { META_KEY, newCheckpoint, serialise } from '../../src/relay/checkpoint.ts';
import { ClaimedPartition } from '../../src/relay/partition.ts';
import { quiet } from '../support/quiet-telemetry.ts';

const PLACE = { topic: 'acme.checkpoints', partition: 0, partitions: 1 };
const signal = new AbortController().signal;

/** A producer that does as it is told, and remembers what it was asked. */
function producerOf(said: string[], more: Partial<TransactionalProducer> = {}): TransactionalProducer {
  const done = (what: string) => (): Promise<void> => Promise.resolve(void said.push(what));
  return {
    begin: done('begin'),
    send: () => Promise.resolve([]),
    sendControl: done('control'),
    commit: done('commit'),
    abort: done('abort'),
    close: done('close'),
    ...more,
  };
}

function partitionOf(producer: TransactionalProducer, records: ReadonlyMap<string, string> = new Map()): ClaimedPartition {
  return new ClaimedPartition(PLACE, { producer, records }, systemClock, quiet);
}

function next(feed: string, seq: number): ReturnType<typeof newCheckpoint> {
  return newCheckpoint(feed, 1, seq, 'me', 1);
}

test('feeds take turns: a transaction begins when the one before has ended', async () => {
  const said: string[] = [];
  const gate = Promise.withResolvers<void>();
  const partition = partitionOf(producerOf(said));
  const first = partition.transact('a', async () => gate.promise.then(() => next('a', 1)), signal);
  const second = partition.transact('b', () => Promise.resolve(next('b', 1)), signal);
  await new Promise((resolve) => setImmediate(resolve));
  expect(said).toEqual(['begin']);
  gate.resolve();
  await Promise.all([first, second]);
  expect(said).toEqual(['begin', 'control', 'commit', 'begin', 'control', 'commit']);
  expect(partition.checkpoint('b')?.seq).toBe(1);
});

test('a failed call loses the claim for all, and nothing is remembered of it', async () => {
  const said: string[] = [];
  const lost = new Failure('kafka.unknown', 'no answer to the commit');
  const partition = partitionOf(producerOf(said, { commit: () => Promise.reject(lost) }));
  await expect(partition.transact('a', () => Promise.resolve(next('a', 1)), signal)).rejects.toBe(lost);
  await expect(partition.transact('b', () => Promise.resolve(next('b', 1)), signal)).rejects.toBe(lost);
  expect({ by: partition.lostBy, is: partition.lost.aborted, a: partition.checkpoint('a') }).toEqual({ by: 'a', is: true, a: null });
  expect(said).toEqual(['begin', 'control']);
});

test('a feed that is called off in its transaction loses the claim, and is not blamed for it', async () => {
  const partition = partitionOf(producerOf([], { commit: () => new Promise(() => {}) }));
  const off = new AbortController();
  const told = partition.transact('a', () => Promise.resolve(next('a', 1)), off.signal).catch((error: unknown) => error);
  const reason = new Error('the partition is lost to the group');
  off.abort(reason);
  expect({ told: await told, by: partition.lostBy, is: partition.lost.aborted }).toEqual({ told: reason, by: null, is: true });
});

test('a transaction that does not end is given up before its coordinator gives it up', async () => {
  const waits: number[] = [];
  const clock: Clock = { ...systemClock, sleep: async (ms) => void waits.push(ms) };
  const hanging = producerOf([], { sendControl: () => new Promise(() => {}) });
  const partition = new ClaimedPartition(PLACE, { producer: hanging, records: new Map() }, clock, quiet);
  const told = partition.transact('a', () => Promise.resolve(next('a', 1)), signal).catch((error: unknown) => error);
  expect({ told: await told, waits }).toMatchObject({
    waits: [20_000],
    told: {
      code: 'kafka.unknown',
      message: 'a transaction of a on acme.checkpoints-0 has not ended within 20 s',
    },
  });
  expect(partition.lostBy).toBe('a');
});

test('a checkpoint that does not follow the last one is never committed', async () => {
  const said: string[] = [];
  const partition = partitionOf(producerOf(said), new Map([['a', serialise(next('a', 4))]]));
  await expect(partition.transact('a', () => Promise.resolve(next('a', 6)), signal)).rejects.toThrow('checkpoint 6 of a on top of 4');
  expect(said).toEqual(['begin']);
});

test('over how many partitions feeds are hashed is written once', async () => {
  const said: string[] = [];
  await partitionOf(producerOf(said)).writeMeta(new Map(), signal);
  await partitionOf(producerOf(said)).writeMeta(new Map([[META_KEY, '{"partitions":1}']]), signal);
  expect(said).toEqual(['begin', 'control', 'commit']);
});

test('a claim without transactions is proven now and then', async () => {
  const said: string[] = [];
  let now = 0;
  const waits: number[] = [];
  const wakes: (() => void)[] = [];
  const clock: Clock = {
    now: () => now,
    random: () => 0,
    sleep: async (ms) => {
      // A transaction's own bound is not reached here.
      if (ms === 20_000) return new Promise(() => {});
      waits.push(ms);
      return new Promise((wake) => wakes.push(wake));
    },
  };
  const wakeAt = async (time: number): Promise<void> => {
    now = time;
    wakes.shift()?.();
    while (wakes.length === 0) await Promise.resolve();
  };
  const partition = new ClaimedPartition(PLACE, { producer: producerOf(said), records: new Map() }, clock, quiet);
  partition.keepAlive(signal).catch(() => {});
  now = 21_000;
  await partition.transact('a', () => Promise.resolve(next('a', 1)), signal);
  await wakeAt(30_000);
  expect({ waits, said: said.length }).toEqual({ waits: [30_000, 21_000], said: 3 });
  await wakeAt(51_000);
  expect({ waits, said: said.slice(3) }).toEqual({ waits: [30_000, 21_000, 30_000], said: ['begin', 'control', 'commit'] });
});

test('a partition that is given up lets the transaction under way end, and no other begins', async () => {
  const said: string[] = [];
  const gate = Promise.withResolvers<void>();
  const partition = partitionOf(producerOf(said));
  const given = new Error('given up');
  const first = partition.transact('a', async () => gate.promise.then(() => next('a', 1)), signal);
  const second = partition.transact('b', () => Promise.resolve(next('b', 1)), signal).catch((error: unknown) => error);
  const retired = partition.retire(given, 5_000);
  const third = partition.transact('c', () => Promise.resolve(next('c', 1)), signal).catch((error: unknown) => error);
  await new Promise((resolve) => setImmediate(resolve));
  expect({ said, isLost: partition.lost.aborted }).toEqual({ said: ['begin'], isLost: false });
  gate.resolve();
  await Promise.all([first, retired]);
  expect([await second, await third]).toEqual([given, given]);
  expect({ said, reason: partition.lost.reason, by: partition.lostBy, a: partition.checkpoint('a')?.seq }).toEqual({
    said: ['begin', 'control', 'commit'],
    reason: given,
    by: null,
    a: 1,
  });
});

test('a transaction that outlasts the giving up is not waited for', async () => {
  const clock: Clock = { ...systemClock, sleep: async (ms, scope) => (ms === 5_000 ? undefined : systemClock.sleep(ms, scope)) };
  const hanging = producerOf([], { commit: () => new Promise(() => {}) });
  const partition = new ClaimedPartition(PLACE, { producer: hanging, records: new Map() }, clock, quiet);
  const given = new Error('given up');
  const told = partition.transact('a', () => Promise.resolve(next('a', 1)), partition.lost).catch((error: unknown) => error);
  await partition.retire(given, 5_000);
  expect({ told: await told, reason: partition.lost.reason, by: partition.lostBy }).toEqual({ told: given, reason: given, by: null });
});
