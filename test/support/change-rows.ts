/**
 * The rows that a listing tells of, in the lossless JSON form of the tables' expected.jsonl: each file read, decoded whole, and cut down to the rows that count.
 * It does slowly and plainly what the codec does.
 */
import { openDecoder } from '../../connectors/decoders/parquet.ts';
import { assert } from '../../src/lib/assert.ts';
import type { FileContent, RowSelection, VersionChanges } from '../../src/model/change-files.ts';
import type { ChangeListing } from '../../src/ports/source.ts';
import type { JsonRow } from './batch-rows.ts';
import { rowsFrom } from './batch-rows.ts';

const BATCH_ROWS = 1000;

/** Of tables without partition columns, sorted by their text. */
export async function changeRows(listing: ChangeListing, signal: AbortSignal): Promise<readonly JsonRow[]> {
  const rows: JsonRow[] = [];
  for (const version of listing.versions) {
    for (const file of version.files) {
      const content = await listing.read(version, file, signal);
      const type = file.kind === 'add' ? { _change_type: 'insert' } : file.kind === 'remove' ? { _change_type: 'delete' } : {};
      const commit = { _commit_version: version.version, _commit_timestamp: version.timestamp };
      for (const row of countedRows(content, version, file.kind === 'cdf')) rows.push({ ...type, ...commit, ...row });
    }
  }
  return inOrder(rows);
}

/** Rows in an order of their own, each with its keys in order. */
export function inOrder(rows: readonly JsonRow[]): readonly JsonRow[] {
  const texts = rows.map((row) => JSON.stringify(Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))));
  return texts.sort().map((text) => {
    const row: JsonRow = JSON.parse(text);
    return row;
  });
}

/** The rows of one file that count. */
export function countedRows({ bytes, rows: selection }: FileContent, { schema }: VersionChanges, changeTypes: boolean): readonly JsonRow[] {
  assert(schema.partitionColumns.length === 0, 'a table without partition columns');
  const { columns, mapping } = schema;
  const rows = rowsFrom(openDecoder(), { bytes, columns, mapping, changeTypes, batchRows: BATCH_ROWS, fromRow: 0 });
  assert(selection === null || selection.rows <= rows.length, 'a file with the rows that are spoken of');
  return rows.filter((_, row) => selection === null || counts(selection, row));
}

function counts({ bits, rows, beyond }: RowSelection, row: number): boolean {
  return row < rows ? (((bits[row >>> 3] ?? 0) >>> (row & 7)) & 1) === 1 : beyond;
}
