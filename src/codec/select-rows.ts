/**
 * Which rows of a batch are an entry's: those of its pass, and of these the ones that the file's deletion vectors leave.
 */
import { must } from '../lib/assert.ts';
import type { RowSelection } from '../model/change-files.ts';
import { CHANGE_TYPES } from '../model/column-batch.ts';
import type { ColumnBatch } from '../model/column-batch.ts';
import { Failure } from '../model/failure.ts';
import type { PlanEntry } from '../model/plan.ts';

const INSERT = CHANGE_TYPES.indexOf('insert');
const PREIMAGE = CHANGE_TYPES.indexOf('update_preimage');
const POSTIMAGE = CHANGE_TYPES.indexOf('update_postimage');
const DELETE = CHANGE_TYPES.indexOf('delete');

/** Fills `rows` with their numbers in the batch, ascending, and returns how many they are. */
export function selectRows(batch: ColumnBatch, entry: PlanEntry, selection: RowSelection | null, rows: Int32Array): number {
  const count = rowsOfPass(batch, entry, rows);
  return selection === null ? count : keepSelected(selection, batch.firstRow, rows, count);
}

/** Throws `file.vector` unless a file of `fileRows` rows has every row that the selection speaks of. */
export function checkSelection(selection: RowSelection | null, fileRows: number): void {
  if (selection === null || selection.rows <= fileRows) return;
  throw new Failure('file.vector', `the deletion vector speaks of ${selection.rows} rows, and the file has ${fileRows}`);
}

/** The change type that a row of the batch is published with, as an index into `CHANGE_TYPES`; null: each row names its own. */
export function changeTypeOf(entry: PlanEntry): number | null {
  return entry.kind === 'cdf' ? null : entry.kind === 'add' ? INSERT : DELETE;
}

function rowsOfPass(batch: ColumnBatch, entry: PlanEntry, rows: Int32Array): number {
  if (entry.kind !== 'cdf') {
    for (let row = 0; row < batch.rows; row += 1) rows[row] = row;
    return batch.rows;
  }
  const types = must(batch.changeTypes, 'the change types of a change file');
  const [first, second] = entry.pass === 'leaves' ? [PREIMAGE, DELETE] : [INSERT, POSTIMAGE];
  let count = 0;
  for (let row = 0; row < batch.rows; row += 1) {
    const type = types[row];
    if (type === first || type === second) {
      rows[count] = row;
      count += 1;
    }
  }
  return count;
}

function keepSelected({ bits, rows: told, beyond }: RowSelection, firstRow: number, rows: Int32Array, count: number): number {
  let kept = 0;
  for (let i = 0; i < count; i += 1) {
    const row = rows[i] ?? 0;
    const inFile = firstRow + row;
    // Row numbers may be beyond 2³¹, where shifts would wrap.
    const isKept = inFile < told ? (((bits[Math.floor(inFile / 8)] ?? 0) >> (inFile % 8)) & 1) === 1 : beyond;
    if (isKept) {
      rows[kept] = row;
      kept += 1;
    }
  }
  return kept;
}
