/**
 * Nested rows in memory, for the codec's benchmark: orders with an address, two lines, two tags, and three measurements each.
 */
import { must } from '../../src/lib/assert.ts';
import type { ColumnBatch } from '../../src/model/column-batch.ts';
import type { Column, DataType } from '../../src/model/table-schema.ts';
import type { FileDecoder } from '../../src/ports/file-decoder.ts';
import { column, columnData } from '../codec/batches.ts';
import type { Cell } from '../codec/batches.ts';

const string: DataType = { kind: 'string' };
const line: DataType = {
  kind: 'struct',
  fields: [column('sku', string), column('quantity', { kind: 'integer' }), column('price', { kind: 'decimal', precision: 18, scale: 2 })],
};

export const NESTED_COLUMNS: readonly Column[] = [
  column('id', { kind: 'long' }),
  column('address', { kind: 'struct', fields: [column('city', string), column('zip', { kind: 'integer' }), column('note', string)] }),
  column('lines', { kind: 'array', element: line, containsNull: true }),
  column('tags', { kind: 'map', key: string, value: string, valueContainsNull: true }),
  column('measured', { kind: 'array', element: { kind: 'double' }, containsNull: true }),
];

/** Leaves below a row, to tell what a row costs. */
export const NESTED_LEAVES = 1 + 3 + 2 * 3 + 2 * 2 + 3;

/** A file of so many rows: one batch, again and again. */
export function nestedDecoder(rows: number, batchRows: number): FileDecoder {
  const cells = Array.from({ length: batchRows }, (_, i) => rowOf(i));
  const batch: ColumnBatch = {
    firstRow: 0,
    rows: batchRows,
    columns: NESTED_COLUMNS.map(({ type }, at) =>
      columnData(
        type,
        cells.map((row) => must(row[at], 'a cell')),
      ),
    ),
    changeTypes: null,
  };
  return {
    *batches() {
      for (let firstRow = 0; firstRow < rows; firstRow += batchRows)
        yield { ...batch, firstRow, rows: Math.min(batchRows, rows - firstRow) };
    },
    rows: () => Promise.reject(new Error('not here')),
    heldBytes: () => 0,
  };
}

function rowOf(i: number): readonly Exclude<Cell, null>[] {
  const item = (n: number): Cell => ({
    sku: `sku-${(i * 7 + n) % 10_000}`,
    quantity: BigInt((i + n) % 50),
    price: BigInt((i * 7919 + n) % 1_000_000),
  });
  return [
    BigInt(i) * 1_000_003n,
    { city: `city ${i % 300}`, zip: BigInt(10_000 + (i % 90_000)), note: i % 3 === 0 ? null : 'leave it at the door' },
    [item(0), item(1)],
    [
      ['colour', 'blue'],
      ['size', String(i % 60)],
    ],
    [i / 3, i / 7, i % 11 === 0 ? null : i / 13],
  ];
}
