/**
 * Which field of the file each wanted column is.
 */
import { Failure } from '../../src/model/failure.ts';
import type { Column } from '../../src/model/table-schema.ts';
import type { FileField, Footer } from './footer.ts';

/** The field named exactly so, else the only one named so but for case, else null. Throws `file.column` where two fields could be meant. */
export function fieldNamed(footer: Footer, name: string): FileField | null {
  const exact = footer.fields.filter((field) => field.name === name);
  const lower = name.toLowerCase();
  const found = exact.length > 0 ? exact : footer.fields.filter((field) => field.name.toLowerCase() === lower);
  if (found.length > 1) {
    const names = found.map((field) => `"${field.name}"`).join(', ');
    throw new Failure('file.column', `column "${name}" could be any of the file's columns ${names}`);
  }
  return found[0] ?? null;
}

/** For each wanted column its field; null = the file lacks it. */
export function fieldsOf(footer: Footer, columns: readonly Column[]): readonly (FileField | null)[] {
  return columns.map((column) => fieldNamed(footer, column.name));
}

/** How the file spells a field's type: `INT64 TIMESTAMP(MILLIS)`. */
export function fileTypeText(field: FileField): string {
  const { type, type_length: length, logical_type: logical, converted_type: converted } = field.element;
  const physical = type === undefined ? 'group' : length === undefined || type !== 'FIXED_LEN_BYTE_ARRAY' ? type : `${type}(${length})`;
  return [physical, annotationText(logical, field) ?? converted].filter((part) => part !== undefined).join(' ');
}

function annotationText(logical: FileField['element']['logical_type'], { element }: FileField): string | undefined {
  if (element.converted_type === 'DECIMAL') return `DECIMAL(${element.precision ?? '?'},${element.scale ?? 0})`;
  switch (logical?.type) {
    case 'DECIMAL':
      return `DECIMAL(${logical.precision},${logical.scale})`;
    case 'TIMESTAMP':
    case 'TIME':
      return `${logical.type}(${logical.unit})`;
    case 'INTEGER':
      return `${logical.isSigned ? 'INT' : 'UINT'}_${logical.bitWidth}`;
    default:
      return logical?.type;
  }
}
