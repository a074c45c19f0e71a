/**
 * Which field of the file a wanted column is, or a field of a struct within it: by the table's column mapping (Delta PROTOCOL.md §Reader Requirements for
 * Column Mapping).
 */
import { Failure } from '../../src/model/failure.ts';
import type { Column, ColumnMapping } from '../../src/model/table-schema.ts';
import type { FileField, FieldShape } from './file-field.ts';

/**
 * The field of a column among `fields`, or null if it is not there. `path` names the column in messages. Throws `file.column` where two fields could be meant.
 */
export function findField(fields: readonly FileField[], column: Column, mapping: ColumnMapping, path: string): FileField | null {
  switch (mapping) {
    case 'none':
      return fieldNamed(fields, column.name, path);
    case 'name':
      return theOnly(fields, path, ({ name }) => name === (column.physical?.name ?? column.name));
    case 'id': {
      const id = column.physical?.id ?? null;
      if (id === null)
        throw new Failure('file.column', `column "${path}" has no id in the table's schema, by which its field in the file could be found`);
      return theOnly(fields, path, (field) => field.id === id);
    }
  }
}

/** The field named exactly so, else the only one named so but for case, else null. Throws `file.column` where two fields could be meant. */
export function fieldNamed(fields: readonly FileField[], name: string, path: string): FileField | null {
  const lower = name.toLowerCase();
  return theOnly(fields, path, (field) => field.name === name) ?? theOnly(fields, path, (field) => field.name.toLowerCase() === lower);
}

/** Whether any field has an id: one without cannot be read by id, and its names may not be guessed by. */
export function hasIds(fields: readonly FileField[]): boolean {
  return fields.some(({ id, shape }) => id !== null || hasIds(fieldsWithin(shape)));
}

function fieldsWithin(shape: FieldShape): readonly FileField[] {
  switch (shape.kind) {
    case 'leaf':
      return [];
    case 'struct':
      return shape.fields;
    case 'list':
      return [shape.element];
    case 'map':
      return [shape.key, shape.value];
  }
}

function theOnly(fields: readonly FileField[], path: string, isMeant: (field: FileField) => boolean): FileField | null {
  const found = fields.filter(isMeant);
  if (found.length > 1) {
    const names = found.map(({ name }) => `"${name}"`).join(', ');
    throw new Failure('file.column', `column "${path}" could be any of the file's columns ${names}`);
  }
  return found[0] ?? null;
}
