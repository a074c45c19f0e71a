/**
 * The Avro schemas of a feed (DESIGN §6 "Key", "Value", "Types", "Names").
 *
 * The texts are compact JSON with the attributes in the order in which Avro's own Java library prints them, so that a registry gives back what it was given:
 * named types `type, name, namespace, doc, fields | symbols`; fields `name, type, doc, default, originalName`; logical types `type, logicalType, precision, scale`.
 * The texts and with them the GUIDs are in every topic: they change only with the table.
 */
import { Failure } from '../model/failure.ts';
import { typeText } from '../model/table-schema.ts';
import type { Column, DataType } from '../model/table-schema.ts';
import { CHANGE_TYPES } from '../model/column-batch.ts';
import type { AvroTexts, RecordLayout } from '../ports/encoder.ts';
import { avroName } from './avro-name.ts';
import { keyColumns } from './key-columns.ts';

/** The fields that the relay adds to every row, behind the table's columns. */
export const OWN_FIELDS = { changeType: '_change_type', version: '_commit_version', timestamp: '_commit_timestamp' } as const;

const OWN_NAMES: ReadonlySet<string> = new Set(Object.values(OWN_FIELDS));

/** Throws `Failure` `schema.type`, `schema.name`, `key.type`, each with the column. */
export function avroTexts(layout: Pick<RecordLayout, 'schema' | 'table' | 'key'>): AvroTexts {
  const { share, schema, table } = layout.table;
  const namespace = `${avroName(share)}.${avroName(schema)}`;
  const keys = keyColumns(layout);
  const value = {
    type: 'record',
    name: avroName(table),
    namespace,
    fields: [...layout.schema.columns.map((column) => columnField(column, true)), ...OWN_FIELD_SCHEMAS],
  };
  if (keys.length === 0) return { key: null, value: JSON.stringify(value) };
  const key = {
    type: 'record',
    name: 'Key',
    namespace: `${namespace}.${avroName(table)}`,
    fields: keys.map((column) => columnField(column, false)),
  };
  return { key: JSON.stringify(key), value: JSON.stringify(value) };
}

const OWN_FIELD_SCHEMAS = [
  { name: OWN_FIELDS.changeType, type: { type: 'enum', name: 'ChangeType', namespace: 'cdf_relay', symbols: CHANGE_TYPES } },
  { name: OWN_FIELDS.version, type: 'long' },
  { name: OWN_FIELDS.timestamp, type: ['null', { type: 'long', logicalType: 'timestamp-millis' }], default: null },
];

function columnField(column: Column, withDoc: boolean): object {
  if (column.name === '') throw new Failure('schema.name', 'the table has a column without a name');
  if (OWN_NAMES.has(column.name.toLowerCase())) throw new Failure('schema.name', `the table has a column of its own named ${column.name}`);
  const name = avroName(column.name);
  return {
    name,
    type: ['null', avroType(column.type, column.name)],
    ...(withDoc && column.comment !== null && { doc: column.comment }),
    default: null,
    ...(name !== column.name && { originalName: column.name }),
  };
}

function avroType(type: DataType, path: string): string | object {
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
    default:
      throw new Failure('schema.type', `column ${path} has the type ${typeText(type)}`);
  }
}
