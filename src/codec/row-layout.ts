/**
 * A record's key and value as parts that follow each other: stretches that are the same in every row of a file, encoded once, and cells that differ.
 */
import { must } from '../lib/assert.ts';
import { CHANGE_TYPES } from '../model/column-batch.ts';
import type { ChangeType, ColumnBatch } from '../model/column-batch.ts';
import type { Column, DataType } from '../model/table-schema.ts';
import type { EncodeRequest } from '../ports/encoder.ts';
import { constant, copy } from './arena.ts';
import type { Arena, Constant } from './arena.ts';
import { avroTexts } from './avro-schema.ts';
import { addConstant, measureCells, writeCells } from './cells.ts';
import type { RowRange } from './cells.ts';
import { keyColumns } from './key-columns.ts';
import { NULL_CELL, partitionCell } from './partition-value.ts';
import { longBytes } from './varint.ts';

type Part =
  /** The same bytes in every row. */
  | { readonly kind: 'constant'; readonly constant: Constant }
  /** The cell of the batch's column of this index. */
  | { readonly kind: 'column'; readonly index: number; readonly type: DataType }
  /** The change type that the row itself names. */
  | { readonly kind: 'change' };

/** Avro's null takes no bytes, and a void is nothing else: it is in no union. */
const VOID_CELL = new Uint8Array(0);

export interface RowLayout {
  /** What the file is asked for, in this order: the columns that its action gives no value for, but for voids, which are in no file. */
  readonly fileColumns: readonly Column[];
  /** Framing and Avro body; null without a key. */
  readonly key: readonly Part[] | null;
  readonly value: readonly Part[];
}

/** Throws `schema.type`, `schema.name`, `key.type`, and `file.column` for a partition value that does not fit. */
export function rowLayout({ entry, version, timestamp, layout }: Omit<EncodeRequest, 'bytes'>): RowLayout {
  avroTexts(layout); // A table that has no schema has no rows either.
  const { partitionValues } = entry.file;
  const fileColumns: Column[] = [];
  const cells = new Map(
    layout.schema.columns.map((column): [Column, Part] => {
      if (column.type.kind === 'void') return [column, bytesPart(VOID_CELL)];
      const text = partitionText(partitionValues, column.name);
      if (text !== undefined) return [column, bytesPart(partitionCell(column, text))];
      return [column, { kind: 'column', index: fileColumns.push(column) - 1, type: column.type }];
    }),
  );
  const cell = (column: Column): Part => must(cells.get(column), 'the cell of a column');
  const keys = keyColumns(layout);
  const change: Part = entry.kind === 'cdf' ? { kind: 'change' } : bytesPart(changeTypeBytes(entry.kind === 'add' ? 'insert' : 'delete'));
  return {
    fileColumns,
    key: keys.length === 0 ? null : joined([bytesPart(must(layout.prefixes.key, 'the framing of a key')), ...keys.map(cell)]),
    value: joined([
      bytesPart(layout.prefixes.value),
      ...layout.schema.columns.map(cell),
      change,
      bytesPart(longBytes(BigInt(version))),
      bytesPart(timestamp === null ? NULL_CELL : Buffer.concat([Uint8Array.of(2), longBytes(BigInt(timestamp))])),
    ]),
  };
}

/** Sets the length of each row of the range. */
export function measureRows(parts: readonly Part[], batch: ColumnBatch, range: RowRange, lengths: Int32Array): void {
  let fixed = 0;
  for (const part of parts) {
    if (part.kind === 'constant') fixed += part.constant.bytes.length;
    else if (part.kind === 'change') fixed += 1;
  }
  lengths.fill(0, range.start, range.end);
  addConstant(lengths, range.start, range.end, fixed);
  for (const part of parts) {
    if (part.kind === 'column') measureCells(part.type, must(batch.columns[part.index], 'a column of the batch'), range, lengths);
  }
}

/** Writes the rows of the range at their cursors. */
export function writeRows(parts: readonly Part[], batch: ColumnBatch, range: RowRange, to: Arena, cursors: Int32Array): void {
  for (const part of parts) {
    if (part.kind === 'column') writeCells(part.type, must(batch.columns[part.index], 'a column of the batch'), range, to, cursors);
    else if (part.kind === 'constant') writeConstant(part.constant, range, to, cursors);
    else writeChangeTypes(must(batch.changeTypes, 'the change types of a change file'), range, to.bytes, cursors);
  }
}

/**
 * The value that the action gives the column in all rows of its file; undefined = the column is in the file, if anywhere. The action decides, not the table's
 * partition columns: when a commit partitions a table anew, the files that it removes are partitioned as they were before.
 */
function partitionText(values: Readonly<Record<string, string | null>>, name: string): string | null | undefined {
  const key = Object.hasOwn(values, name) ? name : Object.keys(values).find((found) => found.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : values[key];
}

function changeTypeBytes(type: ChangeType): Uint8Array {
  return longBytes(BigInt(CHANGE_TYPES.indexOf(type)));
}

function bytesPart(bytes: Uint8Array): Part {
  return { kind: 'constant', constant: constant(bytes) };
}

/** Neighbouring constants as one. */
function joined(parts: readonly Part[]): readonly Part[] {
  const result: Part[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (part.kind === 'constant' && last?.kind === 'constant') {
      result[result.length - 1] = bytesPart(Buffer.concat([last.constant.bytes, part.constant.bytes]));
    } else {
      result.push(part);
    }
  }
  return result;
}

function writeConstant(from: Constant, { start, end }: RowRange, to: Arena, cursors: Int32Array): void {
  const { length } = from.bytes;
  for (let i = start; i < end; i += 1) cursors[i] = copy(from, 0, length, to, cursors[i] ?? 0);
}

function writeChangeTypes(types: Uint8Array, { rows, start, end }: RowRange, bytes: Uint8Array, cursors: Int32Array): void {
  for (let i = start; i < end; i += 1) {
    const at = cursors[i] ?? 0;
    bytes[at] = (types[rows[i] ?? 0] ?? 0) << 1;
    cursors[i] = at + 1;
  }
}
