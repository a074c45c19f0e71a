import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { must } from '../../../../src/lib/assert.ts';
import type { Version } from '../../../../src/model/version.ts';
import type { Source } from '../../../../src/ports/source.ts';
import type { FaultRule } from '../../../../src/provider/faults.ts';
import type { JsonRow } from '../../../support/batch-rows.ts';
import { changeRows, countedRows, inOrder } from '../../../support/change-rows.ts';
import { shareTables } from '../../../support/shared-tables.ts';
import { tableNamed, TABLES } from './known-tables.ts';
import type { Deleted, VectorTable } from './vector-table.ts';
import { writeVectorTable } from './vector-table.ts';
import { NEVER } from './wire-makers.ts';

async function rowsOf(source: Source, table: string, from: Version, to: Version): Promise<readonly JsonRow[]> {
  const listing = await source.changes(tableNamed(table), { from, to, listedAs: null }, NEVER);
  for (const version of listing.versions) await listing.prove(version, NEVER);
  return changeRows(listing, NEVER);
}

describe('a table with deletion vectors, written by Spark', () => {
  const TABLE = 'deletion_vectors';
  const LATEST = 13;
  const lines = readFileSync(new URL(`${TABLE}/expected.jsonl`, TABLES), 'utf8')
    .trim()
    .split('\n');
  const expected = lines.map((line) => {
    const row: JsonRow = JSON.parse(line);
    return row;
  });

  it('trap 11: gives the rows that Spark gives, and not the files that leave and come back', async () => {
    await using shared = await shareTables();
    expect(await rowsOf(shared.source, TABLE, 0, LATEST)).toEqual(inOrder(expected));
  });

  it('gives them version by version', async () => {
    await using shared = await shareTables();
    for (let version = 0; version <= LATEST; version++) {
      const rows = expected.filter((row) => row['_commit_version'] === version);
      expect(await rowsOf(shared.source, TABLE, version, version)).toEqual(inOrder(rows));
    }
  });

  it.each<{ readonly name: string; readonly faults: readonly FaultRule[] }>([
    { name: 'whose URLs have expired', faults: [{ match: { route: 'changes', nth: 1 }, do: { kind: 'expired-url' } }] },
    { name: 'in small pages', faults: [{ match: { route: 'changes' }, do: { kind: 'pages', files: 1 } }] },
    { name: 'out of storage that cuts', faults: [{ match: { route: 'file', every: 3 }, do: { kind: 'cut', bytes: 10 } }] },
    { name: 'out of storage that gives less', faults: [{ match: { route: 'file', every: 4 }, do: { kind: 'short', fraction: 0.5 } }] },
    {
      name: 'out of storage that damages vectors in passing',
      faults: [{ match: { route: 'file', path: 'deletion_vector', every: 2, times: 2 }, do: { kind: 'wrong-bytes', at: 20, count: 1 } }],
    },
  ])('gives them all the same $name', async ({ faults }) => {
    await using shared = await shareTables({ faults });
    expect(await rowsOf(shared.source, TABLE, 0, LATEST)).toEqual(inOrder(expected));
  });

  it('is published at a version as it was then, and then as it changed', async () => {
    await using shared = await shareTables();
    for (const version of [1, 2, 3, 6, 8, 9, 11]) {
      const snapshot = await changeRows(await shared.source.snapshot(tableNamed(TABLE), { version, listedAs: null }, NEVER), NEVER);
      const live = new Map(snapshot.map((row) => [row['id'], bare(row)]));
      expect(live.size).toBe(snapshot.length);
      for (const row of expected) {
        if (Number(row['_commit_version']) <= version) continue;
        if (row['_change_type'] === 'delete' || row['_change_type'] === 'update_preimage') {
          expect(live.get(row['id'])).toEqual(bare(row));
          live.delete(row['id']);
        } else live.set(row['id'], bare(row));
      }
      const latest = await changeRows(await shared.source.snapshot(tableNamed(TABLE), { version: LATEST, listedAs: null }, NEVER), NEVER);
      expect(inOrder([...live.values()])).toEqual(inOrder(latest.map(bare)));
    }
  });
});

describe('a file of several row groups', () => {
  /** 160 rows in row groups that begin at 0, 51, 101 and 152. */
  const DATA_FILE = 'part-00000-a35180a4';
  const ALL = Array.from({ length: 160 }, (_, row) => row);
  const HISTORY: Deleted = [
    [],
    [50, 51],
    [50, 51, 100, 101, 151, 152, 159],
    [51, 101],
    [],
    ALL.slice(3),
    [3],
    ALL.filter((row) => row % 2 === 1),
    null,
  ];
  const LATEST = HISTORY.length;
  const tables: VectorTable[] = [];
  let rows: readonly JsonRow[] = [];

  beforeAll(async () => {
    for (const as of [['file'], ['inline', 'inline-rust'], ['file', 'inline-rust', 'inline']] as const)
      tables.push(writeVectorTable('encodings', DATA_FILE, HISTORY, as));
    await using shared = await shareTables({ folder: must(tables[0], 'a table').folder });
    const listing = await shared.source.changes(tableNamed('vectors'), { from: 1, to: 1, listedAs: null }, NEVER);
    // In the order of the file: the rows of the corpus are sorted by another.
    const version = must(listing.versions[0], 'version 1');
    rows = countedRows(await listing.read(version, must(version.files[0], 'the file'), NEVER), version, false);
    expect(rows).toHaveLength(ALL.length);
  });
  afterAll(() => {
    for (const table of tables) table[Symbol.dispose]();
  });

  /** What a version must tell: the rows that it deletes, and those that it brings back. */
  function changesAt(version: Version): readonly JsonRow[] {
    const before = version === 1 ? ALL : (HISTORY[version - 2] ?? ALL);
    const after = HISTORY[version - 1] ?? ALL;
    const told = (type: string, numbers: readonly number[]): readonly JsonRow[] =>
      numbers.map((row) => ({
        _change_type: type,
        _commit_version: version,
        _commit_timestamp: 1_795_000_000_000 + 1000 * version,
        ...rows[row],
      }));
    const deleted = after.filter((row) => !before.includes(row));
    const restored = before.filter((row) => !after.includes(row));
    return [...told('delete', deleted), ...told('insert', restored)];
  }

  it.each([
    ['in one file that they share', 0],
    ['in the lines, by Spark and by the Rust writer', 1],
    ['in both', 2],
  ])('traps 11 and 14: gives the rows that were deleted and restored, by their number in the file, of vectors %s', async (_, index) => {
    await using shared = await shareTables({ folder: must(tables[index], 'a table').folder });
    const expected = HISTORY.flatMap((_, at) => changesAt(at + 1));
    expect(await rowsOf(shared.source, 'vectors', 0, LATEST)).toEqual(inOrder(expected));
  });

  it('the live rows of a snapshot are those that its vector does not have', async () => {
    await using shared = await shareTables({ folder: must(tables[0], 'a table').folder });
    for (let version = 1; version <= LATEST; version++) {
      const snapshot = await shared.source.snapshot(tableNamed('vectors'), { version, listedAs: null }, NEVER);
      const deleted = HISTORY[version - 1] ?? ALL;
      const live = rows.filter((_, row) => !deleted.includes(row));
      expect(inOrder((await changeRows(snapshot, NEVER)).map(bare))).toEqual(inOrder(live));
    }
  });

  it('traps 12 and 25: files and vectors are the same in every answer, whatever their URLs', async () => {
    await using shared = await shareTables({ folder: must(tables[2], 'a table').folder });
    const range = { from: 0, to: LATEST };
    const first = await shared.source.changes(tableNamed('vectors'), { ...range, listedAs: null }, NEVER);
    const again = await shared.source.changes(tableNamed('vectors'), { ...range, listedAs: first }, NEVER);
    expect(again.versions).toEqual(first.versions);
    const vectors = first.versions.flatMap(({ files }) => files.flatMap(({ rows }) => [rows?.inside ?? null, rows?.outside ?? null]));
    expect(vectors.filter((vector) => vector !== null).every(({ id }) => /^[0-9a-f]{64}(@\d+)?$/.test(id))).toBe(true);
    // Where both sides have a vector, either may have rows that the other has not.
    const kinds = first.versions.map(({ version, files }) => [version, files.map(({ kind }) => kind).sort()]);
    expect(kinds).toEqual([
      [1, ['add']],
      [2, ['remove']],
      [3, ['add', 'remove']],
      [4, ['add', 'remove']],
      [5, ['add']],
      [6, ['remove']],
      [7, ['add', 'remove']],
      [8, ['add', 'remove']],
      [9, ['remove']],
    ]);
  });
});

/** The table's own columns. */
function bare(row: JsonRow): JsonRow {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !/^_(?:change_type|commit_version|commit_timestamp)$/.test(name)));
}
