/**
 * Avro bodies → rows as JSON that loses nothing: for people (`tail`, `peek`) and for tests; far too slow for anything else.
 *
 * | Avro | JSON |
 * |---|---|
 * | int, boolean, string, enum | number, true or false, string |
 * | long, timestamp-micros, local-timestamp-micros | string of decimal digits |
 * | float, double | number, or "NaN", "Infinity", "-Infinity", "-0.0" |
 * | bytes | base64 |
 * | decimal | plain notation with exactly the type's scale |
 * | date | `YYYY-MM-DD`; years beyond 9999 or before 1 with a sign |
 * | record, array | object, array |
 * | map, array of the logical type map | array of `[key, value]` pairs, as they are stored |
 * | record of the logical type variant | string: its JSON text; an object of `metadata` and `value` if it is none |
 * | `_commit_version`, `_commit_timestamp`; of Debezium's envelope `ts_ms` and `commit_version`; every long of `{recipient}.commits` | number |
 */
import avsc from 'avsc';
import type { Type } from 'avsc';
import { assert, must } from '../lib/assert.ts';
import { OWN_FIELDS } from './avro-schema.ts';
import { dateText } from './calendar.ts';
import { variantText } from './variant-text.ts';

export type JsonCell = string | number | boolean | null | readonly JsonCell[] | { readonly [name: string]: JsonCell };

/** The relay's own fields, then the columns in schema order, each under its own name. */
export type JsonRow = Readonly<Record<string, JsonCell>>;

/** Reads bodies of records (no framing) that were written with the schema of this text. The reader throws if a body is not of that schema. */
export function rowReader(schemaText: string): (body: Uint8Array) => JsonRow {
  const own = new Set<string>(Object.values(OWN_FIELDS));
  const { schema, fields } = recordReading(JSON.parse(schemaText), { count: 0, namespace: '', known: new Map() });
  const type = typeOf(schema);
  const ordered = [...fields.filter(({ name }) => own.has(name)), ...fields.filter(({ name }) => !own.has(name))];
  return (body) => recordCell(ordered, type.fromBuffer(Buffer.from(body.buffer, body.byteOffset, body.byteLength)));
}

/** avsc's type of a schema: longs are bigint, and values of unions are wrapped, as in `{ long: 5n }`. */
export function avroType(schemaText: string): Type {
  const schema: unknown = JSON.parse(schemaText);
  return typeOf(schema);
}

function typeOf(schema: unknown): Type {
  assert(isSchema(schema), 'a schema is an object');
  return avsc.Type.forSchema(schema, { typeHook: exactLongs, wrapUnions: true });
}

/** avsc's own long ends at 2⁵³. */
const exactLong = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer): bigint => bytes.readBigInt64LE(),
  toBuffer(value: bigint): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: (text: string): bigint => BigInt(text),
  toJSON: (value: bigint): string => String(value),
  isValid: (value: unknown): boolean => typeof value === 'bigint',
  compare: (a: bigint, b: bigint): number => (a === b ? 0 : a < b ? -1 : 1),
});

/** Wherever a schema says `long`, with a logical type or without. */
function exactLongs(schema: unknown): Type | undefined {
  return schema === 'long' || (isObject(schema) && schema['type'] === 'long') ? exactLong : undefined;
}

/**
 * How values of one schema are read: the schema that avsc is given, and what is made of its values. To avsc fields are `f0`, `f1`, … and maps are arrays of entries,
 * which have the same bytes: as properties of its objects some names would be lost, and keys that look like numbers would change their order.
 */
interface Reading {
  readonly schema: unknown;
  readonly cell: (value: unknown) => JsonCell;
}

interface FieldReading {
  readonly name: string;
  /** To avsc. */
  readonly at: string;
  readonly cell: Reading['cell'];
}

/** Named types so far: avsc wants every name but once, and the schema may speak of one again by its name. */
interface Names {
  count: number;
  /** The one that types without one of their own are in. */
  namespace: string;
  readonly known: Map<string, Reading>;
}

function readingOf(schema: unknown, names: Names): Reading {
  if (Array.isArray(schema)) return unionReading(schema, names);
  if (typeof schema === 'string') return names.known.get(fullName(schema, names)) ?? { schema, cell: plainCell };
  if (!isObject(schema)) return { schema, cell: plainCell };
  const { type, logicalType, scale, items, values } = schema;
  switch (type) {
    case 'record': {
      const record = recordReading(schema, names);
      const plain = (value: unknown): JsonRow => recordCell(record.fields, value);
      const cell = logicalType === 'variant' ? (value: unknown): JsonCell => variantCell(plain(value)) : plain;
      names.known.set(record.fullName, { schema: record.schema.name, cell });
      return { schema: record.schema, cell };
    }
    case 'enum':
      return { schema: { ...schema, name: nextName(names) }, cell: plainCell };
    case 'array': {
      const item = logicalType === 'map' ? entryReading(items, names) : readingOf(items, names);
      return listReading(item);
    }
    case 'map':
      return listReading(
        entryReading(
          {
            fields: [
              { name: 'key', type: 'string' },
              { name: 'value', type: values },
            ],
          },
          names,
        ),
      );
    default:
      if (logicalType === 'decimal') return { schema, cell: (value) => decimalText(value, Number(scale ?? 0)) };
      if (logicalType === 'date') return { schema, cell: (value) => dateText(Number(value)) };
      if (logicalType === 'timestamp-millis') return { schema, cell: Number };
      return { schema, cell: plainCell };
  }
}

/** Null or one other thing, which avsc wraps. */
function unionReading(branches: readonly unknown[], names: Names): Reading {
  const branch = readingOf(
    must(
      branches.find((member) => member !== 'null'),
      'a branch of a union',
    ),
    names,
  );
  return {
    schema: branches.map((member) => (member === 'null' ? member : branch.schema)),
    cell: (wrapped) => (isObject(wrapped) ? branch.cell(Object.values(wrapped)[0]) : null),
  };
}

function listReading({ schema, cell }: Reading): Reading {
  return {
    schema: { type: 'array', items: schema },
    cell(value) {
      assert(Array.isArray(value), 'an array');
      return value.map(cell);
    },
  };
}

function entryReading(schema: unknown, names: Names): Reading {
  const entry = recordReading(schema, names);
  return { schema: entry.schema, cell: (value) => entry.fields.map(({ at, cell }) => cell(isObject(value) ? value[at] : null)) };
}

interface RecordReading {
  /** Its own. */
  readonly fullName: string;
  /** To avsc. */
  readonly schema: { readonly type: 'record'; readonly name: string; readonly fields: readonly object[] };
  readonly fields: readonly FieldReading[];
}

function recordReading(schema: unknown, names: Names): RecordReading {
  assert(isObject(schema) && Array.isArray(schema['fields']), 'a schema that is no record');
  const name = nextName(names);
  const around = names.namespace;
  if (typeof schema['namespace'] === 'string') names.namespace = schema['namespace'];
  const ownFullName = fullName(String(schema['name']), names);
  const counters = countersOf(schema, ownFullName);
  const fields = schema['fields'].map((field: unknown, i) => {
    assert(isObject(field) && typeof field['name'] === 'string', 'a field without a name');
    const { schema: type, cell } = readingOf(field['type'], names);
    const ownName = typeof field['originalName'] === 'string' ? field['originalName'] : field['name'];
    return {
      name: ownName,
      at: `f${i}`,
      type,
      cell: counters.includes(field['name']) ? (value: unknown) => numberCell(cell(value)) : cell,
    };
  });
  names.namespace = around;
  return { fullName: ownFullName, schema: { type: 'record', name, fields: fields.map(({ at, type }) => ({ name: at, type })) }, fields };
}

/** Of the relay's own records, by their names (schemas/). */
const OWN_COUNTERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['cdf_relay.Source', ['ts_ms', 'commit_version']],
  ['cdf_relay.Commit', ['version', 'toVersion', 'records', 'duplicates', 'deadLetters', 'bytes']],
  ['cdf_relay.Rows', ['insert', 'update_preimage', 'update_postimage', 'delete']],
  ['cdf_relay.Stretch', ['firstOffset', 'nextOffset']],
]);

/** The relay's own longs, which are numbers; those of a table may be beyond 2⁵³. */
function countersOf(schema: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  const own = OWN_COUNTERS.get(name);
  if (own !== undefined) return own;
  return schema['connect.version'] === 2 ? ['ts_ms'] : [OWN_FIELDS.version];
}

function numberCell(cell: JsonCell): JsonCell {
  return cell === null ? null : Number(cell);
}

/** By the Avro specification, "Names". */
function fullName(name: string, { namespace }: Names): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

function recordCell(fields: readonly FieldReading[], value: unknown): JsonRow {
  assert(isObject(value), 'a record');
  return Object.fromEntries(fields.map(({ name, at, cell }) => [name, cell(value[at])]));
}

function variantCell(row: JsonRow): JsonCell {
  const { metadata, value } = row;
  if (typeof metadata !== 'string' || typeof value !== 'string') return row;
  return variantText(Buffer.from(metadata, 'base64'), Buffer.from(value, 'base64')) ?? row;
}

function nextName(names: Names): string {
  names.count += 1;
  return `r${names.count}`;
}

function plainCell(value: unknown): JsonCell {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? (Object.is(value, -0) ? '-0.0' : value) : String(value);
  if (Buffer.isBuffer(value)) return value.toString('base64');
  assert(value === null || typeof value === 'string' || typeof value === 'boolean', `a value of type ${typeof value}`);
  return value;
}

function decimalText(bytes: unknown, scale: number): string {
  assert(Buffer.isBuffer(bytes), 'the bytes of a decimal');
  const value = BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`));
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${value < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`;
}

/** What avsc takes for a schema, as far as can be seen from outside. */
export function isSchema(value: unknown): value is Parameters<typeof avsc.Type.forSchema>[0] {
  return isObject(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
