/**
 * Encode requests made of a few words, and the encoder at work on them.
 */
import { RecordWriter } from '../../src/codec/record-writer.ts';
import { encodeEntry } from '../../src/codec/segments.ts';
import type { RowSelection } from '../../src/model/change-files.ts';
import type { Column } from '../../src/model/table-schema.ts';
import type { EncodeRequest, Segment } from '../../src/ports/encoder.ts';
import { rowsDecoder } from './batches.ts';
import type { TestRow } from './batches.ts';

export const KEY_PREFIX = Uint8Array.of(1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6);
export const VALUE_PREFIX = Uint8Array.of(0, 0, 0, 0, 42);

/** What is left out is usual: a data file that came, without a key, in one segment. */
export interface Case {
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
  readonly selection?: RowSelection;
  readonly isSnapshot?: boolean;
}

export function request(of: Case): EncodeRequest {
  const kind = of.kind ?? 'add';
  const pass = of.pass ?? (kind === 'remove' ? 'leaves' : 'arrives');
  return {
    entry: { kind, pass, file: { kind, id: 'f1', size: 1, partitionValues: of.partitionValues ?? {}, rows: null } },
    version: 7,
    timestamp: of.timestamp === undefined ? 1_700_000_000_123 : of.timestamp,
    layout: {
      envelope: { kind: 'change' },
      schema: { columns: of.columns, partitionColumns: of.partitionColumns ?? [], mapping: 'none' },
      table: { share: 'sales', schema: 'public', table: 'orders' },
      key: of.key ?? [],
      prefixes: { key: of.key === undefined ? null : KEY_PREFIX, value: VALUE_PREFIX },
      partitions: of.partitions ?? 1,
      unkeyedPartition: of.key === undefined ? 3 : 0,
    },
    bytes: new Uint8Array(0),
    rows: of.selection ?? null,
    isSnapshot: of.isSnapshot ?? false,
    fromRow: of.fromRow ?? 0,
    segmentRecords: of.segmentRecords ?? 1_000_000,
    segmentBytes: of.segmentBytes ?? 1_000_000_000,
  };
}

export function encode(of: Case): readonly Segment[] {
  return [...encodeEntry(request(of), rowsDecoder(of.rows, of.batchRows ?? 8192), new RecordWriter())];
}
