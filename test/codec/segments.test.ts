import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { avroTexts } from '../../src/codec/avro-schema.ts';
import { records } from '../../src/codec/records.ts';
import { partitionOf } from '../../src/lib/murmur2.ts';
import type { RowSelection } from '../../src/model/change-files.ts';
import type { ChangeType } from '../../src/model/column-batch.ts';
import type { Segment } from '../../src/ports/encoder.ts';
import { checksumOfSegment } from '../support/segment-checksum.ts';
import { avscEncoder } from './avsc-rows.ts';
import { cellOf, flatType } from './arbitraries.ts';
import { column } from './batches.ts';
import { encode, KEY_PREFIX, request, VALUE_PREFIX } from './cases.ts';
import type { Case } from './cases.ts';
import type { Cell } from './batches.ts';

/** What should be on the topic: by partition, keys and values in order, by avsc. */
function expectedRecords(of: Case): ReadonlyMap<number, readonly string[]> {
  const { layout, version, timestamp, entry } = request(of);
  const texts = avroTexts(layout);
  const keyColumns = layout.key.flatMap((name) => of.columns.find((candidate) => candidate.name === name) ?? []);
  const encodeValue = avscEncoder(texts.value, of.columns);
  const encodeKey = texts.key === null ? null : avscEncoder(texts.key, keyColumns);
  const found = new Map<number, string[]>();
  for (const [i, row] of of.rows.entries()) {
    if (i < (of.fromRow ?? 0) || !isSelected(of.selection, i)) continue;
    const change: ChangeType = entry.kind === 'add' ? 'insert' : entry.kind === 'remove' ? 'delete' : (row.change ?? 'insert');
    const leaves = change === 'delete' || change === 'update_preimage';
    if (leaves !== (entry.pass === 'leaves')) continue;
    const value = Buffer.concat([VALUE_PREFIX, encodeValue(row.cells, { change, version, timestamp })]);
    const key = encodeKey === null ? null : Buffer.concat([KEY_PREFIX, encodeKey(row.cells, null)]);
    const partition = key === null ? layout.unkeyedPartition : partitionOf(key, layout.partitions);
    found.set(partition, [...(found.get(partition) ?? []), `${key === null ? 'none' : key.toString('hex')} ${value.toString('hex')}`]);
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

/** Spelled in another way than the codec does. */
function isSelected(selection: RowSelection | undefined, row: number): boolean {
  if (selection === undefined) return true;
  const text = Array.from(selection.bits, (byte) => byte.toString(2).padStart(8, '0').split('').toReversed().join('')).join('');
  return row < selection.rows ? text[row] === '1' : selection.beyond;
}

function actualRecords(segments: readonly Segment[], headers: readonly (readonly string[])[] = []): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, string[]>();
  const framing = { key: KEY_PREFIX.length, value: VALUE_PREFIX.length };
  expect(segments.map(({ checksum }) => checksum)).toEqual(segments.map((segment) => checksumOfSegment(segment, framing)));
  for (const block of segments.flatMap(({ blocks }) => blocks)) {
    const all = [...records(block)];
    expect(all.map(({ offsetDelta }) => offsetDelta)).toEqual(all.map((_, i) => i));
    expect(all.map((record) => record.headers.map(({ key, value }) => [key, Buffer.from(value ?? []).toString()]))).toEqual(
      all.map(() => headers),
    );
    const texts = all.map(
      ({ key, value }) => `${key === null ? 'none' : Buffer.from(key).toString('hex')} ${Buffer.from(value ?? []).toString('hex')}`,
    );
    found.set(block.partition, [...(found.get(block.partition) ?? []), ...texts]);
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

function selectionOf(fileRows: number, bits: Uint8Array<ArrayBuffer>, share: number, beyond: boolean): RowSelection {
  return { bits, rows: Math.floor(fileRows * share), beyond };
}

const cases: fc.Arbitrary<Case> = fc
  .tuple(
    fc.uniqueArray(fc.tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }), flatType), {
      minLength: 1,
      maxLength: 9,
      selector: ([name]) => name,
    }),
    fc.constantFrom('add', 'cdf', 'remove'),
    fc.constantFrom('leaves', 'arrives'),
    fc.integer({ min: 1, max: 5 }),
    fc.option(fc.integer({ min: 0, max: 1_800_000_000_000 })),
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 2000 }),
    fc.boolean(),
    fc.option(fc.tuple(fc.uint8Array({ minLength: 6, maxLength: 6 }), fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean())),
  )
  .chain(([named, kind, pass, partitions, timestamp, batchRows, segmentRecords, segmentBytes, keyed, selected]) => {
    const columns = named.map(([name, type]) => column(name, type));
    const key = keyed
      ? columns
          .filter(({ type }) => type.kind !== 'float' && type.kind !== 'double')
          .slice(0, 2)
          .map(({ name }) => name)
      : [];
    const row = fc.record({
      cells: fc.record(Object.fromEntries(columns.map(({ name, type }) => [name, fc.option(cellOf(type), { freq: 6 })]))),
      change: fc.constantFrom<ChangeType>('insert', 'update_preimage', 'update_postimage', 'delete'),
    });
    const chosen = kind === 'cdf' ? pass : kind === 'add' ? 'arrives' : 'leaves';
    return fc.array(row, { maxLength: 40 }).map((rows): Case => ({
      columns,
      rows,
      kind,
      pass: chosen,
      partitions,
      timestamp,
      batchRows,
      segmentRecords,
      segmentBytes,
      ...(key.length > 0 && { key }),
      ...(selected !== null && { selection: selectionOf(rows.length, ...selected) }),
    }));
  });

test('the bytes are those of avsc, in the partitions of Java, whatever the types, the values and the cuts', () => {
  fc.assert(
    fc.property(cases, (of) => {
      expect(actualRecords(encode(of))).toEqual(expectedRecords(of));
    }),
    { numRuns: Number(process.env['CODEC_RUNS'] ?? 150) },
  );
});

const id = column('id', { kind: 'long' });
const text = column('text', { kind: 'string' });
const wide = (rows: number, bytes: number): Case => ({
  columns: [id, text],
  rows: Array.from({ length: rows }, (_, i) => ({ cells: { id: BigInt(i), text: 'x'.repeat(bytes) } })),
});

test('a segment is cut before its records, before its bytes, and a larger record stands alone', () => {
  const rows = (segments: readonly Segment[]): unknown => segments.map(({ records: count, nextRow }) => [count, nextRow]);
  expect(rows(encode({ ...wide(7, 10), segmentRecords: 3 }))).toEqual([
    [3, 3],
    [3, 6],
    [1, 7],
  ]);
  const [first] = encode(wide(1, 10));
  const length = first?.bytes ?? 0;
  expect(rows(encode({ ...wide(5, 10), segmentBytes: 2 * length }))).toEqual([
    [2, 2],
    [2, 4],
    [1, 5],
  ]);
  expect(rows(encode({ ...wide(5, 10), segmentBytes: 2 * length - 1 }))).toEqual([
    [1, 1],
    [1, 2],
    [1, 3],
    [1, 4],
    [1, 5],
  ]);
  const mixed = [10, 5000, 10, 10].map((size, i) => ({ cells: { id: BigInt(i), text: 'x'.repeat(size) } }));
  expect(rows(encode({ columns: [id, text], rows: mixed, segmentBytes: 1000 }))).toEqual([
    [1, 1],
    [1, 2],
    [2, 4],
  ]);
});

test('a block stays below what a broker takes by default, whatever the segment may hold', () => {
  const of = { ...wide(3000, 1000), batchRows: 70 };
  const segments = encode(of);
  const blocks = segments.flatMap((segment) => segment.blocks);
  expect(blocks.map(({ bytes }) => bytes.length <= 900_000)).toEqual(blocks.map(() => true));
  expect(blocks.length).toBe(4);
  expect(actualRecords(segments)).toEqual(expectedRecords(of));
});

test('a table of a thousand columns is encoded like any other', () => {
  const types = ['long', 'string', 'double', 'boolean'] as const;
  const columns = Array.from({ length: 1000 }, (_, i) => column(`c${i}`, { kind: types[i % 4] ?? 'long' }));
  const cell = (i: number): Cell => [null, `text ${i}`, i / 7, i % 3 === 0][i % 4] ?? BigInt(i) * 1_000_000_007n;
  const rows = Array.from({ length: 30 }, () => ({ cells: Object.fromEntries(columns.map(({ name }, i) => [name, cell(i)])) }));
  const of: Case = { columns, rows, key: ['c4', 'c1'], partitions: 3, batchRows: 7, segmentRecords: 8 };
  expect(actualRecords(encode(of))).toEqual(expectedRecords(of));
});

test('the longest record is that of the segment, not of one before', () => {
  const rows = [900, 10, 400].map((size, i) => ({ cells: { id: BigInt(i), text: 'x'.repeat(size) } }));
  const longest = encode({ columns: [id, text], rows, segmentRecords: 1 }).map(({ bytes, largestRecord }) => largestRecord === bytes);
  expect(longest).toEqual([true, true, true]);
});

test('sums, counts and the longest record are those of the blocks', () => {
  const types = ['insert', 'update_preimage', 'update_postimage', 'delete', 'delete', 'update_postimage'] as const;
  const rows = types.map((change, i) => ({ cells: { id: BigInt(i), text: 'x'.repeat(i * 100) }, change }));
  for (const pass of ['leaves', 'arrives'] as const) {
    const [segment, ...more] = encode({ columns: [id, text], rows, kind: 'cdf', pass, key: ['id'], partitions: 3 });
    const counts =
      pass === 'leaves'
        ? { insert: 0, update_preimage: 1, update_postimage: 0, delete: 2 }
        : { insert: 1, update_preimage: 0, update_postimage: 2, delete: 0 };
    const blocks = segment?.blocks ?? [];
    const lengths = blocks.flatMap((block) => [...records(block)].map(({ key, value }) => (key?.length ?? 0) + (value?.length ?? 0)));
    expect(segment).toMatchObject({ records: 3, counts, nextRow: 6, bytes: blocks.reduce((sum, { bytes }) => sum + bytes.length, 0) });
    expect(new Set(blocks.map(({ partition }) => partition)).size).toBe(blocks.length);
    // Around key and value of these sizes stand 9 bytes: two lengths of two bytes, five numbers of one.
    expect(segment?.largestRecord).toBe(Math.max(...lengths) + 9);
    expect(more).toEqual([]);
  }
});

test('a file without rows, or without rows of the pass, is one empty segment that covers it', () => {
  const empty = {
    blocks: [],
    records: 0,
    bytes: 0,
    counts: { insert: 0, update_preimage: 0, update_postimage: 0, delete: 0 },
    duplicates: 0,
    passes: 1,
    checksum: 0n,
    step: 0,
    largestRecord: 0,
  };
  expect(encode({ columns: [id], rows: [] })).toEqual([{ ...empty, nextRow: 0 }]);
  expect(encode({ columns: [id], rows: [], fromRow: 5 })).toEqual([{ ...empty, nextRow: 5 }]);
  const rows = [1n, 2n, 3n].map((value) => ({ cells: { id: value }, change: 'insert' as const }));
  expect(encode({ columns: [id], rows, kind: 'cdf', pass: 'leaves', batchRows: 2 })).toEqual([{ ...empty, nextRow: 3 }]);
});

test('reading on from a row gives the records from there on, just as they were', () => {
  const whole = { ...wide(50, 20), key: ['id'], partitions: 4, segmentRecords: 7, batchRows: 9 };
  const values = (segments: readonly Segment[]): readonly string[] => [...actualRecords(segments).values()].flat().sort();
  const all = encode(whole);
  for (const [i, { nextRow }] of all.entries()) {
    expect(values([...all.slice(0, i + 1), ...encode({ ...whole, fromRow: nextRow })])).toEqual(values(all));
  }
});

test('the action decides what is a partition column of its file, not the table, which may be partitioned anew', () => {
  const region = column('region', { kind: 'string' });
  const rows = [1n, 2n].map((value) => ({ cells: { id: value, region: 'from the file' } }));
  const of: Case = { columns: [region, id], rows };
  const told: Case = { ...of, rows: [1n, 2n].map((value) => ({ cells: { id: value, region: 'before' } })) };
  expect(actualRecords(encode({ ...of, partitionValues: { region: 'before' } }))).toEqual(expectedRecords(told));
  expect(actualRecords(encode({ ...of, partitionColumns: ['region'], partitionValues: {} }))).toEqual(expectedRecords(of));
});

test('partition values stand in every row, in keys too, whatever the file holds', () => {
  const region = column('region', { kind: 'string' });
  const day = column('day', { kind: 'date' });
  const rows = [1n, 2n].map((value) => ({ cells: { id: value, region: 'from the file' } }));
  const of: Case = {
    columns: [region, id, day],
    rows,
    key: ['region', 'id'],
    partitions: 2,
    partitionColumns: ['Region', 'day'],
    partitionValues: { REGION: 'nörd' },
  };
  const same: Case = { ...of, rows: [1n, 2n].map((value) => ({ cells: { id: value, region: 'nörd', day: null } })) };
  expect(actualRecords(encode(of))).toEqual(expectedRecords(same));
  expect(() => encode({ ...of, partitionValues: { region: 'n', day: 'x' } })).toThrow(expect.objectContaining({ code: 'file.column' }));
});

test('reading on from a row selects the same rows as reading from the start', () => {
  const selection = { bits: Uint8Array.of(0b1010_0110, 0b0000_1111, 0b1100_0001), rows: 21, beyond: true };
  const whole = { ...wide(50, 20), selection, segmentRecords: 3, batchRows: 7 };
  const all = encode(whole);
  expect(actualRecords(all)).toEqual(expectedRecords(whole));
  expect(all.reduce((sum, { counts }) => sum + counts.insert, 0)).toBe(4 + 4 + 1 + 29);
  for (const [i, { nextRow }] of all.entries()) {
    const rest = encode({ ...whole, fromRow: nextRow });
    expect(actualRecords([...all.slice(0, i + 1), ...rest])).toEqual(expectedRecords(whole));
  }
});

test('a selection that speaks of rows that the file does not have fails, resumed or not, and one of fewer does not', () => {
  const bits = Uint8Array.of(255, 255);
  for (const [fromRow, rows] of [
    [0, 10],
    [7, 10],
    [9, 10],
    [9, 16],
  ] as const) {
    const message = `the deletion vector speaks of ${rows} rows, and the file has 9`;
    expect(() => encode({ ...wide(9, 5), fromRow, selection: { bits, rows, beyond: false } })).toThrow(
      expect.objectContaining({ code: 'file.vector', message }),
    );
  }
  const sound = { ...wide(9, 5), selection: { bits, rows: 9, beyond: false } };
  expect(actualRecords(encode(sound))).toEqual(expectedRecords(sound));
});

test('of a file whose rows are all gone one empty segment covers it', () => {
  const [segment, ...more] = encode({ ...wide(9, 5), batchRows: 4, selection: { bits: new Uint8Array(1), rows: 8, beyond: false } });
  expect([segment?.records, segment?.nextRow, more]).toEqual([0, 9, []]);
});

test('records of a snapshot say so in a header, which counts in every length', () => {
  for (const one of [wide(30, 300), { ...wide(30, 300), key: ['id'], partitions: 3 }]) {
    const segments = encode({ ...one, isSnapshot: true, segmentRecords: 8 });
    expect(actualRecords(segments, [['cdf-relay.snapshot', 'true']])).toEqual(expectedRecords(one));
    const plain = encode({ ...one, segmentRecords: 8 });
    // The name with its length, `true` with its length.
    const header = 1 + 18 + 1 + 4;
    expect(segments.map(({ bytes }) => bytes)).toEqual(plain.map(({ bytes, records: count }) => bytes + count * header));
    expect(segments.map(({ largestRecord }) => largestRecord)).toEqual(plain.map(({ largestRecord }) => largestRecord + header));
    expect(segments.map(({ bytes }) => bytes)).toEqual(
      segments.map(({ blocks }) => blocks.reduce((sum, { bytes }) => sum + bytes.length, 0)),
    );
  }
});
