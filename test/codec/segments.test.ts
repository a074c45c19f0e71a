import fc from 'fast-check';
import { expect, test } from 'vitest';
import { avroTexts } from '../../src/codec/avro-schema.ts';
import { records } from '../../src/codec/records.ts';
import { SegmentEncoder } from '../../src/codec/segments.ts';
import { partitionOf } from '../../src/lib/murmur2.ts';
import type { ChangeType } from '../../src/model/column-batch.ts';
import type { Column, DataType } from '../../src/model/table-schema.ts';
import type { EncodeRequest, Segment } from '../../src/ports/encoder.ts';
import { avscEncoder } from './avsc-rows.ts';
import { column, rowsDecoder } from './batches.ts';
import type { Cell, TestRow } from './batches.ts';

const KEY_PREFIX = Uint8Array.of(1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6);
const VALUE_PREFIX = Uint8Array.of(0, 0, 0, 0, 42);

interface Case {
  readonly columns: readonly Column[];
  readonly rows: readonly TestRow[];
  readonly key?: readonly string[];
  readonly kind?: 'add' | 'cdf' | 'remove';
  readonly pass?: 'leaves' | 'arrives';
  readonly partitions?: number;
  readonly fromRow?: number;
  readonly segmentRecords?: number;
  readonly segmentBytes?: number;
  readonly timestamp?: number | null;
  readonly partitionColumns?: readonly string[];
  readonly partitionValues?: Readonly<Record<string, string | null>>;
  readonly batchRows?: number;
}

function request(of: Case): EncodeRequest {
  const kind = of.kind ?? 'add';
  const pass = of.pass ?? (kind === 'remove' ? 'leaves' : 'arrives');
  return {
    entry: { kind, pass, file: { kind, id: 'f1', size: 1, partitionValues: of.partitionValues ?? {} } },
    version: 7,
    timestamp: of.timestamp === undefined ? 1_700_000_000_123 : of.timestamp,
    layout: {
      schema: { columns: of.columns, partitionColumns: of.partitionColumns ?? [] },
      table: { share: 'sales', schema: 'public', table: 'orders' },
      key: of.key ?? [],
      prefixes: { key: of.key === undefined ? null : KEY_PREFIX, value: VALUE_PREFIX },
      partitions: of.partitions ?? 1,
      unkeyedPartition: of.key === undefined ? 3 : 0,
    },
    bytes: new Uint8Array(0),
    fromRow: of.fromRow ?? 0,
    segmentRecords: of.segmentRecords ?? 1_000_000,
    segmentBytes: of.segmentBytes ?? 1_000_000_000,
  };
}

function encode(of: Case): readonly Segment[] {
  return [...new SegmentEncoder(rowsDecoder(of.rows, of.batchRows ?? 8192)).encode(request(of))];
}

/** What should be on the topic: by partition, keys and values in order, by avsc. */
function expectedRecords(of: Case): ReadonlyMap<number, readonly string[]> {
  const { layout, version, timestamp, entry } = request(of);
  const texts = avroTexts(layout);
  const keyColumns = layout.key.flatMap((name) => of.columns.find((candidate) => candidate.name === name) ?? []);
  const encodeValue = avscEncoder(texts.value, of.columns);
  const encodeKey = texts.key === null ? null : avscEncoder(texts.key, keyColumns);
  const found = new Map<number, string[]>();
  for (const row of of.rows.slice(of.fromRow ?? 0)) {
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

function actualRecords(segments: readonly Segment[]): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, string[]>();
  for (const block of segments.flatMap(({ blocks }) => blocks)) {
    const all = [...records(block)];
    expect(all.map(({ offsetDelta }) => offsetDelta)).toEqual(all.map((_, i) => i));
    const texts = all.map(
      ({ key, value }) => `${key === null ? 'none' : Buffer.from(key).toString('hex')} ${Buffer.from(value ?? []).toString('hex')}`,
    );
    found.set(block.partition, [...(found.get(block.partition) ?? []), ...texts]);
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

const decimalType = fc
  .integer({ min: 1, max: 38 })
  .chain((precision) => fc.integer({ min: 0, max: precision }).map((scale): DataType => ({ kind: 'decimal', precision, scale })));
const flatType: fc.Arbitrary<DataType> = fc.oneof(
  { weight: 3, arbitrary: decimalType },
  {
    weight: 12,
    arbitrary: fc
      .constantFrom<DataType['kind']>(
        'byte',
        'short',
        'integer',
        'long',
        'float',
        'double',
        'boolean',
        'string',
        'binary',
        'date',
        'timestamp',
        'timestamp_ntz',
      )
      .map((kind) => flat(kind)),
  },
);

function flat(kind: DataType['kind']): DataType {
  switch (kind) {
    case 'decimal':
    case 'struct':
    case 'array':
    case 'map':
    case 'unknown':
      throw new Error(kind);
    default:
      return { kind };
  }
}

/** Around every length that a varint or a shortest two's complement form changes at. */
function wholeNumber(bits: number): fc.Arbitrary<bigint> {
  const edge = fc.tuple(fc.integer({ min: 0, max: bits - 1 }), fc.bigInt(-2n, 2n), fc.boolean());
  return edge.map(([bit, off, negative]) => {
    const value = (1n << BigInt(bit)) + off;
    return BigInt.asIntN(bits, negative ? -value : value);
  });
}

function cellOf(type: DataType): fc.Arbitrary<Cell> {
  switch (type.kind) {
    case 'byte':
      return wholeNumber(8);
    case 'short':
      return wholeNumber(16);
    case 'integer':
    case 'date':
      return wholeNumber(32);
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
      return fc.oneof(wholeNumber(64), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n));
    case 'decimal':
      return wholeNumber(127).map((value) => value % 10n ** BigInt(type.precision));
    case 'float':
      return fc.float();
    case 'double':
      return fc.double();
    case 'boolean':
      return fc.boolean();
    case 'string':
      return fc.oneof(
        { weight: 8, arbitrary: fc.string({ unit: 'grapheme', maxLength: 24 }) },
        { weight: 1, arbitrary: fc.string({ minLength: 60, maxLength: 200 }) },
      );
    default:
      return fc.uint8Array({ maxLength: 130 });
  }
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
  )
  .chain(([named, kind, pass, partitions, timestamp, batchRows, segmentRecords, segmentBytes, keyed]) => {
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
    return fc
      .array(row, { maxLength: 40 })
      .map((rows): Case => ({
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
      }));
  });

test('the bytes are those of avsc, in the partitions of Java, whatever the types, the values and the cuts', () => {
  fc.assert(
    fc.property(cases, (of) => {
      expect(actualRecords(encode(of))).toEqual(expectedRecords(of));
    }),
    { numRuns: 400 },
  );
});
