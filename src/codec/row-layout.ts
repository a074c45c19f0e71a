/**
 * A record's key and value as parts that follow each other: stretches that are the same in every row of a file, encoded once, and cells that differ.
 *
 *     change     prefix │ cells │ change type │ version │ time
 *     upsert     prefix │ cells
 *     debezium   prefix │ before: 0, or 2 and cells │ after: the same │ source … op … times
 */
import { assert, must } from '../lib/assert.ts';
import { CHANGE_TYPES } from '../model/column-batch.ts';
import type { ChangeType, ColumnBatch } from '../model/column-batch.ts';
import type { PlanEntry } from '../model/plan.ts';
import type { Column, DataType } from '../model/table-schema.ts';
import type { EpochMs, Version } from '../model/version.ts';
import type { RecordLayout } from '../ports/encoder.ts';
import { constant, copyAll } from './arena.ts';
import type { Arena, Constant } from './arena.ts';
import { avroTexts } from './avro-schema.ts';
import { measureCells, writeCells } from './cells.ts';
import type { RowRange } from './cells.ts';
import { debeziumTails } from './debezium-tail.ts';
import { NO_ROW } from './kept-rows.ts';
import type { KeptRows } from './kept-rows.ts';
import { keyColumns } from './key-columns.ts';
import { VALUE } from './leaf-cells.ts';
import { NULL_CELL, partitionCell } from './partition-value.ts';
import { changeTypeOf } from './select-rows.ts';
import { longBytes } from '../lib/varint.ts';

type Part =
  /** The same bytes in every row. */
  | { readonly kind: 'constant'; readonly constant: Constant }
  /** The cell of the batch's column of this index. */
  | { readonly kind: 'column'; readonly index: number; readonly type: DataType }
  /** The change type that the row itself names. */
  | { readonly kind: 'change' }
  /** The bytes that the row's form chooses. */
  | { readonly kind: 'form'; readonly constants: readonly Constant[] }
  /** The row as it was before, where `RowForms` has it, else null. */
  | { readonly kind: 'before' };

/** What the columns of a row do not say of it. The i-th row of a range is the i-th here. */
export interface RowForms {
  /** An index into `debeziumTails`. */
  readonly forms: Uint8Array;
  /** Numbers in `kept` of the rows as they were before; `NO_ROW` where none is known. */
  readonly befores: Int32Array;
  readonly kept: KeptRows;
}

/** Avro's null takes no bytes, and a void is nothing else: it is in no union. */
const VOID_CELL = new Uint8Array(0);

const IS_THERE = Uint8Array.of(VALUE);

/** What a row of an entry becomes. */
export type Outputs =
  | 'value'
  /** Nothing but its key, with a null for value. */
  | 'tombstone'
  /** First the one, then the other. */
  | 'value and tombstone';

export interface RowLayout {
  /** What the file is asked for, in this order: the columns that its action gives no value for, but for voids, which are in no file. */
  readonly fileColumns: readonly Column[];
  /** Framing and Avro body; null without a key. */
  readonly key: readonly Part[] | null;
  /** Empty where the key is all that is asked for. */
  readonly value: readonly Part[];
  /** The cells of the row alone. */
  readonly row: readonly Part[];
  readonly outputs: Outputs;
  /** How many bytes of framing stand before the Avro bodies. */
  readonly framing: { readonly key: number; readonly value: number };
}

export interface LayoutOf {
  readonly entry: PlanEntry;
  readonly version: Version;
  readonly timestamp: EpochMs | null;
  readonly layout: RecordLayout;
  readonly isSnapshot: boolean;
}

/** Throws `schema.type`, `schema.name`, `key.type`, and `file.column` for a partition value that does not fit. */
export function rowLayout(of: LayoutOf): RowLayout {
  const { entry, layout } = of;
  avroTexts(layout); // A table that has no schema has no rows either.
  const outputs = outputsOf(entry, layout);
  if (outputs === 'tombstone') return keyLayout(of);
  const cells = new Cells(entry, layout.schema.columns);
  const row = joined(layout.schema.columns.map((column) => cells.of(column)));
  return {
    fileColumns: cells.fileColumns,
    key: keyParts(layout, cells),
    value: joined(valueParts(of, row)),
    row,
    outputs,
    framing: framingOf(layout),
  };
}

/** As `rowLayout`, for who looks at nothing but keys: the file is asked for no other column. */
export function keyLayout({ entry, layout }: LayoutOf): RowLayout {
  const cells = new Cells(entry, keyColumns(layout));
  return {
    fileColumns: cells.fileColumns,
    key: keyParts(layout, cells),
    value: [],
    row: [],
    outputs: 'tombstone',
    framing: framingOf(layout),
  };
}

function framingOf({ prefixes }: RecordLayout): RowLayout['framing'] {
  return { key: prefixes.key?.length ?? 0, value: prefixes.value.length };
}

/** Sets the length of each row of the range. */
export function measureRows(parts: readonly Part[], batch: ColumnBatch, range: RowRange, rowForms: RowForms, lengths: Int32Array): void {
  const { start, end } = range;
  let fixed = 0;
  for (const part of parts) {
    if (part.kind === 'constant') fixed += part.constant.bytes.length;
    else if (part.kind === 'change') fixed += 1;
  }
  lengths.fill(fixed, start, end);
  for (const part of parts) {
    if (part.kind === 'column') measureCells(part.type, must(batch.columns[part.index], 'a column of the batch'), range, lengths);
    else if (part.kind === 'form') measureForms(part.constants, rowForms.forms, range, lengths);
    else if (part.kind === 'before') measureBefores(rowForms, range, lengths);
  }
}

/** Writes the rows of the range at their cursors. */
export function writeRows(
  parts: readonly Part[],
  batch: ColumnBatch,
  range: RowRange,
  rowForms: RowForms,
  to: Arena,
  cursors: Int32Array,
): void {
  for (const part of parts) {
    if (part.kind === 'column') writeCells(part.type, must(batch.columns[part.index], 'a column of the batch'), range, to, cursors);
    else if (part.kind === 'constant') writeConstant(part.constant, range, to, cursors);
    else if (part.kind === 'form') writeForms(part.constants, rowForms.forms, range, to, cursors);
    else if (part.kind === 'before') writeBefores(rowForms, range, to, cursors);
    else writeChangeTypes(must(batch.changeTypes, 'the change types of a change file'), range, to.bytes, cursors);
  }
}

function outputsOf(entry: PlanEntry, { envelope, key }: RecordLayout): Outputs {
  assert(envelope.kind !== 'upsert' || key.length > 0, 'upsert without a key');
  if (entry.pass === 'arrives' || envelope.kind === 'change' || key.length === 0) return 'value';
  return envelope.kind === 'upsert' ? 'tombstone' : 'value and tombstone';
}

/** The parts that columns of one file are. */
class Cells {
  readonly fileColumns: Column[] = [];
  readonly #parts: ReadonlyMap<Column, Part>;

  constructor({ file }: PlanEntry, columns: readonly Column[]) {
    this.#parts = new Map(
      columns.map((column): [Column, Part] => {
        if (column.type.kind === 'void') return [column, bytesPart(VOID_CELL)];
        const text = partitionText(file.partitionValues, column.name);
        if (text !== undefined) return [column, bytesPart(partitionCell(column, text))];
        return [column, { kind: 'column', index: this.fileColumns.push(column) - 1, type: column.type }];
      }),
    );
  }

  of(column: Column): Part {
    return must(this.#parts.get(column), 'the cell of a column');
  }
}

function keyParts(layout: RecordLayout, cells: Cells): readonly Part[] | null {
  const keys = keyColumns(layout);
  if (keys.length === 0) return null;
  return joined([bytesPart(must(layout.prefixes.key, 'the framing of a key')), ...keys.map((column) => cells.of(column))]);
}

function valueParts({ entry, version, timestamp, layout, isSnapshot }: LayoutOf, row: readonly Part[]): readonly Part[] {
  const { envelope, table } = layout;
  const prefix = bytesPart(layout.prefixes.value);
  switch (envelope.kind) {
    case 'change':
      return [
        prefix,
        ...row,
        entry.kind === 'cdf' ? { kind: 'change' } : bytesPart(changeTypeBytes(entry.kind === 'add' ? 'insert' : 'delete')),
        bytesPart(longBytes(BigInt(version))),
        bytesPart(timestamp === null ? NULL_CELL : Buffer.concat([IS_THERE, longBytes(BigInt(timestamp))])),
      ];
    case 'upsert':
      return [prefix, ...row];
    case 'debezium': {
      const tails = debeziumTails({ envelope, table, version, timestamp, isSnapshot });
      const only = changeTypeOf(entry);
      const tail: Part =
        only === null ? { kind: 'form', constants: tails.map(constant) } : bytesPart(must(tails[only], 'an end of records'));
      if (entry.pass === 'leaves') return [prefix, bytesPart(IS_THERE), ...row, bytesPart(NULL_CELL), tail];
      return [prefix, entry.kind === 'cdf' ? { kind: 'before' } : bytesPart(NULL_CELL), bytesPart(IS_THERE), ...row, tail];
    }
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

function measureForms(constants: readonly Constant[], forms: Uint8Array, { start, end }: RowRange, lengths: Int32Array): void {
  for (let i = start; i < end; i += 1) lengths[i] = (lengths[i] ?? 0) + formOf(constants, forms, i).bytes.length;
}

function formOf(constants: readonly Constant[], forms: Uint8Array, i: number): Constant {
  return must(constants[forms[i] ?? 0], 'the bytes of a form');
}

function measureBefores({ befores, kept }: RowForms, { start, end }: RowRange, lengths: Int32Array): void {
  for (let i = start; i < end; i += 1) {
    const before = befores[i] ?? NO_ROW;
    lengths[i] = (lengths[i] ?? 0) + 1 + (before === NO_ROW ? 0 : kept.length(before));
  }
}

function writeConstant(from: Constant, { start, end }: RowRange, to: Arena, cursors: Int32Array): void {
  const { length } = from.bytes;
  for (let i = start; i < end; i += 1) cursors[i] = copyAll(from, length, to, cursors[i] ?? 0);
}

function writeForms(constants: readonly Constant[], forms: Uint8Array, { start, end }: RowRange, to: Arena, cursors: Int32Array): void {
  for (let i = start; i < end; i += 1) {
    const from = formOf(constants, forms, i);
    cursors[i] = copyAll(from, from.bytes.length, to, cursors[i] ?? 0);
  }
}

function writeBefores({ befores, kept }: RowForms, { start, end }: RowRange, to: Arena, cursors: Int32Array): void {
  for (let i = start; i < end; i += 1) {
    const before = befores[i] ?? NO_ROW;
    const at = cursors[i] ?? 0;
    to.bytes[at] = before === NO_ROW ? 0 : VALUE;
    cursors[i] = before === NO_ROW ? at + 1 : kept.write(before, to, at + 1);
  }
}

function writeChangeTypes(types: Uint8Array, { rows, start, end }: RowRange, bytes: Uint8Array, cursors: Int32Array): void {
  for (let i = start; i < end; i += 1) {
    const at = cursors[i] ?? 0;
    bytes[at] = (types[rows[i] ?? 0] ?? 0) << 1;
    cursors[i] = at + 1;
  }
}
