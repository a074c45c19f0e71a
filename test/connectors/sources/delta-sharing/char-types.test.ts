import { expect, test } from 'vitest';
import { withCharLengths } from '../../../../connectors/sources/delta-sharing/char-types.ts';
import type { Column, DataType } from '../../../../src/model/table-schema.ts';

const string: DataType = { kind: 'string' };
const char = (padTo: number): DataType => ({ kind: 'string', padTo });
const list = (element: DataType): DataType => ({ kind: 'array', element, containsNull: true });
const map = (key: DataType, value: DataType): DataType => ({ kind: 'map', key, value, valueContainsNull: true });
const struct = (fields: Readonly<Record<string, DataType>>): DataType => ({
  kind: 'struct',
  fields: Object.entries(fields).map(([name, type]): Column => ({ name, type, nullable: true, comment: null, physical: null })),
});

test.each<[string, DataType, DataType]>([
  ['char(5)', string, char(5)],
  ['varchar(12)', string, string],
  ['array<char(3)>', list(string), list(char(3))],
  ['map<char(2),array<varchar(4)>>', map(string, list(string)), map(char(2), list(string))],
  [
    'struct<a:decimal(10,2),b,c:char(1),`d:e`:struct<x:interval day to second,y:char(9)>>',
    struct({
      a: { kind: 'decimal', precision: 10, scale: 2 },
      'b,c': string,
      'd:e': struct({ x: { kind: 'unknown', text: 'interval' }, y: string }),
    }),
    struct({
      a: { kind: 'decimal', precision: 10, scale: 2 },
      'b,c': char(1),
      'd:e': struct({ x: { kind: 'unknown', text: 'interval' }, y: char(9) }),
    }),
  ],
])('%s gives its strings their lengths', (declared, type, expected) => {
  expect(withCharLengths(type, declared)).toEqual(expected);
});

test.each<[string, DataType]>([
  ['char(5)', { kind: 'long' }],
  ['char(5) ', string],
  ['char(-5)', string],
  ['array<char(5)>', string],
  ['array<char(5)', list(string)],
  ['map<string,char(5)>', list(string)],
  ['struct<a:char(5)>', struct({ b: string })],
  ['struct<a:char(5),b:int>', struct({ a: string })],
  ['', string],
])('%j of another type says nothing', (declared, type) => {
  expect(withCharLengths(type, declared)).toEqual(type);
});

test('a CHAR too long to be filled up is a type that the relay does not know', () => {
  expect(withCharLengths(list(string), 'array<char(10000)>')).toEqual(list(char(10_000)));
  expect(withCharLengths(list(string), 'array<char(10001)>')).toEqual(list({ kind: 'unknown', text: 'char(10001)' }));
});
