/**
 * Tables before and after each change that `evolve` takes, and what a reader of one schema is to find in rows of another.
 */
import type { Column, DataType, PrimitiveName, TableSchema } from '../../src/model/table-schema.ts';
import { column, isList, isStruct } from '../codec/batches.ts';
import type { Cell, TestRow } from '../codec/batches.ts';

export interface Side {
  readonly columns: readonly Column[];
  readonly rows: readonly TestRow[];
}

export interface Evolution {
  readonly what: string;
  readonly old: Side;
  readonly new: Side;
}

export function tableOf(columns: readonly Column[]): TableSchema {
  return { columns, partitionColumns: [], mapping: columns.some(({ physical }) => physical !== null) ? 'name' : 'none' };
}

/** A value that is wider than its reader: no promotion of Avro's leads from it. */
export class TooWide extends Error {}

/** The cell that a reader of `to` finds in a cell of `from`: by name, null where there is none, and never the value of another column. Throws `TooWide`. */
function seenAs(to: DataType, from: DataType, cell: Cell): Cell {
  if (cell === null) return null;
  if (to.kind === 'struct' && from.kind === 'struct' && isStruct(cell)) return fieldsSeenAs(to.fields, from.fields, cell);
  if (to.kind === 'array' && from.kind === 'array' && isList(cell)) return cell.map((item) => seenAs(to.element, from.element, item));
  if (to.kind === 'map' && from.kind === 'map' && isList(cell)) {
    return cell.map((entry): Cell => {
      const [key = null, value = null] = isList(entry) ? entry : [];
      return [seenAs(to.key, from.key, key), seenAs(to.value, from.value, value)];
    });
  }
  if (isTooWide(to, from)) throw new TooWide();
  return to.kind === 'double' && typeof cell === 'bigint' ? Number(cell) : cell;
}

/** Whether somewhere in the columns that both know a value may be wider than its reader. */
export function hasTooWide(to: readonly Column[], from: readonly Column[]): boolean {
  return to.some((field) => {
    const source = sourceOf(field, from);
    return source !== undefined && holdsTooWide(field.type, source.type);
  });
}

function holdsTooWide(to: DataType, from: DataType): boolean {
  if (to.kind === 'struct' && from.kind === 'struct') return hasTooWide(to.fields, from.fields);
  if (to.kind === 'array' && from.kind === 'array') return holdsTooWide(to.element, from.element);
  if (to.kind === 'map' && from.kind === 'map') return holdsTooWide(to.key, from.key) || holdsTooWide(to.value, from.value);
  return isTooWide(to, from);
}

function isTooWide(to: DataType, from: DataType): boolean {
  if (to.kind === 'float') return from.kind === 'double';
  const isWhole = to.kind === 'byte' || to.kind === 'short' || to.kind === 'integer';
  return isWhole && (from.kind === 'long' || from.kind === 'double');
}

function sourceOf({ name, physical }: Column, from: readonly Column[]): Column | undefined {
  return from.find((field) => field.name === name && field.physical?.name === physical?.name);
}

export function fieldsSeenAs(
  to: readonly Column[],
  from: readonly Column[],
  cells: Readonly<Record<string, Cell>>,
): Readonly<Record<string, Cell>> {
  return Object.fromEntries(
    to.map((field): [string, Cell] => {
      const source = sourceOf(field, from);
      return [field.name, source === undefined ? null : seenAs(field.type, source.type, cells[field.name] ?? null)];
    }),
  );
}

/** Where a type may stand in a table. */
const PLACES: Readonly<Record<string, (type: DataType) => DataType>> = {
  'the top level': (type) => type,
  'a struct': (type) => struct([column('before', { kind: 'string' }), column('x', type)]),
  'an array': (type) => array(type),
  'the values of a map': (type) => map({ kind: 'string' }, type),
  'the values of a map with other keys': (type) => map({ kind: 'date' }, type),
  'the keys of a map': (type) => map(type, { kind: 'string' }),
  'structs in a map in an array': (type) => array(map({ kind: 'string' }, struct([column('x', type), column('after', { kind: 'long' })]))),
};

/** A cell of the place for each cell of the type, and null at every level above. */
function cellsAt(place: DataType, inner: DataType, cells: readonly Cell[]): readonly Cell[] {
  if (place === inner) return cells;
  switch (place.kind) {
    case 'struct': {
      const field = place.fields.find(({ name }) => name === 'x');
      const inside = field === undefined ? [] : cellsAt(field.type, inner, cells);
      return [
        null,
        ...inside.map((cell) =>
          Object.fromEntries(place.fields.map(({ name, type }): [string, Cell] => [name, name === 'x' ? cell : someCell(type)])),
        ),
      ];
    }
    case 'array':
      return [null, [], cellsAt(place.element, inner, cells)];
    case 'map': {
      if (place.key === inner) return [null, [], cells.filter((cell) => cell !== null).map((cell, i) => [cell, `value ${i}`])];
      const values = cellsAt(place.value, inner, cells);
      return [null, [], values.map((cell, i) => [place.key.kind === 'string' ? `key ${i}` : BigInt(i), cell])];
    }
    default:
      return [];
  }
}

function someCell(type: DataType): Cell {
  return type.kind === 'string' ? 'some text' : type.kind === 'long' ? 2n ** 62n : null;
}

const NUMBERS: Readonly<Record<string, readonly Cell[]>> = {
  byte: [-128n, 127n, 0n, null],
  short: [-32_768n, 32_767n, 64n, null],
  integer: [-(2n ** 31n), 2n ** 31n - 1n, 16_777_217n, null],
  long: [-(2n ** 63n), 2n ** 63n - 1n, 2n ** 31n, 2n ** 53n + 1n, null],
  float: [Math.fround(0.1), -0, Math.fround(3.4e38), Infinity, NaN, null],
  double: [0.1, -0, 1e308, 5e-324, -Infinity, NaN, null],
};

const RETYPED: readonly (readonly [PrimitiveName, PrimitiveName])[] = [
  ['byte', 'short'],
  ['byte', 'integer'],
  ['short', 'byte'],
  ['short', 'integer'],
  ['integer', 'byte'],
  ['integer', 'short'],
  ['byte', 'long'],
  ['short', 'long'],
  ['integer', 'long'],
  ['float', 'double'],
  ['byte', 'double'],
  ['short', 'double'],
  ['integer', 'double'],
];

/** Columns of other types on both sides of what changes, to notice a reader that loses its place. */
const BESIDE: readonly Column[] = [
  column('price', { kind: 'decimal', precision: 20, scale: 4 }),
  column('day', { kind: 'date' }),
  column('at', { kind: 'timestamp' }),
];
const BESIDE_CELLS: Readonly<Record<string, Cell>> = { price: -123_456_789_0001n, day: 19_000n, at: 1_700_000_000_123_456n };

function side(columns: readonly Column[], cells: readonly Readonly<Record<string, Cell>>[]): Side {
  const [first, ...others] = BESIDE;
  const around = first === undefined ? columns : [first, ...columns, ...others];
  return { columns: around, rows: cells.map((row) => ({ cells: { ...BESIDE_CELLS, ...row } })) };
}

function retyped(what: string, [from, to]: readonly [PrimitiveName, PrimitiveName], place: (type: DataType) => DataType): Evolution {
  const at = (kind: PrimitiveName): Side => {
    const inner: DataType = { kind };
    const type = place(inner);
    return side(
      [column('x', type)],
      cellsAt(type, inner, NUMBERS[kind] ?? []).map((x) => ({ x })),
    );
  };
  return { what, old: at(from), new: at(to) };
}

/** A struct before and after, at each place. */
function restructured(
  what: string,
  old: readonly (readonly [Column, Cell])[],
  next: readonly (readonly [Column, Cell])[],
): readonly Evolution[] {
  const at = (fields: readonly (readonly [Column, Cell])[], place: (type: DataType) => DataType): Side => {
    const inner = struct(fields.map(([field]) => field));
    const type = place(inner);
    const whole = Object.fromEntries(fields.map(([field, cell]) => [field.name, cell]));
    const empty = Object.fromEntries(fields.map(([field]) => [field.name, null]));
    return side(
      [column('x', type)],
      cellsAt(type, inner, [whole, null, empty]).map((x) => ({ x })),
    );
  };
  const topLevel = (fields: readonly (readonly [Column, Cell])[]): Side =>
    side(
      fields.map(([field]) => field),
      [Object.fromEntries(fields.map(([field, cell]) => [field.name, cell])), {}],
    );
  return [
    { what: `${what} at the top level`, old: topLevel(old), new: topLevel(next) },
    ...Object.entries(PLACES).map(([name, place]): Evolution => ({
      what: `${what} of a struct in ${name}`,
      old: at(old, place),
      new: at(next, place),
    })),
  ];
}

const a: readonly [Column, Cell] = [column('a', { kind: 'integer' }), 5n];
const text: readonly [Column, Cell] = [column('text', { kind: 'string' }), 'some text'];
const tags: readonly [Column, Cell] = [column('tags', array({ kind: 'string' })), ['one', null]];
const inner: readonly [Column, Cell] = [column('inner', struct([column('deep', { kind: 'long' })])), { deep: 7n }];
const byDay: readonly [Column, Cell] = [
  column('by day', map({ kind: 'date' }, { kind: 'long' })),
  [
    [1n, 2n],
    [3n, null],
  ],
];
const nothing: readonly [Column, Cell] = [column('nothing', { kind: 'void' }), null];

function renamed([of, cell]: readonly [Column, Cell], name: string, physical: string): readonly [Column, Cell] {
  return [{ ...of, name, physical: { name: physical, id: null } }, cell];
}

/** Every change that DESIGN §6 "Schema change" accepts, at every place. */
export const EVOLUTIONS: readonly Evolution[] = [
  ...RETYPED.flatMap((pair) => Object.entries(PLACES).map(([name, place]) => retyped(`${pair.join(' → ')} in ${name}`, pair, place))),
  ...restructured('columns added', [a], [text, a, tags, inner, byDay, nothing]),
  ...restructured('columns dropped', [a, tags, inner, byDay, nothing, text], [a]),
  ...restructured('one dropped and another added', [a, text], [a, inner]),
  ...restructured('another order', [a, text, tags, inner, byDay], [byDay, inner, a, tags, text]),
  ...restructured('another comment', [[{ ...a[0], comment: 'as it was' }, 5n], text], [[{ ...a[0], comment: 'as it is' }, 6n], text]),
  ...restructured(
    'NOT NULL taken off and put on',
    [[{ ...a[0], nullable: false }, 5n], text],
    [a, [{ ...text[0], nullable: false }, 'some text']],
  ),
  ...restructured(
    'one renamed',
    [renamed(a, 'a', 'col-1'), renamed(text, 'text', 'col-2')],
    [renamed(a, 'b', 'col-1'), renamed(text, 'text', 'col-2')],
  ),
];

function struct(fields: readonly Column[]): DataType {
  return { kind: 'struct', fields };
}

function array(element: DataType): DataType {
  return { kind: 'array', element, containsNull: true };
}

function map(key: DataType, value: DataType): DataType {
  return { kind: 'map', key, value, valueContainsNull: true };
}
