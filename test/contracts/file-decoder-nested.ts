/**
 * The part of the exam of every `FileDecoder` that is about nested columns and about how columns are found.
 */
import { describe, expect, it } from 'vitest';

import type { Column, ColumnMapping } from '../../src/model/table-schema.ts';
import type { FileDecoder } from '../../src/ports/file-decoder.ts';
import { failure } from './file-decoder.ts';
import type { JsonRow, JsonValue } from '../support/batch-rows.ts';
import { rowsFrom } from '../support/batch-rows.ts';
import { column, decimal, list, map, parquetFile, struct } from '../support/parquet-file.ts';

/** `open` gives a decoder of the calling thread. */
export function nestedColumnsExam(open: () => FileDecoder): void {
  const decoder = open();

  interface Asked {
    readonly mapping?: ColumnMapping;
    readonly batchRows?: number;
    readonly fromRow?: number;
  }

  function rows(
    file: string,
    columns: readonly Column[],
    { mapping = 'none', batchRows = 2, fromRow = 0 }: Asked = {},
  ): readonly JsonRow[] {
    return rowsFrom(decoder, { bytes: parquetFile(file), columns, mapping, changeTypes: false, batchRows, fromRow });
  }

  /** The values of one column. */
  function values(file: string, wanted: Column, asked: Asked = {}): readonly JsonValue[] {
    return rows(file, [wanted], asked).map((row) => row[wanted.name] ?? null);
  }

  describe('lists, maps and structs of 300 rows in row groups of 70, with nulls at every level', () => {
    const columns = [
      column('items', list('long')),
      column('marks', map('string', 'timestamp')),
      column('inner', struct({ n: 'integer', l: list(struct({ t: 'timestamp', s: 'string' })) })),
      column('lists', list(list('short'))),
    ];
    const expected = Array.from({ length: 300 }, (_, i) => nestedRow(i));

    it.each([1, 7, 64, 70, 71, 1000])('come whole and in order, %i rows at most', (batchRows) =>
      expect(rows('nested_rows', columns, { batchRows })).toEqual(expected),
    );

    it.each([1, 69, 70, 71, 200, 299])('begin at row %i when asked to', (fromRow) =>
      expect(rows('nested_rows', columns, { batchRows: 64, fromRow })).toEqual(expected.slice(fromRow)),
    );

    it('are read from data pages of version 2', () => expect(rows('nested_rows_v2_zstd', columns, { batchRows: 64 })).toEqual(expected));

    it('are of the lengths that their parents speak of', () => {
      const request = {
        bytes: parquetFile('nested_rows'),
        columns,
        mapping: 'none' as const,
        changeTypes: false,
        batchRows: 64,
        fromRow: 0,
      };
      for (const batch of decoder.batches(request)) {
        for (const data of batch.columns) {
          if (data.kind !== 'list' && data.kind !== 'map') continue;
          expect(data.offsets).toHaveLength(batch.rows + 1);
          expect(data.offsets[0]).toBe(0);
        }
      }
    });

    /** The rule of make.py. */
    function nestedRow(i: number): JsonRow {
      const some = <T>(count: number, one: (j: number) => T): readonly T[] => Array.from({ length: count }, (_, j) => one(j));
      return {
        items: i % 7 === 0 ? null : some(i % 5, (j) => ((i + j) % 4 === 0 ? null : String(i * 10 + j))),
        marks:
          i % 6 === 1
            ? null
            : some(i % 4, (j) => [`k${j}`, (i + j) % 5 === 0 ? null : (BigInt(i - 150) * 86_400_000_000n + BigInt(j)).toString()]),
        inner:
          i % 9 === 2
            ? null
            : {
                n: i % 3 === 0 ? null : i,
                l:
                  i % 8 === 3
                    ? null
                    : some((i * 7) % 3, (j) =>
                        (i + j) % 6 === 0 ? null : { t: (i + j) % 4 === 1 ? null : String(i * 1_000_000 + j), s: 'x'.repeat(j + 1) },
                      ),
              },
        lists: i % 10 === 9 ? null : some(i % 4, (j) => (j === 2 ? null : some(j, (k) => k))),
      };
    }
  });

  describe('within a list of structs', () => {
    const ends = ['-128', null, '127'];
    const timestamps = ['-62135596800000000', null, '253402300799999000'];
    const large = [`${'9'.repeat(36)}.99`, null, '-0.01'];

    it.each([
      ['byte as byte', column('byte', 'byte'), [-128, null, 127]],
      ['byte as long', column('byte', 'long'), ends],
      ['byte as double', column('byte', 'double'), [-128, null, 127]],
      ['byte as decimal(12,2)', column('byte', decimal(12, 2)), ['-128.00', null, '127.00']],
      ['short as integer', column('short', 'integer'), [-32_768, null, 32_767]],
      ['int as long', column('int', 'long'), ['-2147483648', null, '2147483647']],
      ['int as double', column('int', 'double'), [-2_147_483_648, null, 2_147_483_647]],
      ['long as long', column('long', 'long'), ['-9223372036854775808', null, '9223372036854775807']],
      ['long as decimal(21,1)', column('long', decimal(21, 1)), ['-9223372036854775808.0', null, '9223372036854775807.0']],
      ['float as double', column('float', 'double'), [-1.5, null, 'NaN']],
      ['day as date', column('day', 'date'), ['0001-01-01', null, '9999-12-31']],
      ['day as timestamp_ntz', column('day', 'timestamp_ntz'), ['-62135596800000000', null, '253402214400000000']],
      ['small as decimal(9,2)', column('small', decimal(9, 2)), ['-1234567.89', null, '0.01']],
      ['small as decimal(14,4)', column('small', decimal(14, 4)), ['-1234567.8900', null, '0.0100']],
      ['large as decimal(38,2)', column('large', decimal(38, 2)), large],
      ['millis as timestamp', column('millis', 'timestamp'), timestamps],
      ['nanos as timestamp_ntz', column('nanos', 'timestamp_ntz'), ['-1', null, '1709208000123456']],
      ['fixed as binary', column('fixed', 'binary'), ['YWJjZA==', null, 'd3h5eg==']],
      ['text as string', column('text', 'string'), ['', 'ä', null]],
      ['flag as boolean', column('flag', 'boolean'), [true, null, false]],
    ])('%s is read', (_, wanted, expected) => {
      const all = column('list', list({ kind: 'struct', fields: [wanted] }));
      expect(values('nested_types', all)).toEqual([expected.map((value) => ({ [wanted.name]: value })), null, []]);
    });

    it.each([
      ['small', decimal(9, 2), ['-1234567.89', null, '0.01']],
      ['small', decimal(20, 2), ['-1234567.89', null, '0.01']],
    ])('decimals stored as integers are read: %s %o', (name, type, expected) => {
      const wanted = column('list', list(struct({ [name]: type })));
      expect(values('nested_types_integer_decimals', wanted)).toEqual([expected.map((value) => ({ [name]: value })), null, []]);
    });

    it.each([
      ['long', 'integer', 'column "list.element.long" is INT64 in the file, which does not fit the table\'s type integer'],
      ['text', 'long', 'column "list.element.text" is BYTE_ARRAY STRING in the file, which does not fit the table\'s type long'],
      ['small', decimal(9, 1), undefined],
    ] as const)('%s is not read as %s', (name, type, message) => {
      expect(() => values('nested_types', column('list', list(struct({ [name]: type }))))).toThrow(failure('file.column', message));
    });
  });

  describe('a map', () => {
    it('has keys and values widened alike', () =>
      expect(values('nested_types', column('map', map('long', decimal(11, 1))))).toEqual([
        [
          ['0', '-2147483648.0'],
          ['1', null],
          ['2', '2147483647.0'],
        ],
        [],
        null,
      ]));

    it('has no null keys', () =>
      expect(() => values('map_null_key', column('m', map('integer', 'integer')))).toThrow(
        failure('file.column', 'column "m" is a map with a null key in the file, in row 0'),
      ));
  });

  describe('a struct', () => {
    it('has null for the fields that the file lacks, loses those that the table lacks, and is null itself where the file says so', () =>
      expect(values('nested_types', column('struct', struct({ new: list('string'), a: 'integer' })))).toEqual([
        { new: null, a: 1 },
        { new: null, a: null },
        null,
      ]));

    it('is there even if the file has none of its fields', () =>
      expect(values('nested_types', column('struct', struct({ new: 'string' })))).toEqual([{ new: null }, { new: null }, null]));

    it('has its fields matched by name, without regard to case where no exact name is there', () =>
      expect(values('nested_types', column('struct', struct({ b: 'string' })))).toEqual([{ b: 'x' }, { b: null }, null]));

    it('may hold columns without type, in the table and in the file', () =>
      expect(values('nested_types', column('struct', struct({ a: 'void', nothing: 'long' })))).toEqual([
        { a: null, nothing: null },
        { a: null, nothing: null },
        null,
      ]));

    it.each([
      ['struct', column('struct', list('byte'))],
      ['struct', column('struct', 'string')],
      ['list', column('list', struct({ byte: 'byte' }))],
      ['map', column('map', list('short'))],
      ['map', column('map', struct({ key: 'short' }))],
    ])('is not taken for another shape, nor another for it: %s as %o', (_, wanted) =>
      expect(() => values('nested_types', wanted)).toThrow(failure('file.column')),
    );
  });

  describe('lists and maps in the layouts of old writers are read', () => {
    const structs = [[{ a: 1 }, { a: null }], null, []];
    const pairs = [
      [
        [1, 2],
        [3, null],
      ],
      null,
      [],
    ];
    it.each([
      ['bag.array, as Spark did', column('bag', list('integer')), [[1, null], null, []]],
      ['a repeated value in a list', column('two_level', list('integer')), [[1, 2], null, []]],
      ['a repeated group named array', column('struct_array', list(struct({ a: 'integer' }))), structs],
      ['a repeated group named after the list', column('struct_tuple', list(struct({ a: 'integer' }))), structs],
      [
        'a repeated group of several fields',
        column('struct_many', list(struct({ a: 'integer', b: 'integer' }))),
        [
          [
            { a: 1, b: 2 },
            { a: null, b: null },
          ],
          null,
          [],
        ],
      ],
      ['a repeated value without a list', column('repeated', list('integer')), [[1, 2], [], [3]]],
      ['a repeated group without a list', column('repeated_group', list(struct({ a: 'integer' }))), [[{ a: 1 }, { a: null }], [], []]],
      ['a map whose group is named map', column('named_map', map('integer', 'integer')), pairs],
      ['a map annotated MAP_KEY_VALUE', column('key_value_map', map('integer', 'integer')), pairs],
    ])('%s', (_, wanted, expected) => expect(values('nested_old_layouts', wanted)).toEqual(expected));
  });

  describe('INT96 in years that 64-bit nanoseconds do not reach', () => {
    it('is exact in lists', () =>
      expect(values('int96_far_nested', column('l', list('timestamp')))).toEqual([
        ['-62135596800000000', null, '253402300799999999'],
        null,
        [],
      ]));
    it('is exact in structs', () =>
      expect(values('int96_far_nested', column('s', struct({ t: 'timestamp' })))).toEqual([
        { t: '-62135596800000000' },
        { t: null },
        null,
      ]));
    it('is no other type', () =>
      expect(() => values('int96_far_nested', column('l', list('timestamp_ntz')))).toThrow(
        failure('file.column', 'column "l.element" is INT96 in the file, which does not fit the table\'s type timestamp_ntz'),
      ));
  });

  describe('a variant', () => {
    const variant = { kind: 'variant' } as const;
    const nothing = { metadata: 'AQAA', value: 'AA==' };

    it('is its two parts as bytes', () =>
      expect(values('variants', column('plain', variant))).toEqual([{ metadata: 'AQAA', value: 'DAE=' }, null, nothing]));
    it('may stand in a list', () =>
      expect(values('variants', column('l', list(variant)))).toEqual([[{ metadata: 'AQ==', value: 'AA==' }], [], null]));
    it('is refused if it is shredded', () =>
      expect(() => values('variants', column('shredded', variant))).toThrow(
        failure('file.column', 'column "shredded" is a shredded variant in the file, which cannot be read'),
      ));
    it('has both parts', () => expect(() => values('variants', column('half', variant))).toThrow(failure('file.column')));
  });

  describe('columns are found by mapping', () => {
    const physical = (wanted: Column, name: string, id: number | null): Column => ({ ...wanted, physical: { name, id } });
    const inner = {
      kind: 'struct',
      fields: [physical(column('p', 'string'), 'nowhere', 5), physical(column('q', 'long'), 'y', 4)],
    } as const;

    it('by id, also in the structs of a list, whatever the names are', () =>
      expect(
        rows(
          'field_ids',
          [
            physical(column('a', 'long'), 'a', 1),
            physical(column('c', list(inner)), 'nowhere', 3),
            physical(column('b', 'string'), 'b', 9),
          ],
          {
            mapping: 'id',
          },
        ),
      ).toEqual([
        { a: '1', c: [{ p: 'p', q: '1' }], b: null },
        { a: '2', c: null, b: null },
      ]));

    it('by physical name, in just its spelling', () =>
      expect(
        rows(
          'field_ids',
          [
            physical(column('a', 'long'), 'b', 7),
            physical(column('b', 'string'), 'A', 2),
            physical(column('c', list({ kind: 'struct', fields: [physical(column('y', 'long'), 'x', 5)] })), 'c', 3),
          ],
          { mapping: 'name' },
        ),
      ).toEqual([
        { a: '1', b: null, c: [{ y: '1' }] },
        { a: '2', b: null, c: null },
      ]));

    it('the change type by its name in any case', () => {
      const request = { bytes: parquetFile('field_ids'), changeTypes: true, columns: [], batchRows: 9, fromRow: 0 };
      for (const mapping of ['none', 'name', 'id'] as const)
        expect(rowsFrom(decoder, { ...request, mapping })).toEqual([{ _change_type: 'insert' }, { _change_type: 'delete' }]);
    });

    it('and never guessed', () => {
      const byId = { mapping: 'id' } as const;
      expect(() => rows('names', [physical(column('name', 'string'), 'name', 1)], byId)).toThrow(
        failure('file.column', 'the table finds its columns by field id, and the file has no field ids'),
      );
      expect(() => rows('field_ids', [column('b', 'long')], byId)).toThrow(
        failure('file.column', 'column "b" has no id in the table\'s schema, by which its field in the file could be found'),
      );
      expect(() => rows('field_ids_twice', [physical(column('c', 'long'), 'c', 1)], byId)).toThrow(
        failure('file.column', 'column "c" could be any of the file\'s columns "a", "b"'),
      );
    });
  });
}
