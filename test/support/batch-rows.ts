/**
 * Rows of a column batch in the lossless JSON form of the tables' expected.jsonl (test/fixtures/tables/README.md, "Expected rows").
 */
import { must, unreachable } from '../../src/lib/assert.ts';
import type { ColumnBatch, ColumnData } from '../../src/model/column-batch.ts';
import { CHANGE_TYPES } from '../../src/model/column-batch.ts';
import type { Column, DataType } from '../../src/model/table-schema.ts';
import type { DecodeRequest, FileDecoder } from '../../src/ports/file-decoder.ts';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [field: string]: JsonValue };
export type JsonRow = Readonly<Record<string, JsonValue>>;

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
    const cells = columns.map((column, i): [string, JsonValue] => [
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

function cell(data: ColumnData, type: DataType, row: number): JsonValue {
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
      return Object.fromEntries(structParts(type).map(([name, part], i) => [name, cell(must(data.fields[i], name), part, row)]));
    case 'list': {
      const element = type.kind === 'array' ? type.element : wrong(data, type);
      return within(data.offsets, row).map((i) => cell(data.element, element, i));
    }
    case 'map': {
      const { key, value } = type.kind === 'map' ? type : wrong(data, type);
      return within(data.offsets, row).map((i) => [cell(data.key, key, i), cell(data.value, value, i)]);
    }
    default:
      return unreachable(data);
  }
}

function structParts(type: DataType): readonly (readonly [string, DataType])[] {
  if (type.kind === 'struct') return type.fields.map((field) => [field.name, field.type]);
  if (type.kind !== 'variant') return wrong({ kind: 'struct' }, type);
  return [
    ['metadata', { kind: 'binary' }],
    ['value', { kind: 'binary' }],
  ];
}

function wrong({ kind }: Pick<ColumnData, 'kind'>, type: DataType): never {
  throw new Error(`data of kind ${kind} for a ${type.kind}`);
}

/** The elements of a list's or a map's row. */
function within(offsets: Int32Array, row: number): readonly number[] {
  const from = at(offsets, row);
  return Array.from({ length: at(offsets, row + 1) - from }, (_, i) => from + i);
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

function floatForm(value: number): JsonValue {
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
