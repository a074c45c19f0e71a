/**
 * Rows of a column batch in the lossless JSON form of the tables' expected.jsonl (test/fixtures/tables/README.md, "Expected rows").
 */
import { must, unreachable } from '../../src/lib/assert.ts';
import type { ColumnBatch, ColumnData } from '../../src/model/column-batch.ts';
import { CHANGE_TYPES } from '../../src/model/column-batch.ts';
import type { Column, DataType } from '../../src/model/table-schema.ts';
import type { DecodeRequest, FileDecoder } from '../../src/ports/file-decoder.ts';

export type JsonScalar = string | number | boolean | null;
export type JsonRow = Readonly<Record<string, JsonScalar>>;

/** All rows that a decoder yields for a request. */
export function rowsFrom(decoder: FileDecoder, request: DecodeRequest): readonly JsonRow[] {
  const rows: JsonRow[] = [];
  // A batch must be read before the next one is asked for.
  for (const batch of decoder.batches(request)) rows.push(...batchRows(batch, request.columns));
  return rows;
}

/** Each row as an object of the columns in order; `_change_type` comes first where the batch has it. */
export function batchRows(batch: ColumnBatch, columns: readonly Column[]): readonly JsonRow[] {
  return Array.from({ length: batch.rows }, (_, row) => {
    const cells = columns.map((column, i): [string, JsonScalar] => [
      column.name,
      cell(must(batch.columns[i], column.name), column.type, row),
    ]);
    if (batch.changeTypes === null) return Object.fromEntries(cells);
    return Object.fromEntries([
      ['_change_type', must(CHANGE_TYPES[must(batch.changeTypes[row], 'a change type')], 'its spelling')],
      ...cells,
    ]);
  });
}

/** One value of flat type. */
function cell(data: ColumnData, type: DataType, row: number): JsonScalar {
  if (data.kind === 'null' || !isSet(data.validity, row)) return null;
  switch (data.kind) {
    case 'boolean':
      return isSet(data.bits, row);
    case 'int32':
      return type.kind === 'date' ? dateText(at(data.values, row)) : at(data.values, row);
    case 'int64':
      return integer(data.values, row, 2).toString();
    case 'float32':
    case 'float64':
      return floatForm(at(data.values, row));
    case 'decimal':
      return decimalText(integer(data.values, row, 4), type.kind === 'decimal' ? type.scale : 0);
    case 'bytes': {
      const bytes = Buffer.from(data.data.subarray(at(data.offsets, row), at(data.offsets, row + 1)));
      return bytes.toString(type.kind === 'binary' ? 'base64' : 'utf8');
    }
    case 'struct':
    case 'list':
    case 'map':
      throw new Error(`a column of kind ${data.kind}`);
    default:
      return unreachable(data);
  }
}

function at(values: Int32Array | Float32Array | Float64Array, row: number): number {
  return must(values[row], `row ${row}`);
}

function isSet(bits: Uint8Array | null, row: number): boolean {
  return bits === null || ((must(bits[row >>> 3], `bit ${row}`) >>> (row & 7)) & 1) === 1;
}

/** Little-endian words of 32 bits, two's complement. */
function integer(words: Int32Array, row: number, count: number): bigint {
  let value = 0n;
  for (let i = count - 1; i >= 0; i--) value = (value << 32n) | BigInt(at(words, count * row + i) >>> 0);
  return BigInt.asIntN(32 * count, value);
}

function floatForm(value: number): JsonScalar {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0.0' : value;
  return String(value);
}

function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

const DAY_MS = 86_400_000;
/** The Gregorian calendar repeats after so many days, and so many years. */
const CYCLE = { days: 146_097, years: 400 };

function dateText(days: number): string {
  const cycles = Math.floor(days / CYCLE.days);
  const date = new Date((days - cycles * CYCLE.days) * DAY_MS);
  const year = date.getUTCFullYear() + cycles * CYCLE.years;
  const digits = Math.abs(year).toString().padStart(4, '0');
  const yearText = year >= 1 && year <= 9999 ? digits : `${year < 0 ? '-' : '+'}${digits}`;
  return `${yearText}-${date.toISOString().slice(5, 10)}`;
}
