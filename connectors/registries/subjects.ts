/**
 * Under which subject a registry keeps a schema: Confluent's three strategies.
 */
import { assert } from '../../src/lib/assert.ts';
import type { SchemaRequest } from '../../src/ports/schema-registry.ts';

export type SubjectNaming =
  /** `<topic>-key`, `<topic>-value`. */
  | 'topic'
  /** The record's full name: one subject for all topics that carry it. */
  | 'record'
  /** `<topic>-<the record's full name>`. */
  | 'topic-record';

export function subjectOf({ topic, part, text }: SchemaRequest, naming: SubjectNaming): string {
  switch (naming) {
    case 'topic':
      return `${topic}-${part}`;
    case 'record':
      return fullNameOf(text);
    case 'topic-record':
      return `${topic}-${fullNameOf(text)}`;
  }
}

/** Of the record that the schema's text describes: keys and values of the relay are nothing else. */
function fullNameOf(text: string): string {
  const schema: unknown = JSON.parse(text);
  const name: unknown = typeof schema === 'object' && schema !== null ? Reflect.get(schema, 'name') : null;
  const namespace: unknown = typeof schema === 'object' && schema !== null ? Reflect.get(schema, 'namespace') : null;
  assert(typeof name === 'string', 'a schema without a name');
  return typeof namespace === 'string' && namespace !== '' ? `${namespace}.${name}` : name;
}
