/**
 * `schemaString` → `TableSchema` (Delta PROTOCOL.md, "Schema Serialization Format"). Types that are not known are kept by their spelling: whoever needs the
 * column refuses it by its path.
 */
import { JsonMismatch, JsonObject } from '../../../src/lib/json.ts';
import type { Column, DataType, PrimitiveName, TableSchema } from '../../../src/model/table-schema.ts';

const PRIMITIVES: readonly PrimitiveName[] = [
  'byte',
  'short',
  'integer',
  'long',
  'float',
  'double',
  'boolean',
  'string',
  'binary',
  'date',
  'timestamp',
  'timestamp_ntz',
];

const DEPTH_MAX = 100;

/** Throws `JsonMismatch` where the text or the names are not what the protocol allows. */
export function parseSchema(schemaString: string, partitionColumns: readonly string[]): TableSchema {
  const root = new JsonObject(parsed(schemaString), 'schemaString');
  if (root.string('type') !== 'struct') throw new JsonMismatch('schemaString.type is not struct');
  const columns = fieldsOf(root, 'schemaString', 0);
  return { columns, partitionColumns: partitionColumns.map((name) => spelling(columns, name)), mapping: 'none' };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new JsonMismatch('schemaString is not JSON');
  }
}

/** The column's own spelling of a name that may differ in case. */
function spelling(columns: readonly Column[], name: string): string {
  const column = columns.find((it) => it.name === name) ?? columns.find((it) => it.name.toLowerCase() === name.toLowerCase());
  if (column === undefined) throw new JsonMismatch(`partitionColumns names ${JSON.stringify(name)}, which is no column`);
  return column.name;
}

function fieldsOf(struct: JsonObject, path: string, depth: number): readonly Column[] {
  const raw = struct.raw('fields');
  if (!Array.isArray(raw)) throw new JsonMismatch(`${path}.fields is not a list`);
  const fields = raw.map((field: unknown, at) => columnOf(new JsonObject(field, `${path}.fields[${at}]`), path, depth));
  const names = new Set<string>();
  for (const { name } of fields) {
    const folded = name.toLowerCase();
    if (names.has(folded)) throw new JsonMismatch(`${path} has two columns named ${JSON.stringify(name)}`);
    names.add(folded);
  }
  return fields;
}

function columnOf(field: JsonObject, parent: string, depth: number): Column {
  const name = field.string('name');
  if (name === '') throw new JsonMismatch(`${parent} has a column without a name`);
  const metadata = field.nullable('metadata', (key) => field.object(key));
  const comment = metadata?.raw('comment');
  return {
    name,
    type: typeOf(field.raw('type'), `${parent}.${name}`, depth + 1),
    nullable: field.raw('nullable') !== false,
    comment: typeof comment === 'string' && comment !== '' ? comment : null,
    physical: null,
  };
}

function typeOf(raw: unknown, path: string, depth: number): DataType {
  if (depth > DEPTH_MAX) throw new JsonMismatch(`${path} is nested more than ${DEPTH_MAX} deep`);
  if (typeof raw === 'string') return simpleType(raw);
  const type = new JsonObject(raw, path);
  const kind = type.string('type');
  switch (kind) {
    case 'struct':
      return { kind, fields: fieldsOf(type, path, depth) };
    case 'array':
      return {
        kind,
        element: typeOf(type.raw('elementType'), `${path}.element`, depth + 1),
        containsNull: type.raw('containsNull') !== false,
      };
    case 'map':
      return {
        kind,
        key: typeOf(type.raw('keyType'), `${path}.key`, depth + 1),
        value: typeOf(type.raw('valueType'), `${path}.value`, depth + 1),
        valueContainsNull: type.raw('valueContainsNull') !== false,
      };
    default:
      return simpleType(kind);
  }
}

function simpleType(text: string): DataType {
  const primitive = PRIMITIVES.find((name) => name === text);
  if (primitive !== undefined) return { kind: primitive };
  if (text.startsWith('string collate ')) return { kind: 'string' };
  if (text === 'decimal') return { kind: 'decimal', precision: 10, scale: 0 };
  const [, digits, decimals] = /^decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)$/.exec(text) ?? [];
  if (digits !== undefined && decimals !== undefined) {
    const [precision, scale] = [Number(digits), Number(decimals)];
    if (precision >= 1 && precision <= 38 && scale <= precision) return { kind: 'decimal', precision, scale };
  }
  return { kind: 'unknown', text };
}
