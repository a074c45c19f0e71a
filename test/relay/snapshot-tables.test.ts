/**
 * Spark's own tables from snapshots at several of their versions: the snapshot and what follows, applied to nothing, are the table as its whole history makes it.
 */
import { cp, mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { expectedLines, versionOf } from '../demo/reconcile.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { FIXTURE_TABLES } from '../support/plain-provider.ts';
import { shareTables } from '../support/shared-tables.ts';
import { InProcess } from './in-process.ts';
import type { ReadChange } from '../demo/consumer.ts';

const Field: z.ZodType<Field> = z.looseObject({
  name: z.string(),
  type: z.lazy(() => FieldType),
  metadata: z.record(z.string(), z.unknown()).default({}),
});
const FieldType: z.ZodType<FieldType> = z.union([
  z.string(),
  z.looseObject({ type: z.literal('struct'), fields: z.array(Field) }),
  z.looseObject({ type: z.literal('array'), elementType: z.lazy(() => FieldType) }),
  z.looseObject({ type: z.literal('map'), keyType: z.lazy(() => FieldType), valueType: z.lazy(() => FieldType) }),
]);
interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly metadata: Readonly<Record<string, unknown>>;
}
type FieldType =
  | string
  | { readonly type: 'struct'; readonly fields: readonly Field[] }
  | { readonly type: 'array'; readonly elementType: FieldType }
  | { readonly type: 'map'; readonly keyType: FieldType; readonly valueType: FieldType };

const About = z.looseObject({
  latestVersion: z.number(),
  readableRanges: z.array(z.tuple([z.number(), z.number()])),
  metadata: z.array(z.looseObject({ fromVersion: z.number(), schema: z.looseObject({ fields: z.array(Field) }) })),
});
type About = z.infer<typeof About>;

interface Table {
  readonly name: string;
  readonly about: About;
  readonly expected: readonly string[];
}

/** Those whose whole history can be read: of the others nobody can say what their state must be. */
async function tablesWithHistory(): Promise<readonly Table[]> {
  const tables: Table[] = [];
  for (const name of (await readdir(FIXTURE_TABLES)).toSorted()) {
    const text = await readFile(join(FIXTURE_TABLES, name, 'about.json'), 'utf8').catch(() => null);
    if (text === null) continue;
    const about = About.parse(JSON.parse(text));
    if (about.readableRanges.length !== 1 || about.readableRanges[0]?.[0] !== 0) continue;
    tables.push({ name, about, expected: await expectedLines(join(FIXTURE_TABLES, name, 'expected.jsonl')) });
  }
  return tables;
}

/** Copies a table as it was at a version, or brings the copy up to the newest. */
async function copyUpTo({ name }: Table, folder: string, version: number): Promise<void> {
  const from = join(FIXTURE_TABLES, name);
  const isLater = (path: string): boolean => path.includes('_delta_log') && Number(/^(\d{20})\./.exec(basename(path))?.[1] ?? 0) > version;
  // It would tell of versions that are not there yet.
  const isHint = (path: string): boolean => basename(path) === '_last_checkpoint';
  await mkdir(join(folder, name), { recursive: true });
  await cp(from, join(folder, name), {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => !isLater(path) && !(version < Infinity && isHint(path)),
  });
}

/** Rows and how often each is there, by what their columns are whatever they are called; columns that the newest schema lacks are left out. */
function stateOf(
  table: Table,
  rows: readonly { readonly type: string; readonly version: number; readonly columns: Readonly<Record<string, unknown>> }[],
): Readonly<Record<string, number>> {
  const latest = new Set(fieldsAt(table.about, Infinity).map(identityOf));
  const state = new Map<string, number>();
  for (const { type, version, columns } of rows) {
    const fields = fieldsAt(table.about, version).filter((field) => latest.has(identityOf(field)));
    const row = JSON.stringify(plainRecord(fields, columns));
    const count = (state.get(row) ?? 0) + (type === 'insert' || type === 'update_postimage' ? 1 : -1);
    if (count === 0) state.delete(row);
    else state.set(row, count);
  }
  return Object.fromEntries([...state].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function fieldsAt(about: About, version: number): readonly Field[] {
  return about.metadata.findLast(({ fromVersion }) => fromVersion <= version)?.schema.fields ?? [];
}

function identityOf({ name, metadata }: Field): string {
  const physical = metadata['delta.columnMapping.physicalName'];
  return typeof physical === 'string' ? physical : name;
}

/** Without nulls and in order of identity, so that an added column and a moved one do not make another row. */
function plainRecord(fields: readonly Field[], record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const cells = fields.flatMap((field): [string, unknown][] => {
    const value = plain(field.type, record[field.name] ?? null);
    return value === null ? [] : [[identityOf(field), value]];
  });
  return Object.fromEntries(cells.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** One spelling over all the types that a column may be widened to. */
function plain(type: FieldType, value: unknown): unknown {
  if (value === null) return null;
  if (typeof type === 'string') {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (type === 'date') return String(BigInt(Date.parse(text)) * 1000n);
    return type.startsWith('decimal') ? text.replace(/\.?0*$/, '') : text;
  }
  if (type.type === 'struct') return plainRecord(type.fields, z.record(z.string(), z.unknown()).parse(value));
  const items = z.array(z.unknown()).parse(value);
  if (type.type === 'array') return items.map((item) => plain(type.elementType, item));
  return items.map((item) => {
    const [key, of] = z.tuple([z.unknown(), z.unknown()]).parse(item);
    return [plain(type.keyType, key), plain(type.valueType, of)];
  });
}

function rowOf(line: string): { readonly type: string; readonly version: number; readonly columns: Readonly<Record<string, unknown>> } {
  const {
    _change_type: type,
    _commit_version: version,
    _commit_timestamp: _,
    ...columns
  } = z.record(z.string(), z.unknown()).parse(JSON.parse(line));
  return { type: String(type), version: Number(version), columns };
}

function lineOf({ type, version, timestamp, columns }: ReadChange): string {
  return JSON.stringify({ _change_type: type, _commit_version: version, _commit_timestamp: timestamp, ...columns });
}

await describeKafka('a snapshot of a table written by Spark, and what follows', (brokers) => {
  test.each([1 / 3, 2 / 3, 1])('taken after %f of its history, is the table', async (part) => {
    const tables = await tablesWithHistory();
    const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-snapshots-'));
    await using stage = new InProcess(brokers);
    const relay = stage.another();
    const feeds = tables.map(({ name }) => ({ table: name, start: { kind: 'snapshot' }, onSchemaChange: 'follow' }) as const);
    const done = Object.fromEntries(tables.map(({ name }) => [name, 'done']));
    try {
      const versionAt = ({ about }: Table): number => Math.round(about.latestVersion * part);
      for (const table of tables) await copyUpTo(table, folder, versionAt(table));
      await using shared = await shareTables({ folder });
      expect(await relay.outcomes({ feeds, source: shared.source })).toEqual(done);
      for (const table of tables) await copyUpTo(table, folder, Infinity);
      expect(await relay.outcomes({ feeds, source: shared.source })).toEqual(done);

      for (const table of tables) {
        const version = versionAt(table);
        const read = await relay.changes(relay.topic(table.name));
        const [snapshot, tail] = [read.filter((row) => row.version <= version), read.filter((row) => row.version > version)];
        expect(new Set(snapshot.map((row) => `${row.version} ${row.type}`)).size, table.name).toBeLessThan(2);
        expect(tail.map(lineOf).toSorted(), table.name).toEqual(table.expected.filter((line) => versionOf(line) > version).toSorted());
        expect(stateOf(table, read), table.name).toEqual(stateOf(table, table.expected.map(rowOf)));
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
