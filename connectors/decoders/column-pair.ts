/**
 * A column of the table and what the file has for it.
 */
import type { DataType as ArrowType } from 'apache-arrow';

import type { ColumnData } from '../../src/model/column-batch.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Column } from '../../src/model/table-schema.ts';
import { typeText } from '../../src/model/table-schema.ts';
import type { ArrowArray } from './arrow-memory.ts';
import { fileTypeText } from './columns.ts';
import type { FileField } from './footer.ts';

export interface ColumnPair {
  readonly field: FileField;
  /** The type that the file's own becomes in Arrow. */
  readonly fileType: ArrowType;
  readonly column: Column;
}

/** Reads one batch's array; `firstRow` is the row in the file of its first, for messages. */
export type ColumnReader = (array: ArrowArray, firstRow: number) => ColumnData;

/** The failure for a file's type that does not fit the table's. */
export function typeFailure({ field, column }: Pick<ColumnPair, 'field' | 'column'>): Failure {
  return new Failure(
    'file.column',
    `column "${column.name}" is ${fileTypeText(field)} in the file, which does not fit the table's type ${typeText(column.type)}`,
  );
}

/** The failure for a value that the table's type does not hold; `why` is `is out of range` and the like. */
export function valueFailure({ field, column }: Pick<ColumnPair, 'field' | 'column'>, row: number, why: string): Failure {
  return new Failure(
    'file.column',
    `column "${column.name}" is ${fileTypeText(field)} in the file, and its value in row ${row} ${why} for the table's type ${typeText(column.type)}`,
  );
}
