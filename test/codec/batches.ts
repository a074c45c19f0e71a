/**
 * Rows → column batches, and a decoder that yields them: what the codec's tests are fed with.
 */
import { CHANGE_TYPES } from '../../src/model/column-batch.ts';
import type { ChangeType, ColumnBatch, ColumnData } from '../../src/model/column-batch.ts';
import type { Column, DataType } from '../../src/model/table-schema.ts';
import type { DecodeRequest, FileDecoder } from '../../src/ports/file-decoder.ts';

/**
 * A cell: bigint for whole numbers of every size, decimals (unscaled), dates and timestamps; number for floating point; Uint8Array or string for binary and
 * string; a struct by the names of its fields, a map as pairs.
 */
export type Cell = bigint | number | boolean | string | Uint8Array | null | readonly Cell[] | { readonly [field: string]: Cell };

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

/** The column's arrays. Null cells hold rubbish, as they may in a decoder's, and so does all that is below them. */
export function columnData(type: DataType, cells: readonly Cell[]): ColumnData {
  // A decoder says so of columns that the file lacks, and may say so of any.
  if (type.kind === 'void' || (cells.length % 2 === 1 && cells.every((cell) => cell === null))) return { kind: 'null' };
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
        ...joined(
          cells.map((cell) => (typeof cell === 'string' || cell instanceof Uint8Array ? Buffer.from(cell) : Buffer.from('rubbish'))),
        ),
      };
    case 'variant':
      return structData([column('metadata', { kind: 'binary' }), column('value', { kind: 'binary' })], cells, validity);
    case 'struct':
      return structData(type.fields, cells, validity);
    case 'array': {
      const { offsets, items } = flattened(cells, rubbish(type.element));
      return { kind: 'list', validity, offsets, element: columnData(type.element, items) };
    }
    case 'map': {
      const { offsets, items } = flattened(cells, [rubbish(type.key), rubbish(type.value)]);
      const part = (i: number): readonly Cell[] => items.map((entry) => (isList(entry) ? (entry[i] ?? null) : null));
      return { kind: 'map', validity, offsets, key: columnData(type.key, part(0)), value: columnData(type.value, part(1)) };
    }
    case 'unknown':
      throw new Error(`no column of type ${type.text}`);
  }
}

function structData(fields: readonly Column[], cells: readonly Cell[], validity: Uint8Array | null): ColumnData {
  return {
    kind: 'struct',
    validity,
    fields: fields.map(({ name, type }) =>
      columnData(
        type,
        cells.map((cell) => (isStruct(cell) ? (cell[name] ?? null) : rubbish(type))),
      ),
    ),
  };
}

/** Lists one behind the other: something before the first, and something below each null. */
function flattened(cells: readonly Cell[], waste: Cell): { readonly offsets: Int32Array; readonly items: readonly Cell[] } {
  const offsets = new Int32Array(cells.length + 1);
  const items: Cell[] = [waste];
  offsets[0] = 1;
  for (const [i, cell] of cells.entries()) {
    items.push(...(isList(cell) ? cell : [waste, waste]));
    offsets[i + 1] = items.length;
  }
  return { offsets, items };
}

/** A value that nobody asked for. */
function rubbish(type: DataType): Cell {
  switch (type.kind) {
    case 'array':
      return [rubbish(type.element)];
    case 'map':
      return [[rubbish(type.key), rubbish(type.value)]];
    case 'struct':
      return Object.fromEntries(type.fields.map((field) => [field.name, rubbish(field.type)]));
    case 'variant':
      return { metadata: 'rubbish', value: 'rubbish' };
    case 'boolean':
      return true;
    case 'string':
    case 'binary':
      return 'rubbish';
    case 'float':
    case 'double':
      return 77.7;
    case 'void':
    case 'unknown':
      return null;
    default:
      return -9_999_999n;
  }
}

export function isList(cell: Cell): cell is readonly Cell[] {
  return Array.isArray(cell);
}

export function isStruct(cell: Cell): cell is { readonly [field: string]: Cell } {
  return typeof cell === 'object' && cell !== null && !isList(cell) && !(cell instanceof Uint8Array);
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
