/**
 * The exam that every `Encoder` takes.
 */
import { describe, expect, it } from 'vitest';
import { rowReader } from '../../src/codec/avro-reader.ts';
import { records } from '../../src/codec/records.ts';
import type { BlockRecord } from '../../src/codec/records.ts';
import { partitionOf } from '../../src/lib/murmur2.ts';
import type { ChangeFile, FileContent, RowSelection } from '../../src/model/change-files.ts';
import { CHANGE_TYPES } from '../../src/model/column-batch.ts';
import type { ChangeType } from '../../src/model/column-batch.ts';
import type { Column } from '../../src/model/table-schema.ts';
import { Failure } from '../../src/model/failure.ts';
import type { EncodeRequest, EncodeVersionRequest, Encoder, Segment } from '../../src/ports/encoder.ts';
import { planOf } from '../../src/relay/order.ts';
import { expectedRow } from '../delta-writer/expected-rows.ts';
import { ORDER_COLUMNS } from '../delta-writer/orders.ts';
import { parquetFile } from '../delta-writer/parquet-file.ts';
import { checksumOfSegment } from '../support/segment-checksum.ts';

const ROWS = 2500;
const SEED = 11;
const VERSION = 42;
const TIMESTAMP = 1_790_000_000_123;
const KEY_PREFIX = Uint8Array.of(0, 0, 0, 0, 1);
const VALUE_PREFIX = Uint8Array.from({ length: 17 }, (_, i) => i + 1);

const COLUMNS: readonly Column[] = ORDER_COLUMNS.map(({ name, type }) => ({
  name,
  type: type === 'decimal(18,2)' ? { kind: 'decimal', precision: 18, scale: 2 } : { kind: type },
  nullable: true,
  comment: null,
  physical: null,
}));

const CHANGES = Array.from({ length: ROWS }, (_, i): ChangeType => CHANGE_TYPES[(i * 7 + (i >> 4)) % 4] ?? 'insert');
const LEAVING: readonly ChangeType[] = ['update_preimage', 'delete'];

interface Asked {
  readonly kind?: 'add' | 'cdf' | 'remove';
  readonly pass?: 'leaves' | 'arrives';
  readonly key?: readonly string[];
  readonly fromRow?: number;
  readonly rows?: RowSelection;
  readonly isSnapshot?: boolean;
  readonly segmentRecords?: number;
  readonly segmentBytes?: number;
}

/** What one record says: its partition, its key and its row. */
interface Said {
  readonly partition: number;
  readonly key: string | null;
  readonly row: string;
}

/** `open` gives an encoder that reads Parquet; the exam disposes of it. */
export function encoderExam(open: () => Encoder): void {
  const dataFile = parquetFile(SEED, keys(), null);
  const changeFile = parquetFile(SEED, keys(), CHANGES);
  /** The two images of as many updates. */
  const beforeFile = parquetFile(SEED, keys(), allOf('update_preimage'));
  const afterFile = parquetFile(SEED, { ids: keys().ids, revisions: new Int32Array(ROWS).fill(3) }, allOf('update_postimage'));

  function versionRequest(): Omit<EncodeVersionRequest, 'read'> {
    const files = ['before', 'after'].map((id): ChangeFile => ({ kind: 'cdf', id, size: null, partitionValues: {}, rows: null }));
    const { layout, segmentRecords, segmentBytes } = request({ key: ['id'] });
    return {
      plan: planOf({ version: VERSION, timestamp: TIMESTAMP, tableId: 't', schema: layout.schema, files }, false),
      layout: { ...layout, partitions: 1, envelope: { kind: 'debezium', recipient: 'r', tableId: 't' } },
      passes: 1,
      passesMax: 1,
      memoryBytes: 2 ** 26,
      from: { step: 0, row: 0 },
      segmentRecords,
      segmentBytes,
      keptBytes: 0,
    };
  }

  function request({
    kind = 'cdf',
    pass = 'arrives',
    key = [],
    fromRow = 0,
    rows,
    isSnapshot = false,
    segmentRecords = ROWS,
    segmentBytes = 16_000_000,
  }: Asked): EncodeRequest {
    return {
      entry: { kind, pass, file: { kind, id: 'file-1', size: null, partitionValues: {}, rows: null } },
      version: VERSION,
      timestamp: TIMESTAMP,
      layout: {
        envelope: { kind: 'change' },
        schema: { columns: COLUMNS, partitionColumns: [], mapping: 'none' },
        table: { share: 'acme', schema: 'sales', table: 'orders' },
        key,
        prefixes: { key: key.length === 0 ? null : KEY_PREFIX, value: VALUE_PREFIX },
        partitions: 6,
        unkeyedPartition: 4,
      },
      bytes: new Uint8Array(kind === 'cdf' ? changeFile : dataFile),
      rows: rows ?? null,
      isSnapshot,
      fromRow,
      segmentRecords,
      segmentBytes,
    };
  }

  async function segmentsOf(encoder: Encoder, asked: Asked): Promise<readonly Segment[]> {
    return collected(encoder.encode(request(asked), new AbortController().signal));
  }

  describe('encode', () => {
    it.each([
      ['arrives', 'insert', 'update_postimage'],
      ['leaves', 'update_preimage', 'delete'],
    ] as const)('of a change file and the pass %s gives its %s and %s rows, in file order', async (pass, ...types) => {
      await using encoder = open();
      const segments = await segmentsOf(encoder, { pass, segmentRecords: 300 });
      expect(said(encoder, segments)).toEqual(expected((type) => types.some((one) => one === type)));
      const counts = CHANGE_TYPES.map((type) => segments.reduce((sum, segment) => sum + segment.counts[type], 0));
      expect(counts).toEqual(
        CHANGE_TYPES.map((type) => (types.some((one) => one === type) ? CHANGES.filter((change) => change === type).length : 0)),
      );
    });

    it.each([
      ['add', 'arrives', 'insert'],
      ['remove', 'leaves', 'delete'],
    ] as const)('of a file of kind %s gives every row as %s: %s', async (kind, pass, type) => {
      await using encoder = open();
      expect(said(encoder, await segmentsOf(encoder, { kind, pass }))).toEqual(expected(() => true, type));
    });

    it('sends each record to the partition that Java chooses for its key', async () => {
      await using encoder = open();
      const found = said(encoder, await segmentsOf(encoder, { key: ['id'] }), ['id']);
      const rows = expected((type) => !LEAVING.includes(type)).map(({ row }) => row);
      expect(found.map(({ row }) => row).sort()).toEqual(rows.sort());
      expect(new Set(found.map(({ partition }) => partition)).size).toBe(6);
    });

    it('keeps within the bounds of a segment, and covers the file without a hole', async () => {
      await using encoder = open();
      const segments = await segmentsOf(encoder, { key: ['id'], segmentRecords: 70, segmentBytes: 10_000 });
      for (const segment of segments) {
        const { records: count, bytes, blocks, largestRecord } = segment;
        expect(segment.checksum).toBe(checksumOfSegment(segment, { key: KEY_PREFIX.length, value: VALUE_PREFIX.length }));
        expect(count <= 70 && bytes <= 10_000 && largestRecord <= bytes).toBe(true);
        expect([count, bytes]).toEqual([sum(blocks.map((block) => block.count)), sum(blocks.map((block) => block.bytes.length))]);
        expect(new Set(blocks.map(({ partition }) => partition)).size).toBe(blocks.length);
      }
      expect(segments.at(-1)?.nextRow).toBe(ROWS);
      expect(segments.some(({ bytes }) => bytes > 9_000)).toBe(true);
    });

    it('goes on from any row where a segment ended', async () => {
      await using encoder = open();
      const all = await segmentsOf(encoder, { segmentRecords: 200 });
      for (const [i, { nextRow }] of all.entries()) {
        const rest = await segmentsOf(encoder, { segmentRecords: 200, fromRow: nextRow });
        expect(said(encoder, [...all.slice(0, i + 1), ...rest])).toEqual(said(encoder, all));
      }
    });

    it('is as before after a reader left early, after an abort, and after a file that is damaged', async () => {
      await using encoder = open();
      for await (const segment of encoder.encode(request({ segmentRecords: 10 }), new AbortController().signal)) {
        expect(segment.records).toBe(10);
        break;
      }
      const controller = new AbortController();
      const aborted = encoder.encode(request({ segmentRecords: 10 }), controller.signal)[Symbol.asyncIterator]();
      await aborted.next();
      controller.abort(new Error('enough'));
      await expect(aborted.next()).rejects.toThrow('enough');

      const damaged = request({});
      const cut = { ...damaged, bytes: damaged.bytes.slice(0, damaged.bytes.length >> 1) };
      await expect(collected(encoder.encode(cut, new AbortController().signal))).rejects.toMatchObject({
        code: 'file.undecodable',
        version: VERSION,
      });
      expect(said(encoder, await segmentsOf(encoder, {}))).toEqual(expected((type) => !LEAVING.includes(type)));
    });

    it('gives the rows of a selection, from wherever it begins, and refuses one of another file', async () => {
      await using encoder = open();
      // Every third row of the first 2000, behind which all count; the bits are a part of larger memory, which stays the caller's.
      const memory = new Uint8Array(1000).fill(0xff);
      const bits = memory.subarray(500, 750).fill(0);
      for (let row = 0; row < 2000; row += 3) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7));
      const asked: Asked = { kind: 'add', rows: { bits, rows: 2000, beyond: true }, segmentRecords: 300 };
      const all = await segmentsOf(encoder, asked);
      expect(said(encoder, all)).toEqual(expected(() => true, 'insert').filter((_, row) => row >= 2000 || row % 3 === 0));
      const [first] = all;
      const rest = await segmentsOf(encoder, { ...asked, fromRow: first?.nextRow ?? 0 });
      expect(said(encoder, rest)).toEqual(said(encoder, all.slice(1)));
      const other = { bits: memory, rows: ROWS + 1, beyond: true };
      await expect(segmentsOf(encoder, { kind: 'add', rows: other })).rejects.toMatchObject({ code: 'file.vector', version: VERSION });
    });

    it('marks the records of a snapshot, and no others', async () => {
      await using encoder = open();
      const blocks = (await segmentsOf(encoder, { kind: 'add', isSnapshot: true })).flatMap((segment) => segment.blocks);
      const headers = blocks.flatMap((block) => [...records(block)].map((record) => record.headers));
      expect(headers).toEqual(
        Array.from({ length: ROWS }, () => [{ key: 'cdf-relay.snapshot', value: new Uint8Array(Buffer.from('true')) }]),
      );
      expect(said(encoder, await segmentsOf(encoder, { kind: 'add' }))).toEqual(expected(() => true, 'insert'));
    });

    it('asks for the files of a version one by one, and pairs over all of them', async () => {
      await using encoder = open();
      const asked: string[] = [];
      const read = async ({ id }: ChangeFile): Promise<FileContent> => {
        asked.push(id);
        return { bytes: new Uint8Array(id === 'before' ? beforeFile : afterFile), rows: null };
      };
      const segments = await collected(encoder.encodeVersion({ ...versionRequest(), read }, new AbortController().signal));
      expect([asked, segments.reduce((sum, { records: count }) => sum + count, 0)]).toEqual([
        ['after', 'before', 'after', 'before', 'after', 'before'],
        ROWS,
      ]);
      const { value } = encoder.schemas(versionRequest().layout);
      const rows = recordsOf(segments).map((record) => rowReader(value)((record.value ?? new Uint8Array(0)).subarray(VALUE_PREFIX.length)));
      expect(rows.map(({ op }) => op)).toEqual(Array.from({ length: ROWS }, () => 'u'));
      expect(rows.every(({ before, after }) => idOf(before) === idOf(after) && JSON.stringify(before) !== JSON.stringify(after))).toBe(
        true,
      );
      const [first] = await collected(
        encoder.encodeVersion({ ...versionRequest(), read, segmentRecords: 700 }, new AbortController().signal),
      );
      const from = { step: first?.step ?? -1, row: first?.nextRow ?? -1 };
      const rest = await collected(encoder.encodeVersion({ ...versionRequest(), read, from }, new AbortController().signal));
      expect(rest.reduce((sum, { records: count }) => sum + count, 0)).toBe(ROWS - 700);
    });

    it('passes on what keeps a file of a version from being read, and is as before', async () => {
      await using encoder = open();
      const failure = new Failure('file.unavailable', 'the storage is away');
      const failing = encoder.encodeVersion({ ...versionRequest(), read: () => Promise.reject(failure) }, new AbortController().signal);
      await expect(collected(failing)).rejects.toBe(failure);

      const damaged = async (): Promise<FileContent> => ({ bytes: new Uint8Array(beforeFile).slice(0, 900), rows: null });
      const cut = encoder.encodeVersion({ ...versionRequest(), read: damaged }, new AbortController().signal);
      await expect(collected(cut)).rejects.toMatchObject({
        code: 'file.undecodable',
        version: VERSION,
        message: expect.stringContaining('file after'),
      });

      const controller = new AbortController();
      const reading = Promise.withResolvers<AbortSignal>();
      const hanging = (_: ChangeFile, signal: AbortSignal): Promise<FileContent> => {
        reading.resolve(signal);
        return new Promise(() => {});
      };
      const hung = collected(encoder.encodeVersion({ ...versionRequest(), read: hanging }, controller.signal));
      const signal = await reading.promise;
      controller.abort(new Error('enough'));
      await expect(hung).rejects.toThrow('enough');
      expect(signal.aborted).toBe(true);
      expect(said(encoder, await segmentsOf(encoder, {}))).toEqual(expected((type) => !LEAVING.includes(type)));
    });

    it('refuses a table with a column that it cannot carry, before any row', async () => {
      await using encoder = open();
      const good = request({});
      const layout = { ...good.layout, schema: { columns: [...COLUMNS, STRANGE], partitionColumns: [], mapping: 'none' as const } };
      await expect(collected(encoder.encode({ ...good, layout }, new AbortController().signal))).rejects.toMatchObject({
        code: 'schema.type',
      });
      expect(() => encoder.schemas(layout)).toThrow(expect.objectContaining({ code: 'schema.type' }));
    });
  });

  /** Every record of the segments, by partition, each in the order of the blocks. Holds keys to their partitions. */
  function said(encoder: Encoder, segments: readonly Segment[], key: readonly string[] = []): readonly Said[] {
    const { layout } = request({ key });
    const texts = encoder.schemas(layout);
    const readValue = rowReader(texts.value);
    const readKey = texts.key === null ? null : rowReader(texts.key);
    const found: Said[] = [];
    for (const block of segments.flatMap(({ blocks }) => blocks)) {
      for (const [i, record] of [...records(block)].entries()) {
        const value = record.value ?? new Uint8Array(0);
        expect([record.offsetDelta, record.headers, [...value.subarray(0, VALUE_PREFIX.length)]]).toEqual([i, [], [...VALUE_PREFIX]]);
        expect(block.partition).toBe(record.key === null ? layout.unkeyedPartition : partitionOf(record.key, layout.partitions));
        const keyText = record.key === null || readKey === null ? null : JSON.stringify(readKey(record.key.subarray(KEY_PREFIX.length)));
        found.push({ partition: block.partition, key: keyText, row: JSON.stringify(readValue(value.subarray(VALUE_PREFIX.length))) });
      }
    }
    return found;
  }

  function expected(isWanted: (type: ChangeType) => boolean, as: ChangeType | null = null): readonly Said[] {
    return CHANGES.flatMap((type, i) => {
      const row = expectedRow(SEED, VERSION, TIMESTAMP, { type: as ?? type, id: i, revision: i % 3 });
      return isWanted(type) ? { partition: 4, key: null, row } : [];
    });
  }
}

const STRANGE: Column = {
  name: 'places',
  type: { kind: 'array', element: { kind: 'unknown', text: 'geometry' }, containsNull: true },
  nullable: true,
  comment: null,
  physical: null,
};

function keys(): Parameters<typeof parquetFile>[1] {
  return { ids: Int32Array.from({ length: ROWS }, (_, i) => i), revisions: Int32Array.from({ length: ROWS }, (_, i) => i % 3) };
}

async function collected(segments: AsyncIterable<Segment>): Promise<readonly Segment[]> {
  const all: Segment[] = [];
  for await (const segment of segments) all.push(segment);
  return all;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function allOf(type: ChangeType): readonly ChangeType[] {
  return Array.from({ length: ROWS }, () => type);
}

function idOf(image: unknown): unknown {
  return typeof image === 'object' && image !== null && 'id' in image ? image.id : null;
}

function recordsOf(segments: readonly Segment[]): readonly BlockRecord[] {
  return segments.flatMap(({ blocks }) => blocks).flatMap((block) => [...records(block)]);
}
