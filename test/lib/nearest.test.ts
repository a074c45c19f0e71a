import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, nearest } from '../../src/lib/nearest.ts';

test('the nearest word is found past a letter too many, too few, wrong or swapped, whatever the case', () => {
  const words = ['brokers', 'tls', 'sasl', 'compression', 'topics'];
  expect(['broker', 'brokerss', 'brakers', 'borkers', 'TSL', 'Sasl', 'comprssion'].map((word) => nearest(word, words))).toEqual([
    'brokers',
    'brokers',
    'brokers',
    'brokers',
    'tls',
    'sasl',
    'compression',
  ]);
});

test('a word that is like none has no nearest', () => {
  expect([nearest('password', ['tls', 'sasl']), nearest('x', ['a']), nearest('x', [])]).toEqual([null, null, null]);
});

test('the distance is a metric on the texts it is asked for', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});
