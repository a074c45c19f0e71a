/**
 * Whole versions against a model that is spelled otherwise: rows as objects, each looking through all the others.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowReader } from '../../src/codec/avro-reader.ts';
import type { JsonRow } from '../../src/codec/avro-reader.ts';
import { avroTexts } from '../../src/codec/avro-schema.ts';
import { RecordWriter } from '../../src/codec/record-writer.ts';
import { records } from '../../src/codec/records.ts';
import { encodeVersion } from '../../src/codec/version-encoder.ts';
import type { VersionJob } from '../../src/codec/version-encoder.ts';
import { must } from '../../src/lib/assert.ts';
import { partitionOf } from '../../src/lib/murmur2.ts';
import type { ChangeFile, FileKind, RowSelection } from '../../src/model/change-files.ts';
import type { ChangeType } from '../../src/model/column-batch.ts';
import type { RecordLayout, Segment } from '../../src/ports/encoder.ts';
import type { FileDecoder } from '../../src/ports/file-decoder.ts';
import { planOf } from '../../src/relay/order.ts';
import { column, rowsDecoder } from './batches.ts';
import type { Cell, TestRow } from './batches.ts';
import { KEY_PREFIX, VALUE_PREFIX } from './cases.ts';

const COLUMNS = [column('a', { kind: 'long' }), column('b', { kind: 'string' }), column('v', { kind: 'string' })];
const SCHEMA = { columns: COLUMNS, partitionColumns: [], mapping: 'none' } as const;
const TIMESTAMP = 1_700_000_000_123;
const VERSION = 7;

interface TestFile {
  readonly kind: FileKind;
  readonly rows: readonly TestRow[];
  readonly selection: RowSelection | null;
}

interface TestVersion {
  readonly envelope: 'debezium' | 'upsert';
  readonly files: readonly TestFile[];
  readonly partitions: number;
  readonly batchRows: number;
  readonly segmentRecords: number;
  readonly keptBytes: number;
}

/** One record, as a person would say it. */
interface Said {
  readonly key: string;
  readonly value: JsonRow | null;
}

/** A row of the plan, in plan order. */
interface PlannedRow {
  readonly key: string;
  readonly type: ChangeType;
  readonly row: JsonRow;
}

/** What must be published, in plan order. */
function expectedOf(version: TestVersion): { readonly said: readonly Said[]; readonly duplicates: number } {
  const { leaves, arrives } = plannedRows(version);
  const ofKey = (rows: readonly PlannedRow[], key: string, ...types: readonly ChangeType[]): readonly PlannedRow[] =>
    rows.filter((row) => row.key === key && types.includes(row.type));
  if (version.envelope === 'upsert') {
    const last = (rows: readonly PlannedRow[]): readonly PlannedRow[] =>
      rows.filter((row, i) => !rows.slice(i + 1).some(({ key }) => key === row.key));
    const values = last(arrives);
    return {
      said: [
        ...last(leaves)
          .filter(({ key }) => !values.some((value) => value.key === key))
          .map(({ key }) => ({ key, value: null })),
        ...values.map(({ key, row }) => ({ key, value: row })),
      ],
      duplicates: arrives.length - values.length,
    };
  }
  const twinOf = (row: PlannedRow, others: readonly PlannedRow[], own: readonly PlannedRow[]): PlannedRow | undefined =>
    row.type === 'update_preimage' || row.type === 'update_postimage'
      ? ofKey(others, row.key, 'update_preimage', 'update_postimage')[ofKey(own, row.key, row.type).indexOf(row)]
      : undefined;
  return {
    said: [
      ...leaves
        .filter((row) => twinOf(row, arrives, leaves) === undefined)
        .flatMap(({ key, type, row }) => [
          { key, value: envelopeOf('d', type, row, null) },
          { key, value: null },
        ]),
      ...arrives.map((arriving) => {
        const { key, type, row } = arriving;
        const twin = twinOf(arriving, leaves, arrives);
        return { key, value: twin === undefined ? envelopeOf('c', type, null, row) : envelopeOf('u', type, twin.row, row) };
      }),
    ],
    duplicates:
      arrives.filter(({ type }) => type === 'update_postimage').length -
      keysOf(arrives.filter(({ type }) => type === 'update_postimage')).size,
  };
}

function keysOf(rows: readonly PlannedRow[]): ReadonlySet<string> {
  return new Set(rows.map(({ key }) => key));
}

function envelopeOf(op: string, type: ChangeType, before: JsonRow | null, after: JsonRow | null): JsonRow {
  const times = { ts_ms: TIMESTAMP, ts_us: `${TIMESTAMP}000`, ts_ns: `${TIMESTAMP}000000` };
  const { ts_ms, ts_us, ts_ns } = times;
  const source = {
    version: '1',
    connector: 'cdf-relay',
    name: 'analytics',
    ts_ms,
    snapshot: 'false',
    db: 'sales',
    sequence: null,
    ts_us,
    ts_ns,
    schema: 'public',
    table: 'orders',
    share: 'sales',
    table_id: 'the-id',
    commit_version: VERSION,
    commit_timestamp: TIMESTAMP,
    change_type: type,
  };
  return { before, after, source, transaction: null, op, ...times };
}

function plannedRows({ files }: TestVersion): { readonly leaves: readonly PlannedRow[]; readonly arrives: readonly PlannedRow[] } {
  const rows = files.flatMap(({ kind, rows: all, selection }) =>
    all.filter((_, i) => selection === null || isSelected(selection, i)).map((row) => plannedRow(kind, row)),
  );
  const isLeaving = ({ type }: PlannedRow): boolean => type === 'delete' || type === 'update_preimage';
  return { leaves: rows.filter(isLeaving), arrives: rows.filter((row) => !isLeaving(row)) };
}

function plannedRow(kind: FileKind, { cells, change = 'insert' }: TestRow): PlannedRow {
  const { a = null, b = null, v = null } = cells;
  const long = textOf(a);
  return {
    key: JSON.stringify({ a: long, b }),
    type: kind === 'cdf' ? change : kind === 'add' ? 'insert' : 'delete',
    row: { a: long, b: textOf(b), v: textOf(v) },
  };
}

function textOf(cell: Cell): string | null {
  return typeof cell === 'bigint' || typeof cell === 'string' ? `${cell}` : null;
}

function isSelected({ bits, rows, beyond }: RowSelection, row: number): boolean {
  return row < rows ? ((bits[row >> 3] ?? 0) & (1 << (row & 7))) !== 0 : beyond;
}

function jobOf(version: TestVersion, passes: number, from: VersionJob['from'] = { step: 0, row: 0 }): VersionJob {
  const files = version.files.map(({ kind }, i): ChangeFile => ({ kind, id: fileId(i), size: 1, partitionValues: {}, rows: null }));
  return {
    plan: planOf({ version: VERSION, timestamp: TIMESTAMP, tableId: 'the-id', schema: SCHEMA, files }, false),
    layout: layoutOf(version),
    passes,
    from,
    segmentRecords: version.segmentRecords,
    segmentBytes: 1_000_000_000,
    keptBytes: version.keptBytes,
  };
}

function layoutOf({ envelope, partitions }: TestVersion): RecordLayout {
  return {
    envelope: envelope === 'upsert' ? { kind: envelope } : { kind: envelope, recipient: 'analytics', tableId: 'the-id' },
    schema: SCHEMA,
    table: { share: 'sales', schema: 'public', table: 'orders' },
    key: ['a', 'b'],
    prefixes: { key: KEY_PREFIX, value: VALUE_PREFIX },
    partitions,
    unkeyedPartition: 0,
  };
}

function fileId(i: number): string {
  return `file ${String(i).padStart(3, '0')}`;
}

/** A file's content is its index. */
function segmentsOf(version: TestVersion, job: VersionJob): readonly Segment[] {
  const decoder: FileDecoder = {
    batches: (request) => rowsDecoder(must(version.files[request.bytes[0] ?? -1], 'a file').rows, version.batchRows).batches(request),
    rows: () => Promise.reject(new Error('not here')),
    heldBytes: () => 0,
  };
  const made: Segment[] = [];
  const segments = encodeVersion(job, decoder, new RecordWriter());
  for (let next = segments.next(); next.done !== true;) {
    if (!('kind' in next.value)) {
      made.push(next.value);
      next = segments.next();
      continue;
    }
    const { id } = next.value.file;
    const index = version.files.findIndex((_, i) => fileId(i) === id);
    next = segments.next({ bytes: Uint8Array.of(index), rows: must(version.files[index], 'a file').selection });
  }
  return made;
}

/** In the order of each partition; with one partition, of the plan. */
function saidBy(version: TestVersion, segments: readonly Segment[]): readonly Said[] {
  const layout = layoutOf(version);
  const texts = avroTexts(layout);
  const readKey = rowReader(must(texts.key, 'the schema of keys'));
  const readValue = rowReader(texts.value);
  return segments
    .flatMap(({ blocks }) => blocks)
    .flatMap((block) =>
      [...records(block)].map(({ offsetDelta, key, value }, i) => {
        const bytes = must(key, 'a key');
        expect([offsetDelta, block.partition]).toEqual([i, partitionOf(bytes, layout.partitions)]);
        const row = value === null ? null : readValue(value.subarray(VALUE_PREFIX.length));
        return { key: JSON.stringify(readKey(bytes.subarray(KEY_PREFIX.length))), value: row };
      }),
    );
}

/** What consumers of one key see. */
function byKey(said: readonly Said[]): Readonly<Record<string, readonly (JsonRow | null)[]>> {
  const found = new Map<string, (JsonRow | null)[]>();
  for (const { key, value } of said) found.set(key, [...(found.get(key) ?? []), value]);
  return Object.fromEntries([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const row: fc.Arbitrary<TestRow> = fc.record({
  cells: fc.record({
    a: fc.option(fc.bigInt(0n, 3n), { freq: 8 }),
    b: fc.constantFrom(null, '', 'b'),
    v: fc.option(fc.string({ maxLength: 3 })),
  }),
  change: fc.constantFrom<ChangeType>('insert', 'update_preimage', 'update_postimage', 'delete', 'update_preimage', 'update_postimage'),
});

function filesOf(kinds: readonly FileKind[]): fc.Arbitrary<readonly TestFile[]> {
  const file = fc.record({
    kind: fc.constantFrom(...kinds),
    rows: fc.array(row, { maxLength: 12 }),
    bits: fc.option(fc.uint8Array({ minLength: 2, maxLength: 2 })),
  });
  return fc.array(
    file.map(({ kind, rows, bits }): TestFile => {
      const selection = bits === null || kind === 'cdf' ? null : { bits, rows: Math.min(rows.length, 9), beyond: true };
      return { kind, rows, selection };
    }),
    { minLength: 1, maxLength: 4 },
  );
}

const versions: fc.Arbitrary<TestVersion> = fc.record({
  envelope: fc.constantFrom('debezium', 'upsert'),
  files: fc.oneof({ weight: 3, arbitrary: filesOf(['cdf']) }, { weight: 1, arbitrary: filesOf(['add', 'remove']) }),
  partitions: fc.constantFrom(1, 3),
  batchRows: fc.integer({ min: 1, max: 13 }),
  segmentRecords: fc.integer({ min: 1, max: 9 }),
  keptBytes: fc.constantFrom(0, 1, 100),
});

test('a version is what the model says, in the order of the plan', () => {
  fc.assert(
    fc.property(versions, (version) => {
      const segments = segmentsOf(version, jobOf(version, 1));
      const { said, duplicates } = expectedOf(version);
      if (version.partitions === 1) expect(saidBy(version, segments)).toEqual(said);
      expect(byKey(saidBy(version, segments))).toEqual(byKey(said));
      expect(segments.reduce((sum, segment) => sum + segment.duplicates, 0)).toBe(duplicates);
    }),
    { numRuns: 300 },
  );
});

test('in several passes each key sees the same', () => {
  fc.assert(
    fc.property(versions, fc.constantFrom(2, 4, 16), (version, passes) => {
      expect(byKey(saidBy(version, segmentsOf(version, jobOf(version, passes))))).toEqual(byKey(expectedOf(version).said));
    }),
    { numRuns: 120 },
  );
});

test('goes on from wherever a segment ended, in whichever pass, with the very same records', () => {
  fc.assert(
    fc.property(versions, fc.constantFrom(1, 2, 4), (version, passes) => {
      const all = segmentsOf(version, jobOf(version, passes));
      const bytesOf = (segments: readonly Segment[]): readonly Said[] => saidBy(version, segments);
      for (const [i, { step, nextRow }] of all.entries()) {
        const rest = segmentsOf(version, jobOf(version, passes, { step, row: nextRow }));
        expect(bytesOf(rest)).toEqual(bytesOf(all.slice(i + 1)));
      }
    }),
    { numRuns: 120 },
  );
});

const rows = (...changes: readonly (readonly [ChangeType, number, string])[]): TestFile => ({
  kind: 'cdf',
  rows: changes.map(([change, a, v]) => ({ change, cells: { a: BigInt(a), b: null, v } })),
  selection: null,
});
const plain: TestVersion = { envelope: 'debezium', files: [], partitions: 1, batchRows: 100, segmentRecords: 100, keptBytes: 0 };

/** By the column `v`, of both images. */
function short(said: readonly Said[]): readonly unknown[] {
  return said.map(({ value }) =>
    value === null ? 'tombstone' : 'op' in value ? [value['op'], imageOf(value['before']), imageOf(value['after'])] : value['v'],
  );
}

function imageOf(image: unknown): unknown {
  return typeof image === 'object' && image !== null && 'v' in image ? image.v : null;
}

test('twins are paired over files, the first of a key with the first; a key that changes is a delete and a create', () => {
  const files = [
    rows(['update_preimage', 1, 'one'], ['update_preimage', 2, 'two'], ['update_postimage', 2, 'TWO'], ['update_preimage', 5, 'five']),
    rows(['update_postimage', 6, 'FIVE'], ['update_postimage', 1, 'ONE'], ['delete', 3, 'three'], ['insert', 3, 'THREE']),
    rows(['update_preimage', 1, 'eins'], ['update_postimage', 1, 'EINS']),
  ];
  const version = { ...plain, files };
  expect(short(saidBy(version, segmentsOf(version, jobOf(version, 1))))).toEqual([
    ['d', 'five', null],
    'tombstone',
    ['d', 'three', null],
    'tombstone',
    ['u', 'two', 'TWO'],
    ['c', null, 'FIVE'],
    ['u', 'one', 'ONE'],
    ['c', null, 'THREE'],
    ['u', 'eins', 'EINS'],
  ]);
});

test('an update counts as both of its images, a delete once, whatever records they make', () => {
  const version = { ...plain, files: [rows(['update_preimage', 1, 'one'], ['update_postimage', 1, 'ONE'], ['delete', 2, 'two'])] };
  expect(segmentsOf(version, jobOf(version, 1))).toMatchObject([
    { records: 3, counts: { insert: 0, update_preimage: 1, update_postimage: 1, delete: 1 }, duplicates: 0 },
  ]);
  const upsert: TestVersion = { ...version, envelope: 'upsert' };
  expect(segmentsOf(upsert, jobOf(upsert, 1))).toMatchObject([
    { records: 2, counts: { insert: 0, update_preimage: 0, update_postimage: 1, delete: 1 }, duplicates: 0 },
  ]);
});

test('files are asked for again only where they are not kept', () => {
  const version = { ...plain, files: [rows(['insert', 1, 'one']), rows(['insert', 2, 'two'])] };
  const asked = (keptBytes: number): number => {
    let count = 0;
    const counting = { ...version, keptBytes };
    const segments = encodeVersion(jobOf(counting, 1), rowsDecoder([], 1), new RecordWriter());
    for (let next = segments.next(); next.done !== true;) {
      const isNeed = 'kind' in next.value;
      if (isNeed) count += 1;
      next = segments.next(isNeed ? { bytes: Uint8Array.of(0), rows: null } : undefined);
    }
    return count;
  };
  expect([asked(0), asked(1), asked(2)]).toEqual([6, 4, 2]);
});
