/**
 * The chart's values, their schema and its version, without Helm.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { parseConfig } from '../../src/config/config.ts';

const values = z.record(z.string(), z.unknown()).parse(parse(read('helm/values.yaml')));
const schemaDocument: unknown = JSON.parse(read('helm/values.schema.json'));
const { properties } = z.object({ properties: z.record(z.string(), z.unknown()) }).parse(schemaDocument);
const schema = schemaOf(schemaDocument);

describe('the values of the chart', () => {
  it('fit their own schema', () => {
    expect(schema.parse(values)).toEqual(values);
  });

  it('are all in the schema, and the schema has no others but those of a parent chart', () => {
    expect([...Object.keys(values), 'global'].toSorted()).toEqual(Object.keys(properties).toSorted());
  });

  it.each([
    ['a key that does not exist', { replicaCount: 2 }],
    ['a secret by value', { secrets: { env: { KAFKA_PASSWORD: 'p' }, files: [] } }],
    ['a digest that is none', { image: { repository: 'cdf-relay', digest: 'latest' } }],
  ])('may not be %s', (_, change) => {
    expect(schema.safeParse({ ...values, ...change }).success).toBe(false);
  });

  it('hold no config, so that nobody relays by an example; the example in the comment is one that the relay accepts', () => {
    expect(values['config']).toEqual({});
    const [, comment = ''] = /^(# config:\n(?:# .*\n)+)/m.exec(read('helm/values.yaml')) ?? [];
    const example = z.object({ config: z.unknown() }).parse(parse(comment.replaceAll(/^# /gm, '')));
    const profile = '{"shareCredentialsVersion":1,"endpoint":"https://acme.example/","bearerToken":"t"}';
    const world = { path: 'relay.yaml', env: { KAFKA_PASSWORD: 'p' }, cores: 2, readFile: () => profile };
    expect(parseConfig(stringify(example.config), world).feeds).toMatchObject([{ recipient: 'analytics', start: { kind: 'earliest' } }]);
  });

  it('go with a chart whose version of the relay is the one of package.json', () => {
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(read('package.json')));
    expect(parse(read('helm/Chart.yaml'))).toMatchObject({ name: 'cdf-relay', appVersion: version });
  });
});

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];

function schemaOf(document: unknown): z.ZodType {
  if (!isJsonSchema(document)) throw new Error('helm/values.schema.json is no JSON Schema of draft 7');
  return z.fromJSONSchema(document);
}

function isJsonSchema(document: unknown): document is JsonSchema {
  return z.object({ $schema: z.literal('http://json-schema.org/draft-07/schema#'), type: z.literal('object') }).safeParse(document).success;
}

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}
