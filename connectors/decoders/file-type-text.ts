/**
 * How the file spells a field's type, for messages: `INT64 TIMESTAMP(MILLIS)`.
 */
import type { FileField } from './file-field.ts';

/** Physical type and annotation; `group`, `group LIST` for a field of fields. */
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
