/**
 * Whether consumers that know the columns so far read rows of the next schema right (DESIGN §6 "Schema change"). The table below alone decides, whatever Avro or a
 * registry would answer: Avro calls decimal(9,2) → decimal(20,4) compatible and reads 12.34 as 0.1234.
 *
 * Right means: consumers that have the next schema read all records, old and new. Those that still have an older one read them too, columns that are gone as null,
 * except values of a type that became wider: Avro promotes in one direction alone, so these readers fail, and read nothing wrong.
 *
 * Columns are compared at every depth, each by its path, against what was last known of it, also when it was dropped in between: its old records are still in the topic.
 * A column is what its identity says: a name that another column took over is breaking, even versions apart.
 */
import { Failure } from '../model/failure.ts';
import type { OnSchemaChange } from '../model/feed.ts';
import type { KnownColumn } from '../model/position.ts';
import { identityOf, typeText } from '../model/table-schema.ts';
import type { Column, DataType, TableSchema } from '../model/table-schema.ts';
import type { Version } from '../model/version.ts';

export type KnownColumns = Readonly<Record<string, KnownColumn>>;

/** Delta type → those that its values may become. byte, short and integer are one Avro type. */
const ACCEPTED: Readonly<Record<string, readonly string[]>> = {
  byte: ['short', 'integer', 'long', 'double'],
  short: ['byte', 'integer', 'long', 'double'],
  integer: ['byte', 'short', 'long', 'double'],
  float: ['double'],
};

/**
 * The columns known once `schema` is published; `known` null = none was yet. Throws `schema.breaking` with what changed, from what, to what, unless the policy is
 * `follow`; with `park` throws `schema.changed` for anything that changed.
 */
export function evolve(known: KnownColumns | null, schema: TableSchema, version: Version, policy: OnSchemaChange): KnownColumns {
  const next = new Map(schema.columns.flatMap((column) => pathsOf(column, '')));
  if (known === null) return Object.fromEntries(next);
  // A column may be called `constructor`: only what is the record's own counts, and a map takes any name.
  const before = new Map(Object.entries(known));
  const changes = changesBetween(before, next);
  const refused = policy === 'follow' ? [] : policy === 'park' ? changes : changes.filter(({ breaks }) => breaks);
  if (refused.length > 0) {
    throw new Failure(
      policy === 'park' ? 'schema.changed' : 'schema.breaking',
      `version ${version} ${refused.map(({ text }) => text).join(', and ')}`,
      { version },
    );
  }
  for (const [path, column] of before) if (!next.has(path)) next.set(path, { ...column, dropped: true });
  return Object.fromEntries(next);
}

interface Change {
  /** To stand behind "version 7". */
  readonly text: string;
  readonly breaks: boolean;
}

function changesBetween(before: ReadonlyMap<string, KnownColumn>, next: ReadonlyMap<string, KnownColumn>): readonly Change[] {
  const changes: Change[] = [];
  for (const [path, column] of next) {
    const was = before.get(path);
    if (was === undefined) changes.push({ text: `adds column ${path}`, breaks: false });
    else if (was.identity !== column.identity) {
      changes.push({
        text: `gives the name of column ${path} to another column (it was ${was.identity} in files, and is ${column.identity})`,
        breaks: true,
      });
    } else if (was.type !== column.type) {
      const breaks = !(ACCEPTED[was.type]?.includes(column.type) ?? false);
      changes.push({ text: `changes the type of column ${path} from ${was.type} to ${column.type}`, breaks });
    } else if (was.dropped === true) changes.push({ text: `brings back column ${path}`, breaks: false });
  }
  for (const [path, was] of before) {
    if (!next.has(path) && was.dropped !== true) changes.push({ text: `drops column ${path}`, breaks: false });
  }
  return changes;
}

/** A column and what is nested in it: `address`, `address.city`, `tags[]`, `counts{key}`, `counts{value}`. */
function pathsOf(column: Column, parent: string): readonly (readonly [string, KnownColumn])[] {
  return typePaths(parent + escaped(column.name), identityOf(column), column.type);
}

function typePaths(path: string, identity: string, type: DataType): readonly (readonly [string, KnownColumn])[] {
  switch (type.kind) {
    case 'struct':
      return [[path, { identity, type: 'struct' }], ...type.fields.flatMap((field) => pathsOf(field, `${path}.`))];
    case 'array':
      return [[path, { identity, type: 'array' }], ...typePaths(`${path}[]`, '', type.element)];
    case 'map':
      return [
        [path, { identity, type: 'map' }],
        ...typePaths(`${path}{key}`, '', type.key),
        ...typePaths(`${path}{value}`, '', type.value),
      ];
    default:
      return [[path, { identity, type: typeText(type) }]];
  }
}

/** So that a column `a.b` is not taken for the field `b` of `a`. */
function escaped(name: string): string {
  return name.replaceAll(/[\\.[\]{}]/g, (mark) => `\\${mark}`);
}
