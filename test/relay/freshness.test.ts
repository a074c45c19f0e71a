import { expect, test } from 'vitest';
import { Freshness } from '../../src/relay/freshness.ts';

/** Fetched, encoded and committed 1, 2 and 3 after `at`. */
function worked(freshness: Freshness, version: number, at: number): ReturnType<Freshness['committed']> {
  freshness.fetched(version, at + 1);
  freshness.encoded(version, at + 2);
  return freshness.committed(version, 5, at + 3);
}

test('what the first poll tells of is history; each later version has the time of the poll that told of it first', () => {
  const freshness = new Freshness();
  freshness.polled(2, 100);
  freshness.polled(2, 200);
  freshness.polled(4, 300);
  expect([0, 1, 2].map((version) => worked(freshness, version, 400))).toEqual([null, null, null]);
  freshness.polled(5, 500);
  expect([3, 4, 5, 6].map((version) => worked(freshness, version, 600)?.polledAt)).toEqual([300, 300, 500, undefined]);
});

test('a version that is tried again keeps the poll that told of it, and has the times of the try that came to an end', () => {
  const freshness = new Freshness();
  freshness.polled(0, 100);
  freshness.polled(1, 200);
  freshness.fetched(1, 201);
  freshness.encoded(1, 202);
  freshness.polled(1, 300);
  freshness.polled(2, 400);
  freshness.polled(1, 450); // A replica that lags.
  expect(worked(freshness, 1, 500)).toEqual({ visibleAt: 5, polledAt: 200, fetchedAt: 501, encodedAt: 502, committedAt: 503 });
  expect(worked(freshness, 2, 600)?.polledAt).toBe(400);
});

test('a version without files has nothing to tell, and those before it are forgotten', () => {
  const freshness = new Freshness();
  freshness.polled(0, 100);
  freshness.polled(3, 200);
  freshness.fetched(1, 201);
  freshness.encoded(2, 202);
  expect(freshness.committed(2, null, 203)).toBe(null);
  expect(freshness.committed(1, null, 204)).toBe(null);
});

test('of a feed that is polled and publishes nothing the last hundred polls are kept', () => {
  const freshness = new Freshness();
  for (let version = 0; version <= 200; version++) freshness.polled(version, version);
  expect([100, 101].map((version) => worked(freshness, version, 300)?.polledAt)).toEqual([undefined, 101]);
});
