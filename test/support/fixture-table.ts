/**
 * A table of test/fixtures/tables as plain data: which files hold the changes of which version, under which schema, and the rows they must yield.
 * It reads the log's JSON by itself, so that what is tested against it has no part in it.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { Column, DataType } from '../../src/model/table-schema.ts';

const TABLES = new URL('../fixtures/tables/', import.meta.url);

export interface FixtureFile {
  readonly version: number;
  readonly kind: 'add' | 'cdf' | 'remove';
  readonly bytes: Uint8Array;
  /** The flat columns that stand in the file, under the names they have in it. */
  readonly columns: readonly Column[];
  /** The same columns' names in the table. */
  readonly names: readonly string[];
}

/** The files of the versions in the table's readable ranges, by Delta's rule: change files tell a version alone. */
export function fixtureFiles(table: string): readonly FixtureFile[] {
  const folder = new URL(`${table}/`, TABLES);
  const about = aboutOf(folder);
  const files: FixtureFile[] = [];
  for (const [from, to] of about.readableRanges) {
    for (let version = from; version <= to; version++) {
      const { columns, names } = schemaAt(about, version);
      for (const { kind, path } of filesOf(folder, version)) {
        files.push({ version, kind, bytes: readFileSync(new URL(`table/${path}`, folder)), columns, names });
      }
    }
  }
  return files;
}

/** The expected rows, without commit times, partition columns and those that are not flat. */
export function fixtureRows(table: string): readonly Readonly<Record<string, unknown>>[] {
  const folder = new URL(`${table}/`, TABLES);
  const about = aboutOf(folder);
  const lines = readFileSync(new URL('expected.jsonl', folder), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const row: ExpectedRow = JSON.parse(line);
    const version = row._commit_version;
    const kept = ['_change_type', ...schemaAt(about, version).names];
    return { _commit_version: version, ...Object.fromEntries(kept.map((name): [string, unknown] => [name, row[name]])) };
  });
}

interface ExpectedRow extends Readonly<Record<string, unknown>> {
  readonly _commit_version: number;
}

function aboutOf(folder: URL): About {
  const about: About = JSON.parse(readFileSync(new URL('about.json', folder), 'utf8'));
  return about;
}

interface RawField {
  readonly name: string;
  readonly type: unknown;
  readonly nullable: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

interface About {
  readonly readableRanges: readonly (readonly [number, number])[];
  readonly metadata: readonly {
    readonly fromVersion: number;
    readonly partitionColumns: readonly string[];
    readonly schema: { readonly fields: readonly RawField[] };
  }[];
}

function schemaAt(about: About, version: number): { readonly columns: readonly Column[]; readonly names: readonly string[] } {
  const metadata = about.metadata.findLast((entry) => entry.fromVersion <= version);
  const fields = (metadata?.schema.fields ?? []).flatMap((field) => {
    // Spark pads CHAR columns when it reads them; the files hold them as they were written.
    const isChar = field.metadata['__CHAR_VARCHAR_TYPE_STRING']?.startsWith('char(') === true;
    const type = isChar ? null : flatType(String(field.type));
    return type === null || metadata?.partitionColumns.includes(field.name) === true ? [] : [{ field, type }];
  });
  return {
    names: fields.map(({ field }) => field.name),
    columns: fields.map(({ field, type }) => ({
      name: field.metadata['delta.columnMapping.physicalName'] ?? field.name,
      type,
      nullable: field.nullable,
      comment: null,
      physical: null,
    })),
  };
}

/** Null for a nested type. */
function flatType(text: string): DataType | null {
  const [, precision, scale] = /^decimal\((\d+),(\d+)\)$/.exec(text) ?? [];
  if (precision !== undefined) return { kind: 'decimal', precision: Number(precision), scale: Number(scale) };
  switch (text) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
    case 'float':
    case 'double':
    case 'boolean':
    case 'string':
    case 'binary':
    case 'date':
    case 'timestamp':
    case 'timestamp_ntz':
      return { kind: text };
    default:
      return null;
  }
}

interface ListedFile {
  readonly kind: FixtureFile['kind'];
  readonly path: string;
}

interface Action {
  readonly add?: { readonly path: string; readonly dataChange: boolean };
  readonly remove?: { readonly path: string; readonly dataChange: boolean };
  readonly cdc?: { readonly path: string };
}

function filesOf(folder: URL, version: number): readonly ListedFile[] {
  const commit = new URL(`table/_delta_log/${String(version).padStart(20, '0')}.json`, folder);
  if (!existsSync(commit)) return [];
  const found = readFileSync(commit, 'utf8')
    .trim()
    .split('\n')
    .flatMap((line): readonly ListedFile[] => {
      const { add, remove, cdc }: Action = JSON.parse(line);
      if (cdc !== undefined) return [{ kind: 'cdf', path: cdc.path }];
      if (add?.dataChange === true) return [{ kind: 'add', path: add.path }];
      return remove?.dataChange === true ? [{ kind: 'remove', path: remove.path }] : [];
    });
  const changes = found.filter(({ kind }) => kind === 'cdf');
  return changes.length > 0 ? changes : found;
}
