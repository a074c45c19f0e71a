/**
 * The columns of a feed's key.
 */
import { must } from '../lib/assert.ts';
import { Failure } from '../model/failure.ts';
import { typeText } from '../model/table-schema.ts';
import type { Column, DataType } from '../model/table-schema.ts';
import type { RecordLayout } from '../ports/encoder.ts';

/** In key order. Throws `key.type` for a column whose values have no one spelling, floating point and nested types, or that has none. */
export function keyColumns(layout: Pick<RecordLayout, 'schema' | 'key'>): readonly Column[] {
  return layout.key.map((name) => {
    const column = must(
      layout.schema.columns.find((candidate) => candidate.name === name),
      `key column ${name}, which the relay resolves before`,
    );
    if (isUnfit(column.type)) throw new Failure('key.type', `key column ${name} has the type ${typeText(column.type)}`);
    return column;
  });
}

function isUnfit(type: DataType): boolean {
  return UNFIT.has(type.kind);
}

const UNFIT: ReadonlySet<DataType['kind']> = new Set(['float', 'double', 'struct', 'array', 'map', 'variant', 'void']);
