/**
 * The parts of published schemas that are the same for every table: read from schemas/, which is where people read them too.
 */
import { readFileSync } from 'node:fs';
import { assert } from '../lib/assert.ts';

/** The fields that the envelope `change` has behind the table's columns. */
export const CHANGE_FIELDS: readonly object[] = fieldsOf(fixedSchema('change-fields'));
/** Debezium's block `source`: its own fields (io.debezium.connector.AbstractSourceInfo), then ours. */
export const DEBEZIUM_SOURCE = fixedSchema('debezium-source');
/** Debezium's block `transaction`. */
export const DEBEZIUM_BLOCK = fixedSchema('debezium-block');

function fixedSchema(name: string): object {
  const schema: unknown = JSON.parse(readFileSync(new URL(`../../schemas/${name}.avsc`, import.meta.url), 'utf8'));
  assert(typeof schema === 'object' && schema !== null, `schemas/${name}.avsc is a schema`);
  return schema;
}

function fieldsOf(schema: object): readonly object[] {
  assert('fields' in schema && Array.isArray(schema.fields), 'a record');
  return schema.fields.map((field: unknown) => {
    assert(typeof field === 'object' && field !== null, 'a field');
    return field;
  });
}
