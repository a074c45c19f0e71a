/**
 * `schemaString` → `TableSchema` (Delta PROTOCOL.md, "Schema Serialization Format"). Types that are not known are kept by their spelling: whoever needs the
 * column refuses it by its path.
 */
import { JsonMismatch, JsonObject } from '../../../src/lib/json.ts';
import { parseJson } from './json-text.ts';
import { DECLARED_TYPE, withCharLengths } from './char-types.ts';
import type { Column, ColumnMapping, DataType, PhysicalColumn, PrimitiveName, TableSchema } from '../../../src/model/table-schema.ts';

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
  'variant',
  'void',
];

const DEPTH_MAX = 100;
/** A type that is nested is nested three times in the text; a column has five values or so, and those of its metadata. */
const JSON_LIMITS = { depthMax: 4 * DEPTH_MAX, valuesMax: 500_000 };

/**
 * `mapping`: the one in force; without one, what the schema says of physical columns means nothing. Throws `JsonMismatch` where the text or the names are not what
 * the protocol allows.
 */
export function parseSchema(schemaString: string, partitionColumns: readonly string[], mapping: ColumnMapping = 'none'): TableSchema {
  const root = new JsonObject(parsed(schemaString), 'schemaString');
  if (root.string('type') !== 'struct') throw new JsonMismatch('schemaString.type is not struct');
  const columns = fieldsOf(root, { path: 'schemaString', depth: 0, mapping });
  return { columns, partitionColumns: partitionColumns.map((name) => spelling(columns, name)), mapping };
}

/** A place in the schema. */
interface Place {
  readonly path: string;
  readonly depth: number;
  readonly mapping: ColumnMapping;
}

function parsed(text: string): unknown {
  try {
    return parseJson(text, JSON_LIMITS).value;
  } catch (error) {
    if (error instanceof JsonMismatch) throw new JsonMismatch(error.message.replace(/^it/, 'schemaString'));
    throw error;
  }
}

/** The column's own spelling of a name that may differ in case. */
function spelling(columns: readonly Column[], name: string): string {
  const column = columns.find((it) => it.name === name) ?? columns.find((it) => it.name.toLowerCase() === name.toLowerCase());
  if (column === undefined) throw new JsonMismatch(`partitionColumns names ${JSON.stringify(name)}, which is no column`);
  return column.name;
}

function fieldsOf(struct: JsonObject, place: Place): readonly Column[] {
  const { path } = place;
  const raw = struct.raw('fields');
  if (!Array.isArray(raw)) throw new JsonMismatch(`${path}.fields is not a list`);
  const fields = raw.map((field: unknown, at) => columnOf(new JsonObject(field, `${path}.fields[${at}]`), place));
  requireDifferent(
    fields.map(({ name }) => ({ is: name.toLowerCase(), text: `named ${JSON.stringify(name)}` })),
    path,
  );
  const physical = fields.flatMap((field) => (field.physical === null ? [] : [field.physical]));
  requireDifferent(
    physical.map(({ name }) => ({ is: name, text: `of the physical name ${JSON.stringify(name)}` })),
    path,
  );
  requireDifferent(
    physical.flatMap(({ id }) => (id === null ? [] : [{ is: String(id), text: `of the id ${id}` }])),
    path,
  );
  return fields;
}

function requireDifferent(columns: readonly { readonly is: string; readonly text: string }[], path: string): void {
  const seen = new Set<string>();
  for (const { is, text } of columns) {
    if (seen.has(is)) throw new JsonMismatch(`${path} has two columns ${text}`);
    seen.add(is);
  }
}

function columnOf(field: JsonObject, parent: Place): Column {
  const name = field.string('name');
  if (name === '') throw new JsonMismatch(`${parent.path} has a column without a name`);
  const place = inside(parent, name);
  const metadata = field.nullable('metadata', (key) => field.object(key));
  const comment = metadata?.raw('comment');
  const declared = metadata?.raw(DECLARED_TYPE);
  const type = typeOf(field.raw('type'), place);
  return {
    name,
    type: typeof declared === 'string' ? withCharLengths(type, declared) : type,
    nullable: field.raw('nullable') !== false,
    comment: typeof comment === 'string' && comment !== '' ? comment : null,
    physical: place.mapping === 'none' ? null : physicalOf(metadata, place),
  };
}

function physicalOf(metadata: JsonObject | null, { path, mapping }: Place): PhysicalColumn {
  const name = metadata?.raw('delta.columnMapping.physicalName');
  const id = metadata?.raw('delta.columnMapping.id');
  if (typeof name !== 'string' || name === '') throw new JsonMismatch(`${path} has no physical name, and columns are mapped by ${mapping}`);
  if (typeof id === 'number' && Number.isSafeInteger(id)) return { name, id };
  if (mapping === 'id') throw new JsonMismatch(`${path} has no column id, and columns are mapped by id`);
  return { name, id: null };
}

function typeOf(raw: unknown, place: Place): DataType {
  const { path } = place;
  if (place.depth > DEPTH_MAX) throw new JsonMismatch(`${path} is nested more than ${DEPTH_MAX} deep`);
  if (typeof raw === 'string') return simpleType(raw);
  const type = new JsonObject(raw, path);
  const kind = type.string('type');
  switch (kind) {
    case 'struct':
      return { kind, fields: fieldsOf(type, place) };
    case 'array':
      return {
        kind,
        element: typeOf(type.raw('elementType'), inside(place, 'element')),
        containsNull: type.raw('containsNull') !== false,
      };
    case 'map':
      return {
        kind,
        key: typeOf(type.raw('keyType'), inside(place, 'key')),
        value: typeOf(type.raw('valueType'), inside(place, 'value')),
        valueContainsNull: type.raw('valueContainsNull') !== false,
      };
    default:
      return simpleType(kind);
  }
}

function inside(place: Place, name: string): Place {
  return { ...place, path: `${place.path}.${name}`, depth: place.depth + 1 };
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
