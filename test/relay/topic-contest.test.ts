import { expect, test } from 'vitest';
import { sleep } from '../../src/lib/abort.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Checkpoint } from '../../src/model/position.ts';
import type { Publisher, ReadRecord } from '../../src/ports/publisher.ts';
import { newCheckpoint, parkedCheckpoint, serialise } from '../../src/relay/checkpoint.ts';
import { TopicContest, goesBefore } from '../../src/relay/topic-contest.ts';

const { signal } = new AbortController();

function checkpoint(feed: string, topic: string, more: Partial<Checkpoint> = {}): Checkpoint {
  return { ...newCheckpoint(feed, 1, 1, 'test', 1), topic, state: 'running', ...more };
}

const published = { columns: {} };

/** A contest over what stands in the checkpoints, which may change from one reading to the next. */
function contestOf(...readings: readonly (readonly Checkpoint[])[]): { readonly contest: TopicContest; readonly reads: () => number } {
  let reads = 0;
  let now = 0;
  const publisher = {
    async *read(): AsyncGenerator<ReadRecord> {
      const found = readings[Math.min(reads++, readings.length - 1)] ?? [];
      await sleep(1, signal);
      for (const [offset, one] of found.entries()) {
        const value = Buffer.from(serialise(one));
        yield { partition: 0, offset, timestamp: 0, key: Buffer.from(one.feed), value, headers: {} };
      }
    },
  } satisfies Pick<Publisher, 'read'>;
  const contest = new TopicContest({
    publisher,
    topic: 'acme.checkpoints',
    checkpointPartitions: 1,
    clock: { ...systemClock, now: () => now, sleep: async (ms) => void (now += ms) },
    holds: ({ feed }) => feed !== 'orphan',
    isExact: (feed) => feed.startsWith('exact'),
    signal,
  });
  return { contest, reads: () => reads };
}

const refused = { code: 'topic.taken' };

test('a topic that nobody else names is the feed’s; orphans, other topics and who has yielded do not count', async () => {
  const failure = { code: 'topic.taken', version: 0, message: '', at: 1 };
  const yielded = parkedCheckpoint(checkpoint('a', 'x'), failure, 'test', 1);
  const { contest } = contestOf([checkpoint('b', 'x'), checkpoint('orphan', 'x', published), checkpoint('c', 'y', published), yielded]);
  await expect(contest.look('b', 'x', signal)).resolves.toBeUndefined();
  await expect(contest.settle('b', 'x', signal)).resolves.toBeUndefined();
});

test('who has published keeps the topic, in whatever letters Kafka cannot tell apart', async () => {
  const { contest } = contestOf([checkpoint('z', 'a.b', published)]);
  await expect(contest.look('a', 'a_b', signal)).rejects.toMatchObject({
    code: 'topic.taken',
    message: 'the topic of a is a_b, which Kafka cannot tell from a.b: it is the topic of z',
  });
  await expect(contest.settle('exact', 'a.b', signal)).rejects.toMatchObject(refused);
});

test('of two that have not, one yields; the other waits for that, or for a row of one that had looked first', async () => {
  await expect(contestOf([checkpoint('a', 'x')]).contest.settle('b', 'x', signal)).rejects.toMatchObject(refused);
  await expect(contestOf([checkpoint('exact', 'x')]).contest.settle('a', 'x', signal)).rejects.toMatchObject(refused);
  const failure = { code: 'topic.taken', version: 0, message: '', at: 1 };
  const yields = contestOf([checkpoint('b', 'x')], [checkpoint('b', 'x')], [parkedCheckpoint(checkpoint('b', 'x'), failure, 'test', 1)]);
  await yields.contest.settle('a', 'x', signal);
  expect(yields.reads()).toBe(3);
  const publishes = contestOf([checkpoint('b', 'x')], [checkpoint('b', 'x', published)]);
  await expect(publishes.contest.settle('a', 'x', signal)).rejects.toMatchObject(refused);
  const silent = contestOf([checkpoint('b', 'x')]);
  await expect(silent.contest.settle('a', 'x', signal)).rejects.toMatchObject(refused);
  expect(silent.reads()).toBe(122);
});

test('feeds that ask at one time share a reading, which begins after they have asked', async () => {
  const { contest, reads } = contestOf([]);
  const first = contest.look('a', 'x', signal);
  await Promise.resolve();
  const more = ['b', 'c', 'd'].map(async (feed) => contest.look(feed, feed, signal));
  await Promise.all([first, ...more]);
  expect(reads()).toBe(2);
});

test('an entry of its own goes before a pattern, then the lower id', () => {
  const isExact = (feed: string): boolean => feed.startsWith('exact');
  expect([goesBefore('exact', 'a', isExact), goesBefore('a', 'exact', isExact), goesBefore('a', 'b', isExact)]).toEqual([
    true,
    false,
    true,
  ]);
});
