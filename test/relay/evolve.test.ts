import { expect, test } from 'vitest';
import { Failure } from '../../src/model/failure.ts';
import type { Column, DataType, PrimitiveName, TableSchema } from '../../src/model/table-schema.ts';
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

/** A column that files call otherwise. */
function mapped(name: string, physical: string, of: DataType): Column {
  return { name, type: of, nullable: true, comment: null, physical: { name: physical, id: null } };
}

function schemaOf(columns: readonly Column[]): TableSchema {
  return { columns, partitionColumns: [], mapping: 'name' };
}

test('a renamed column is dropped under its old name and added under its new one', () => {
  const first = evolve(null, schemaOf([mapped('a', 'col-1', type('long'))]), 0, 'evolve');
  expect(evolve(first, schemaOf([mapped('b', 'col-1', type('long'))]), 1, 'evolve')).toEqual({
    b: { identity: 'col-1', type: 'long' },
    a: { identity: 'col-1', type: 'long', dropped: true },
  });
});

test.each([
  { what: 'swapped names', next: [mapped('a', 'col-2', type('long')), mapped('b', 'col-1', type('long'))] },
  { what: 'a name that another column took over', next: [mapped('a', 'col-3', type('long'))] },
])('$what are breaking though every type is the same', ({ next }) => {
  const first = evolve(null, schemaOf([mapped('a', 'col-1', type('long')), mapped('b', 'col-2', type('long'))]), 0, 'evolve');
  const failure = failureOf(() => evolve(first, schemaOf(next), 4, 'evolve'));
  expect(failure.code).toBe('schema.breaking');
  expect(failure.message).toMatch(/^version 4 gives the name of column a to another column \(it was col-1 in files, and is col-\d\)/);
});

test('a name that another column takes over versions after it was dropped is breaking', () => {
  const first = evolve(null, schemaOf([mapped('a', 'col-1', type('long'))]), 0, 'evolve');
  const second = evolve(first, schemaOf([mapped('b', 'col-2', type('long'))]), 1, 'evolve');
  expect(failureOf(() => evolve(second, schemaOf([mapped('a', 'col-9', type('long'))]), 7, 'evolve')).code).toBe('schema.breaking');
});

test('what is nested is judged at its own depth', () => {
  const person = (fields: readonly Column[]): DataType => ({ kind: 'struct', fields });
  const inside = (name: string, of: DataType): Column => ({ name, type: of, nullable: true, comment: null, physical: null });
  const list = (element: DataType): DataType => ({ kind: 'array', element, containsNull: true });
  const first = evolve(null, schema({ people: list(person([inside('age', type('integer'))])) }), 0, 'evolve');
  expect(
    evolve(first, schema({ people: list(person([inside('age', type('long')), inside('name', type('string'))])) }), 1, 'evolve'),
  ).toEqual({
    people: { identity: 'people', type: 'array' },
    'people[]': { identity: '', type: 'struct' },
    'people[].age': { identity: 'age', type: 'long' },
    'people[].name': { identity: 'name', type: 'string' },
  });
  const failure = failureOf(() => evolve(first, schema({ people: list(person([inside('age', type('string'))])) }), 1, 'evolve'));
  expect(failure.message).toBe('version 1 changes the type of column people[].age from integer to string');
});

test('a column whose name holds a dot is not the field of another', () => {
  const nested: DataType = { kind: 'struct', fields: [{ name: 'b', type: type('long'), nullable: true, comment: null, physical: null }] };
  expect(Object.keys(evolve(null, schema({ a: nested, 'a.b': type('string') }), 0, 'evolve'))).toEqual(['a', 'a.b', 'a\\.b']);
});

test('follow takes whatever comes', () => {
  const first = evolve(null, schema({ a: decimal(9, 2), b: type('date') }), 0, 'follow');
  expect(evolve(first, schema({ a: decimal(20, 4), b: type('timestamp_ntz') }), 1, 'follow')).toEqual({
    a: { identity: 'a', type: 'decimal(20,4)' },
    b: { identity: 'b', type: 'timestamp_ntz' },
  });
});

test('park refuses what any other policy takes, and names all of it', () => {
  const first = evolve(null, schema({ a: type('integer'), b: type('date') }), 0, 'park');
  const failure = failureOf(() => evolve(first, schema({ a: type('long'), c: type('date') }), 3, 'park'));
  expect([failure.code, failure.message]).toEqual([
    'schema.changed',
    'version 3 changes the type of column a from integer to long, and adds column c, and drops column b',
  ]);
  expect(evolve(first, schema({ a: type('integer'), b: type('date') }), 4, 'park')).toEqual(first);
});
