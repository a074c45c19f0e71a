import { expect, test } from 'vitest';
import { Failure } from '../../src/model/failure.ts';
import type { FailureCode } from '../../src/model/failure.ts';
import { Window } from '../../src/relay/window.ts';

test.each<FailureCode>(['provider.too_large', 'provider.throttled', 'provider.unavailable', 'provider.unreachable', 'provider.truncated'])(
  'trap 37: %s halves the window down to one version, and answers double it up to what it was',
  (code) => {
    const window = new Window();
    const most = window.versions;
    const fallen: number[] = [];
    while (window.versions > 1) {
      window.failed(new Failure(code, 'too much'));
      fallen.push(window.versions);
    }
    expect(fallen).toEqual([50, 25, 12, 6, 3, 1]);
    window.failed(new Failure(code, 'too much'));
    expect(window.versions).toBe(1);
    for (let i = 0; i < 10; i++) window.answered(window.versions, window.versions);
    expect(window.versions).toBe(most);
  },
);

test('a question that was narrowed on its way is not asked as wide again at once', () => {
  const window = new Window();
  window.answered(100, 12);
  expect(window.versions).toBe(12);
  window.answered(12, 12);
  expect(window.versions).toBe(24);
});

test('a question that had no more to ask for says nothing of what is too much', () => {
  const window = new Window();
  window.failed(new Failure('provider.too_large', 'too much'));
  window.answered(1, 1);
  expect(window.versions).toBe(50);
});

test('a refusal that fewer versions would meet as well leaves the window as it is', () => {
  const window = new Window();
  window.failed(new Failure('provider.unauthorized', 'who are you'));
  window.failed(new Error('a bug'));
  expect(window.versions).toBe(100);
});
