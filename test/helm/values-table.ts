/** The table of values in the chart's README, made of values.yaml and its schema. */
import { isMap, isNode, isScalar, parseDocument } from 'yaml';
import type { Pair } from 'yaml';
import { z } from 'zod';

interface Schema {
  readonly description?: string | undefined;
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
}
const schemaSchema: z.ZodType<Schema> = z.looseObject({
  description: z.string().optional(),
  additionalProperties: z.unknown().optional(),
  get properties() {
    return z.record(z.string(), schemaSchema).optional();
  },
});

const BEGIN = '<!-- values: written by node test/helm/main.ts -->';
const END = '<!-- end of values -->';

/** A row for each value: its key with dots, its default, and what values.yaml says above it, or else the schema. Maps whose keys are the chart's own are taken apart. */
export function valuesTable(valuesText: string, schemaText: string): string {
  const { contents } = parseDocument(valuesText);
  if (!isMap(contents)) throw new Error('values.yaml is no map');
  return [
    '| key | default | what it is |',
    '|---|---|---|',
    ...contents.items.flatMap((pair) => rows('', pair, schemaSchema.parse(JSON.parse(schemaText)))),
  ].join('\n');
}

/** What stands between the marks. */
export function tableIn(readme: string): string {
  return readme.slice(readme.indexOf(BEGIN) + BEGIN.length, readme.indexOf(END)).trim();
}

/** The README with this table between the marks. */
export function withTable(readme: string, table: string): string {
  return `${readme.slice(0, readme.indexOf(BEGIN) + BEGIN.length)}\n${table}\n${readme.slice(readme.indexOf(END))}`;
}

function rows(prefix: string, pair: Pair, within: Schema): readonly string[] {
  const { key, value } = pair;
  if (!isScalar(key)) throw new Error(`values.yaml has a key that is no text in ${prefix}`);
  const name = String(key.value);
  const path = prefix === '' ? name : `${prefix}.${name}`;
  const schema = within.properties?.[name] ?? {};
  const said = key.commentBefore === null || key.commentBefore === undefined ? (schema.description ?? '') : sentences(key.commentBefore);
  if (isMap(value) && value.items.length > 0 && schema.properties !== undefined && schema.additionalProperties === false) {
    // The comment of a map's first key may hang on the map.
    const [first, ...others] = value.items;
    const comment = value.commentBefore;
    if (first !== undefined && isScalar(first.key) && comment !== null && comment !== undefined) first.key.commentBefore = comment;
    return [...(first === undefined ? [] : [first]), ...others].flatMap((each) => rows(path, each, schema));
  }
  const shown = JSON.stringify(isNode(value) ? value.toJSON() : value);
  return [`| \`${path}\` | \`${shown}\` | ${said} |`];
}

/** Lines of a comment that make sentences; an indented example and what follows it stay in values.yaml. */
function sentences(comment: string): string {
  const lines = comment.split('\n').map((line) => line.replace(/^ /, ''));
  const end = lines.findIndex((line) => line === '' || line.startsWith('config:'));
  return (end === -1 ? lines : lines.slice(0, end)).join(' ').replaceAll('|', '\\|').trim();
}
