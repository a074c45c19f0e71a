/**
 * A value of the table, a column or one within it, and what the file has for it.
 */
import type { DataType as ArrowType } from 'apache-arrow';

import type { ColumnData } from '../../src/model/column-batch.ts';
import { Failure } from '../../src/model/failure.ts';
import type { DataType } from '../../src/model/table-schema.ts';
import { typeText } from '../../src/model/table-schema.ts';
import type { ArrowArray } from './arrow-memory.ts';
import type { FileField } from './file-field.ts';
import { fileTypeText } from './file-type-text.ts';

export interface ColumnPair {
  /** In the table's names: `a`, `a.b`, `list.element`, `map.key`, `map.value`. */
  readonly path: string;
  readonly type: DataType;
  readonly field: FileField;
  /** The type that the file's own becomes in Arrow. */
  readonly fileType: ArrowType;
}

/** Reads one batch's array of the field. */
export type ColumnReader = (array: ArrowArray, place: Place) => ColumnData;

/** Where in the file an array comes from. */
export interface Place {
  /** Row number in the file of the batch's first row. */
  readonly firstRow: number;
  readonly rows: number;
  /** Whether the array has one value a row; else it has the elements of lists or maps in those rows. */
  readonly isByRow: boolean;
}

/** The failure for a file's type that does not fit the table's. */
export function typeFailure({ path, type, field }: Omit<ColumnPair, 'fileType'>): Failure {
  return new Failure(
    'file.column',
    `column "${path}" is ${fileTypeText(field)} in the file, which does not fit the table's type ${typeText(type)}`,
  );
}

/** The failure for value `i` of an array, which the table's type does not hold; `why` is `is out of range` and the like. */
export function valueFailure({ path, type, field }: Omit<ColumnPair, 'fileType'>, place: Place, i: number, why: string): Failure {
  const which = place.isByRow
    ? `its value in row ${place.firstRow + i}`
    : `one of its values in rows ${place.firstRow} to ${place.firstRow + place.rows - 1}`;
  return new Failure(
    'file.column',
    `column "${path}" is ${fileTypeText(field)} in the file, and ${which} ${why} for the table's type ${typeText(type)}`,
  );
}
