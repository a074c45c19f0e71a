/**
 * The oracle: rows → Avro bytes by avsc.
 */
import { avroType } from '../../src/codec/avro-reader.ts';
import { avroName } from '../../src/codec/avro-name.ts';
import type { Column } from '../../src/model/table-schema.ts';
import type { Cell } from './batches.ts';

export interface OwnFields {
  readonly change: string;
  readonly version: number;
  readonly timestamp: number | null;
}

/** Encodes rows of nullable columns, behind them the relay's own fields unless `own` is null. */
export function avscEncoder(
  schemaText: string,
  columns: readonly Column[],
): (cells: Readonly<Record<string, Cell>>, own: OwnFields | null) => Buffer {
  const type = avroType(schemaText);
  return (cells, own) => {
    const record: Record<string, unknown> = Object.fromEntries(
      columns.map((column) => [avroName(column.name), wrapped(column, cells[column.name] ?? null)]),
    );
    if (own !== null) {
      record['_change_type'] = own.change;
      record['_commit_version'] = BigInt(own.version);
      record['_commit_timestamp'] = own.timestamp === null ? null : { long: BigInt(own.timestamp) };
    }
    return type.toBuffer(record);
  };
}

function wrapped({ type }: Column, cell: Cell): unknown {
  if (cell === null) return null;
  switch (type.kind) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'date':
      return { int: Number(cell) };
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
      return { long: cell };
    case 'decimal':
      return { bytes: javaBytes(typeof cell === 'bigint' ? cell : 0n) };
    case 'binary':
      return { bytes: Buffer.from(cell instanceof Uint8Array ? cell : []) };
    default:
      return { [type.kind]: cell };
  }
}

/** BigInteger.toByteArray, spelled in another way than the codec does. */
function javaBytes(value: bigint): Buffer {
  const magnitude = value < 0n ? -value - 1n : value;
  const length = Math.floor(magnitude.toString(2).length / 8) + 1;
  const hex = BigInt.asUintN(8 * length, value)
    .toString(16)
    .padStart(2 * length, '0');
  return Buffer.from(hex, 'hex');
}
