/**
 * The config's JSON Schema, for editors and for the docs: schemas/config.schema.json holds it, written by `npm run config:schema`.
 */
import { z } from 'zod';
import { configSchema } from './schema.ts';

type Json = Readonly<Record<string, unknown>>;

/** What the file looks like before references are expanded. */
export function configJsonSchema(): Json {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-2020-12' });
  return { $schema, title: 'cdf-relay config', ...record(withReferences(schema)) };
}

const REFERENCE: Json = { type: 'string', pattern: '\\$\\{' };

/** Wherever a scalar of some kind may stand, a reference to one may stand too. */
function withReferences(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withReferences);
  if (typeof schema !== 'object' || schema === null) return schema;
  const walked = record(
    Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, KEPT.has(key) ? value : withReferences(value)])),
  );
  const { type, pattern } = walked;
  const isNarrow =
    type === 'integer' || type === 'boolean' || (type === 'string' && (pattern !== undefined || walked['enum'] !== undefined));
  if (!isNarrow || pattern === '\\S') return walked;
  const { description, default: fallback, ...rest } = walked;
  return {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    anyOf: [rest, REFERENCE],
  };
}

/** Keywords whose values are no schemas. */
const KEPT: ReadonlySet<string> = new Set(['default', 'enum', 'const', 'required', 'propertyNames']);

function record(value: unknown): Json {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
