/**
 * One plan entry, encoded: Parquet batches → Avro rows in Kafka record framing → segments. Each row for itself: what of it depends on others is version-encoder.ts.
 */
import { assert } from '../lib/assert.ts';
import type { ColumnBatch } from '../model/column-batch.ts';
import type { PlanEntry } from '../model/plan.ts';
import type { Column } from '../model/table-schema.ts';
import type { EncodeRequest, RecordLayout, Segment } from '../ports/encoder.ts';
import type { FileDecoder } from '../ports/file-decoder.ts';
import { hasChars, paddedBatch } from './char-padding.ts';
import { keyColumns } from './key-columns.ts';
import { OpenSegment } from './open-segment.ts';
import type { SegmentBounds } from './open-segment.ts';
import { BATCH_ROWS } from './record-writer.ts';
import type { RecordWriter } from './record-writer.ts';
import { rowLayout } from './row-layout.ts';
import { changeTypeOf, checkSelection, selectRows } from './select-rows.ts';

/** What is read of an entry's file. */
export interface BatchesOf extends Pick<EncodeRequest, 'bytes' | 'fromRow'> {
  readonly entry: PlanEntry;
  readonly layout: RecordLayout;
  readonly columns: readonly Column[];
  /** As `DecodeRequest.lenient`. */
  readonly lenient?: ReadonlySet<Column>;
}

/** The entry's segments by the contract of `Encoder.encode`. A generator is finished or returned before the thread's next one begins. */
export function* encodeEntry(request: EncodeRequest, decoder: FileDecoder, writer: RecordWriter): Generator<Segment, void> {
  const { entry, rows: selection, bad = null } = request;
  const layout = rowLayout(request);
  const open = openSegment(request.layout, request);
  const changeType = changeTypeOf(entry);
  writer.begin(slotsOf(request.layout), request.isSnapshot, undefined, bad);
  const lenient = bad === null ? NONE : lenientColumns(request.layout, layout.fileColumns);
  let covered = request.fromRow;
  for (const batch of batchesOf(decoder, { ...request, columns: layout.fileColumns, lenient })) {
    const count = selectRows(batch, entry, selection, writer.rows);
    writer.encodeKeys(layout, batch, count);
    if (changeType === null) takeForms(batch, writer, count);
    yield* writer.write(layout, batch, count, { open, step: 0, file: entry.file.id, changeType });
    covered = batch.firstRow + batch.rows;
  }
  checkSelection(selection, covered);
  yield open.take(0, covered);
}

export function openSegment(layout: RecordLayout, bounds: SegmentBounds, passes = 1): OpenSegment {
  return new OpenSegment(bounds, slotsOf(layout), layout.key.length === 0 ? layout.unkeyedPartition : 0, passes);
}

export function slotsOf({ key, partitions }: RecordLayout): number {
  return key.length === 0 ? 1 : partitions;
}

export const NONE: ReadonlySet<Column> = new Set();

/** Those whose misfits are dead letters: a key with a value that does not fit would be another key. */
export function lenientColumns(layout: RecordLayout, columns: readonly Column[]): ReadonlySet<Column> {
  const keys = keyColumns(layout);
  return new Set(columns.filter((column) => !keys.includes(column)));
}

/** The file's batches, values as the table's types want them. */
export function* batchesOf(
  decoder: FileDecoder,
  { bytes, entry, layout, columns, lenient = NONE, fromRow }: BatchesOf,
): Generator<ColumnBatch, void> {
  const isPadded = columns.some(({ type }) => hasChars(type));
  const changeTypes = entry.kind === 'cdf';
  const { mapping } = layout.schema;
  for (const batch of decoder.batches({ bytes, columns, lenient, mapping, changeTypes, batchRows: BATCH_ROWS, fromRow })) {
    assert(batch.rows <= BATCH_ROWS, `a batch of ${batch.rows} rows`);
    yield isPadded ? paddedBatch(batch, columns) : batch;
  }
}

/** Each image for itself: its form is its change type. */
function takeForms({ changeTypes }: ColumnBatch, { rows, forms }: RecordWriter, count: number): void {
  for (let i = 0; i < count; i += 1) forms[i] = changeTypes?.[rows[i] ?? 0] ?? 0;
}
