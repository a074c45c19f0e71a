import { expect, test } from 'vitest';
import type { Clock } from '../../src/lib/clock.ts';
import { effectiveIntervalMs, isCronPattern, waitFor, waitForListing } from '../../src/relay/poll.ts';
import type { Poll } from '../../src/relay/poll.ts';

const signal = new AbortController().signal;

/** What is waited for, with this much chance. */
async function waitedMs(poll: Poll, feeds: number, random: number, now = Date.now()): Promise<number> {
  const waits: number[] = [];
  const clock: Clock = { now: () => now, sleep: (ms) => Promise.resolve(void waits.push(ms)), random: () => random };
  await waitFor(poll, () => feeds, clock)(signal);
  return waits[0] ?? NaN;
}

const TEN: Poll = { kind: 'interval', intervalMs: 10_000, requestsPerSecond: 5 };

test('an interval is waited for, give or take a tenth, so that no two feeds stay in step (trap 36)', async () => {
  expect(await waitedMs(TEN, 1, 0)).toBeCloseTo(9_000);
  expect(await waitedMs(TEN, 1, 0.5)).toBeCloseTo(10_000);
  expect(await waitedMs(TEN, 1, 0.999_999)).toBeLessThan(11_000);
});

test('many feeds of one source ask less often: five requests a second for all of them', async () => {
  expect([1, 50, 51, 500].map((feeds) => effectiveIntervalMs(TEN, feeds))).toEqual([10_000, 10_000, 10_200, 100_000]);
  expect(await waitedMs(TEN, 500, 0.5)).toBeCloseTo(100_000);
  expect(effectiveIntervalMs({ kind: 'interval', intervalMs: 10_000, requestsPerSecond: 0.5 }, 50)).toBe(100_000);
  expect(effectiveIntervalMs({ kind: 'cron', pattern: '* * * * *', timezone: 'UTC' }, 500)).toBe(0);
});

test('a feed that joins makes the next wait longer, and a listing waits for a minute at least', async () => {
  const waits: number[] = [];
  const clock: Clock = { now: Date.now, sleep: (ms) => Promise.resolve(void waits.push(ms)), random: () => 0.5 };
  let feeds = 50;
  const [wait, listing] = [waitFor(TEN, () => feeds, clock), waitForListing(TEN, () => feeds, clock)];
  await wait(signal);
  await listing(signal);
  feeds = 500;
  await wait(signal);
  await listing(signal);
  expect(waits.map(Math.round)).toEqual([10_000, 60_000, 100_000, 100_000]);
});

test.each(['UTC', 'Asia/Kolkata', 'America/New_York'])('a pattern is meant in its time zone: %s', async (timezone) => {
  const now = Date.now();
  const next = new Date(now + (await waitedMs({ kind: 'cron', pattern: '30 6 * * *', timezone }, 1, 0, now)));
  const there = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(
    next,
  );
  expect(there).toBe('06:30:00');
  expect(next.getTime() - now).toBeLessThanOrEqual(25 * 3_600_000);
});

test('a pattern of six fields has seconds', async () => {
  const now = Date.now();
  const waited = await waitedMs({ kind: 'cron', pattern: '*/5 * * * * *', timezone: 'UTC' }, 1, 0, now);
  expect(waited).toBeGreaterThanOrEqual(0);
  expect(waited).toBeLessThanOrEqual(5_000);
  expect(Math.round((now + waited) / 1_000) % 5).toBe(0);
});

test.each([
  ['*/5 * * * *', true],
  ['0 */5 * * * *', true],
  ['61 * * * *', false],
  ['* * * *', false],
  ['now', false],
  ['0 0 31 2 *', false],
])('%s is a pattern: %s', (pattern, isOne) => {
  expect(isCronPattern(pattern)).toBe(isOne);
});

test('a wait is called off with the reason of who called it off', async () => {
  const leaving = new AbortController();
  const clock: Clock = { now: Date.now, sleep: (_, off) => Promise.reject(off.reason), random: () => 0 };
  leaving.abort(new Error('stop'));
  await expect(waitFor(TEN, () => 1, clock)(leaving.signal)).rejects.toThrow('stop');
});
