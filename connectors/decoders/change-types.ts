/**
 * A change file's `_change_type` column as indexes into `CHANGE_TYPES`.
 */
import type { ChangeTypes, ColumnData } from '../../src/model/column-batch.ts';
import { CHANGE_TYPES } from '../../src/model/column-batch.ts';
import { Failure } from '../../src/model/failure.ts';
import { isSet } from './bits.ts';

/** The name of the column, by Delta PROTOCOL.md §Change Data Files. */
export const CHANGE_TYPE_COLUMN = '_change_type';

const VALUE_CHARACTERS_MAX = 40;

const SPELLINGS = CHANGE_TYPES.map((type, index) => ({ index, spelling: new TextEncoder().encode(type) }));
const BY_LENGTH = Map.groupBy(SPELLINGS, ({ spelling }) => spelling.length);

/** Throws `file.change_type` for a null or an unknown value. `firstRow` is the row in the file of the batch's first. */
export function changeTypesOf(data: ColumnData, rows: number, firstRow: number): ChangeTypes {
  const out = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) {
    if (data.kind !== 'bytes' || !isSet(data.validity, i))
      throw new Failure('file.change_type', `_change_type is null in row ${firstRow + i}`);
    const from = data.offsets[i] ?? 0;
    const to = data.offsets[i + 1] ?? 0;
    const type = BY_LENGTH.get(to - from)?.find((one) => isAt(data.data, from, one.spelling));
    if (type === undefined) {
      const value = JSON.stringify(new TextDecoder().decode(data.data.subarray(from, Math.min(to, from + VALUE_CHARACTERS_MAX))));
      throw new Failure('file.change_type', `_change_type is ${value} in row ${firstRow + i}, which is none of ${CHANGE_TYPES.join(', ')}`);
    }
    out[i] = type.index;
  }
  return out;
}

function isAt(data: Uint8Array, from: number, spelling: Uint8Array): boolean {
  for (let i = 0; i < spelling.length; i++) if (data[from + i] !== spelling[i]) return false;
  return true;
}
