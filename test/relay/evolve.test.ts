import { expect, test } from 'vitest';
import { Failure } from '../../src/model/failure.ts';
import type { DataType, PrimitiveName, TableSchema } from '../../src/model/table-schema.ts';
import { evolve } from '../../src/relay/evolve.ts';

function schema(columns: Readonly<Record<string, DataType>>): TableSchema {
  return {
    columns: Object.entries(columns).map(([name, type]) => ({ name, type, nullable: true, comment: null, physical: null })),
    partitionColumns: [],
    mapping: 'none',
  };
}

const decimal = (precision: number, scale: number): DataType => ({ kind: 'decimal', precision, scale });
const type = (kind: PrimitiveName): DataType => ({ kind });

function failureOf(run: () => unknown): Failure {
  try {
    run();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing failed');
}

test('added and dropped columns are taken, and dropped ones are remembered', () => {
  const first = evolve(null, schema({ id: type('long'), note: type('string') }), 0, 'evolve');
  expect(evolve(first, schema({ id: type('long'), more: type('date') }), 1, 'evolve')).toEqual({
    id: { identity: 'id', type: 'long' },
    more: { identity: 'more', type: 'date' },
    note: { identity: 'note', type: 'string', dropped: true },
  });
});

test.each<readonly [PrimitiveName, PrimitiveName]>([
  ['byte', 'short'],
  ['short', 'byte'],
  ['byte', 'integer'],
  ['integer', 'long'],
  ['short', 'long'],
  ['float', 'double'],
  ['integer', 'double'],
])('%s → %s is read right by consumers', (from, to) => {
  const first = evolve(null, schema({ a: type(from) }), 0, 'evolve');
  expect(evolve(first, schema({ a: type(to) }), 1, 'evolve')).toEqual({ a: { identity: 'a', type: to } });
});

test.each<readonly [DataType, DataType, string]>([
  [decimal(9, 2), decimal(20, 4), 'from decimal(9,2) to decimal(20,4)'],
  [decimal(9, 2), decimal(10, 2), 'from decimal(9,2) to decimal(10,2)'],
  [type('long'), type('integer'), 'from long to integer'],
  [type('long'), type('double'), 'from long to double'],
  [type('date'), type('timestamp_ntz'), 'from date to timestamp_ntz'],
  [type('string'), type('binary'), 'from string to binary'],
])('%o → %o is breaking, and says so', (from, to, words) => {
  const first = evolve(null, schema({ a: from }), 0, 'evolve');
  const failure = failureOf(() => evolve(first, schema({ a: to }), 5, 'evolve'));
  expect([failure.code, failure.message, failure.version]).toEqual([
    'schema.breaking',
    `version 5 changes the type of column a ${words}`,
    5,
  ]);
});

test('a name that was dropped and comes back with another type is breaking versions apart', () => {
  const first = evolve(null, schema({ a: type('string'), b: type('long') }), 0, 'evolve');
  const second = evolve(first, schema({ b: type('long') }), 1, 'evolve');
  expect(failureOf(() => evolve(second, schema({ a: type('long'), b: type('long') }), 2, 'evolve')).code).toBe('schema.breaking');
});

test.each(['constructor', 'toString', '__proto__'])('a column may be called %s', (name) => {
  const first = evolve(null, schema({ id: type('long') }), 0, 'evolve');
  const second = evolve(
    first,
    { columns: [{ name, type: type('string'), nullable: true, comment: null, physical: null }], partitionColumns: [], mapping: 'none' },
    1,
    'evolve',
  );
  expect(Object.entries(second)).toEqual([
    [name, { identity: name, type: 'string' }],
    ['id', { identity: 'id', type: 'long', dropped: true }],
  ]);
});
