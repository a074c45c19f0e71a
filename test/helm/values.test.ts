/**
 * The chart's values, their schema, their table in the README and the chart's version, without Helm.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { parseConfig } from '../../src/config/config.ts';
import { tableIn, valuesTable } from './values-table.ts';

const values = z.record(z.string(), z.unknown()).parse(parse(read('helm/values.yaml')));
const { properties } = z.object({ properties: z.record(z.string(), z.unknown()) }).parse(JSON.parse(read('helm/values.schema.json')));
const profile = '{"shareCredentialsVersion":1,"endpoint":"https://acme.example/","bearerToken":"t"}';
const world = { path: 'relay.yaml', env: {}, cores: 2, readFile: (path: string): string => (path.endsWith('.share') ? profile : 'p') };

describe('the values of the chart', () => {
  it('are all in the schema, and the schema has no others but those of a parent chart', () => {
    expect([...Object.keys(values), 'global'].toSorted()).toEqual(Object.keys(properties).toSorted());
  });

  it('hold no config, so that nobody relays by an example; the example in the comment is one that the relay accepts', () => {
    expect(values['config']).toEqual({});
    const [, comment = ''] = /^(# config:\n(?:# .*\n)+)/m.exec(read('helm/values.yaml')) ?? [];
    const { config } = z.object({ config: z.record(z.string(), z.unknown()) }).parse(parse(comment.replaceAll(/^# /gm, '')));
    const text = stringify({ relay: { name: 'r-cdf-relay' }, ...config });
    expect(parseConfig(text, world).feeds).toMatchObject([{ recipient: 'analytics', start: { kind: 'earliest' } }]);
  });

  it('are in the table of the README as they are; `node test/helm/main.ts` writes it', () => {
    expect(tableIn(read('helm/README.md'))).toBe(valuesTable(read('helm/values.yaml'), read('helm/values.schema.json')));
  });

  it('have a sentence each', () => {
    expect(
      valuesTable(read('helm/values.yaml'), read('helm/values.schema.json'))
        .split('\n')
        .filter((row) => row.endsWith('|  |')),
    ).toEqual([]);
  });

  it('go with a chart whose version of the relay is the one of package.json', () => {
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(read('package.json')));
    expect(parse(read('helm/Chart.yaml'))).toMatchObject({ name: 'cdf-relay', appVersion: version });
  });
});

describe('the README of the chart', () => {
  it('installs with the three values that it shows, and the relay accepts them', () => {
    const [, shown = ''] = /```yaml\n# values\.yaml\n([\s\S]*?)```/.exec(read('helm/README.md')) ?? [];
    expect(parse(shown)).toEqual(parse(read('test/helm/values/three-values.yaml')));
    const { config } = z.object({ config: z.record(z.string(), z.unknown()) }).parse(parse(shown));
    expect(parseConfig(stringify({ relay: { name: 'r-cdf-relay' }, ...config }), world).relay.name).toBe('r-cdf-relay');
  });
});

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}
