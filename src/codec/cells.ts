/**
 * The two passes over one column of nullable cells: how long each cell is in Avro, then its bytes. A cell is the union's branch (0 = null, 1 = a value, as
 * varints 0x00 and 0x02) and the value behind it.
 *
 * `rows` names the rows to encode, by number in the batch; the i-th of them adds to `lengths[i]` and is written at `cursors[i]`, which moves behind it.
 * The second pass writes just as many bytes as the first one counted.
 */
import { unreachable } from '../lib/assert.ts';
import type { ColumnData } from '../model/column-batch.ts';
import type { DataType } from '../model/table-schema.ts';
import { copy, viewOf } from './arena.ts';
import type { Arena } from './arena.ts';
import { bitsOf, decimalLength, isNull, VALUE, writeDecimal } from './leaf-cells.ts';
import { cellTree, treeLength, writeTree } from './nested-cells.ts';
import type { CellTree } from './nested-cells.ts';
import { longLength, unsignedLength, writeLong, writeUnsigned, zigzag } from '../lib/varint.ts';

/** A part of `rows` and its twins: from `start` up to, not including, `end`. */
export interface RowRange {
  readonly rows: Int32Array;
  readonly start: number;
  readonly end: number;
}

/** Adds the length of each row's cell to `lengths`. */
export function measureCells(type: DataType, data: ColumnData, { rows, start, end }: RowRange, lengths: Int32Array): void {
  switch (data.kind) {
    case 'null':
      return addConstant(lengths, start, end, 1);
    case 'boolean':
      return measureFixed(data.validity, 2, rows, start, end, lengths);
    case 'float32':
      return measureFixed(data.validity, 5, rows, start, end, lengths);
    case 'float64':
      return measureFixed(data.validity, 9, rows, start, end, lengths);
    case 'int32':
      return measureInts(data.validity, data.values, rows, start, end, lengths);
    case 'int64':
      return measureLongs(data.validity, data.values, rows, start, end, lengths);
    case 'bytes':
      return measureBytes(data.validity, data.offsets, rows, start, end, lengths);
    case 'decimal':
      return measureDecimals(data.validity, data.values, rows, start, end, lengths);
    case 'struct':
    case 'list':
    case 'map':
      return measureNested(cellTree(type, data), rows, start, end, lengths);
    default:
      unreachable(data);
  }
}

/** Writes each row's cell at its cursor. */
export function writeCells(type: DataType, data: ColumnData, { rows, start, end }: RowRange, to: Arena, cursors: Int32Array): void {
  switch (data.kind) {
    case 'null':
      return writeNulls(start, end, to.bytes, cursors);
    case 'boolean':
      return writeBooleans(data.validity, data.bits, rows, start, end, to.bytes, cursors);
    case 'float32':
      return writeWords(data.validity, bitsOf(data.values), 1, rows, start, end, to, cursors);
    case 'float64':
      return writeWords(data.validity, bitsOf(data.values), 2, rows, start, end, to, cursors);
    case 'int32':
      return writeInts(data.validity, data.values, rows, start, end, to.bytes, cursors);
    case 'int64':
      return writeLongs(data.validity, data.values, rows, start, end, to.bytes, cursors);
    case 'bytes':
      return writeBytes(data.validity, data.offsets, data.data, rows, start, end, to, cursors);
    case 'decimal':
      return writeDecimals(data.validity, data.values, rows, start, end, to.bytes, cursors);
    case 'struct':
    case 'list':
    case 'map':
      return writeNested(cellTree(type, data), rows, start, end, to, cursors);
    default:
      unreachable(data);
  }
}

/** Adds the same to every length of a range. */
function addConstant(lengths: Int32Array, start: number, end: number, amount: number): void {
  for (let i = start; i < end; i += 1) lengths[i] = (lengths[i] ?? 0) + amount;
}

function measureFixed(
  validity: Uint8Array | null,
  length: number,
  rows: Int32Array,
  start: number,
  end: number,
  lengths: Int32Array,
): void {
  if (validity === null) return addConstant(lengths, start, end, length);
  for (let i = start; i < end; i += 1) lengths[i] = (lengths[i] ?? 0) + (isNull(validity, rows[i] ?? 0) ? 1 : length);
}

function measureInts(
  validity: Uint8Array | null,
  values: Int32Array,
  rows: Int32Array,
  start: number,
  end: number,
  lengths: Int32Array,
): void {
  for (let i = start; i < end; i += 1) {
    const row = rows[i] ?? 0;
    lengths[i] = (lengths[i] ?? 0) + (isNull(validity, row) ? 1 : 1 + unsignedLength(zigzag(values[row] ?? 0)));
  }
}

function measureLongs(
  validity: Uint8Array | null,
  values: Int32Array,
  rows: Int32Array,
  start: number,
  end: number,
  lengths: Int32Array,
): void {
  for (let i = start; i < end; i += 1) {
    const row = rows[i] ?? 0;
    lengths[i] = (lengths[i] ?? 0) + (isNull(validity, row) ? 1 : 1 + longLength(values[2 * row] ?? 0, values[2 * row + 1] ?? 0));
  }
}

function measureBytes(
  validity: Uint8Array | null,
  offsets: Int32Array,
  rows: Int32Array,
  start: number,
  end: number,
  lengths: Int32Array,
): void {
  for (let i = start; i < end; i += 1) {
    const row = rows[i] ?? 0;
    if (isNull(validity, row)) {
      lengths[i] = (lengths[i] ?? 0) + 1;
    } else {
      const length = (offsets[row + 1] ?? 0) - (offsets[row] ?? 0);
      lengths[i] = (lengths[i] ?? 0) + 1 + unsignedLength(length << 1) + length;
    }
  }
}

function measureDecimals(
  validity: Uint8Array | null,
  values: Int32Array,
  rows: Int32Array,
  start: number,
  end: number,
  lengths: Int32Array,
): void {
  for (let i = start; i < end; i += 1) {
    const row = rows[i] ?? 0;
    lengths[i] = (lengths[i] ?? 0) + (isNull(validity, row) ? 1 : 2 + decimalLength(values, row));
  }
}

function writeNulls(start: number, end: number, bytes: Uint8Array, cursors: Int32Array): void {
  for (let i = start; i < end; i += 1) {
    const at = cursors[i] ?? 0;
    bytes[at] = 0;
    cursors[i] = at + 1;
  }
}

function writeBooleans(
  validity: Uint8Array | null,
  bits: Uint8Array,
  rows: Int32Array,
  start: number,
  end: number,
  bytes: Uint8Array,
  cursors: Int32Array,
): void {
  for (let i = start; i < end; i += 1) {
    const row = rows[i] ?? 0;
    const at = cursors[i] ?? 0;
    if (isNull(validity, row)) {
      bytes[at] = 0;
      cursors[i] = at + 1;
    } else {
      bytes[at] = VALUE;
      bytes[at + 1] = ((bits[row >> 3] ?? 0) >> (row & 7)) & 1;
      cursors[i] = at + 2;
    }
  }
}

function writeWords(
  validity: Uint8Array | null,
  words: Int32Array,
  width: 1 | 2,
  rows: Int32Array,
  start: number,
  end: number,
  to: Arena,
  cursors: Int32Array,
): void {
  const { bytes, view } = to;
  for (let i = start; i < end; i += 1) {
    const row = rows[i] ?? 0;
    const at = cursors[i] ?? 0;
    if (isNull(validity, row)) {
      bytes[at] = 0;
      cursors[i] = at + 1;
    } else {
      bytes[at] = VALUE;
      view.setInt32(at + 1, words[width * row] ?? 0, true);
      if (width === 2) view.setInt32(at + 5, words[2 * row + 1] ?? 0, true);
      cursors[i] = at + 1 + 4 * width;
    }
  }
}

function writeInts(
  validity: Uint8Array | null,
  values: Int32Array,
  rows: Int32Array,
  start: number,
  end: number,
  bytes: Uint8Array,
  cursors: Int32Array,
): void {
  for (let i = start; i < end; i += 1) {
    const row = rows[i] ?? 0;
    const at = cursors[i] ?? 0;
    if (isNull(validity, row)) {
      bytes[at] = 0;
      cursors[i] = at + 1;
    } else {
      bytes[at] = VALUE;
      cursors[i] = writeUnsigned(zigzag(values[row] ?? 0), bytes, at + 1);
    }
  }
}

function writeLongs(
  validity: Uint8Array | null,
  values: Int32Array,
  rows: Int32Array,
  start: number,
  end: number,
  bytes: Uint8Array,
  cursors: Int32Array,
): void {
  for (let i = start; i < end; i += 1) {
    const row = rows[i] ?? 0;
    const at = cursors[i] ?? 0;
    if (isNull(validity, row)) {
      bytes[at] = 0;
      cursors[i] = at + 1;
    } else {
      bytes[at] = VALUE;
      cursors[i] = writeLong(values[2 * row] ?? 0, values[2 * row + 1] ?? 0, bytes, at + 1);
    }
  }
}

function writeBytes(
  validity: Uint8Array | null,
  offsets: Int32Array,
  data: Uint8Array,
  rows: Int32Array,
  start: number,
  end: number,
  to: Arena,
  cursors: Int32Array,
): void {
  const from = { bytes: data, view: viewOf(data) };
  const { bytes } = to;
  for (let i = start; i < end; i += 1) {
    const row = rows[i] ?? 0;
    const at = cursors[i] ?? 0;
    if (isNull(validity, row)) {
      bytes[at] = 0;
      cursors[i] = at + 1;
    } else {
      const first = offsets[row] ?? 0;
      const length = (offsets[row + 1] ?? 0) - first;
      bytes[at] = VALUE;
      cursors[i] = copy(from, first, length, to, writeUnsigned(length << 1, bytes, at + 1));
    }
  }
}

function writeDecimals(
  validity: Uint8Array | null,
  values: Int32Array,
  rows: Int32Array,
  start: number,
  end: number,
  bytes: Uint8Array,
  cursors: Int32Array,
): void {
  for (let i = start; i < end; i += 1) {
    const row = rows[i] ?? 0;
    const at = cursors[i] ?? 0;
    if (isNull(validity, row)) {
      bytes[at] = 0;
      cursors[i] = at + 1;
    } else {
      bytes[at] = VALUE;
      cursors[i] = writeDecimal(values, row, bytes, at + 1);
    }
  }
}

function measureNested(tree: CellTree, rows: Int32Array, start: number, end: number, lengths: Int32Array): void {
  for (let i = start; i < end; i += 1) lengths[i] = (lengths[i] ?? 0) + treeLength(tree, rows[i] ?? 0);
}

function writeNested(tree: CellTree, rows: Int32Array, start: number, end: number, to: Arena, cursors: Int32Array): void {
  for (let i = start; i < end; i += 1) cursors[i] = writeTree(tree, rows[i] ?? 0, to, cursors[i] ?? 0);
}
