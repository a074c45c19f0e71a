/**
 * CHAR(n) values, filled up with blanks as Spark's readers do (org.apache.spark.sql.catalyst.util.CharVarcharCodegenUtils.readSidePadding): characters are code
 * points, and what is longer stays.
 */
import { must } from '../lib/assert.ts';
import type { ColumnBatch, ColumnData } from '../model/column-batch.ts';
import type { Column, DataType } from '../model/table-schema.ts';
import { isNull } from './leaf-cells.ts';

const BLANK = 0x20;

/** Whether a type holds a CHAR(n), at any depth. */
export function hasChars(type: DataType): boolean {
  switch (type.kind) {
    case 'string':
      return 'padTo' in type;
    case 'struct':
      return type.fields.some((field) => hasChars(field.type));
    case 'array':
      return hasChars(type.element);
    case 'map':
      return hasChars(type.key) || hasChars(type.value);
    default:
      return false;
  }
}

/** The batch of these columns, with its CHARs filled up. */
export function paddedBatch(batch: ColumnBatch, columns: readonly Column[]): ColumnBatch {
  return { ...batch, columns: batch.columns.map((data, i) => padded(must(columns[i], 'a column of the batch').type, data, batch.rows)) };
}

export function paddedText(text: string, padTo: number): string {
  return text + ' '.repeat(Math.max(0, padTo - Array.from(text).length));
}

/** The column of so many rows; what holds no CHAR is as it was. */
function padded(type: DataType, column: ColumnData, rows: number): ColumnData {
  if (!hasChars(type)) return column;
  if (type.kind === 'string' && 'padTo' in type && column.kind === 'bytes') return paddedBytes(column, type.padTo, rows);
  if (type.kind === 'struct' && column.kind === 'struct') {
    return { ...column, fields: column.fields.map((field, i) => padded(must(type.fields[i], 'a field').type, field, rows)) };
  }
  if (type.kind === 'array' && column.kind === 'list') {
    return { ...column, element: padded(type.element, column.element, itemsOf(column.offsets, rows)) };
  }
  if (type.kind === 'map' && column.kind === 'map') {
    const items = itemsOf(column.offsets, rows);
    return { ...column, key: padded(type.key, column.key, items), value: padded(type.value, column.value, items) };
  }
  return column;
}

function itemsOf(offsets: Int32Array, rows: number): number {
  return offsets[rows] ?? 0;
}

type Bytes = Extract<ColumnData, { readonly kind: 'bytes' }>;

function paddedBytes(column: Bytes, padTo: number, rows: number): Bytes {
  const { validity, offsets, data } = column;
  const ends = new Int32Array(rows + 1);
  for (let row = 0; row < rows; row += 1) {
    const length = isNull(validity, row) ? 0 : (offsets[row + 1] ?? 0) - (offsets[row] ?? 0) + missing(column, padTo, row);
    ends[row + 1] = (ends[row] ?? 0) + length;
  }
  const filled = new Uint8Array(ends[rows] ?? 0).fill(BLANK);
  for (let row = 0; row < rows; row += 1) {
    if (!isNull(validity, row)) filled.set(data.subarray(offsets[row], offsets[row + 1]), ends[row]);
  }
  return { kind: 'bytes', validity, offsets: ends, data: filled };
}

/** Characters that the value of a row has too few. */
function missing({ offsets, data }: Bytes, padTo: number, row: number): number {
  let characters = 0;
  for (let at = offsets[row] ?? 0; at < (offsets[row + 1] ?? 0); at += 1) {
    // Of a character in UTF-8 all bytes but the first begin with the bits 10.
    if (((data[at] ?? 0) & 0xc0) !== 0x80) characters += 1;
  }
  return Math.max(0, padTo - characters);
}
