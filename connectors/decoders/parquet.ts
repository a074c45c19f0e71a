/**
 * The Parquet decoder: footer by hyparquet, values by parquet-wasm one stretch of a row group at a time, handed on as views of its memory; INT96 timestamps by
 * hyparquet.
 *
 *   footer → which field is which column → for each row group: page headers checked → stretch after stretch decoded → batch after batch, column by column
 *
 * Whatever a file does wrong is a `Failure`. After a panic inside the wasm instance `heldBytes` is infinite, and the thread must be replaced.
 */
import { assert, must } from '../../src/lib/assert.ts';
import type { DataType as ArrowType } from 'apache-arrow';
import type { ColumnBatch, ColumnData } from '../../src/model/column-batch.ts';
import { Failure } from '../../src/model/failure.ts';
import type { DataType } from '../../src/model/table-schema.ts';
import type { DecodeRequest, FileDecoder } from '../../src/ports/file-decoder.ts';
import type { ArrowArray } from './arrow-memory.ts';
import { CHANGE_TYPE_COLUMN, changeTypesOf } from './change-types.ts';
import type { Place } from './column-pair.ts';
import type { FileField } from './file-field.ts';
import { fieldNamed, findField, hasIds } from './find-field.ts';
import type { FileRowGroup, Footer } from './footer.ts';
import { readFooter, withoutArrowSchema } from './footer.ts';
import { checkPages } from './pages.ts';
import { projected } from './projection.ts';
import { DecodedStretch, wasmBytes } from './parquet-wasm.ts';
import type { DecodedBatch } from './parquet-wasm.ts';
import { readRows } from './rows.ts';
import { valueReader } from './value-reader.ts';

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
/** Of wide rows fewer: what a stretch takes in wasm memory, about, which does not shrink again. */
const STRETCH_BYTES = 64 * 1024 * 1024;
/** And what is read of them at once into arrays of our own. */
const BATCH_BYTES = 16 * 1024 * 1024;

/** What is decoded, the same for all row groups. */
interface Job {
  readonly request: DecodeRequest;
  /** The file, as parquet-wasm is to see it. */
  readonly bytes: Uint8Array;
  readonly footer: Footer;
  readonly columns: readonly Wanted[];
  /** Null for data files. */
  readonly changeType: Wanted | null;
}

interface Wanted {
  readonly name: string;
  readonly type: DataType;
  /** Null: the file lacks it. */
  readonly field: FileField | null;
  /** Whether values that do not fit are null, and told of. */
  readonly isLenient: boolean;
}

function* batches(request: DecodeRequest): Generator<ColumnBatch> {
  assert(request.batchRows > 0 && request.fromRow >= 0, `batches of ${request.batchRows} rows from row ${request.fromRow}`);
  const job = projectedJob(jobOf(request));
  for (const rowGroup of job.footer.rowGroups) {
    if (rowGroup.firstRow + rowGroup.rows > request.fromRow) yield* rowGroupBatches(job, rowGroup);
  }
}

function jobOf(request: DecodeRequest): Job {
  const footer = readFooter(request.bytes);
  const columns = wantedColumns(request, footer);
  const changeType = request.changeTypes ? wantedChangeType(footer) : null;
  return { request, bytes: withoutArrowSchema(request.bytes, footer), footer, columns, changeType };
}

/** The same for a file that has little else than what is wanted, where there is much else. */
function projectedJob(job: Job): Job {
  const { request, footer } = job;
  const wanted = new Set([...job.columns, job.changeType].map((one) => one?.field ?? null));
  const bytes = projected(request.bytes, footer, (field) => wanted.has(field));
  return bytes === request.bytes ? job : jobOf({ ...request, bytes });
}

function wantedColumns({ columns, mapping, lenient }: DecodeRequest, { fields }: Footer): readonly Wanted[] {
  if (mapping === 'id' && columns.length > 0 && !hasIds(fields))
    throw new Failure('file.column', 'the table finds its columns by field id, and the file has no field ids');
  return columns.map((column) => {
    const { name, type } = column;
    return { name, type, field: findField(fields, column, mapping, name), isLenient: lenient?.has(column) ?? false };
  });
}

/** It is not a column of the table, and has neither a physical name nor an id (Delta PROTOCOL.md §Change Data Files). */
function wantedChangeType({ fields }: Footer): Wanted {
  const field = fieldNamed(fields, CHANGE_TYPE_COLUMN, CHANGE_TYPE_COLUMN);
  if (field === null) throw new Failure('file.change_type', `the change file has no column ${CHANGE_TYPE_COLUMN}`);
  return { name: CHANGE_TYPE_COLUMN, type: { kind: 'string' }, field, isLenient: false };
}

/** One column of a row group: of a batch's arrays its own, to data. */
type Extract = (arrays: readonly ArrowArray[], stretch: Stretch) => ColumnData;

/** The rows of a batch. */
interface Stretch {
  readonly firstRow: number;
  readonly rows: number;
  readonly misfits: Map<number, string>;
}

function* rowGroupBatches(job: Job, rowGroup: FileRowGroup): Generator<ColumnBatch> {
  const rowBytes = checkPages(job.bytes, job.footer, rowGroup) / Math.max(1, rowGroup.rows);
  const batchRows = Math.min(job.request.batchRows, rowsIn(BATCH_BYTES, rowBytes));
  const stretchRows = wholeBatches(Math.min(STRETCH_ROWS, rowsIn(STRETCH_BYTES, rowBytes)), batchRows);
  let row = Math.max(0, job.request.fromRow - rowGroup.firstRow);
  let extracts: Extracts | null = null;
  while (row < rowGroup.rows) {
    const rowsMax = Math.min(stretchRows, rowGroup.rows - row);
    using decoded = new DecodedStretch({
      bytes: job.bytes,
      rowGroup: rowGroup.index,
      skipRows: row,
      rowsMax,
      batchRows,
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

function rowsIn(bytes: number, rowBytes: number): number {
  return Math.max(1, Math.floor(bytes / Math.max(1, rowBytes)));
}

/** At least as many rows, so that only the last batch of a row group is shorter. */
function wholeBatches(rows: number, batchRows: number): number {
  return Math.ceil(rows / batchRows) * batchRows;
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
    columns: job.columns.map((wanted) => extractOf(job, rowGroup, types, wanted)),
    changeType: job.changeType === null ? null : extractOf(job, rowGroup, types, job.changeType),
  };
}

function extracted({ columns, changeType }: Extracts, batch: DecodedBatch, rowGroup: FileRowGroup, row: number): ColumnBatch {
  const { rows } = batch;
  const firstRow = rowGroup.firstRow + row;
  const misfits = new Map<number, string>();
  const stretch: Stretch = { firstRow, rows, misfits };
  return {
    firstRow,
    rows,
    columns: columns.map((extract) => extract(batch.columns, stretch)),
    changeTypes: changeType === null ? null : changeTypesOf(changeType(batch.columns, stretch), rows, firstRow),
    ...(misfits.size === 0 ? {} : { misfits }),
  };
}

/** Throws `file.column` if the file's type does not fit the table's. */
function extractOf(job: Job, rowGroup: FileRowGroup, types: readonly ArrowType[], wanted: Wanted): Extract {
  const { field } = wanted;
  if (field === null) return () => ({ kind: 'null' });
  const fileType = must(types[field.index], `field ${field.index} of the file`);
  const source = { bytes: job.request.bytes, footer: job.footer, rowGroup, mapping: job.request.mapping };
  const read = valueReader({ path: wanted.name, type: wanted.type, field, fileType }, source);
  return (arrays, stretch) => {
    const place = { firstRow: stretch.firstRow, rows: stretch.rows, misfit: misfitOf(stretch, wanted) };
    return read(must(arrays[field.index], `column ${field.index} of the batch`), place);
  };
}

/** Keeps the first misfit of each row. */
function misfitOf({ firstRow, misfits }: Stretch, { isLenient }: Wanted): Place['misfit'] {
  return (row, misfit) => {
    if (!isLenient) throw new Failure('file.column', misfit(firstRow + row));
    if (!misfits.has(row)) misfits.set(row, misfit(firstRow + row));
  };
}
