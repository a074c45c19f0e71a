/**
 * A value of the table, a column or one within it, and what the file has for it.
 */
import type { DataType as ArrowType } from 'apache-arrow';

import type { ColumnData } from '../../src/model/column-batch.ts';
import { Failure } from '../../src/model/failure.ts';
import type { DataType } from '../../src/model/table-schema.ts';
import { typeText } from '../../src/model/table-schema.ts';
import type { ArrowArray } from './arrow-memory.ts';
import { clear, isSet, ownBits } from './bits.ts';
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

/** Where in the file an array comes from: it has one value a row, or the elements of lists or maps in those rows. */
export interface Place {
  /** Row number in the file of the batch's first row. */
  readonly firstRow: number;
  readonly rows: number;
  /** Takes the word that value `i` of the array does not fit. Returns where it is to be read as null, and throws `file.column` where it fails the file. */
  readonly misfit: (i: number, misfit: Misfit) => void;
}

/** What is wrong with a value of the row of this number in the file. */
export type Misfit = (row: number) => string;

/** The failure for a file's type that does not fit the table's. */
export function typeFailure({ path, type, field }: Omit<ColumnPair, 'fileType'>): Failure {
  return new Failure(
    'file.column',
    `column "${path}" is ${fileTypeText(field)} in the file, which does not fit the table's type ${typeText(type)}`,
  );
}

/**
 * The validity of the array's first `count` values without those that do not fit, which the place is told of; `why` is `is out of range` and the like. Values that are null
 * already are not looked at.
 */
export function fitting(of: {
  readonly pair: Omit<ColumnPair, 'fileType'>;
  readonly place: Place;
  readonly validity: Uint8Array | null;
  readonly count: number;
  readonly fits: (i: number) => boolean;
  readonly why: string;
}): Uint8Array | null {
  const { pair, place, validity, count, fits, why } = of;
  let left: Uint8Array | null = null;
  for (let i = 0; i < count; i++) {
    if (fits(i) || !isSet(validity, i)) continue;
    const { path, type, field } = pair;
    place.misfit(
      i,
      (row) =>
        `column "${path}" is ${fileTypeText(field)} in the file, and its value in row ${row} ${why} for the table's type ${typeText(type)}`,
    );
    left ??= ownBits(validity, count);
    clear(left, i);
  }
  return left ?? validity;
}
