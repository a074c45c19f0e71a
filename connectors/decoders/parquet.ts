/**
 * The Parquet decoder: footer by hyparquet, values by parquet-wasm one stretch of a row group at a time, handed on as views of its memory; INT96 timestamps by hyparquet.
 *
 *   footer → which field is which column → for each row group: page headers checked → stretch after stretch decoded → batch after batch, column by column
 *
 * Whatever a file does wrong is a `Failure`. After a panic inside the wasm instance `heldBytes` is infinite, and the thread must be replaced.
 */
import { assert, must } from '../../src/lib/assert.ts';
import type { DataType as ArrowType } from 'apache-arrow';
import type { ColumnBatch, ColumnData } from '../../src/model/column-batch.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Column } from '../../src/model/table-schema.ts';
import type { DecodeRequest, FileDecoder } from '../../src/ports/file-decoder.ts';
import type { ArrowArray } from './arrow-memory.ts';
import { calendarGuard } from './calendar.ts';
import { CHANGE_TYPE_COLUMN, changeTypesOf } from './change-types.ts';
import { columnReader } from './column-reader.ts';
import { typeFailure } from './column-pair.ts';
import { fieldNamed, fieldsOf } from './columns.ts';
import type { FileField, FileRowGroup, Footer } from './footer.ts';
import { readFooter, withoutArrowSchema } from './footer.ts';
import { readInt96 } from './int96.ts';
import { checkPages } from './pages.ts';
import { DecodedStretch, wasmBytes } from './parquet-wasm.ts';
import type { DecodedBatch } from './parquet-wasm.ts';
import { readRows } from './rows.ts';

/**
 * A decoder of this thread. One iteration of `batches` at a time: a second one may move the memory that the first one's batch lies in, so it ends
 * the first, which says so when it is asked for more.
 */
export function openDecoder(): FileDecoder {
  return { batches, rows: readRows, heldBytes: wasmBytes };
}

/**
 * Rows decoded at once, about. Spark writes a file as one row group, whose values would be several times the file's size; a shorter stretch costs time, since
 * the file is copied into wasm memory for each, and the pages before it are stepped over.
 */
const STRETCH_ROWS = 131_072;

/** What is decoded, the same for all row groups. */
interface Job {
  readonly request: DecodeRequest;
  /** The file, as parquet-wasm is to see it. */
  readonly bytes: Uint8Array;
  readonly footer: Footer;
  readonly fields: readonly (FileField | null)[];
  readonly changeTypeField: FileField | null;
}

function* batches(request: DecodeRequest): Generator<ColumnBatch> {
  assert(request.batchRows > 0 && request.fromRow >= 0, `batches of ${request.batchRows} rows from row ${request.fromRow}`);
  const footer = readFooter(request.bytes);
  const fields = fieldsOf(footer, request.columns);
  const changeTypeField = request.changeTypes ? fieldNamed(footer, CHANGE_TYPE_COLUMN) : null;
  if (request.changeTypes && changeTypeField === null)
    throw new Failure('file.change_type', `the change file has no column ${CHANGE_TYPE_COLUMN}`);
  const job = { request, bytes: withoutArrowSchema(request.bytes, footer), footer, fields, changeTypeField };
  for (const rowGroup of footer.rowGroups) {
    if (rowGroup.firstRow + rowGroup.rows > request.fromRow) yield* rowGroupBatches(job, rowGroup);
  }
}

/** One column of a row group: the batch's array, and its place in the row group, to data. */
type Extract = (arrays: readonly ArrowArray[], row: number, rows: number) => ColumnData;

function* rowGroupBatches(job: Job, rowGroup: FileRowGroup): Generator<ColumnBatch> {
  checkPages(job.bytes, job.footer, rowGroup);
  let row = Math.max(0, job.request.fromRow - rowGroup.firstRow);
  let extracts: Extracts | null = null;
  while (row < rowGroup.rows) {
    const rowsMax = Math.min(stretchRows(job.request), rowGroup.rows - row);
    using decoded = new DecodedStretch({
      bytes: job.bytes,
      rowGroup: rowGroup.index,
      skipRows: row,
      rowsMax,
      batchRows: job.request.batchRows,
    });
    extracts ??= extractsOf(job, rowGroup, decoded.types);
    const end = row + rowsMax;
    for (const batch of decoded.batches()) {
      yield extracted(extracts, batch, rowGroup, row);
      row += batch.rows;
    }
    if (row !== end)
      throw new Failure('file.undecodable', `row group ${rowGroup.index} holds ${row} rows, the footer says ${rowGroup.rows}`);
  }
}

/** Whole batches, so that only the last one of a row group is shorter. */
function stretchRows({ batchRows }: DecodeRequest): number {
  return Math.ceil(STRETCH_ROWS / batchRows) * batchRows;
}

interface Extracts {
  readonly columns: readonly Extract[];
  readonly changeType: Extract | null;
}

function extractsOf(job: Job, rowGroup: FileRowGroup, types: readonly ArrowType[]): Extracts {
  if (types.length !== job.footer.fields.length) {
    throw new Failure('file.undecodable', `the footer names ${job.footer.fields.length} columns, of which ${types.length} can be decoded`);
  }
  return {
    columns: job.request.columns.map((column, i) => extractOf(job, rowGroup, types, column, job.fields[i] ?? null)),
    changeType: job.changeTypeField === null ? null : extractOf(job, rowGroup, types, CHANGE_TYPE, job.changeTypeField),
  };
}

function extracted({ columns, changeType }: Extracts, batch: DecodedBatch, rowGroup: FileRowGroup, row: number): ColumnBatch {
  const { rows } = batch;
  const firstRow = rowGroup.firstRow + row;
  return {
    firstRow,
    rows,
    columns: columns.map((extract) => extract(batch.columns, row, rows)),
    changeTypes: changeType === null ? null : changeTypesOf(changeType(batch.columns, row, rows), rows, firstRow),
  };
}

const CHANGE_TYPE: Column = { name: CHANGE_TYPE_COLUMN, type: { kind: 'string' }, nullable: true, comment: null, physical: null };

function extractOf(job: Job, rowGroup: FileRowGroup, types: readonly ArrowType[], column: Column, field: FileField | null): Extract {
  if (field === null) return () => ({ kind: 'null' });
  const guard = calendarGuard(job.footer, { field, column });
  const extract =
    field.element.type === 'INT96' ? int96Extract(job, rowGroup, column, field) : arrowExtract(rowGroup, types, column, field);
  if (guard === null) return extract;
  return (arrays, row, rows) => {
    const data = extract(arrays, row, rows);
    guard(data, rowGroup.firstRow + row);
    return data;
  };
}

function int96Extract({ request, footer }: Job, rowGroup: FileRowGroup, column: Column, field: FileField): Extract {
  const pair = { field, column };
  if (column.type.kind !== 'timestamp' || field.element.repetition_type === 'REPEATED') throw typeFailure(pair);
  const chunk = readInt96({ bytes: request.bytes, footer, rowGroup, pair });
  return (_, row, rows) => chunk.slice(row, rows);
}

function arrowExtract(rowGroup: FileRowGroup, types: readonly ArrowType[], column: Column, field: FileField): Extract {
  const fileType = must(types[field.index], `field ${field.index} of the file`);
  const reader = columnReader({ field, fileType, column });
  return (arrays, row) => reader(must(arrays[field.index], `column ${field.index} of the batch`), rowGroup.firstRow + row);
}
