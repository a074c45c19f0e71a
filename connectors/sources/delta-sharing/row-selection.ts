/**
 * Deletion vectors made into the rows of a file that count.
 */
import type { RowSelection } from '../../../src/model/change-files.ts';
import type { RowSet } from './roaring.ts';
import { BadVector, markRange, markRows } from './roaring.ts';

/** A bitmap takes no more memory than the file that it is of, or than this. */
const BITMAP_BYTES_LEAST = 16_777_216;

/** The rows that are in `inside` (null = every row) and not in `outside` (null = no row). Throws `BadVector` where a file of `fileBytes` cannot have so many. */
export function selectionOf(inside: RowSet | null, outside: RowSet | null, fileBytes: number): RowSelection {
  const rows = Math.max(inside?.rows ?? 0, outside?.rows ?? 0);
  const length = Math.ceil(rows / 8);
  if (length > Math.max(fileBytes, BITMAP_BYTES_LEAST))
    throw new BadVector(`it speaks of row ${rows - 1}, and the file has ${fileBytes} bytes`);
  const bits = new Uint8Array(length);
  if (inside === null) markRange(bits, 0, rows, 1);
  else markRows(inside, bits, 1);
  if (outside !== null) markRows(outside, bits, 0);
  return { bits, rows, beyond: inside === null };
}
