/**
 * What a whole version must give, spelled otherwise than the encoder does it: rows as objects, each looking through all the others.
 */
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { rowReader } from '../../src/codec/avro-reader.ts';
import type { JsonRow } from '../../src/codec/avro-reader.ts';
import { avroTexts } from '../../src/codec/avro-schema.ts';
import { markSegment } from '../../src/codec/key-marks.ts';
import { RecordWriter } from '../../src/codec/record-writer.ts';
import { records } from '../../src/codec/records.ts';
import { encodeVersion } from '../../src/codec/version-encoder.ts';
import type { VersionJob } from '../../src/codec/version-pass.ts';
import { must } from '../../src/lib/assert.ts';
import { partitionOf } from '../../src/lib/murmur2.ts';
import type { ChangeFile, FileKind, RowSelection } from '../../src/model/change-files.ts';
import type { ChangeType, ColumnBatch } from '../../src/model/column-batch.ts';
import type { BadRecords, RecordLayout, Segment } from '../../src/ports/encoder.ts';
import type { DecodeRequest, FileDecoder } from '../../src/ports/file-decoder.ts';
import { planOf } from '../../src/relay/order.ts';
import { column, rowsDecoder } from './batches.ts';
import type { Cell, TestRow } from './batches.ts';
import { KEY_PREFIX, VALUE_PREFIX } from './cases.ts';
import { checksumOfSegment } from '../support/segment-checksum.ts';

const COLUMNS = [column('a', { kind: 'long' }), column('b', { kind: 'string' }), column('v', { kind: 'string' })];
const SCHEMA = { columns: COLUMNS, partitionColumns: [], mapping: 'none' } as const;
const TIMESTAMP = 1_700_000_000_123;
const VERSION = 7;

export interface TestFile {
  readonly kind: FileKind;
  readonly rows: readonly TestRow[];
  readonly selection: RowSelection | null;
}

export interface TestVersion {
  readonly envelope: 'debezium' | 'upsert';
  readonly files: readonly TestFile[];
  readonly partitions: number;
  readonly batchRows: number;
  readonly segmentRecords: number;
  readonly keptBytes: number;
  readonly bad?: BadRecords;
}

/** A value of `v` that the file decoder finds not to fit, and gives as null where it may. */
export const MISFIT = 'misfit';

/** One record, as a person would say it. */
export interface Said {
  readonly key: string;
  readonly value: JsonRow | null;
}

/** A record, and the rows whose cells stand in its value: an update has its preimage behind. */
interface Output extends Said {
  readonly of: readonly PlannedRow[];
}

/** A row of the plan, in plan order. */
interface PlannedRow {
  /** As headers name it. */
  readonly place: string;
  readonly key: string;
  readonly type: ChangeType;
  readonly row: JsonRow;
}

/** What must be published, in plan order. */
export function expectedOf(version: TestVersion): { readonly said: readonly Said[]; readonly duplicates: number } {
  const { outputs, duplicates } = outputsOf(version);
  return { said: outputs.map(({ key, value }) => ({ key, value })), duplicates };
}

/** What is published where some of it cannot be, each record with its mark, and the dead letters; both in plan order. */
export function expectedOfBad(version: TestVersion, isTooLarge: (text: string) => boolean): Told {
  const said: Said[] = [];
  const letters: Letter[] = [];
  for (const { key, value, of } of outputsOf(version).outputs) {
    const texts = of.flatMap(({ row: { v } }) => (typeof v === 'string' ? [v] : []));
    const code = texts.includes(MISFIT) ? 'file.column' : texts.some(isTooLarge) ? 'record.too_large' : null;
    if (code === null) said.push({ key: letters.some((letter) => letter.key === key) ? `${key}*` : key, value });
    else letters.push({ key, code, of: of.map(({ place }) => place).join(' before '), type: of[0]?.type ?? '' });
  }
  return { said, letters };
}

export interface Told {
  /** Keys with a star where the record bears the mark. */
  readonly said: readonly Said[];
  readonly letters: readonly Letter[];
}

export interface Letter {
  readonly key: string;
  readonly code: string;
  readonly of: string;
  readonly type: string;
}

function outputsOf(version: TestVersion): { readonly outputs: readonly Output[]; readonly duplicates: number } {
  const { leaves, arrives } = plannedRows(version);
  const ofKey = (rows: readonly PlannedRow[], key: string, ...types: readonly ChangeType[]): readonly PlannedRow[] =>
    rows.filter((row) => row.key === key && types.includes(row.type));
  if (version.envelope === 'upsert') {
    const last = (rows: readonly PlannedRow[]): readonly PlannedRow[] =>
      rows.filter((row, i) => !rows.slice(i + 1).some(({ key }) => key === row.key));
    const values = last(arrives);
    return {
      outputs: [
        ...last(leaves)
          .filter(({ key }) => !values.some((value) => value.key === key))
          .map(({ key }) => ({ key, value: null, of: [] })),
        ...values.map((value) => ({ key: value.key, value: value.row, of: [value] })),
      ],
      duplicates: arrives.length - values.length,
    };
  }
  const twinOf = (row: PlannedRow, others: readonly PlannedRow[], own: readonly PlannedRow[]): PlannedRow | undefined =>
    row.type === 'update_preimage' || row.type === 'update_postimage'
      ? ofKey(others, row.key, 'update_preimage', 'update_postimage')[ofKey(own, row.key, row.type).indexOf(row)]
      : undefined;
  return {
    outputs: [
      ...leaves
        .filter((row) => twinOf(row, arrives, leaves) === undefined)
        .flatMap((leaving) => {
          const { key, type, row } = leaving;
          return [
            { key, value: envelopeOf('d', type, row, null), of: [leaving] },
            { key, value: null, of: [] },
          ];
        }),
      ...arrives.map((arriving) => {
        const { key, type, row } = arriving;
        const twin = twinOf(arriving, leaves, arrives);
        return twin === undefined
          ? { key, value: envelopeOf('c', type, null, row), of: [arriving] }
          : { key, value: envelopeOf('u', type, twin.row, row), of: [arriving, twin] };
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
  const rows = files.flatMap(({ kind, rows: all, selection }, i) =>
    all
      .map((row, at) => plannedRow(`${fileId(i)} row ${at}`, kind, row))
      .filter((_, at) => selection === null || isSelected(selection, at)),
  );
  const isLeaving = ({ type }: PlannedRow): boolean => type === 'delete' || type === 'update_preimage';
  return { leaves: rows.filter(isLeaving), arrives: rows.filter((row) => !isLeaving(row)) };
}

function plannedRow(place: string, kind: FileKind, { cells, change = 'insert' }: TestRow): PlannedRow {
  const { a = null, b = null, v = null } = cells;
  const long = textOf(a);
  return {
    place,
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

export function jobOf(version: TestVersion, passes: number, from: VersionJob['from'] = { step: 0, row: 0 }): VersionJob {
  const files = version.files.map(({ kind }, i): ChangeFile => ({ kind, id: fileId(i), size: 1, partitionValues: {}, rows: null }));
  return {
    plan: planOf({ version: VERSION, timestamp: TIMESTAMP, tableId: 'the-id', schema: SCHEMA, files }, false),
    layout: layoutOf(version),
    passes,
    passesMax: 1024,
    memoryBytes: 2 ** 26,
    from,
    ...(version.bad === undefined ? {} : { bad: version.bad }),
    segmentRecords: version.segmentRecords,
    segmentBytes: 1_000_000_000,
    keptBytes: version.keptBytes,
  };
}

function layoutOf({ envelope, partitions }: Pick<TestVersion, 'envelope' | 'partitions'>): RecordLayout {
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

type Read = (body: Uint8Array) => JsonRow;

function readersOf(envelope: TestVersion['envelope']): { readonly readKey: Read; readonly readValue: Read } {
  const texts = avroTexts(layoutOf({ envelope, partitions: 1 }));
  return { readKey: rowReader(must(texts.key, 'the schema of keys')), readValue: rowReader(texts.value) };
}

const READERS = { debezium: readersOf('debezium'), upsert: readersOf('upsert') } as const;

/** A record's value, framed. */
export function valueOf({ envelope }: TestVersion, value: Uint8Array): JsonRow {
  return READERS[envelope].readValue(value.subarray(VALUE_PREFIX.length));
}

/** As in a thread, version after version. */
const WRITER = new RecordWriter();

/** A file's content is its index. */
export function segmentsOf(version: TestVersion, job: VersionJob): readonly Segment[] {
  const decoder: FileDecoder = {
    batches: (request) => misfitting(must(version.files[request.bytes[0] ?? -1], 'a file'), version.batchRows, request),
    rows: () => Promise.reject(new Error('not here')),
    heldBytes: () => 0,
  };
  const made: Segment[] = [];
  const segments = encodeVersion(job, decoder, WRITER);
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

/** As a file decoder that may, or may not, give null for values that do not fit. */
function* misfitting({ rows }: TestFile, batchRows: number, request: DecodeRequest): Generator<ColumnBatch, void> {
  const lenient = [...(request.lenient ?? [])].map(({ name }) => name);
  expect(lenient).toEqual(lenient.length === 0 ? [] : ['v']);
  const isMisfit = (row: TestRow): boolean => lenient.length > 0 && row.cells['v'] === MISFIT;
  const given = rows.map((row) => (isMisfit(row) ? { ...row, cells: { ...row.cells, v: null } } : row));
  for (const batch of rowsDecoder(given, batchRows).batches(request)) {
    const own = rows.slice(batch.firstRow, batch.firstRow + batch.rows);
    const misfits = new Map(own.flatMap((row, i) => (isMisfit(row) ? [[i, `row ${batch.firstRow + i} is bad`]] : [])));
    yield misfits.size === 0 ? batch : { ...batch, misfits };
  }
}

/** As `saidBy`, with marks, as they are put by who goes on from `marks`; and the dead letters. */
export function toldBy(version: TestVersion, segments: readonly Segment[], marks: ReadonlySet<string> = new Set()): Told {
  const { readKey } = READERS[version.envelope];
  const keyOf = (key: Uint8Array | null): string => JSON.stringify(readKey(must(key ?? undefined, 'a key').subarray(KEY_PREFIX.length)));
  const marked = new Set(marks);
  const said = segments.flatMap((segment) => {
    const made = markSegment(segment, marked);
    for (const { mark } of segment.deadLetters?.marks ?? []) marked.add(mark);
    const stars = made.blocks.flatMap((block) => [...records(block)].map(({ headers }) => (headers.length === 0 ? '' : '*')));
    return saidBy(version, [made]).map(({ key, value }, i) => ({ key: `${key}${stars[i] ?? ''}`, value }));
  });
  const letters = segments
    .flatMap(({ deadLetters }) => (deadLetters === undefined ? [] : [...records(deadLetters.block)]))
    .map(({ key, headers }): Letter => {
      const of = Object.fromEntries(headers.map((header) => [header.key, Buffer.from(header.value ?? []).toString()]));
      const place = (before: string): string => `${String(of[`cdf-relay.${before}file`])} row ${String(of[`cdf-relay.${before}row`])}`;
      return {
        key: keyOf(key),
        code: String(of['cdf-relay.code']),
        of: 'cdf-relay.before-file' in of ? `${place('')} before ${place('before-')}` : place(''),
        type: String(of['cdf-relay.change-type']),
      };
    });
  return { said, letters };
}

/** In the order of each partition; with one partition, of the plan. */
export function saidBy(version: TestVersion, segments: readonly Segment[]): readonly Said[] {
  const { readKey, readValue } = READERS[version.envelope];
  const framing = { key: KEY_PREFIX.length, value: VALUE_PREFIX.length };
  expect(segments.map(({ checksum }) => checksum)).toEqual(segments.map((segment) => checksumOfSegment(segment, framing)));
  return segments
    .flatMap(({ blocks }) => blocks)
    .flatMap((block) =>
      [...records(block)].map(({ offsetDelta, key, value }, i) => {
        const bytes = must(key, 'a key');
        expect([offsetDelta, block.partition]).toEqual([i, partitionOf(bytes, version.partitions)]);
        const row = value === null ? null : readValue(value.subarray(VALUE_PREFIX.length));
        return { key: JSON.stringify(readKey(bytes.subarray(KEY_PREFIX.length))), value: row };
      }),
    );
}

/** What consumers of one key see. */
export function byKey(said: readonly Said[]): Readonly<Record<string, readonly (JsonRow | null)[]>> {
  const found = new Map<string, (JsonRow | null)[]>();
  for (const { key, value } of said) found.set(key, [...(found.get(key) ?? []), value]);
  return Object.fromEntries([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const text = fc.option(fc.string({ maxLength: 3 }));

const rowOf = (v: typeof text): fc.Arbitrary<TestRow> =>
  fc.record({
    cells: fc.record({ a: fc.option(fc.bigInt(0n, 3n), { freq: 8 }), b: fc.constantFrom(null, '', 'b'), v }),
    change: fc.constantFrom<ChangeType>('insert', 'update_preimage', 'update_postimage', 'delete', 'update_preimage', 'update_postimage'),
  });

function filesOf(kinds: readonly FileKind[], row: fc.Arbitrary<TestRow>): fc.Arbitrary<readonly TestFile[]> {
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

const versionsOf = (v: typeof text): fc.Arbitrary<TestVersion> =>
  fc.record({
    envelope: fc.constantFrom('debezium', 'upsert'),
    files: fc.oneof({ weight: 3, arbitrary: filesOf(['cdf'], rowOf(v)) }, { weight: 1, arbitrary: filesOf(['add', 'remove'], rowOf(v)) }),
    partitions: fc.constantFrom(1, 3),
    batchRows: fc.integer({ min: 1, max: 13 }),
    segmentRecords: fc.integer({ min: 1, max: 9 }),
    keptBytes: fc.constantFrom(0, 1, 100),
  });

export const versions = versionsOf(text);

/** Of which some rows have a value that does not fit, or that is this long. */
export function badVersions(long: string): fc.Arbitrary<TestVersion> {
  return versionsOf(fc.oneof({ weight: 5, arbitrary: text }, { weight: 1, arbitrary: fc.constantFrom(MISFIT, long) }));
}
