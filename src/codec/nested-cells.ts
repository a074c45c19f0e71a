/**
 * Cells of nested columns: struct → record, list → array, map → map or, where its keys are no strings, array of {key, value} records (DESIGN §6). The arrays of
 * a column and of all columns below it become a tree, and a row's cell is measured, and then written, by walking down that tree: a list is as long as it
 * is, so that there are no cursors for the cells below it, and nothing but the tree is held.
 *
 * Arrays and maps are one block: the number of items, the items, and the 0 that ends it; an empty one is the 0 alone.
 */
import { assert, must } from '../lib/assert.ts';
import type { ColumnData } from '../model/column-batch.ts';
import type { DataType } from '../model/table-schema.ts';
import { constant, copy } from './arena.ts';
import type { Arena, Constant } from './arena.ts';
import { bitsOf, decimalLength, isNull, VALUE, writeDecimal } from './leaf-cells.ts';
import { longLength, unsignedLength, writeLong, writeUnsigned, zigzag } from '../lib/varint.ts';

/** How a cell is written. Numbers, since a walk passes here for each cell. */
const FORM = {
  /** A void: not even the branch of a union. */
  nothing: 0,
  /** Null in every row. */
  null: 1,
  boolean: 2,
  int: 3,
  long: 4,
  float: 5,
  double: 6,
  bytes: 7,
  decimal: 8,
  struct: 9,
  /** Lists and maps: each item is the cells of the children. */
  items: 10,
  /** The key of an Avro map: bytes that are in no union. */
  name: 11,
} as const;
type Form = (typeof FORM)[keyof typeof FORM];

/** A column and those below it. All have one shape, whatever their form, so that the walk reads them without looking up where. */
export interface CellTree {
  readonly form: Form;
  readonly validity: Uint8Array | null;
  /** Numbers of every kind, as the words that they are made of; bits of booleans are in `data`. */
  readonly words: Int32Array;
  readonly offsets: Int32Array;
  readonly data: Constant;
  readonly children: readonly CellTree[];
}

const NO_WORDS = new Int32Array(0);
const NO_BYTES = constant(new Uint8Array(0));

const BINARY: DataType = { kind: 'binary' };

/** The tree of a column of this type. It sees the column's arrays, and lives as long as they do. */
export function cellTree(type: DataType, column: ColumnData): CellTree {
  if (type.kind === 'void') return treeOf(FORM.nothing, null, {});
  if (column.kind === 'null') return treeOf(FORM.null, null, {});
  const { validity } = column;
  switch (column.kind) {
    case 'boolean':
      return treeOf(FORM.boolean, validity, { data: column.bits });
    case 'int32':
      return treeOf(FORM.int, validity, { words: column.values });
    case 'int64':
      return treeOf(FORM.long, validity, { words: column.values });
    case 'float32':
      return treeOf(FORM.float, validity, { words: bitsOf(column.values) });
    case 'float64':
      return treeOf(FORM.double, validity, { words: bitsOf(column.values) });
    case 'decimal':
      return treeOf(FORM.decimal, validity, { words: column.values });
    case 'bytes':
      return treeOf(FORM.bytes, validity, column);
    case 'struct':
      return treeOf(FORM.struct, validity, { children: fieldTrees(type, column.fields) });
    case 'list':
      assert(type.kind === 'array', `a list for a column of type ${type.kind}`);
      return treeOf(FORM.items, validity, { offsets: column.offsets, children: [cellTree(type.element, column.element)] });
    case 'map':
      assert(type.kind === 'map', `a map for a column of type ${type.kind}`);
      return treeOf(FORM.items, validity, {
        offsets: column.offsets,
        children: [keyTree(type.key, column.key), cellTree(type.value, column.value)],
      });
  }
}

/** Bytes of the cell of a row. */
export function treeLength(tree: CellTree, row: number): number {
  const { form, words, offsets } = tree;
  if (form === FORM.nothing) return 0;
  if (form === FORM.null || isNull(tree.validity, row)) return 1;
  switch (form) {
    case FORM.boolean:
      return 2;
    case FORM.int:
      return 1 + unsignedLength(zigzag(words[row] ?? 0));
    case FORM.long:
      return 1 + longLength(words[2 * row] ?? 0, words[2 * row + 1] ?? 0);
    case FORM.float:
      return 5;
    case FORM.double:
      return 9;
    case FORM.decimal:
      return 2 + decimalLength(words, row);
    case FORM.bytes:
    case FORM.name: {
      const length = (offsets[row + 1] ?? 0) - (offsets[row] ?? 0);
      return (form === FORM.bytes ? 1 : 0) + unsignedLength(length << 1) + length;
    }
    case FORM.struct:
      return 1 + childrenLength(tree.children, row);
    case FORM.items: {
      const first = offsets[row] ?? 0;
      const end = offsets[row + 1] ?? 0;
      let length = end > first ? 2 + unsignedLength((end - first) << 1) : 2;
      for (let item = first; item < end; item += 1) length += childrenLength(tree.children, item);
      return length;
    }
  }
}

/** Writes the cell of a row, just as many bytes as `treeLength` says, and returns where it ends. */
export function writeTree(tree: CellTree, row: number, to: Arena, start: number): number {
  const { form, words, offsets } = tree;
  const { bytes } = to;
  if (form === FORM.nothing) return start;
  if (form === FORM.null || isNull(tree.validity, row)) {
    bytes[start] = 0;
    return start + 1;
  }
  let at = start;
  if (form !== FORM.name) {
    bytes[at] = VALUE;
    at += 1;
  }
  switch (form) {
    case FORM.boolean:
      bytes[at] = ((tree.data.bytes[row >> 3] ?? 0) >> (row & 7)) & 1;
      return at + 1;
    case FORM.int:
      return writeUnsigned(zigzag(words[row] ?? 0), bytes, at);
    case FORM.long:
      return writeLong(words[2 * row] ?? 0, words[2 * row + 1] ?? 0, bytes, at);
    case FORM.float:
      to.view.setInt32(at, words[row] ?? 0, true);
      return at + 4;
    case FORM.double:
      to.view.setInt32(at, words[2 * row] ?? 0, true);
      to.view.setInt32(at + 4, words[2 * row + 1] ?? 0, true);
      return at + 8;
    case FORM.decimal:
      return writeDecimal(words, row, bytes, at);
    case FORM.bytes:
    case FORM.name: {
      const first = offsets[row] ?? 0;
      const length = (offsets[row + 1] ?? 0) - first;
      return copy(tree.data, first, length, to, writeUnsigned(length << 1, bytes, at));
    }
    case FORM.struct:
      return writeChildren(tree.children, row, to, at);
    case FORM.items: {
      const first = offsets[row] ?? 0;
      const end = offsets[row + 1] ?? 0;
      if (end > first) at = writeUnsigned((end - first) << 1, bytes, at);
      for (let item = first; item < end; item += 1) at = writeChildren(tree.children, item, to, at);
      bytes[at] = 0;
      return at + 1;
    }
  }
}

interface Arrays {
  readonly words?: Int32Array;
  readonly offsets?: Int32Array;
  readonly data?: Uint8Array;
  readonly children?: readonly CellTree[];
}

function treeOf(form: Form, validity: Uint8Array | null, { words, offsets, data, children }: Arrays): CellTree {
  return {
    form,
    validity,
    words: words ?? NO_WORDS,
    offsets: offsets ?? NO_WORDS,
    data: data === undefined ? NO_BYTES : constant(data),
    children: children ?? [],
  };
}

function keyTree(type: DataType, column: ColumnData): CellTree {
  if (type.kind !== 'string') return cellTree(type, column);
  assert(column.kind === 'bytes', `keys of kind ${column.kind} in a map with strings for keys`);
  return treeOf(FORM.name, null, column);
}

function childrenLength(children: readonly CellTree[], row: number): number {
  let length = 0;
  for (const child of children) length += treeLength(child, row);
  return length;
}

function writeChildren(children: readonly CellTree[], row: number, to: Arena, start: number): number {
  let at = start;
  for (const child of children) at = writeTree(child, row, to, at);
  return at;
}

function fieldTrees(type: DataType, columns: readonly ColumnData[]): readonly CellTree[] {
  const types = fieldTypes(type);
  assert(types.length === columns.length, `a struct of ${columns.length} columns for ${types.length} fields`);
  return types.map((fieldType, i) => cellTree(fieldType, must(columns[i], 'the column of a field')));
}

function fieldTypes(type: DataType): readonly DataType[] {
  if (type.kind === 'variant') return [BINARY, BINARY];
  assert(type.kind === 'struct', `a struct for a column of type ${type.kind}`);
  return type.fields.map((field) => field.type);
}
