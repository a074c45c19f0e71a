/**
 * Where in a table a column or a part of one stands: its path as people write it, and the Avro name of a record that stands there.
 *
 * A path goes down by the fields of structs under their own names, and by `element`, `key` and `value` of arrays and maps. Since a struct has nothing but
 * fields, an array nothing but an element, and a map a key and a value, no two parts of a table have the same path, whatever its columns are called.
 */
import { avroName, avroTypeName } from './avro-name.ts';

export interface Place {
  /** `address.lines.element`; a name that could be taken for a path is in backticks. */
  readonly path: string;
  /** Dotted, of Avro names. */
  readonly fullName: string;
  /** 1 for a column of the table. */
  readonly depth: number;
}

/** The whole row. Full names of what is below it begin with `fullName`. */
export function topLevel(fullName: string): Place {
  return { path: '', fullName, depth: 0 };
}

export function below({ path, fullName, depth }: Place, name: string): Place {
  const shown = /[.`]/.test(name) || name === '' ? `\`${name.replaceAll('`', '``')}\`` : name;
  return { path: path === '' ? shown : `${path}.${shown}`, fullName: `${fullName}.${avroName(name)}`, depth: depth + 1 };
}

/** The name of the record that stands there: the last part of its path, in a namespace of the parts before. */
export function recordName({ fullName }: Place): { readonly name: string; readonly namespace: string } {
  const dot = fullName.lastIndexOf('.');
  return { name: avroTypeName(fullName.slice(dot + 1)), namespace: fullName.slice(0, dot) };
}
