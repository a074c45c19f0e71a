/**
 * Decimals: 128-bit words at the table's scale, from the file's own precision and scale, or from integers of a column that was widened to a decimal.
 */
import { DataType as ArrowType } from 'apache-arrow';

import type { ColumnData } from '../../src/model/column-batch.ts';
import type { ArrowArray } from './arrow-memory.ts';
import { bigint64sOf, int16sOf, int8sOf, validityOf, wordsOf } from './arrow-memory.ts';
import type { ColumnPair, ColumnReader } from './column-pair.ts';

/** The reader, or null if the file's type may hold what the table's does not. */
export function decimalReader(
  { fileType }: ColumnPair,
  wanted: { readonly precision: number; readonly scale: number },
): ColumnReader | null {
  const wholeDigits = wanted.precision - wanted.scale;
  if (ArrowType.isDecimal(fileType)) {
    const { precision, scale, bitWidth } = fileType;
    if (bitWidth !== 128 || scale > wanted.scale || precision - scale > wholeDigits) return null;
    return scale === wanted.scale
      ? readDecimal
      : rescaler(wanted.scale - scale, (array) => bigint64sOf({ ...array, length: array.length * 2, offset: array.offset * 2 }), 2);
  }
  if (!ArrowType.isInt(fileType) || !fileType.isSigned || wholeDigits < INTEGER_DIGITS[fileType.bitWidth]) return null;
  switch (fileType.bitWidth) {
    case 8:
      return rescaler(wanted.scale, (array) => BigInt64Array.from(int8sOf(array), BigInt), 1);
    case 16:
      return rescaler(wanted.scale, (array) => BigInt64Array.from(int16sOf(array), BigInt), 1);
    case 32:
      return rescaler(wanted.scale, (array) => BigInt64Array.from(wordsOf(array, 1), BigInt), 1);
    case 64:
      return rescaler(wanted.scale, bigint64sOf, 1);
  }
}

/** Digits that an integer type may need, as Delta counts them for widening to a decimal (PROTOCOL.md §Type Widening). */
const INTEGER_DIGITS = { 8: 10, 16: 10, 32: 10, 64: 20 } as const;

function readDecimal(array: ArrowArray): ColumnData {
  return { kind: 'decimal', validity: validityOf(array), values: wordsOf(array, 4) };
}

/** Multiplies by ten to the `power`; `limbs` gives one or two 64-bit limbs a row, the lower one first. */
function rescaler(power: number, limbs: (array: ArrowArray) => BigInt64Array, limbsPerRow: 1 | 2): ColumnReader {
  const factor = 10n ** BigInt(power);
  return (array) => {
    const source = limbs(array);
    const values = new BigInt64Array(array.length * 2);
    for (let i = 0; i < array.length; i++) {
      const low = source[limbsPerRow * i] ?? 0n;
      const unscaled = limbsPerRow === 1 ? low : ((source[2 * i + 1] ?? 0n) << 64n) | BigInt.asUintN(64, low);
      const product = unscaled * factor;
      values[2 * i] = BigInt.asIntN(64, product);
      values[2 * i + 1] = BigInt.asIntN(64, product >> 64n);
    }
    return { kind: 'decimal', validity: validityOf(array), values: new Int32Array(values.buffer) };
  };
}
