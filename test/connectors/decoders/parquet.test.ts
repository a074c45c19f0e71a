import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { openDecoder } from '../../../connectors/decoders/parquet.ts';
import type { Column } from '../../../src/model/table-schema.ts';
import { fileDecoderExam, failure } from '../../contracts/file-decoder.ts';
import type { JsonValue } from '../../support/batch-rows.ts';
import { rowsFrom } from '../../support/batch-rows.ts';
import { column, decimal, parquetFile } from '../../support/parquet-file.ts';

fileDecoderExam(openDecoder);

const decoder = openDecoder();

/** The values of one column, in batches of three. */
function values(file: string, wanted: Column): readonly JsonValue[] {
  const rows = rowsFrom(decoder, {
    bytes: parquetFile(file),
    columns: [wanted],
    mapping: 'none',
    changeTypes: false,
    batchRows: 3,
    fromRow: 0,
  });
  return rows.map((row) => row[wanted.name] ?? null);
}

describe('decimals are exact', () => {
  const small = ['12345678.90', null, '-0.01', '99999999.99', '-99999999.99', '0.00'];
  const large = [`${'9'.repeat(36)}.99`, null, `-${'9'.repeat(36)}.99`, '0.01', '-1.00', '123456789012345678901234567890.12'];
  const bytes = ['12345678901234567.890', '-0.001', '0.000', '-12345678901234567.890', '0.127', '-0.128', `1${'0'.repeat(34)}.000`];

  it.each([
    ['fixed bytes', 'decimals_fixed', column('small', decimal(10, 2)), small],
    ['fixed bytes of 38 digits', 'decimals_fixed', column('large', decimal(38, 2)), large],
    ['INT32', 'decimals_integer', column('nine', decimal(9, 2)), ['1234567.89', null, '-9999999.99']],
    ['INT64', 'decimals_integer', column('eighteen', decimal(18, 2)), ['9999999999999999.99', null, '-9999999999999999.99']],
    ['bytes of varying length', 'decimals_bytes', column('d', decimal(38, 3)), bytes],
    [
      'a file of smaller precision and scale',
      'decimals_fixed',
      column('small', decimal(38, 20)),
      small.map((text) => (text === null ? null : `${text}${'0'.repeat(18)}`)),
    ],
    [
      'integers of a widened column',
      'integers',
      column('i64', decimal(22, 2)),
      ['-9223372036854775808.00', null, '9223372036854775807.00'],
    ],
    ['small integers of a widened column', 'integers', column('i8', decimal(10, 0)), ['-128', null, '127']],
  ])('from %s', (_, file, wanted, expected) => expect(values(file, wanted)).toEqual(expected));

  it('as strings in whole rows', async () => {
    expect(await decoder.rows(parquetFile('decimals_fixed'), null)).toEqual(small.map((text, i) => ({ small: text, large: large[i] })));
    expect(await decoder.rows(parquetFile('decimals_bytes'), null)).toEqual(bytes.map((text) => ({ d: text })));
  });
});

describe('timestamps are exact in microseconds', () => {
  const millis = ['-62135596800000000', null, '-1000', '1709208000123000', '253402300799999000'];
  const days = Array.from({ length: 1000 }, (_, i) => (i % 13 === 0 ? null : (BigInt(i) * 86_400_000_001n).toString()));

  it.each([
    ['INT64 milliseconds', 'timestamp_millis', column('t', 'timestamp'), millis],
    ['INT64 milliseconds without zone', 'timestamp_millis', column('n', 'timestamp_ntz'), millis],
    [
      'INT64 nanoseconds that are whole microseconds',
      'timestamp_nanos',
      column('whole', 'timestamp'),
      ['0', null, '-1', '1709208000123456'],
    ],
    ['INT96', 'row_groups_int96', column('at', 'timestamp'), days],
    ['INT96 in pages of version 2, zstd', 'row_groups_int96_v2_zstd', column('at', 'timestamp'), days],
    ['INT96 without a dictionary, gzip', 'row_groups_int96_gzip_plain', column('at', 'timestamp'), days],
    ['INT96, lz4', 'row_groups_int96_lz4', column('at', 'timestamp'), days],
    ['INT96 that cannot be null', 'required', column('t', 'timestamp'), ['1577836800000000', '1577836800000000']],
    ['dates of a widened column', 'integers', column('date', 'timestamp_ntz'), ['-62135596800000000', null, '253402214400000000']],
  ])('from %s', (_, file, wanted, expected) => expect(values(file, wanted)).toEqual(expected));

  it('from the middle of a row group of INT96', () => {
    const bytes = parquetFile('row_groups_int96');
    const rows = rowsFrom(decoder, {
      bytes,
      columns: [column('at', 'timestamp')],
      mapping: 'none',
      changeTypes: false,
      batchRows: 10,
      fromRow: 203,
    });
    expect(rows.map(({ at }) => at)).toEqual(days.slice(203));
  });

  it.each([
    [
      'nanoseconds',
      'timestamp_nanos',
      column('lossy', 'timestamp'),
      'column "lossy" is INT64 TIMESTAMP(NANOS) in the file, and its value in row 3',
    ],
    ['nanoseconds in INT96', 'int96_nanos', column('t', 'timestamp'), 'column "t" is INT96 in the file, and its value in row 1'],
    [
      'milliseconds beyond 64 bits',
      'timestamp_millis_overflow',
      column('t', 'timestamp'),
      'column "t" is INT64 TIMESTAMP(MILLIS) in the file, and its value in row 1',
    ],
  ])('or refused: %s', (_, file, wanted, message) => {
    expect(() => values(file, wanted)).toThrow(
      failure('file.column', `${message} is not a whole number of microseconds within 64 bits for the table's type timestamp`),
    );
  });
});

describe('a narrower type of the file is read as the table has it', () => {
  it.each([
    ['i8', 'byte', [-128, null, 127]],
    ['i8', 'short', [-128, null, 127]],
    ['i8', 'integer', [-128, null, 127]],
    ['i8', 'long', ['-128', null, '127']],
    ['i8', 'double', [-128, null, 127]],
    ['i16', 'integer', [-32_768, null, 32_767]],
    ['i32', 'integer', [-2_147_483_648, null, 2_147_483_647]],
    ['i32', 'long', ['-2147483648', null, '2147483647']],
    ['i32', 'double', [-2_147_483_648, null, 2_147_483_647]],
    ['i64', 'long', ['-9223372036854775808', null, '9223372036854775807']],
    ['u8', 'short', [0, null, 255]],
    ['u16', 'integer', [0, null, 65_535]],
    ['u32', 'long', ['0', null, '4294967295']],
    ['f32', 'float', [-1.5, null, 'NaN']],
    ['f32', 'double', [-1.5, null, 'NaN']],
    ['date', 'date', ['0001-01-01', null, '9999-12-31']],
    ['fixed', 'binary', ['YWJjZA==', null, 'd3h5eg==']],
  ] as const)('%s as %s', (name, type, expected) => expect(values('integers', column(name, type))).toEqual(expected));

  it.each([
    ['i64', 'integer', 'INT64'],
    ['i64', 'double', 'INT64'],
    ['f32', 'integer', 'FLOAT'],
    ['date', 'integer', 'INT32 DATE'],
    ['date', 'timestamp', 'INT32 DATE'],
    ['i32', 'string', 'INT32'],
    ['fixed', 'string', 'FIXED_LEN_BYTE_ARRAY(4)'],
    ['d', 'double', 'FIXED_LEN_BYTE_ARRAY(3) DECIMAL(6,1)'],
    ['u8', 'boolean', 'INT32 UINT_8'],
  ] as const)('but not %s as %s', (name, type, fileType) => {
    const message = `column "${name}" is ${fileType} in the file, which does not fit the table's type ${type}`;
    expect(() => values('integers', column(name, type))).toThrow(failure('file.column', message));
  });

  it.each([
    ['decimals_fixed', column('small', decimal(10, 1))],
    ['decimals_fixed', column('small', decimal(9, 2))],
    ['decimals_fixed', column('small', decimal(10, 3))],
    ['integers', column('i32', decimal(9, 0))],
    ['integers', column('i64', decimal(19, 0))],
    ['names', column('a', 'string')],
    ['row_groups_int96', column('at', 'timestamp_ntz')],
    ['row_groups_int96', column('at', 'long')],
  ])('nor what may lose digits or meaning: %s %o', (file, wanted) => expect(() => values(file, wanted)).toThrow(failure('file.column')));

  it.each([
    ['i32', 'short'],
    ['i16', 'byte'],
    ['u8', 'byte'],
    ['u32', 'integer'],
    ['u64', 'long'],
  ] as const)('and a wider one only while its values fit: %s as %s', (name, type) => {
    expect(() => values('integers', column(name, type))).toThrow(failure('file.column'));
    expect(values('names', column('Id', 'long'))).toEqual(['1']);
  });
});

describe('strings and binaries', () => {
  it('are read with or without the annotation of a string', () => {
    expect(values('string_unannotated', column('s', 'string'))).toEqual(['plain', 'ängel', null, '']);
    expect(values('string_unannotated', column('b', 'binary'))).toEqual(['AP8=', null, '', 'YWJj']);
    expect(values('names', column('name', 'binary'))).toEqual([Buffer.from('lower').toString('base64')]);
  });

  it('stay bytes in whole rows where no annotation calls them text', async () => {
    expect(await decoder.rows(parquetFile('string_unannotated'), ['b'])).toEqual([
      { b: Uint8Array.of(0, 255) },
      { b: null },
      { b: new Uint8Array(0) },
      { b: Uint8Array.of(97, 98, 99) },
    ]);
  });
});

it('an Arrow schema in the footer changes nothing', () => {
  const columns = [column('d', 'string'), column('l', 'string'), column('v', 'string'), column('b', 'binary'), column('t', 'timestamp')];
  const rows = rowsFrom(decoder, {
    bytes: parquetFile('arrow_schema'),
    columns,
    mapping: 'none',
    changeTypes: false,
    batchRows: 3,
    fromRow: 0,
  });
  expect(rows).toEqual([
    { d: 'x', l: 'ä', v: 'view', b: 'AA==', t: '0' },
    { d: 'y', l: null, v: null, b: null, t: null },
    { d: null, l: '', v: 'a view longer than twelve bytes', b: '', t: '1' },
    { d: 'x', l: 'z', v: '', b: '/w==', t: '-1' },
  ]);
});

it('columns of nothing but nulls, or of no type, are null', () => {
  expect(values('nulls', column('void', 'integer'))).toEqual([null, null, null, null, null]);
  expect(values('nulls', column('empty', 'string'))).toEqual([null, null, null, null, null]);
});

it.each(['pages_v2', 'no_dictionary_lz4', 'checksums', 'row_groups'])('%s holds the same rows as the others', (file) => {
  const rows = (name: string): unknown =>
    rowsFrom(decoder, {
      bytes: parquetFile(name),
      columns: ['id', 'name', 'even', 'at'].map((one, i) => column(one, KINDS[i] ?? 'long')),
      mapping: 'none',
      changeTypes: false,
      batchRows: 64,
      fromRow: 0,
    });
  expect(rows(file)).toEqual(rows('row_groups'));
});

const KINDS = ['long', 'string', 'boolean', 'timestamp'] as const;

it('delta and byte-stream encodings are read', () => {
  expect(values('delta_encodings', column('i', 'integer'))).toEqual(Array.from({ length: 100 }, (_, i) => i - 50));
  expect(values('delta_encodings', column('l', 'long'))).toEqual(
    Array.from({ length: 100 }, (_, i) => (BigInt(i) * 10n ** 15n).toString()),
  );
  expect(values('delta_encodings', column('s', 'string'))).toEqual(Array.from({ length: 100 }, (_, i) => `prefix ${i}`));
  expect(values('delta_encodings', column('d', 'double'))).toEqual(Array.from({ length: 100 }, (_, i) => i / 3));
});

describe('an illegal change type is named with its row', () => {
  it.each([
    ['unknown', 1, '"updated" in row 1, which is none of insert, update_preimage, update_postimage, delete', 0],
    ['null', 1, 'null in row 2', 2],
    ['long', 1, `"${'x'.repeat(40)}" in row 3, which is none of insert, update_preimage, update_postimage, delete`, 3],
  ])('%s', (_, batchRows, message, fromRow) => {
    const bytes = parquetFile('change_types_illegal');
    expect(() => rowsFrom(decoder, { bytes, columns: [], mapping: 'none', changeTypes: true, batchRows, fromRow })).toThrow(
      failure('file.change_type', `_change_type is ${message}`),
    );
  });
});

it('a wide row group is decoded in stretches and batches of fewer rows', () => {
  const columns = Array.from({ length: 200 }, (_, i) => column(`c${i}`, 'long'));
  const request = {
    bytes: parquetFile('wide_constant'),
    columns,
    mapping: 'none' as const,
    changeTypes: false,
    batchRows: 100_000,
    fromRow: 0,
  };
  const rows = Array.from(decoder.batches(request), (batch) => batch.rows);
  expect(rows.reduce((sum, count) => sum + count, 0)).toBe(131_072);
  expect(Math.max(...rows)).toBeLessThan(11_000);
  expect(decoder.heldBytes()).toBeLessThan(150_000_000);
});

it('a second file ends the iteration over the first, which says so', () => {
  const request = {
    bytes: parquetFile('row_groups'),
    columns: [column('id', 'long')],
    mapping: 'none' as const,
    changeTypes: false,
    batchRows: 64,
    fromRow: 0,
  };
  const first = decoder.batches(request)[Symbol.iterator]();
  first.next();
  expect(rowsFrom(decoder, request)).toHaveLength(1000);
  expect(() => first.next()).toThrow('bug: two files are decoded at once in one thread');
});

it('a checkpoint is read as rows with its nested actions', async () => {
  const path = '../../fixtures/tables/long_history/table/_delta_log/00000000000000000020.checkpoint.parquet';
  const rows = await decoder.rows(readFileSync(new URL(path, import.meta.url)), ['add', 'metaData', 'protocol']);
  const [protocol] = rows.flatMap((row) => row['protocol'] ?? []);
  const [metaData] = rows.flatMap((row) => row['metaData'] ?? []);
  const [add] = rows.flatMap((row) => row['add'] ?? []);
  expect(protocol).toMatchObject({ minReaderVersion: 1, minWriterVersion: 7, readerFeatures: null });
  expect(metaData).toMatchObject({ partitionColumns: [], format: { provider: 'parquet', options: {} } });
  expect(add).toMatchObject({
    partitionValues: {},
    dataChange: false,
    path: expect.stringMatching(/\.parquet$/),
    size: expect.any(BigInt),
  });
});
