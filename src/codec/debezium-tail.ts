/**
 * What stands behind the two images in a record of Debezium's envelope: the same bytes in every record of one kind of a version.
 *
 * All times are the commit's, not the clock's: a second reading of the version gives the same records.
 */
import { CHANGE_TYPES } from '../model/column-batch.ts';
import type { ChangeType } from '../model/column-batch.ts';
import type { EpochMs, TableName, Version } from '../model/version.ts';
import type { Envelope } from '../ports/encoder.ts';
import { NULL_CELL } from './partition-value.ts';
import { longBytes } from '../lib/varint.ts';

/** The layout of the block `source`, as far as it is ours to say; in the place of Debezium's version, which a newer relay must not change in the midst of a version. */
const SOURCE_VERSION = '1';

export type Operation =
  /** A row that came, and one that is in a snapshot. */
  | 'c'
  | 'r'
  /** Both images of an update. */
  | 'u'
  /** A row that left. */
  | 'd';

export interface Told {
  readonly envelope: Extract<Envelope, { readonly kind: 'debezium' }>;
  readonly table: TableName;
  readonly version: Version;
  readonly timestamp: EpochMs | null;
  readonly isSnapshot: boolean;
}

/** By the index of a change type in `CHANGE_TYPES`, what a record of that image alone ends with; behind them, of an update's two images. */
export function debeziumTails(told: Told): readonly Uint8Array[] {
  const alone = CHANGE_TYPES.map((change) => {
    const leaves = change === 'delete' || change === 'update_preimage';
    return debeziumTail(told, leaves ? 'd' : told.isSnapshot ? 'r' : 'c', change);
  });
  return [...alone, debeziumTail(told, 'u', 'update_postimage')];
}

/** The last of `debeziumTails`. */
export const UPDATE = CHANGE_TYPES.length;

/** `source`, `transaction`, `op`, `ts_ms`, `ts_us`, `ts_ns` in Avro (schemas/debezium-source.avsc). */
function debeziumTail({ envelope, table, version, timestamp, isSnapshot }: Told, operation: Operation, change: ChangeType): Uint8Array {
  const times = [1n, 1000n, 1_000_000n].map((factor) => optionalLong(timestamp === null ? null : BigInt(timestamp) * factor));
  const [millis = NULL_CELL, micros = NULL_CELL, nanos = NULL_CELL] = times;
  return Buffer.concat([
    text(SOURCE_VERSION),
    text('cdf-relay'),
    text(envelope.recipient),
    millis,
    FIRST_BRANCH,
    text(isSnapshot ? 'true' : 'false'),
    text(table.share),
    NULL_CELL,
    micros,
    nanos,
    text(table.schema),
    text(table.table),
    text(table.share),
    text(envelope.tableId),
    longBytes(BigInt(version)),
    millis,
    text(change),
    NULL_CELL,
    text(operation),
    ...times,
  ]);
}

/** The union of `snapshot` has its null behind. */
const FIRST_BRANCH = Uint8Array.of(0);

function optionalLong(value: bigint | null): Uint8Array {
  return value === null ? NULL_CELL : Buffer.concat([Uint8Array.of(2), longBytes(value)]);
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([longBytes(BigInt(bytes.length)), bytes]);
}
