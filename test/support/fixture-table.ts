/**
 * A table of test/fixtures/tables as plain data: which files hold the changes of which version, under which schema, and the rows they must yield.
 * It reads the log's JSON by itself, so that what is tested against it has no part in it.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { Column, ColumnMapping, DataType } from '../../src/model/table-schema.ts';

const TABLES = new URL('../fixtures/tables/', import.meta.url);

export interface FixtureFile {
  readonly version: number;
  readonly kind: 'add' | 'cdf' | 'remove';
  readonly bytes: Uint8Array;
  /** The columns that stand in the file, as the table has them at the version. */
  readonly columns: readonly Column[];
  readonly mapping: ColumnMapping;
}

/** The files of the versions in the table's readable ranges, by Delta's rule: change files tell a version alone. */
export function fixtureFiles(table: string): readonly FixtureFile[] {
  const folder = new URL(`${table}/`, TABLES);
  const about = aboutOf(folder);
  const files: FixtureFile[] = [];
  for (const [from, to] of about.readableRanges) {
    for (let version = from; version <= to; version++) {
      const { columns, mapping } = schemaAt(about, version);
      for (const { kind, path } of filesOf(folder, version)) {
        files.push({ version, kind, bytes: readFileSync(new URL(`table/${path}`, folder)), columns, mapping });
      }
    }
  }
  return files;
}

/** The expected rows, without commit times and the columns that do not stand in the files as they are read. */
export function fixtureRows(table: string): readonly Readonly<Record<string, unknown>>[] {
  const folder = new URL(`${table}/`, TABLES);
  const about = aboutOf(folder);
  const lines = readFileSync(new URL('expected.jsonl', folder), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const row: ExpectedRow = JSON.parse(line);
    const version = row._commit_version;
    const kept = ['_change_type', ...schemaAt(about, version).columns.map(({ name }) => name)];
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
  readonly type: RawType;
  readonly nullable: boolean;
  readonly metadata: RawMetadata;
}

interface RawMetadata {
  readonly __CHAR_VARCHAR_TYPE_STRING?: string;
  readonly 'delta.columnMapping.physicalName'?: string;
  readonly 'delta.columnMapping.id'?: number;
}

type RawType =
  | string
  | { readonly type: 'struct'; readonly fields: readonly RawField[] }
  | { readonly type: 'array'; readonly elementType: RawType; readonly containsNull: boolean }
  | { readonly type: 'map'; readonly keyType: RawType; readonly valueType: RawType; readonly valueContainsNull: boolean };

interface About {
  readonly readableRanges: readonly (readonly [number, number])[];
  readonly metadata: readonly {
    readonly fromVersion: number;
    readonly partitionColumns: readonly string[];
    readonly schema: { readonly fields: readonly RawField[] };
    readonly configuration: { readonly 'delta.columnMapping.mode'?: ColumnMapping };
  }[];
}

/**
 * The columns that stand in the files as they are read: not partition columns, nor CHAR ones, which Spark pads when it reads them while the files hold them as
 * written.
 */
function schemaAt(about: About, version: number): { readonly columns: readonly Column[]; readonly mapping: ColumnMapping } {
  const metadata = about.metadata.findLast((entry) => entry.fromVersion <= version);
  const inFiles = (metadata?.schema.fields ?? []).filter(({ name, metadata: { __CHAR_VARCHAR_TYPE_STRING: char } }) => {
    return metadata?.partitionColumns.includes(name) !== true && char?.startsWith('char(') !== true;
  });
  return { columns: inFiles.map(columnOf), mapping: metadata?.configuration['delta.columnMapping.mode'] ?? 'none' };
}

function columnOf({ name, type, nullable, metadata }: RawField): Column {
  const physicalName = metadata['delta.columnMapping.physicalName'];
  const physical = physicalName === undefined ? null : { name: physicalName, id: metadata['delta.columnMapping.id'] ?? null };
  return { name, type: typeOf(type), nullable, comment: null, physical };
}

function typeOf(raw: RawType): DataType {
  if (typeof raw === 'string') return flatType(raw);
  switch (raw.type) {
    case 'struct':
      return { kind: 'struct', fields: raw.fields.map(columnOf) };
    case 'array':
      return { kind: 'array', element: typeOf(raw.elementType), containsNull: raw.containsNull };
    case 'map':
      return { kind: 'map', key: typeOf(raw.keyType), value: typeOf(raw.valueType), valueContainsNull: raw.valueContainsNull };
  }
}

function flatType(text: string): DataType {
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
    case 'variant':
    case 'void':
      return { kind: text };
    default:
      return { kind: 'unknown', text };
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
