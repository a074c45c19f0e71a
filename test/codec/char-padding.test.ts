import { expect, test } from 'vitest';
import { rowReader } from '../../src/codec/avro-reader.ts';
import type { JsonRow } from '../../src/codec/avro-reader.ts';
import { avroTexts } from '../../src/codec/avro-schema.ts';
import { records } from '../../src/codec/records.ts';
import { must } from '../../src/lib/assert.ts';
import type { DataType } from '../../src/model/table-schema.ts';
import { column } from './batches.ts';
import type { Cell } from './batches.ts';
import { encode, KEY_PREFIX, request, VALUE_PREFIX } from './cases.ts';
import type { Case } from './cases.ts';

const char: DataType = { kind: 'string', padTo: 4 };

/** Key and value of each row, without the relay's own fields. */
function rowsOf(of: Case): readonly JsonRow[] {
  const texts = avroTexts(request(of).layout);
  const readValue = rowReader(texts.value);
  const readKey = texts.key === null ? null : rowReader(texts.key);
  return encode(of)
    .flatMap(({ blocks }) => blocks.flatMap((block) => [...records(block)]))
    .map(({ key, value }) => {
      const { _change_type, _commit_version, _commit_timestamp, ...row } = readValue(must(value, 'a value').subarray(VALUE_PREFIX.length));
      return readKey === null ? row : { key: readKey(must(key, 'a key').subarray(KEY_PREFIX.length)), ...row };
    });
}

function cellsOf(type: DataType, cells: readonly Cell[]): readonly unknown[] {
  const rows = cells.map((cell) => ({ cells: { c: cell } }));
  return rowsOf({ columns: [column('c', type)], rows, batchRows: 3 }).map((row) => row['c']);
}

test('values are filled up with blanks to their length in characters, and longer ones stay', () => {
  const values = ['x', null, '', 'abcd', 'abcde', 'öö', '日本', '😀', 'e\u0301'];
  expect(cellsOf(char, values)).toEqual(['x   ', null, '    ', 'abcd', 'abcde', 'öö  ', '日本  ', '😀   ', 'e\u0301  ']);
  expect(cellsOf({ kind: 'string' }, values)).toEqual(values);
});

test('so are those deep within, and what is beside them is as it was', () => {
  const type: DataType = {
    kind: 'array',
    element: {
      kind: 'struct',
      fields: [
        column('n', { kind: 'long' }),
        column('m', { kind: 'map', key: char, value: { kind: 'array', element: char, containsNull: true }, valueContainsNull: true }),
        column('s', { kind: 'string' }),
      ],
    },
    containsNull: true,
  };
  const cells = [[{ n: 1n, m: [['k', ['a', null, 'bb']]], s: 'as it is' }, null], null, [{ n: 2n, m: null, s: '' }], []];
  expect(cellsOf(type, cells)).toEqual([
    [{ n: '1', m: [['k   ', ['a   ', null, 'bb  ']]], s: 'as it is' }, null],
    null,
    [{ n: '2', m: null, s: '' }],
    [],
  ]);
});

test('keys and partition values are filled up as well', () => {
  const of: Case = {
    columns: [column('p', char), column('c', char)],
    rows: [{ cells: { c: 'x' } }],
    key: ['c', 'p'],
    partitionColumns: ['p'],
    partitionValues: { p: 'ö' },
  };
  expect(rowsOf(of)).toEqual([{ key: { c: 'x   ', p: 'ö   ' }, p: 'ö   ', c: 'x   ' }]);
});
