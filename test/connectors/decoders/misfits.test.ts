import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openDecoder } from '../../../connectors/decoders/parquet.ts';
import type { Column, DataType } from '../../../src/model/table-schema.ts';
import { column } from '../../codec/batches.ts';
import type { Cell } from '../../codec/batches.ts';
import { batchRows } from '../../support/batch-rows.ts';
import { writeRows } from '../../support/parquet-writer.ts';

const byte: DataType = { kind: 'byte' };
const integer: DataType = { kind: 'integer' };

function listOf(element: DataType): DataType {
  return { kind: 'array', element, containsNull: true };
}

function mapOf(key: DataType, value: DataType): DataType {
  return { kind: 'map', key, value, valueContainsNull: true };
}

function structOf(type: DataType): DataType {
  return { kind: 'struct', fields: [column('n', type)] };
}

/** Values and what is said of them, of a file written as `written` and read as `wanted`, in batches of three rows. */
function read(
  bytes: Uint8Array,
  wanted: Column,
  isLenient: boolean,
): { readonly values: readonly unknown[]; readonly told: readonly string[] } {
  const values: unknown[] = [];
  const told: string[] = [];
  const lenient = new Set(isLenient ? [wanted] : []);
  for (const batch of openDecoder().batches({
    bytes,
    columns: [wanted],
    lenient,
    mapping: 'none',
    changeTypes: false,
    batchRows: 3,
    fromRow: 0,
  })) {
    values.push(...batchRows(batch, [wanted]).map((row) => row[wanted.name]));
    for (const [row, sentence] of batch.misfits ?? []) told.push(`${batch.firstRow + row}: ${sentence}`);
  }
  return { values, told };
}

function written(type: DataType, cells: readonly Cell[]): Uint8Array {
  const rows = cells.map((cell) => ({ cells: { c: cell } }));
  return writeRows([column('c', type)], rows, {
    compression: 'SNAPPY',
    pageVersion: 1,
    hasDictionaries: true,
    rowGroupRows: 100,
    pageBytes: 1024,
  });
}

test.each<{
  what: string;
  written: (type: DataType) => DataType;
  cells: readonly Cell[];
  expected: readonly unknown[];
  path: string;
  rows: readonly number[];
}>([
  {
    what: 'a column',
    written: (type) => type,
    cells: [1n, 128n, null, -129n, 127n],
    expected: [1, null, null, null, 127],
    path: 'c',
    rows: [1, 3],
  },
  {
    what: 'a field',
    written: structOf,
    cells: [{ n: 300n }, null, { n: 1n }, { n: null }],
    expected: [{ n: null }, null, { n: 1 }, { n: null }],
    path: 'c.n',
    rows: [0],
  },
  {
    what: 'elements of lists in lists',
    written: (type) => listOf(listOf(type)),
    cells: [[], [[1n], []], null, [null, [2n, 300n], [400n]], [[], [500n]], [[3n]]],
    expected: [[], [[1], []], null, [null, [2, null], [null]], [[], [null]], [[3]]],
    path: 'c.element.element',
    rows: [3, 4],
  },
  {
    what: 'values of maps',
    written: (type) => mapOf(integer, type),
    cells: [[[1n, 300n]], [], [[1n, 2n]]],
    expected: [[[1, null]], [], [[1, 2]]],
    path: 'c.value',
    rows: [0],
  },
  {
    what: 'keys of maps, which are null as a whole',
    written: (type) => mapOf(type, integer),
    cells: [
      [[1n, 3n]],
      [
        [2n, 1n],
        [300n, 2n],
      ],
      null,
      [[400n, 1n]],
    ],
    expected: [[[1, 3]], null, null, null],
    path: 'c.key',
    rows: [1, 3],
  },
])('a value that does not fit is null, and its row is told of: $what', ({ written: typeOf, cells, expected, path, rows }) => {
  const bytes = written(typeOf(integer), cells);
  const wanted = column('c', typeOf(byte));
  const sentence = (row: number): string =>
    `column "${path}" is INT32 in the file, and its value in row ${row} is out of range for the table's type byte`;
  expect(read(bytes, wanted, true)).toEqual({ values: expected, told: rows.map((row) => `${row}: ${sentence(row)}`) });
  expect(() => read(bytes, wanted, false)).toThrow(expect.objectContaining({ code: 'file.column', message: sentence(rows[0] ?? -1) }));
});

test.each([
  ['timestamp_nanos', column('lossy', { kind: 'timestamp' }), 'INT64 TIMESTAMP(NANOS)', 3],
  ['int96_nanos', column('t', { kind: 'timestamp' }), 'INT96', 1],
  ['timestamp_millis_overflow', column('t', { kind: 'timestamp' }), 'INT64 TIMESTAMP(MILLIS)', 1],
] as const)('so is a time: %s', (file, wanted, type, row) => {
  const { values, told } = read(fixture(file), wanted, true);
  expect(values[row]).toBeNull();
  expect(told[0]).toBe(
    `${row}: column "${wanted.name}" is ${type} in the file, and its value in row ${row} is not a whole number of microseconds within 64 bits for the table's type timestamp`,
  );
});

test('so is a map with a null key', () => {
  const { values, told } = read(fixture('map_null_key'), column('m', mapOf(integer, integer)), true);
  expect(told.length).toBeGreaterThan(0);
  for (const text of told) {
    const [row = -1] = text.split(':').map(Number);
    expect([values[row], text]).toEqual([null, `${row}: column "m" is a map with a null key in the file, in row ${row}`]);
  }
});

test('a column of another type is no matter of its values', () => {
  const bytes = written({ kind: 'string' }, ['a']);
  expect(() => read(bytes, column('c', byte), true)).toThrow(expect.objectContaining({ code: 'file.column' }));
});

function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../fixtures/parquet/${name}.parquet`, import.meta.url)));
}
