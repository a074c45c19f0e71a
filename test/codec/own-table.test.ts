/**
 * A table with the types that no engine at hand writes together, made by hand, served, read, encoded, and read back by avsc; and files in the forms of old writers.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDecoder } from '../../connectors/decoders/parquet.ts';
import { rowReader } from '../../src/codec/avro-reader.ts';
import type { JsonRow } from '../../src/codec/avro-reader.ts';
import { avroTexts } from '../../src/codec/avro-schema.ts';
import { RecordWriter } from '../../src/codec/record-writer.ts';
import { records } from '../../src/codec/records.ts';
import { encodeEntry } from '../../src/codec/segments.ts';
import { must } from '../../src/lib/assert.ts';
import type { Column, DataType } from '../../src/model/table-schema.ts';
import { add, writeCommit } from '../delta-writer/table-log.ts';
import { rowsFrom } from '../support/batch-rows.ts';
import { column, decimal, list, map, parquetFile, struct } from '../support/parquet-file.ts';
import { writeRows } from '../support/parquet-writer.ts';
import { fixtureTable, shareTables } from '../support/shared-tables.ts';
import { request, VALUE_PREFIX } from './cases.ts';

const { signal } = new AbortController();
const decoder = openDecoder();

const COMMITTED = Date.UTC(2026, 0, 1);

/** Name → type as Delta writes it, type of the file's column, what the column was declared as. */
const COLUMNS: readonly (readonly [string, unknown, DataType, string?])[] = [
  ['id', 'long', { kind: 'long' }],
  ['v', 'variant', { kind: 'variant' }],
  ['variants', { type: 'array', elementType: 'variant', containsNull: true }, list({ kind: 'variant' })],
  [
    's',
    { type: 'struct', fields: [field('v', 'variant'), field('code', 'string')] },
    struct({ v: 'variant', code: 'string' }),
    'struct<v:variant,code:char(3)>',
  ],
  ['code', 'string', { kind: 'string' }, 'char(5)'],
  ['short text', 'string', { kind: 'string' }, 'varchar(9)'],
  ['local', 'timestamp_ntz', { kind: 'timestamp_ntz' }],
  ['nothing', 'void', { kind: 'void' }],
  [
    'by key',
    {
      type: 'map',
      keyType: { type: 'struct', fields: [field('k', 'integer')] },
      valueType: 'variant',
      valueContainsNull: true,
    },
    map(struct({ k: 'integer' }), 'variant'),
  ],
  ['money', { type: 'array', elementType: 'decimal(38,18)', containsNull: true }, list(decimal(38, 18))],
];

function field(name: string, type: unknown, declared?: string): object {
  const metadata = declared === undefined ? {} : { __CHAR_VARCHAR_TYPE_STRING: declared };
  return { name, type, nullable: true, metadata };
}

const metadata = Uint8Array.of(1, 1, 0, 1, 97);
/** `{"a": 5}` and `true`. */
const object = { metadata, value: Uint8Array.of(2, 1, 0, 0, 2, 12, 5) };
const truth = { metadata, value: Uint8Array.of(4) };

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'own-table-'));
  const log = join(folder, 'own/_delta_log');
  await mkdir(log, { recursive: true });
  const stored = COLUMNS.filter(([, type]) => type !== 'void').map(([name, , type]) => column(name, type));
  const bytes = writeRows(
    stored,
    [
      {
        cells: {
          id: 1n,
          v: object,
          variants: [truth, null, object],
          s: { v: null, code: 'ä' },
          code: 'ab',
          'short text': 'ab',
          local: 1n,
          'by key': [
            [{ k: 1n }, truth],
            [{ k: null }, null],
          ],
          money: [1n, null, -(10n ** 37n)],
        },
      },
      { cells: { id: 2n, variants: [], s: { v: truth, code: null }, 'by key': [], money: [] } },
      { cells: {} },
    ],
    { compression: 'SNAPPY', pageVersion: 1, hasDictionaries: true, rowGroupRows: 100, pageBytes: 1_000_000 },
  );
  await writeFile(join(folder, 'own/part-0.parquet'), bytes);
  const features = ['variantType', 'timestampNtz'];
  await writeCommit(log, {
    version: 0,
    timestamp: COMMITTED,
    operation: 'WRITE',
    actions: [
      { protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: features, writerFeatures: ['changeDataFeed', ...features] } },
      {
        metaData: {
          id: 'own-table',
          format: { provider: 'parquet', options: {} },
          schemaString: JSON.stringify({ type: 'struct', fields: COLUMNS.map(([name, type, , declared]) => field(name, type, declared)) }),
          partitionColumns: [],
          configuration: { 'delta.enableChangeDataFeed': 'true' },
          createdTime: COMMITTED,
        },
      },
      add({ path: 'part-0.parquet', size: bytes.length, stats: null }, COMMITTED, true),
    ],
  });
});

afterAll(() => rm(folder, { recursive: true }));

test('variants, CHAR within structs, times without zone and voids come from a shared table to whoever reads the records', async () => {
  await using shared = await shareTables({ folder });
  const listing = await shared.source.changes(fixtureTable('own'), { from: 0, to: 0, listedAs: null }, signal);
  const version = must(listing.versions[0], 'the version');
  const file = must(version.files[0], 'the file');
  const { bytes } = await listing.read(version, file, signal);
  const own = { _change_type: 'insert', _commit_version: 0, _commit_timestamp: COMMITTED };
  expect(encoded(version.schema.columns, bytes)).toEqual(
    [
      {
        id: '1',
        v: '{"a":5}',
        variants: ['true', null, '{"a":5}'],
        s: { v: null, code: 'ä  ' },
        code: 'ab   ',
        'short text': 'ab',
        local: '1',
        nothing: null,
        'by key': [
          [{ k: 1 }, 'true'],
          [{ k: null }, null],
        ],
        money: ['0.000000000000000001', null, '-10000000000000000000.000000000000000000'],
      },
      {
        id: '2',
        v: null,
        variants: [],
        s: { v: 'true', code: null },
        code: null,
        'short text': null,
        local: null,
        nothing: null,
        'by key': [],
        money: [],
      },
      Object.fromEntries(COLUMNS.map(([name]) => [name, null])),
    ].map((row) => ({ ...own, ...row })),
  );
});

const numbers = struct({ a: 'integer' });

test.each<readonly [string, readonly Column[]]>([
  [
    'nested_old_layouts',
    [
      column('bag', list('integer')),
      column('two_level', list('integer')),
      column('struct_array', list(numbers)),
      column('struct_tuple', list(numbers)),
      column('struct_many', list(struct({ a: 'integer', b: 'integer' }))),
      column('repeated', list('integer')),
      column('repeated_group', list(numbers)),
      column('named_map', map('integer', 'integer')),
      column('key_value_map', map('integer', 'integer')),
    ],
  ],
  ['timestamp_millis', [column('t', 'timestamp'), column('n', 'timestamp_ntz')]],
  ['decimals_bytes', [column('d', decimal(38, 3))]],
  ['decimals_fixed', [column('small', decimal(10, 2)), column('large', decimal(38, 2))]],
  ['decimals_integer', [column('nine', decimal(9, 2)), column('eighteen', decimal(18, 2))]],
  ['nested_types_integer_decimals', [column('list', list(struct({ small: decimal(20, 2) })))]],
  ['int96_far_nested', [column('l', list('timestamp')), column('s', struct({ t: 'timestamp' }))]],
])('the forms of %s are in the records what the decoder reads', (name, columns) => {
  const bytes = parquetFile(name);
  const rows = rowsFrom(decoder, { bytes, columns, mapping: 'none', changeTypes: false, batchRows: 100, fromRow: 0 });
  expect(rows.length).toBeGreaterThan(0);
  expect(encoded(columns, new Uint8Array(bytes))).toEqual(
    rows.map((row) => ({ _change_type: 'insert', _commit_version: 0, _commit_timestamp: COMMITTED, ...row })),
  );
});

function encoded(columns: readonly Column[], bytes: Uint8Array<ArrayBuffer>): readonly JsonRow[] {
  const of = request({ columns, rows: [], timestamp: COMMITTED });
  const read = rowReader(avroTexts(of.layout).value);
  return [...encodeEntry({ ...of, version: 0, bytes }, decoder, new RecordWriter())]
    .flatMap(({ blocks }) => blocks)
    .flatMap((block) => [...records(block)].map(({ value }) => read(must(value, 'a value').subarray(VALUE_PREFIX.length))));
}
