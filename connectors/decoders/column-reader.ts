/**
 * From an Arrow array of a flat type to the column's own form. The reader of a column is chosen once a row group, by the file's type and the table's: the same,
 * or narrower so that no value is lost (a table's columns are widened without rewriting its files: Delta PROTOCOL.md §Type Widening). Anything else fails with
 * `file.column`.
 */
import { DataType as ArrowType, DateUnit, Precision, TimeUnit } from 'apache-arrow';

import { assert } from '../../src/lib/assert.ts';
import type { ColumnData } from '../../src/model/column-batch.ts';
import { typeText } from '../../src/model/table-schema.ts';
import type { ArrowArray } from './arrow-memory.ts';
import {
  bigint64sOf,
  booleansOf,
  bytesOf,
  fixedBytesOf,
  float32sOf,
  float64sOf,
  int16sOf,
  int8sOf,
  validityOf,
  wordsOf,
} from './arrow-memory.ts';
import type { ColumnPair, ColumnReader, Place } from './column-pair.ts';
import { fitting, typeFailure } from './column-pair.ts';
import { decimalReader } from './decimal-reader.ts';

/** Throws `file.column` if the file's type does not fit the table's. */
export function columnReader(pair: ColumnPair): ColumnReader {
  if (ArrowType.isNull(pair.fileType)) return () => ({ kind: 'null' });
  const reader = readerFor(pair);
  if (reader !== null) return reader;
  throw typeFailure(pair);
}

function readerFor(pair: ColumnPair): ColumnReader | null {
  const { type } = pair;
  switch (type.kind) {
    case 'boolean':
      return ArrowType.isBool(pair.fileType) ? readBoolean : null;
    case 'byte':
      return int32Reader(pair, -0x80, 0x7f);
    case 'short':
      return int32Reader(pair, -0x8000, 0x7fff);
    case 'integer':
      return int32Reader(pair, -0x80000000, 0x7fffffff);
    case 'long':
      return longReader(pair);
    case 'float':
      return isFloat(pair.fileType, Precision.SINGLE) ? readFloat32 : null;
    case 'double':
      return doubleReader(pair);
    case 'string':
      return ArrowType.isUtf8(pair.fileType) || ArrowType.isBinary(pair.fileType) ? readBytes : null;
    case 'binary':
      return binaryReader(pair);
    case 'date':
      return isDays(pair.fileType) ? readInt32 : null;
    case 'timestamp':
      return timestampReader(pair);
    case 'timestamp_ntz':
      return isDays(pair.fileType) ? readDaysAsMicros : timestampReader(pair);
    case 'decimal':
      return decimalReader(pair, type);
    default:
      assert(false, `column "${pair.path}" of type ${typeText(type)} was to be refused before decoding`);
  }
}

function readBoolean(array: ArrowArray): ColumnData {
  return { kind: 'boolean', validity: validityOf(array), bits: booleansOf(array) };
}

function readInt32(array: ArrowArray): ColumnData {
  return { kind: 'int32', validity: validityOf(array), values: wordsOf(array, 1) };
}

function readInt64(array: ArrowArray): ColumnData {
  return { kind: 'int64', validity: validityOf(array), values: wordsOf(array, 2) };
}

function readFloat32(array: ArrowArray): ColumnData {
  return { kind: 'float32', validity: validityOf(array), values: float32sOf(array) };
}

function readFloat64(array: ArrowArray): ColumnData {
  return { kind: 'float64', validity: validityOf(array), values: float64sOf(array) };
}

function readBytes(array: ArrowArray): ColumnData {
  return { kind: 'bytes', validity: validityOf(array), ...bytesOf(array) };
}

function binaryReader({ fileType }: ColumnPair): ColumnReader | null {
  if (ArrowType.isBinary(fileType) || ArrowType.isUtf8(fileType)) return readBytes;
  if (!ArrowType.isFixedSizeBinary(fileType)) return null;
  const width = fileType.byteWidth;
  return (array) => ({
    kind: 'bytes',
    validity: validityOf(array),
    offsets: Int32Array.from({ length: array.length + 1 }, (_, i) => i * width),
    data: fixedBytesOf(array, width),
  });
}

function isFloat(type: ArrowType, precision: Precision): boolean {
  return ArrowType.isFloat(type) && type.precision === precision;
}

function isDays(type: ArrowType): boolean {
  return ArrowType.isDate(type) && type.unit === DateUnit.DAY;
}

/** The array's integers of at most 32 bits, unsigned ones as they are; null for any other type. */
function smallIntegers(
  type: ArrowType,
): ((array: ArrowArray) => Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array) | null {
  if (!ArrowType.isInt(type)) return null;
  switch (type.bitWidth) {
    case 8:
      return type.isSigned ? int8sOf : (array) => unsigned(Uint8Array, int8sOf(array));
    case 16:
      return type.isSigned ? int16sOf : (array) => unsigned(Uint16Array, int16sOf(array));
    case 32:
      return type.isSigned ? (array) => wordsOf(array, 1) : (array) => unsigned(Uint32Array, wordsOf(array, 1));
    default:
      return null;
  }
}

type Unsigned<T> = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => T;

function unsigned<T>(view: Unsigned<T>, values: Int8Array | Int16Array | Int32Array): T {
  return new view(values.buffer, values.byteOffset, values.length);
}

/** Unannotated and unsigned integers may be wider than the column: then each value is looked at. */
function int32Reader(pair: ColumnPair, min: number, max: number): ColumnReader | null {
  const integers = smallIntegers(pair.fileType);
  if (integers === null || !ArrowType.isInt(pair.fileType)) return null;
  const { bitWidth, isSigned } = pair.fileType;
  const fits = isSigned ? max >= 2 ** (bitWidth - 1) - 1 : max >= 2 ** bitWidth - 1;
  if (fits && isSigned && bitWidth === 32) return readInt32;
  return (array, place) => {
    const values = integers(array);
    const isWithin = (i: number): boolean => {
      const value = values[i] ?? 0;
      return value >= min && value <= max;
    };
    const there = validityOf(array);
    const validity = fits ? there : fitting({ pair, place, validity: there, count: array.length, fits: isWithin, why: 'is out of range' });
    return { kind: 'int32', validity, values: Int32Array.from(values) };
  };
}

function longReader(pair: ColumnPair): ColumnReader | null {
  const { fileType } = pair;
  if (ArrowType.isInt(fileType) && fileType.bitWidth === 64) return fileType.isSigned ? readInt64 : unsignedLongReader(pair);
  const integers = smallIntegers(fileType);
  if (integers === null) return null;
  return (array) => {
    const values = new Int32Array(array.length * 2);
    for (const [i, value] of integers(array).entries()) {
      values[2 * i] = value;
      values[2 * i + 1] = value < 0 ? -1 : 0;
    }
    return { kind: 'int64', validity: validityOf(array), values };
  };
}

function unsignedLongReader(pair: ColumnPair): ColumnReader {
  return (array, place) => {
    const values = wordsOf(array, 2);
    const fits = (i: number): boolean => (values[2 * i + 1] ?? 0) >= 0;
    const validity = fitting({ pair, place, validity: validityOf(array), count: array.length, fits, why: 'is out of range' });
    return { kind: 'int64', validity, values };
  };
}

function doubleReader({ fileType }: ColumnPair): ColumnReader | null {
  if (isFloat(fileType, Precision.DOUBLE)) return readFloat64;
  const values = isFloat(fileType, Precision.SINGLE) ? float32sOf : smallIntegers(fileType);
  if (values === null) return null;
  return (array) => ({ kind: 'float64', validity: validityOf(array), values: Float64Array.from(values(array)) });
}

/** Why a time does not fit. */
export const NOT_MICROS = 'is not a whole number of microseconds within 64 bits';

const MICROS_PER_DAY = 86_400_000_000n;

/** A date column that became timestamp_ntz. */
function readDaysAsMicros(array: ArrowArray): ColumnData {
  const micros = new BigInt64Array(array.length);
  for (const [i, days] of wordsOf(array, 1).entries()) micros[i] = BigInt(days) * MICROS_PER_DAY;
  return { kind: 'int64', validity: validityOf(array), values: new Int32Array(micros.buffer) };
}

function timestampReader(pair: ColumnPair): ColumnReader | null {
  if (!ArrowType.isTimestamp(pair.fileType)) return null;
  switch (pair.fileType.unit) {
    case TimeUnit.MICROSECOND:
      return readInt64;
    case TimeUnit.MILLISECOND:
      return (array, place) =>
        scaled(
          pair,
          array,
          place,
          (millis) => BigInt.asIntN(64, millis * 1000n),
          (micros, millis) => micros / 1000n === millis,
        );
    case TimeUnit.NANOSECOND:
      return (array, place) =>
        scaled(
          pair,
          array,
          place,
          (nanos) => nanos / 1000n,
          (micros, nanos) => micros * 1000n === nanos,
        );
    default:
      return null;
  }
}

function scaled(
  pair: ColumnPair,
  array: ArrowArray,
  place: Place,
  toMicros: (value: bigint) => bigint,
  isExact: (micros: bigint, value: bigint) => boolean,
): ColumnData {
  const given = bigint64sOf(array);
  const micros = given.map(toMicros);
  const fits = (i: number): boolean => isExact(micros[i] ?? 0n, given[i] ?? 0n);
  const validity = fitting({ pair, place, validity: validityOf(array), count: array.length, fits, why: NOT_MICROS });
  return { kind: 'int64', validity, values: new Int32Array(micros.buffer) };
}
