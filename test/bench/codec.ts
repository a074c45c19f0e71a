/**
 * The codec alone: one file of a million rows, decoded and encoded again and again, in one thread, and by a pool of one worker. Part of `npm run bench`.
 *
 *   node test/bench/codec.ts [--rows 1000000] [--passes 7]
 *
 * Twelve flat columns (the eleven of test/delta-writer and `_change_type`), Parquet with snappy, a key of one column, six partitions, framing by GUID.
 * Encoding by itself is measured on the same rows kept in memory; nested rows, of a table of their own, in this way alone.
 */
import { parseArgs } from 'node:util';
import { openDecoder } from '../../connectors/decoders/parquet.ts';
import { openPool } from '../../src/codec/pool.ts';
import { BATCH_ROWS, RecordWriter } from '../../src/codec/record-writer.ts';
import { encodeEntry } from '../../src/codec/segments.ts';
import { must } from '../../src/lib/assert.ts';
import { CHANGE_TYPES } from '../../src/model/column-batch.ts';
import type { ChangeType, ColumnBatch, ColumnData } from '../../src/model/column-batch.ts';
import type { Column, DataType } from '../../src/model/table-schema.ts';
import type { EncodeRequest, Segment } from '../../src/ports/encoder.ts';
import type { DecodeRequest, FileDecoder } from '../../src/ports/file-decoder.ts';
import { ORDER_COLUMNS } from '../delta-writer/orders.ts';
import { parquetFile } from '../delta-writer/parquet-file.ts';
import { nestedDecoder, NESTED_COLUMNS, NESTED_LEAVES } from './nested-batches.ts';

/** In rows a second and thread, decoding and encoding together. */
const AIM = 1_000_000;

const { values } = parseArgs({ options: { rows: { type: 'string', default: '1000000' }, passes: { type: 'string', default: '7' } } });
const rows = Number(values.rows);
const passes = Number(values.passes);

const file = madeFile();
const decoder = openDecoder();
const writer = new RecordWriter();
const memory = keptBatches();
const nested = nestedDecoder(rows, BATCH_ROWS);
await using pool = openPool({ workers: 1, workerUrl: new URL('../../src/worker.ts', import.meta.url), memoryBytes: 1e9 });
console.log(`${rows} rows, ${ORDER_COLUMNS.length + 1} columns, ${(file.length / 1e6).toFixed(1)} MB of Parquet, Node ${process.version}`);
console.log(await measured('decode', decode));
console.log(await measured('encode', () => encode(encodeEntry(encodeRequest(), memory, writer))));
console.log(await measured('decode + encode', () => encode(encodeEntry(encodeRequest(), decoder, writer)), AIM));
console.log(await measured('pool of 1 worker', pooled));
console.log(await measured('encode nested', () => encode(encodeEntry(nestedRequest(), nested, writer))));
console.log(`a nested row has ${NESTED_LEAVES} values below structs, arrays and maps`);
console.log(`peak RSS ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB (with the file and its decoded rows in memory)`);

interface Pass {
  readonly bytes: number;
}

/** The median pass; the first ones warm the compiler up. */
async function measured(name: string, run: () => Pass | Promise<Pass>, aim = 0): Promise<string> {
  const found: (Pass & { readonly ms: number; readonly cpuMicros: number })[] = [];
  for (let pass = -2; pass < passes; pass += 1) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    const { bytes } = await run();
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    if (pass >= 0) found.push({ ms, cpuMicros: user + system, bytes });
  }
  const median = must(found.toSorted((a, b) => a.ms - b.ms)[found.length >> 1], 'a pass');
  const perSecond = (rows / median.ms) * 1000;
  const rate = `${(perSecond / 1e6).toFixed(2)} M rows/s`;
  const verdict = aim === 0 ? '' : `  (the aim is ${(aim / 1e6).toFixed(2)}: ${perSecond >= aim ? 'reached' : 'missed'})`;
  const out =
    median.bytes === 0
      ? ''
      : `  ${(median.bytes / median.ms / 1000).toFixed(0)} MB/s of records (${(median.bytes / rows).toFixed(0)} B each)`;
  return `${name.padEnd(16)} ${rate.padStart(16)}  ${(median.cpuMicros / rows).toFixed(3)} µs CPU a row${out}${verdict}`;
}

function decode(): Pass {
  let seen = 0;
  for (const batch of decoder.batches(decodeRequest())) seen += batch.rows;
  if (seen !== rows) throw new Error(`${seen} rows of ${rows}`);
  return { bytes: 0 };
}

async function pooled(): Promise<Pass> {
  const segments: Segment[] = [];
  for await (const segment of pool.encode({ ...encodeRequest(), bytes: file.slice() }, new AbortController().signal))
    segments.push({ ...segment, blocks: [] });
  return encode(segments);
}

function encode(segments: Iterable<Segment>): Pass {
  let bytes = 0;
  let records = 0;
  for (const segment of segments) {
    bytes += segment.bytes;
    records += segment.records;
  }
  if (records !== rows) throw new Error(`${records} records of ${rows} rows`);
  return { bytes };
}

function columns(): readonly Column[] {
  return ORDER_COLUMNS.map(({ name, type }) => ({ name, type: dataType(type), nullable: true, comment: null, physical: null }));
}

function dataType(text: (typeof ORDER_COLUMNS)[number]['type']): DataType {
  return text === 'decimal(18,2)' ? { kind: 'decimal', precision: 18, scale: 2 } : { kind: text };
}

function decodeRequest(): DecodeRequest {
  return { bytes: file, columns: columns(), mapping: 'none', changeTypes: true, batchRows: BATCH_ROWS, fromRow: 0 };
}

function encodeRequest(): EncodeRequest {
  return {
    entry: { kind: 'cdf', pass: 'arrives', file: { kind: 'cdf', id: 'bench', size: file.length, partitionValues: {}, rows: null } },
    version: 12,
    timestamp: 1_750_000_000_000,
    layout: {
      envelope: { kind: 'change' },
      schema: { columns: columns(), partitionColumns: [], mapping: 'none' },
      table: { share: 'share', schema: 'schema', table: 'orders' },
      key: ['id'],
      prefixes: { key: new Uint8Array(17), value: new Uint8Array(17) },
      partitions: 6,
      unkeyedPartition: 0,
    },
    bytes: file,
    rows: null,
    isSnapshot: false,
    fromRow: 0,
    segmentRecords: 50_000,
    segmentBytes: 4 * 1024 * 1024,
  };
}

function nestedRequest(): EncodeRequest {
  const flat = encodeRequest();
  const entry = { ...flat.entry, kind: 'add' as const, file: { ...flat.entry.file, kind: 'add' as const } };
  return { ...flat, entry, layout: { ...flat.layout, schema: { ...flat.layout.schema, columns: NESTED_COLUMNS } } };
}

/** Half inserts, half postimages: all of one pass, so that every row is encoded. */
function madeFile(): Uint8Array<ArrayBuffer> {
  const types: readonly ChangeType[] = ['insert', 'update_postimage'];
  const ids = Int32Array.from({ length: rows }, (_, i) => i);
  const changes = Array.from({ length: rows }, (_, i) => types[i & 1] ?? CHANGE_TYPES[0]);
  return new Uint8Array(parquetFile(7, { ids, revisions: new Int32Array(rows) }, changes));
}

function keptBatches(): FileDecoder {
  const batches = Array.from(decoder.batches(decodeRequest()), copied);
  return { batches: () => batches, rows: (bytes, names) => decoder.rows(bytes, names), heldBytes: () => 0 };
}

function copied(batch: ColumnBatch): ColumnBatch {
  return { ...batch, columns: batch.columns.map(copiedColumn), changeTypes: batch.changeTypes?.slice() ?? null };
}

function copiedColumn(data: ColumnData): ColumnData {
  switch (data.kind) {
    case 'null':
    case 'struct':
    case 'list':
    case 'map':
      return data;
    case 'boolean':
      return { ...data, validity: data.validity?.slice() ?? null, bits: data.bits.slice() };
    case 'bytes':
      return { ...data, validity: data.validity?.slice() ?? null, offsets: data.offsets.slice(), data: data.data.slice() };
    case 'float32':
      return { ...data, validity: data.validity?.slice() ?? null, values: data.values.slice() };
    case 'float64':
      return { ...data, validity: data.validity?.slice() ?? null, values: data.values.slice() };
    default:
      return { ...data, validity: data.validity?.slice() ?? null, values: data.values.slice() };
  }
}
