/**
 * What of a JSON value is not as a JSON Schema says, one sentence each: the keywords that schemas/openapi.json uses, and a mistake for any other.
 */
import { assert, must } from '../../src/lib/assert.ts';

type Schema = Readonly<Record<string, unknown>>;

const ANNOTATIONS: ReadonlySet<string> = new Set(['description', 'format', 'example']);

export function schemaFaults(value: unknown, schema: unknown, root: unknown, at = '$'): readonly string[] {
  return Object.entries(record(schema)).flatMap(([keyword, rule]) => faultsOf(keyword, rule, record(schema), { value, root, at }));
}

interface Place {
  readonly value: unknown;
  readonly root: unknown;
  readonly at: string;
}

function faultsOf(keyword: string, rule: unknown, schema: Schema, { value, root, at }: Place): readonly string[] {
  switch (keyword) {
    case '$ref':
      return schemaFaults(value, lookUp(String(rule), root), root, at);
    case 'type':
      return [rule].flat().some((type) => isOf(value, String(type))) ? [] : [`${at} is ${JSON.stringify(value)}, and not ${String(rule)}`];
    case 'enum':
      return list(rule).includes(value) ? [] : [`${at} is ${JSON.stringify(value)}`];
    case 'const':
      return rule === value ? [] : [`${at} is ${JSON.stringify(value)}`];
    case 'oneOf': {
      const fits = list(rule).map((one) => schemaFaults(value, one, root, at));
      return fits.filter((faults) => faults.length === 0).length === 1
        ? []
        : [`${at} fits not just one of them: ${fits.flat().join('; ')}`];
    }
    case 'properties':
      if (!isOf(value, 'object')) return [];
      return Object.entries(record(value)).flatMap(([key, part]) => {
        const own = record(rule)[key];
        if (own !== undefined) return schemaFaults(part, own, root, `${at}.${key}`);
        return schema['additionalProperties'] === false ? [`${at}.${key} is not described`] : [];
      });
    case 'required':
      if (!isOf(value, 'object')) return [];
      return list(rule).flatMap((key) => (Object.hasOwn(record(value), String(key)) ? [] : [`${at}.${String(key)} is missing`]));
    case 'items':
      return Array.isArray(value) ? value.flatMap((one: unknown, i) => schemaFaults(one, rule, root, `${at}[${i}]`)) : [];
    case 'maxItems':
      return Array.isArray(value) && value.length > Number(rule) ? [`${at} has ${value.length} items`] : [];
    case 'additionalProperties':
      assert(rule === false, 'additionalProperties other than false');
      return [];
    default:
      assert(ANNOTATIONS.has(keyword), `the keyword ${keyword} at ${at}`);
      return [];
  }
}

function isOf(value: unknown, type: string): boolean {
  if (type === 'null') return value === null;
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return type === 'array' ? Array.isArray(value) : typeof value === type;
}

function lookUp(reference: string, root: unknown): unknown {
  return reference
    .replace(/^#\//, '')
    .split('/')
    .reduce((part: unknown, key) => must(record(part)[key], reference), root);
}

function record(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function list(value: unknown): readonly unknown[] {
  assert(Array.isArray(value), 'a list');
  return value;
}
