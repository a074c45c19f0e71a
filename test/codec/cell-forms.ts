/**
 * Cells in other forms: as avsc gives them, and as the JSON of `tail`, `peek` and the tables' expected rows.
 */
import { avroName } from '../../src/codec/avro-name.ts';
import type { JsonCell } from '../../src/codec/avro-reader.ts';
import { dateText } from '../../src/codec/calendar.ts';
import { assert, unreachable } from '../../src/lib/assert.ts';
import type { DataType } from '../../src/model/table-schema.ts';
import { isList, isStruct } from './batches.ts';
import type { Cell } from './batches.ts';

/** A value that avsc read in a union with null, or a void. Maps come in no order. */
export function cellFrom(type: DataType, wrapped: unknown): Cell {
  if (wrapped === null) return null;
  assert(isObject(wrapped) && Object.keys(wrapped).length === 1, 'a value of a union, wrapped');
  return bareCell(type, Object.values(wrapped)[0]);
}

function bareCell(type: DataType, value: unknown): Cell {
  switch (type.kind) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'date':
      return BigInt(Number(value));
    case 'decimal':
      assert(Buffer.isBuffer(value), 'bytes');
      return BigInt.asIntN(8 * value.length, BigInt(`0x${value.toString('hex')}`));
    case 'struct':
      assert(isObject(value), 'a record');
      return Object.fromEntries(type.fields.map((field) => [field.name, cellFrom(field.type, value[avroName(field.name)])]));
    case 'variant':
      assert(isObject(value), 'a record');
      return { metadata: cellFrom({ kind: 'binary' }, value['metadata']), value: cellFrom({ kind: 'binary' }, value['value']) };
    case 'array':
      assert(Array.isArray(value), 'an array');
      return value.map((item) => cellFrom(type.element, item));
    case 'map':
      if (Array.isArray(value)) return value.map((entry: unknown) => pairFrom(type.key, type.value, entry));
      assert(isObject(value), 'a map');
      return Object.entries(value).map(([key, item]) => [key, cellFrom(type.value, item)]);
    default:
      assert(
        typeof value === 'bigint' ||
          typeof value === 'number' ||
          typeof value === 'string' ||
          typeof value === 'boolean' ||
          Buffer.isBuffer(value),
        `a value of type ${typeof value} for ${type.kind}`,
      );
      return value;
  }
}

function pairFrom(key: DataType, value: DataType, entry: unknown): readonly Cell[] {
  assert(isObject(entry), 'an entry of a map');
  return [cellFrom(key, entry['key']), cellFrom(value, entry['value'])];
}

/** The cell as JSON. `order`: of the entries of maps with strings for keys. */
export function jsonForm(type: DataType, cell: Cell, order: 'stored' | 'by key'): JsonCell {
  if (cell === null) return null;
  switch (type.kind) {
    case 'byte':
    case 'short':
    case 'integer':
      return Number(cell);
    case 'date':
      return dateText(Number(cell));
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
      return textOf(cell);
    case 'float':
    case 'double':
      return Object.is(cell, -0) ? '-0.0' : Number.isFinite(cell) ? Number(cell) : textOf(cell);
    case 'decimal':
      return decimalText(BigInt(textOf(cell)), type.scale);
    case 'boolean':
      return cell === true;
    case 'string':
      return textOf(cell);
    case 'binary':
      assert(typeof cell === 'string' || cell instanceof Uint8Array, 'bytes');
      return Buffer.from(cell).toString('base64');
    case 'struct':
      return Object.fromEntries(type.fields.map((field) => [field.name, jsonForm(field.type, member(cell, field.name), order)]));
    case 'variant':
      return Object.fromEntries(['metadata', 'value'].map((name) => [name, jsonForm({ kind: 'binary' }, member(cell, name), order)]));
    case 'array':
      return list(cell).map((item) => jsonForm(type.element, item, order));
    case 'map': {
      const pairs = list(cell).map((entry) => {
        const [key = null, value = null] = list(entry);
        return [jsonForm(type.key, key, order), jsonForm(type.value, value, order)];
      });
      if (order === 'stored' || type.key.kind !== 'string') return pairs;
      return pairs.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    }
    case 'void':
    case 'unknown':
      throw new Error(`a value of type ${type.kind}`);
    default:
      return unreachable(type);
  }
}

function decimalText(unscaled: bigint, scale: number): string {
  const whole = unscaled / 10n ** BigInt(scale);
  const rest = String(unscaled < 0n ? -unscaled % 10n ** BigInt(scale) : unscaled % 10n ** BigInt(scale)).padStart(scale, '0');
  const sign = unscaled < 0n && whole === 0n ? '-' : '';
  return scale === 0 ? String(unscaled) : `${sign}${whole}.${rest}`;
}

function textOf(cell: Cell): string {
  assert(typeof cell === 'bigint' || typeof cell === 'number' || typeof cell === 'string', 'a cell of one text');
  return String(cell);
}

function list(cell: Cell): readonly Cell[] {
  assert(isList(cell), 'a list');
  return cell;
}

function member(cell: Cell, name: string): Cell {
  assert(isStruct(cell) && name in cell, `a struct with a field ${name}`);
  return cell[name] ?? null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
