/**
 * The Avro schemas of a feed (DESIGN §6 "Key", "Value", "Types", "Names").
 *
 * The texts are compact JSON with the attributes in the order in which Avro's own Java library prints them, so that a registry gives back what it was given:
 * named types `type, name, namespace, doc, fields | symbols, logicalType`; fields `name, type, doc, default, originalName`; other types
 * `type, items | values, logicalType, precision, scale`. The texts and with them the GUIDs are in every topic: they change only with the table.
 *
 * Nested records are below `<share>.<schema>.<table>.Value`, where no column can take the name of the key's record. With Debezium's envelope that is the row's own name,
 * beside `Envelope` and `Key`, as Debezium's schemas have it, with the attributes `connect.name` and `connect.version` that Kafka Connect's converters put there.
 */
import { Failure } from '../model/failure.ts';
import { typeText } from '../model/table-schema.ts';
import type { Column, DataType } from '../model/table-schema.ts';
import type { AvroTexts, SchemaLayout } from '../ports/encoder.ts';
import { avroName, avroTypeName } from './avro-name.ts';
import { below, recordName, topLevel } from './column-place.ts';
import type { Place } from './column-place.ts';
import { CHANGE_FIELDS, DEBEZIUM_BLOCK, DEBEZIUM_SOURCE } from './fixed-schemas.ts';
import { keyColumns } from './key-columns.ts';

/** The fields that the envelope `change` adds to every row, behind the table's columns: those of schemas/change-fields.avsc. */
export const OWN_FIELDS = { changeType: '_change_type', version: '_commit_version', timestamp: '_commit_timestamp' } as const;

const OWN_NAMES: ReadonlySet<string> = new Set(Object.values(OWN_FIELDS));

/** Levels of nesting at most: parsers of schemas have limits of their own, from some hundred levels of JSON on, of which a level of ours takes four. */
const DEPTH_MAX = 64;

/** Columns that a message names at most. */
const NAMED_MAX = 20;

/** Throws `Failure` `schema.type`, `schema.name`, `key.type`, each with the column. */
export function avroTexts(layout: SchemaLayout): AvroTexts {
  const { share, schema, table } = layout.table;
  const namespace = `${avroName(share)}.${avroName(schema)}`;
  const fullName = `${namespace}.${avroName(table)}`;
  const keys = keyColumns(layout);
  const refused: string[] = [];
  const place = topLevel(`${fullName}.Value`);
  for (const { name } of layout.schema.columns) {
    if (OWN_NAMES.has(name.toLowerCase())) throw new Failure('schema.name', `the table has a column of its own named ${name}`);
  }
  const fields = layout.schema.columns.map((column) => fieldOf(column, below(place, column.name), true, refused));
  if (refused.length > 0) throw new Failure('schema.type', refusalText(refused));
  const keyFields = keys.map((column) => fieldOf(column, below(place, column.name), false, refused));
  const isDebezium = layout.envelope.kind === 'debezium';
  const row = { type: 'record', name: avroTypeName(avroName(table)), namespace };
  const value = isDebezium
    ? debeziumEnvelope(fullName, fields)
    : { ...row, fields: layout.envelope.kind === 'change' ? [...fields, ...CHANGE_FIELDS] : fields };
  const key = { type: 'record', name: 'Key', namespace: fullName, fields: keyFields, ...(isDebezium && connectName(`${fullName}.Key`)) };
  return { key: keys.length === 0 ? null : JSON.stringify(key), value: JSON.stringify(value) };
}

/** Version 2 of Debezium's envelope (io.debezium.data.Envelope). */
function debeziumEnvelope(namespace: string, fields: readonly object[]): object {
  const row = { type: 'record', name: 'Value', namespace, fields, ...connectName(`${namespace}.Value`) };
  return {
    type: 'record',
    name: 'Envelope',
    namespace,
    fields: [
      { name: 'before', type: ['null', row], default: null },
      { name: 'after', type: ['null', 'Value'], default: null },
      { name: 'source', type: DEBEZIUM_SOURCE },
      { name: 'transaction', type: ['null', DEBEZIUM_BLOCK], default: null },
      { name: 'op', type: 'string' },
      ...['ts_ms', 'ts_us', 'ts_ns'].map((name) => ({ name, type: ['null', 'long'], default: null })),
    ],
    'connect.version': 2,
    ...connectName(`${namespace}.Envelope`),
  };
}

function connectName(name: string): object {
  return { 'connect.name': name };
}

type Schema = string | object;

/** What cannot be carried goes to `refused`, and something takes its place, so that all of it is found in one go. */
function fieldOf(column: Column, place: Place, withDoc: boolean, refused: string[]): object {
  if (column.name === '') throw new Failure('schema.name', `the table has a column without a name: ${place.path}`);
  const name = avroName(column.name);
  return {
    name,
    type: nullable(column.type, place, refused),
    ...(withDoc && column.comment !== null && { doc: column.comment }),
    default: null,
    ...(name !== column.name && { originalName: column.name }),
  };
}

/** A void is null alone: a union holds no type twice. */
function nullable(type: DataType, place: Place, refused: string[]): Schema {
  return type.kind === 'void' ? 'null' : ['null', schemaOf(type, place, refused)];
}

function schemaOf(type: DataType, place: Place, refused: string[]): Schema {
  if (place.depth > DEPTH_MAX) {
    refused.push(`${place.path} is nested more than ${DEPTH_MAX} levels deep`);
    return 'bytes';
  }
  switch (type.kind) {
    case 'byte':
    case 'short':
    case 'integer':
      return 'int';
    case 'long':
    case 'float':
    case 'double':
    case 'boolean':
    case 'string':
      return type.kind;
    case 'binary':
      return 'bytes';
    case 'date':
      return { type: 'int', logicalType: 'date' };
    case 'timestamp':
      return { type: 'long', logicalType: 'timestamp-micros' };
    case 'timestamp_ntz':
      return { type: 'long', logicalType: 'local-timestamp-micros' };
    case 'decimal':
      return { type: 'bytes', logicalType: 'decimal', precision: type.precision, scale: type.scale };
    case 'struct':
      return recordOf(
        place,
        type.fields.map((field) => fieldOf(field, below(place, field.name), true, refused)),
      );
    case 'array':
      return { type: 'array', items: nullable(type.element, below(place, 'element'), refused) };
    case 'map':
      return mapOf(type, place, refused);
    case 'variant':
      // As Apache Iceberg marks its own, core/src/main/java/org/apache/iceberg/avro/VariantLogicalType.java.
      return { ...recordOf(place, VARIANT_FIELDS), logicalType: 'variant' };
    default:
      refused.push(`${place.path} has the type ${typeText(type)}`);
      return 'bytes';
  }
}

const VARIANT_FIELDS = ['metadata', 'value'].map((name) => ({ name, type: ['null', 'bytes'], default: null }));

/** Avro's maps have strings for keys. Others are arrays of entries, as Apache Iceberg spells them (Iceberg spec, Appendix A "Avro"). */
function mapOf(type: Extract<DataType, { readonly kind: 'map' }>, place: Place, refused: string[]): Schema {
  const values = nullable(type.value, below(place, 'value'), refused);
  if (type.key.kind === 'string') return { type: 'map', values };
  const keys = nullable(type.key, below(place, 'key'), refused);
  const items = recordOf(place, [
    { name: 'key', type: keys, default: null },
    { name: 'value', type: values, default: null },
  ]);
  return { type: 'array', items, logicalType: 'map' };
}

function recordOf(place: Place, fields: readonly object[]): object {
  const { name, namespace } = recordName(place);
  return { type: 'record', name, namespace, fields };
}

function refusalText(refused: readonly string[]): string {
  const more = refused.length - NAMED_MAX;
  const named = refused.slice(0, NAMED_MAX).map((text) => `column ${text}`);
  return `${named.join(', ')}${more > 0 ? `, and ${more} more` : ''}`;
}
