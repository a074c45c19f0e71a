import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isGlob, matchesGlob } from '../../src/lib/glob.ts';

test('a star stands for any characters or none, a question mark for one, and case does not count', () => {
  const matching = ['*', 'o*', '*s', 'ORD*', 'o*e*s', '??????', 'order?', '*?', '**', 'orders', 'o*rders*'];
  expect(matching.filter((pattern) => !matchesGlob(pattern, 'Orders'))).toEqual([]);
  const others = ['', '?', 'o', 'orders?', 'x*', '*x', 'o*x*s', '???????', 'o*rss', 'rder'];
  expect(others.filter((pattern) => matchesGlob(pattern, 'Orders'))).toEqual([]);
  expect([matchesGlob('?', '😀'), matchesGlob('*', ''), matchesGlob('?', '')]).toEqual([true, true, false]);
});

test('what means something in a regular expression means itself', () => {
  expect([matchesGlob('a.c', 'abc'), matchesGlob('a+', 'aa'), matchesGlob('[ab]', 'a'), matchesGlob('a.c$*', 'A.C$d')]).toEqual([
    false,
    false,
    false,
    true,
  ]);
});

test('it says what a regular expression says', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 6 });
  fc.assert(
    fc.property(pattern, text, (given, name) => {
      const expression = new RegExp(`^${given.replaceAll('*', '.*').replaceAll('?', '.')}$`);
      expect(matchesGlob(given, name)).toBe(expression.test(name));
    }),
    { numRuns: 2_000 },
  );
});

test('a pattern that would keep a regular expression busy for ever is answered at once', () => {
  expect(matchesGlob(`${'a*'.repeat(100)}b`, 'a'.repeat(255))).toBe(false);
});

test.each([
  ['sales', false],
  ['sales*', true],
  ['sa?es', true],
])('%s is a pattern: %s', (text, isOne) => {
  expect(isGlob(text)).toBe(isOne);
});
