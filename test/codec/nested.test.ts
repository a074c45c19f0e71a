/**
 * Random tables, nested, and with every type, through the codec and back by avsc: by hand-made column batches, and by Parquet files through the decoder.
 * `npm run test:types` tries ten thousand of each.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { openDecoder } from '../../connectors/decoders/parquet.ts';
import { avroName } from '../../src/codec/avro-name.ts';
import { avroType, rowReader } from '../../src/codec/avro-reader.ts';
import type { JsonRow } from '../../src/codec/avro-reader.ts';
import { avroTexts } from '../../src/codec/avro-schema.ts';
import { records } from '../../src/codec/records.ts';
import { RecordWriter } from '../../src/codec/record-writer.ts';
import { encodeEntry } from '../../src/codec/segments.ts';
import { assert, must } from '../../src/lib/assert.ts';
import type { Column, DataType } from '../../src/model/table-schema.ts';
import type { Segment } from '../../src/ports/encoder.ts';
import { dataType, name, nullable } from './arbitraries.ts';
import { column } from './batches.ts';
import type { Cell } from './batches.ts';
import { encode, request, VALUE_PREFIX } from './cases.ts';
import type { Case } from './cases.ts';
import { cellFrom, jsonForm } from './cell-forms.ts';
import { COMPRESSIONS, writeRows } from '../support/parquet-writer.ts';
import type { Writing } from '../support/parquet-writer.ts';

const RUNS = Number(process.env['CODEC_RUNS'] ?? 120);
/** With a file to be written and read in each. */
const FILE_RUNS = Number(process.env['CODEC_RUNS'] ?? 30);
const OWN = { _change_type: 'insert', _commit_version: 7, _commit_timestamp: 1_700_000_000_123 };

const cases: fc.Arbitrary<Case> = fc
  .uniqueArray(fc.tuple(name, fc.oneof(dataType(1), dataType(5))), { minLength: 1, maxLength: 4, selector: ([name]) => name })
  .chain((named) => {
    const columns = named.map(([name, type]) => column(name, type));
    const row = fc.record({ cells: fc.record(Object.fromEntries(columns.map(({ name, type }) => [name, nullable(type)]))) });
    return fc.record({
      columns: fc.constant(columns),
      rows: fc.array(row, { maxLength: 8 }),
      batchRows: fc.integer({ min: 1, max: 9 }),
      segmentRecords: fc.integer({ min: 1, max: 9 }),
    });
  });

test(
  'what avsc reads by the schema are the rows, whatever the types, the nesting and the nulls',
  () => {
    fc.assert(
      fc.property(cases, (of) => {
        const { value } = avroTexts(request(of).layout);
        const type = avroType(value);
        const bodies = bodiesOf(encode(of));
        expect(bodies.map((body) => avscRow(of.columns, type.fromBuffer(Buffer.from(body))))).toEqual(jsonRows(of, 'by key'));
        expect(bodies.map(rowReader(value))).toEqual(jsonRows(of, 'stored').map((row) => ({ ...OWN, ...row })));
      }),
      { numRuns: RUNS },
    );
  },
  300_000 + 300 * RUNS,
);

const writing: fc.Arbitrary<Writing> = fc.record({
  compression: fc.constantFrom(...COMPRESSIONS),
  pageVersion: fc.constantFrom(1, 2),
  hasDictionaries: fc.boolean(),
  rowGroupRows: fc.integer({ min: 1, max: 9 }),
  pageBytes: fc.constantFrom(1, 40, 100_000),
});

test(
  'rows in a Parquet file are what avsc reads of the records, whatever the types, the nesting, the nulls and the layout of the file',
  () => {
    const decoder = openDecoder();
    fc.assert(
      fc.property(cases, writing, (of, writing) => {
        const type = avroType(avroTexts(request(of).layout).value);
        const bytes = writeRows(of.columns, of.rows, writing);
        const segments = [...encodeEntry({ ...request(of), bytes }, decoder, new RecordWriter())];
        expect(bodiesOf(segments).map((body) => avscRow(of.columns, type.fromBuffer(Buffer.from(body))))).toEqual(jsonRows(of, 'by key'));
      }),
      { numRuns: FILE_RUNS },
    );
  },
  300_000 + 300 * FILE_RUNS,
);

function bodiesOf(segments: readonly Segment[]): readonly Uint8Array[] {
  const blocks = segments.flatMap((segment) => segment.blocks);
  return blocks.flatMap((block) => [...records(block)].map(({ value }) => must(value, 'a value').subarray(VALUE_PREFIX.length)));
}

function jsonRows(of: Case, order: 'stored' | 'by key'): readonly JsonRow[] {
  return of.rows.map(({ cells }) =>
    Object.fromEntries(of.columns.map(({ name, type }) => [name, jsonForm(type, cells[name] ?? null, order)])),
  );
}

function avscRow(columns: readonly Column[], record: unknown): JsonRow {
  assert(typeof record === 'object' && record !== null, 'a record');
  const fields = new Map<string, unknown>(Object.entries(record));
  return Object.fromEntries(columns.map(({ name, type }) => [name, jsonForm(type, cellFrom(type, fields.get(avroName(name))), 'by key')]));
}

test('a sound variant is read as its JSON text', () => {
  const metadata = Uint8Array.of(1, 1, 0, 1, 97);
  const of: Case = {
    columns: [column('v', { kind: 'variant' }), column('list', { kind: 'array', element: { kind: 'variant' }, containsNull: true })],
    rows: [
      { cells: { v: { metadata, value: Uint8Array.of(2, 1, 0, 0, 2, 12, 5) }, list: [{ metadata, value: Uint8Array.of(0) }, null] } },
      { cells: { v: null, list: null } },
    ],
  };
  const read = rowReader(avroTexts(request(of).layout).value);
  expect(bodiesOf(encode(of)).map(read)).toEqual([
    { ...OWN, v: '{"a":5}', list: ['null', null] },
    { ...OWN, v: null, list: null },
  ]);
});

test('keys of maps and names of fields are read as they are, whatever they mean to JavaScript', () => {
  const struct: DataType = { kind: 'struct', fields: [column('__proto__', { kind: 'long' }), column('constructor', { kind: 'long' })] };
  const entries: readonly Cell[] = ['b', '10', '2', '__proto__', 'b', 'toString'].map((key, i) => [key, BigInt(i)]);
  const of: Case = {
    columns: [
      column('__proto__', { kind: 'map', key: { kind: 'string' }, value: { kind: 'long' }, valueContainsNull: true }),
      column('s', struct),
    ],
    rows: [
      {
        cells: Object.fromEntries<Cell>([
          ['__proto__', entries],
          [
            's',
            Object.fromEntries([
              ['__proto__', 1n],
              ['constructor', 2n],
            ]),
          ],
        ]),
      },
    ],
  };
  const read = rowReader(avroTexts(request(of).layout).value);
  const [row = {}] = bodiesOf(encode(of)).map(read);
  expect(JSON.stringify(row)).toBe(
    `${JSON.stringify(OWN).slice(0, -1)},"__proto__":[["b","0"],["10","1"],["2","2"],["__proto__","3"],["b","4"],["toString","5"]],"s":{"__proto__":"1","constructor":"2"}}`,
  );
});
