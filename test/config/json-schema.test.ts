import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { configPage } from '../../src/config/config-page.ts';
import { configJsonSchema } from '../../src/config/json-schema.ts';

const schema: unknown = JSON.parse(JSON.stringify(configJsonSchema()));

test('schemas/config.schema.json is what `npm run config:schema` writes', () => {
  expect(JSON.parse(readFileSync(new URL('../../schemas/config.schema.json', import.meta.url), 'utf8'))).toEqual(schema);
});

test('docs/configuration.md is what `npm run config:schema` writes, and has every key of the schema', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  expect(page).toBe(configPage());
  const keys = new Set<string>();
  visit(schema, '', (path) => keys.add(path));
  const told = [...page.matchAll(/^## `(\w+)`|^\| `([\w.[\]]+)` \|/gm)];
  let section = '';
  const named = told.map(([, heading, key]) => {
    section = heading ?? section;
    return `.${heading ?? `${section}.${String(key).replaceAll('[]', '')}`}`;
  });
  expect(named.toSorted()).toEqual([...keys].toSorted());
});

test('every key has its sentence', () => {
  const without: string[] = [];
  let keys = 0;
  visit(schema, '', (path, member) => {
    keys += 1;
    const description: unknown = isObject(member) ? member['description'] : undefined;
    if (typeof description !== 'string' || !/^[A-Z].*\.$/s.test(description)) without.push(path);
  });
  expect(without).toEqual([]);
  expect(keys).toBeGreaterThan(50);
});

function visit(node: unknown, path: string, key: (path: string, member: unknown) => void): void {
  if (Array.isArray(node)) for (const item of node) visit(item, path, key);
  if (!isObject(node)) return;
  for (const [name, member] of Object.entries(isObject(node['properties']) ? node['properties'] : {})) {
    key(`${path}.${name}`, member);
    visit(member, `${path}.${name}`, key);
  }
  for (const keyword of ['anyOf', 'items', 'allOf']) visit(node[keyword], path, key);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
