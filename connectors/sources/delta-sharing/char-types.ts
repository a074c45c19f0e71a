/**
 * CHAR(n) columns. To Delta they are strings; Spark keeps what they were declared as in the metadata of the table's column, in the spelling of its catalog, also where the
 * CHAR is deep within: `char(5)`, `array<struct<a:varchar(3),b:char(2)>>` (org.apache.spark.sql.catalyst.util.CharVarcharUtils).
 */
import type { DataType } from '../../../src/model/table-schema.ts';

/** Where a column's metadata says so. The reference server leaves it out in the parquet format, and values are then told as they are stored. */
export const DECLARED_TYPE = '__CHAR_VARCHAR_TYPE_STRING';

/** Characters at most that a CHAR is filled up to: each of its values takes that much memory. A longer one is a type that the relay does not know. */
const CHAR_MAX = 10_000;

/** The type with the lengths that its declaration gives to strings. A declaration of some other type says nothing of this one. */
export function withCharLengths(type: DataType, declared: string): DataType {
  const rest = { text: declared };
  const found = lengthsOf(type, rest);
  return found === null || rest.text !== '' ? type : found;
}

/** What of a declaration is still to be read. */
interface Rest {
  text: string;
}

/** Null where type and text part. The two are walked side by side, so that no name of a field needs to be told from what stands around it. */
function lengthsOf(type: DataType, rest: Rest): DataType | null {
  switch (type.kind) {
    case 'string': {
      const [declared = '', length] = taken(rest, /^char\((\d+)\)/) ?? [];
      if (length !== undefined)
        return Number(length) > CHAR_MAX ? { kind: 'unknown', text: declared } : { kind: 'string', padTo: Number(length) };
      return taken(rest, /^(?:varchar\(\d+\)|string(?: collate [\w.]+)?)/) === null ? null : type;
    }
    case 'array': {
      if (taken(rest, /^array</) === null) return null;
      const element = lengthsOf(type.element, rest);
      return element === null || taken(rest, /^>/) === null ? null : { ...type, element };
    }
    case 'map': {
      if (taken(rest, /^map</) === null) return null;
      const key = lengthsOf(type.key, rest);
      if (key === null || taken(rest, /^,/) === null) return null;
      const value = lengthsOf(type.value, rest);
      return value === null || taken(rest, /^>/) === null ? null : { ...type, key, value };
    }
    case 'struct':
      return structLengths(type, rest);
    default:
      return taken(rest, /^\w+(?: \w+)*(?:\(\d+(?:,\d+)?\))?/) === null ? null : type;
  }
}

function structLengths(type: Extract<DataType, { readonly kind: 'struct' }>, rest: Rest): DataType | null {
  if (taken(rest, /^struct</) === null) return null;
  const fields: (typeof type.fields)[number][] = [];
  for (const field of type.fields) {
    if (fields.length > 0 && taken(rest, /^,/) === null) return null;
    const quoted = `\`${field.name.replaceAll('`', '``')}\``;
    const spelled = [field.name, quoted].find((name) => rest.text.startsWith(`${name}:`));
    if (spelled === undefined) return null;
    rest.text = rest.text.slice(spelled.length + 1);
    const found = lengthsOf(field.type, rest);
    if (found === null) return null;
    fields.push({ ...field, type: found });
  }
  return taken(rest, /^>/) === null ? null : { ...type, fields };
}

/** Takes from the beginning of the text what matches, or nothing. */
function taken(rest: Rest, pattern: RegExp): RegExpExecArray | null {
  const match = pattern.exec(rest.text);
  if (match !== null) rest.text = rest.text.slice(match[0].length);
  return match;
}
