import { expect, it } from 'vitest';
import { parseJson } from '../../../../connectors/sources/delta-sharing/json-text.ts';

const LIMITS = { depthMax: 3, valuesMax: 6 };

it.each([
  ['[[[1]]]', [[[1]]]],
  ['{"a":{"b":[1,2]}}', { a: { b: [1, 2] } }],
  ['[1,2,3,4,5,6]', [1, 2, 3, 4, 5, 6]],
  // What looks like structure within a text is none, whatever its quotes look like.
  [String.raw`["[[[[{{{{,,,,,,,,","\"[[[[","\\",["\\\"[[[["]]`, ['[[[[{{{{,,,,,,,,', '"[[[[', '\\', ['\\"[[[[']]],
  ['"\u005b\u005b\u005b\u005b"', '[[[['],
  [' 7 ', 7],
])('%s is read', (text, value) => {
  expect(parseJson(text, LIMITS).value).toEqual(value);
});

it.each([
  ['[[[[1]]]]', 'it is nested more than 3 deep'],
  ['{"a":[{"b":{}}]}', 'it is nested more than 3 deep'],
  ['[1,2,3,4,5,6,7]', 'it holds more than 6 values'],
  ['[{},{},{},{}]', 'it holds more than 6 values'],
  ['[1', 'it is not JSON'],
  ['"', 'it is not JSON'],
  [String.raw`"\"`, 'it is not JSON'],
  ['', 'it is not JSON'],
])('%s is refused: %s', (text, sentence) => {
  expect(() => parseJson(text, LIMITS)).toThrow(sentence);
});

it('a megabyte of brackets, open or closed, is refused at once', () => {
  const limits = { depthMax: 100, valuesMax: 1000 };
  expect(() => parseJson('['.repeat(1_000_000), limits)).toThrow('nested');
  expect(() => parseJson('[]'.repeat(1_000_000), limits)).toThrow('values');
  expect(() => parseJson(`"${'\\'.repeat(1_000_001)}`, limits)).toThrow('JSON');
});

it('what it takes in memory is told by what there is most of, text or values', () => {
  const long = JSON.stringify(['x'.repeat(1000)]);
  expect(parseJson(long, LIMITS).bytes).toBe(long.length);
  expect(parseJson('[{},{}]', LIMITS).bytes).toBeGreaterThan(3 * 50);
});
