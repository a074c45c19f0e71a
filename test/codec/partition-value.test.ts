import { expect, test } from 'vitest';
import { partitionCell } from '../../src/codec/partition-value.ts';
import type { DataType } from '../../src/model/table-schema.ts';
import { avroTexts } from '../../src/codec/avro-schema.ts';
import { rowReader } from '../../src/codec/avro-reader.ts';
import { column } from './batches.ts';

const MICROS = { kind: 'timestamp' } as const;
const LOCAL = { kind: 'timestamp_ntz' } as const;
const DECIMAL = { kind: 'decimal', precision: 12, scale: 4 } as const;

/** The value as it is read back: `rowReader` is checked against avsc elsewhere. */
function readBack(type: DataType, text: string | null | undefined): unknown {
  const p = column('p', type);
  const { value } = avroTexts({
    envelope: { kind: 'change' },
    schema: { columns: [p], partitionColumns: [], mapping: 'none' },
    table: { share: 'a', schema: 'b', table: 'c' },
    key: [],
  });
  return rowReader(value)(Buffer.concat([partitionCell(p, text), Uint8Array.of(0, 0, 0)]))['p'];
}

test.each<[DataType, string, unknown]>([
  [{ kind: 'byte' }, '-128', -128],
  [{ kind: 'short' }, '32767', 32767],
  [{ kind: 'integer' }, '-2147483648', -2147483648],
  [{ kind: 'long' }, '-9223372036854775808', '-9223372036854775808'],
  [{ kind: 'long' }, '9007199254740993', '9007199254740993'],
  [{ kind: 'boolean' }, 'true', true],
  [{ kind: 'boolean' }, 'FALSE', false],
  [{ kind: 'float' }, '1.1', 1.100000023841858],
  [{ kind: 'float' }, '-Infinity', '-Infinity'],
  [{ kind: 'double' }, '-1.5E-300', -1.5e-300],
  [{ kind: 'double' }, '-0.0', '-0.0'],
  [{ kind: 'double' }, 'NaN', 'NaN'],
  [{ kind: 'string' }, 'null', 'null'],
  [{ kind: 'string' }, ' 😀\n', ' 😀\n'],
  [{ kind: 'binary' }, 'é %', 'w6kgJQ=='],
  [DECIMAL, '-0.0001', '-0.0001'],
  [DECIMAL, '99999999.9999', '99999999.9999'],
  [DECIMAL, '1E+3', '1000.0000'],
  [DECIMAL, '12.50000', '12.5000'],
  [DECIMAL, '-0', '0.0000'],
  [{ kind: 'decimal', precision: 38, scale: 0 }, `-${'9'.repeat(38)}`, `-${'9'.repeat(38)}`],
  [{ kind: 'date' }, '0001-01-01', '0001-01-01'],
  [{ kind: 'date' }, '1969-12-31', '1969-12-31'],
  [{ kind: 'date' }, '2000-02-29', '2000-02-29'],
  [{ kind: 'date' }, '9999-12-31', '9999-12-31'],
  [{ kind: 'date' }, '+12345-06-07', '+12345-06-07'],
  [{ kind: 'date' }, '-0044-03-15', '-0044-03-15'],
  [MICROS, '2024-03-10T01:02:03.456789Z', '1710032523456789'],
  [MICROS, '2024-03-10 01:02:03.456789', '1710032523456789'],
  [MICROS, '2024-03-10 01:02:03.4', '1710032523400000'],
  [MICROS, '2024-03-10T03:02:03.456789+02:00', '1710032523456789'],
  [MICROS, '1969-12-31T23:59:59.999999Z', '-1'],
  [MICROS, '2024-03-10', '1710028800000000'],
  [LOCAL, '0001-01-01 00:00:00.000001', '-62135596799999999'],
  [LOCAL, '9999-12-31 23:59:59.999999', '253402300799999999'],
])('of %j: %j is %j', (type, text, value) => {
  expect(readBack(type, text)).toBe(value);
});

test.each<DataType>([{ kind: 'string' }, { kind: 'binary' }, { kind: 'integer' }, MICROS])(
  'null, a missing key and an empty text are null in %j',
  (type) => {
    expect([null, undefined, ''].map((text) => readBack(type, text))).toEqual([null, null, null]);
  },
);

test.each<[DataType, string]>([
  [{ kind: 'byte' }, '128'],
  [{ kind: 'short' }, '-32769'],
  [{ kind: 'integer' }, '2147483648'],
  [{ kind: 'integer' }, '1.0'],
  [{ kind: 'integer' }, '0x10'],
  [{ kind: 'long' }, '9223372036854775808'],
  [{ kind: 'boolean' }, 'yes'],
  [{ kind: 'double' }, '1,5'],
  [{ kind: 'double' }, ' '],
  [DECIMAL, '0.00001'],
  [DECIMAL, '100000000'],
  [DECIMAL, '.'],
  [DECIMAL, '1e99999'],
  [{ kind: 'date' }, '2023-02-29'],
  [{ kind: 'date' }, '2023-13-01'],
  [{ kind: 'date' }, '20230101'],
  [{ kind: 'date' }, '9999999-01-01'],
  [MICROS, '2024-03-10 24:00:00'],
  [MICROS, '2024-03-10 01:02:03.4567891'],
  [MICROS, '+999999-01-01 00:00:00'],
  [MICROS, 'now'],
  [LOCAL, '2024-03-10T01:02:03Z'],
])('of %j: %j is refused with column and value', (type, text) => {
  const message: unknown = expect.stringContaining(`${JSON.stringify(text)} of column p`);
  expect(() => readBack(type, text)).toThrow(expect.objectContaining({ code: 'file.column', message }));
});
