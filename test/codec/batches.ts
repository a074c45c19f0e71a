/**
 * Rows → column batches, and a decoder that yields them: what the codec's tests are fed with.
 */
import { CHANGE_TYPES } from '../../src/model/column-batch.ts';
import type { ChangeType, ColumnBatch, ColumnData } from '../../src/model/column-batch.ts';
import type { Column, DataType } from '../../src/model/table-schema.ts';
import type { DecodeRequest, FileDecoder } from '../../src/ports/file-decoder.ts';

/**
 * A cell: bigint for whole numbers of every size, decimals (unscaled), dates and timestamps; number for floating point; Uint8Array or string for binary and
 * string.
 */
export type Cell = bigint | number | boolean | string | Uint8Array | null;

export interface TestRow {
  readonly cells: Readonly<Record<string, Cell>>;
  /** Of a change file's row. */
  readonly change?: ChangeType;
}

export function column(name: string, type: DataType, comment: string | null = null): Column {
  return { name, type, nullable: true, comment, physical: null };
}

/** Yields `rows` as a file whose batches hold `batchRows` rows at most. Only the rows' columns are there. */
export function rowsDecoder(rows: readonly TestRow[], batchRows: number): FileDecoder {
  return {
    *batches(request: DecodeRequest): Generator<ColumnBatch, void> {
      for (let first = request.fromRow; first < rows.length; first += batchRows) {
        yield batchOf(rows.slice(first, first + batchRows), first, request);
      }
    },
    rows: () => Promise.reject(new Error('not here')),
    heldBytes: () => 0,
  };
}

function batchOf(rows: readonly TestRow[], firstRow: number, request: DecodeRequest): ColumnBatch {
  return {
    firstRow,
    rows: rows.length,
    columns: request.columns.map(({ name, type }) => {
      const cells = rows.map((row) => row.cells[name] ?? null);
      return rows.some((row) => name in row.cells) ? columnData(type, cells) : { kind: 'null' };
    }),
    changeTypes: request.changeTypes ? Uint8Array.from(rows, (row) => CHANGE_TYPES.indexOf(row.change ?? 'insert')) : null,
  };
}

/** The column's arrays. Null cells hold rubbish, as they may in a decoder's. */
function columnData(type: DataType, cells: readonly Cell[]): ColumnData {
  const validity = cells.includes(null) ? bitmap(cells.map((cell) => cell !== null)) : null;
  const whole = cells.map((cell) => (typeof cell === 'bigint' ? cell : -0x1234_5678_9abc_def0n));
  const real = cells.map((cell) => (typeof cell === 'number' ? cell : 77.7));
  switch (type.kind) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'date':
      return { kind: 'int32', validity, values: Int32Array.from(whole, (value) => Number(BigInt.asIntN(32, value))) };
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
      return { kind: 'int64', validity, values: Int32Array.from(whole.flatMap((value) => words(value, 2))) };
    case 'decimal':
      return { kind: 'decimal', validity, values: Int32Array.from(whole.flatMap((value) => words(value, 4))) };
    case 'float':
      return { kind: 'float32', validity, values: Float32Array.from(real) };
    case 'double':
      return { kind: 'float64', validity, values: Float64Array.from(real) };
    case 'boolean':
      return { kind: 'boolean', validity, bits: bitmap(cells.map((cell) => cell === true || cell === null)) };
    case 'string':
    case 'binary':
      return {
        kind: 'bytes',
        validity,
        ...joined(cells.map((cell) => (typeof cell === 'string' || cell instanceof Uint8Array ? Buffer.from(cell) : Buffer.alloc(0)))),
      };
    default:
      throw new Error(`no column of type ${type.kind}`);
  }
}

function words(value: bigint, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => Number(BigInt.asIntN(32, value >> BigInt(32 * i))));
}

function bitmap(bits: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [i, bit] of bits.entries()) if (bit) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (1 << (i & 7));
  return bytes;
}

function joined(parts: readonly Uint8Array[]): { readonly offsets: Int32Array; readonly data: Uint8Array } {
  const offsets = new Int32Array(parts.length + 1);
  for (const [i, part] of parts.entries()) offsets[i + 1] = (offsets[i] ?? 0) + part.length;
  // A prefix and a suffix that belong to nobody: views into larger memory are the rule.
  const data = Buffer.concat([Buffer.from('<<<'), ...parts, Buffer.from('>>>')]).subarray(3);
  return { offsets, data };
}
