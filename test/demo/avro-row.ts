/**
 * Reads an Avro body by its writer schema into the lossless JSON forms of the table corpus (test/fixtures/tables/README.md). Written from the Avro specification,
 * and sharing no code with the relay's encoder: that the two agree means something.
 */
import { z } from 'zod';
import { assert, must } from '../../src/lib/assert.ts';

/** A row of the change feed: `_change_type`, `_commit_version`, `_commit_timestamp`, then the table's columns. */
export interface ChangeRow {
  readonly type: string;
  readonly version: number;
  readonly timestamp: number | null;
  readonly columns: Readonly<Record<string, unknown>>;
}

/** The reader for one writer schema. Throws on a schema that is not one, the function on bytes that do not fit it. */
export function rowReader(schemaText: string): (body: Uint8Array) => ChangeRow {
  const read = recordReader(schemaText);
  return (body) => {
    const { _change_type: type, _commit_version: version, _commit_timestamp: timestamp, ...rest } = read(body);
    return { type: String(type), version: Number(version), timestamp: timestamp === null ? null : Number(timestamp), columns: rest };
  };
}

/** The same for records of any schema: their fields as they are. */
export function recordReader(schemaText: string): (body: Uint8Array) => Readonly<Record<string, unknown>> {
  const schema = RecordSchema.parse(JSON.parse(schemaText));
  const named = namedTypes(schema, '');
  return (body) => {
    const bytes = new Cursor(body, named);
    const fields = schema.fields.map((field) => [field.originalName ?? field.name, valueOf(field.type, bytes)] as const);
    assert(bytes.atEnd, 'no bytes behind the Avro row');
    return Object.fromEntries(fields);
  };
}

/** The row as a line of `expected.jsonl`, spelled as `JSON.stringify` spells it. */
export function lineOf(row: ChangeRow): string {
  return JSON.stringify({ _change_type: row.type, _commit_version: row.version, _commit_timestamp: row.timestamp, ...row.columns });
}

type AvroType = string | readonly AvroType[] | ComplexType;

interface ComplexType {
  readonly type: AvroType;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly logicalType?: string | undefined;
  readonly scale?: number | undefined;
  readonly symbols?: readonly string[] | undefined;
  readonly fields?: readonly AvroField[] | undefined;
  readonly items?: AvroType | undefined;
  readonly values?: AvroType | undefined;
}

interface AvroField {
  readonly name: string;
  readonly originalName?: string | undefined;
  readonly type: AvroType;
}

const AvroType: z.ZodType<AvroType> = z.lazy(() => z.union([z.string(), z.array(AvroType), ComplexType]));
const AvroField = z.looseObject({ name: z.string(), originalName: z.string().optional(), type: AvroType });
const ComplexType: z.ZodType<ComplexType> = z.looseObject({
  type: AvroType,
  name: z.string().optional(),
  namespace: z.string().optional(),
  logicalType: z.string().optional(),
  scale: z.number().optional(),
  symbols: z.array(z.string()).optional(),
  fields: z.array(AvroField).optional(),
  items: AvroType.optional(),
  values: AvroType.optional(),
});
const RecordSchema = z.looseObject({ type: z.literal('record'), fields: z.array(AvroField) });

/** Records by their names, as a schema may speak of them again: by the full one, and by the last part of it. */
function namedTypes(schema: AvroType, namespace: string): ReadonlyMap<string, ComplexType> {
  if (typeof schema === 'string') return new Map();
  if (!isComplex(schema)) return new Map(schema.flatMap((branch) => [...namedTypes(branch, namespace)]));
  const space = schema.namespace ?? namespace;
  const own = schema.type === 'record' && schema.name !== undefined ? [schema.name, `${space}.${schema.name}`] : [];
  const below = [schema.type, schema.items ?? [], schema.values ?? [], ...(schema.fields ?? []).map(({ type }) => type)];
  return new Map([...own.map((name) => [name, schema] as const), ...below.flatMap((part) => [...namedTypes(part, space)])]);
}

function valueOf(schema: AvroType, bytes: Cursor): unknown {
  if (typeof schema === 'string') return valueOf(bytes.named.get(schema) ?? { type: schema }, bytes);
  if (!isComplex(schema)) return valueOf(must(schema[Number(bytes.long())], 'the branch of a union'), bytes);
  const { logicalType } = schema;
  switch (schema.type) {
    case 'null':
      return null;
    case 'boolean':
      return bytes.take(1)[0] === 1;
    case 'int': {
      const value = Number(bytes.long());
      return logicalType === 'date' ? dateText(value) : value;
    }
    case 'long':
      return logicalType === 'timestamp-millis' ? Number(bytes.long()) : String(bytes.long());
    case 'float':
      return numberForm(bytes.view(4).getFloat32(0, true));
    case 'double':
      return numberForm(bytes.view(8).getFloat64(0, true));
    case 'string':
      return textOf(bytes);
    case 'bytes':
      return logicalType === 'decimal' ? decimalText(bytes.sized(), schema.scale ?? 0) : Buffer.from(bytes.sized()).toString('base64');
    case 'enum':
      return must(schema.symbols?.[Number(bytes.long())], 'the symbol of an enum');
    case 'record':
      return Object.fromEntries(
        must(schema.fields, 'the fields of a record').map((field) => [field.originalName ?? field.name, valueOf(field.type, bytes)]),
      );
    case 'array': {
      const items = must(schema.items, 'the items of an array');
      const entry = logicalType === 'map' && typeof items !== 'string' && isComplex(items) ? items : null;
      return blocksOf(bytes, () =>
        entry === null
          ? valueOf(items, bytes)
          : must(entry.fields, 'the key and value of an entry').map(({ type }) => valueOf(type, bytes)),
      );
    }
    case 'map': {
      const values = must(schema.values, 'the values of a map');
      return blocksOf(bytes, () => [textOf(bytes), valueOf(values, bytes)]);
    }
    default:
      assert(typeof schema.type !== 'string', `the Avro type ${JSON.stringify(schema.type)}`);
      return valueOf(schema.type, bytes);
  }
}

function isComplex(schema: Exclude<AvroType, string>): schema is ComplexType {
  return !Array.isArray(schema);
}

function textOf(bytes: Cursor): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.sized());
}

/** The items of an array or a map: blocks that begin with their count, a negative one with the block's length behind it, up to an empty one. */
function blocksOf(bytes: Cursor, item: () => unknown): readonly unknown[] {
  const items: unknown[] = [];
  for (let count = Number(bytes.long()); count !== 0; count = Number(bytes.long())) {
    if (count < 0) bytes.long();
    for (let i = 0; i < Math.abs(count); i++) items.push(item());
  }
  return items;
}

class Cursor {
  readonly #bytes: Uint8Array;
  readonly named: ReadonlyMap<string, ComplexType>;
  #at = 0;

  constructor(bytes: Uint8Array, named: ReadonlyMap<string, ComplexType>) {
    this.#bytes = bytes;
    this.named = named;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(length: number): Uint8Array {
    assert(length >= 0 && this.#at + length <= this.#bytes.length, 'enough bytes of Avro');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  view(length: number): DataView {
    const { buffer, byteOffset } = this.take(length);
    return new DataView(buffer, byteOffset, length);
  }

  /** Zigzag varint of 64 bits. */
  long(): bigint {
    let raw = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = must(this.take(1)[0], 'a byte');
      raw |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return (raw >> 1n) ^ -(raw & 1n);
    }
    throw new Error('an Avro long of more than ten bytes');
  }

  sized(): Uint8Array {
    return this.take(Number(this.long()));
  }
}

function numberForm(value: number): number | string {
  if (Object.is(value, -0)) return '-0.0';
  return Number.isFinite(value) ? value : String(value);
}

function decimalText(bytes: Uint8Array, scale: number): string {
  const unscaled = bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return unscaled < 0n ? `-${text}` : text;
}

/** `YYYY-MM-DD`, with a sign for years that do not have four digits. */
function dateText(days: number): string {
  const iso = new Date(days * 86_400_000).toISOString();
  const [, year = '', rest = ''] = /^([+-]?\d+)(-\d\d-\d\d)T/.exec(iso) ?? [];
  const number = Number(year);
  const digits = String(Math.abs(number)).padStart(4, '0');
  return `${number >= 1 && number <= 9999 ? '' : number < 0 ? '-' : '+'}${digits}${rest}`;
}
