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
 * | `_commit_version`, `_commit_timestamp` | number |
 */
import avsc from 'avsc';
import type { Type } from 'avsc';
import { assert } from '../lib/assert.ts';
import { OWN_FIELDS } from './avro-schema.ts';
import { dateText } from './calendar.ts';

export type JsonCell = string | number | boolean | null;

/** The relay's own fields, then the columns in schema order, each under its own name. */
export type JsonRow = Readonly<Record<string, JsonCell>>;

/** Reads bodies of records (no framing) that were written with the schema of this text. The reader throws if a body is not of that schema. */
export function rowReader(schemaText: string): (body: Uint8Array) => JsonRow {
  const type = avroType(schemaText);
  const schema = fieldsOf(JSON.parse(schemaText));
  const own = new Set<string>(Object.values(OWN_FIELDS));
  const fields = [...schema.filter(({ name }) => own.has(name)), ...schema.filter(({ name }) => !own.has(name))];
  return (body) => {
    const record: unknown = type.fromBuffer(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
    assert(isObject(record), 'a record');
    return Object.fromEntries(fields.map((field) => [field.ownName, cellOf(field, record[field.name])]));
  };
}

/** avsc's type of a schema: longs are bigint, and values of unions are wrapped, as in `{ long: 5n }`. */
export function avroType(schemaText: string): Type {
  const schema: unknown = JSON.parse(schemaText);
  assert(isSchema(schema), 'a schema is an object');
  return avsc.Type.forSchema(schema, { typeHook: exactLongs, wrapUnions: true });
}

interface Field {
  readonly name: string;
  readonly ownName: string;
  readonly logicalType: string | null;
  readonly scale: number;
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

function fieldsOf(schema: unknown): readonly Field[] {
  assert(isObject(schema) && Array.isArray(schema['fields']), 'a schema that is no record');
  return schema['fields'].map((field: unknown) => {
    assert(isObject(field) && typeof field['name'] === 'string', 'a field without a name');
    const { name, originalName, type } = field;
    const branch: unknown = Array.isArray(type) ? type.find((member) => member !== 'null') : type;
    const logicalType = isObject(branch) && typeof branch['logicalType'] === 'string' ? branch['logicalType'] : null;
    const scale = isObject(branch) && typeof branch['scale'] === 'number' ? branch['scale'] : 0;
    return { name, ownName: typeof originalName === 'string' ? originalName : name, logicalType, scale };
  });
}

function cellOf(field: Field, wrapped: unknown): JsonCell {
  const value: unknown = isObject(wrapped) && !Buffer.isBuffer(wrapped) ? Object.values(wrapped)[0] : wrapped;
  if (typeof value === 'bigint')
    return field.name === OWN_FIELDS.version || field.logicalType === 'timestamp-millis' ? Number(value) : String(value);
  if (typeof value === 'number') return field.logicalType === 'date' ? dateText(value) : numberText(value);
  if (Buffer.isBuffer(value)) return field.logicalType === 'decimal' ? decimalText(value, field.scale) : value.toString('base64');
  assert(
    value === null || typeof value === 'string' || typeof value === 'boolean',
    `a value of type ${typeof value} in field ${field.name}`,
  );
  return value;
}

function numberText(value: number): JsonCell {
  return Number.isFinite(value) ? (Object.is(value, -0) ? '-0.0' : value) : String(value);
}

function decimalText(bytes: Buffer, scale: number): string {
  const value = BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`));
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${value < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`;
}

function isSchema(value: unknown): value is Parameters<typeof avsc.Type.forSchema>[0] {
  return isObject(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
