/**
 * Parquet bytes → column batches. Runs in a worker thread, synchronously; implementations live in connectors/decoders and take test/contracts/file-decoder.ts.
 */
import type { ColumnBatch } from '../model/column-batch.ts';
import type { Column, ColumnMapping } from '../model/table-schema.ts';

export interface DecodeRequest {
  /** The whole file. The decoder may keep it until the iteration ends, and does not write to it. */
  readonly bytes: Uint8Array;
  /**
   * The columns wanted, in this order. One that the file lacks, at any depth, comes as `kind: 'null'`; a physical type that does not hold the column's type without
   * loss fails with `file.column`. Others of the file are not yielded.
   */
  readonly columns: readonly Column[];
  /** Those of `columns` in which a value that does not fit is null, and told of with its row. In any other it fails with `file.column`. */
  readonly lenient?: ReadonlySet<Column>;
  /** By what they are found, and the fields of structs within them. */
  readonly mapping: ColumnMapping;
  /** Whether `_change_type` is read (change files). A null or unknown one fails with `file.change_type`. */
  readonly changeTypes: boolean;
  /** Rows a batch at most. */
  readonly batchRows: number;
  /** Rows before this one are not yielded: the first batch begins at it. */
  readonly fromRow: number;
}

export interface FileDecoder {
  /**
   * The rows in file order over all row groups. Each batch's arrays live until the next one is asked for: they may not be collected. One iteration at a time
   * in a thread. Throws `Failure` `file.undecodable`, `file.column`, `file.change_type`.
   */
  batches(request: DecodeRequest): Iterable<ColumnBatch>;

  /**
   * Whole rows as plain objects, nested values too; longs and timestamps (microseconds) are bigint, dates days, decimals strings, binary Uint8Array, a map an
   * object of its keys, what is missing null. With the top-level columns named, or all of them. For Delta checkpoints and tests; slow.
   */
  rows(bytes: Uint8Array, columns: readonly string[] | null): Promise<readonly Readonly<Record<string, unknown>>[]>;

  /**
   * Bytes of memory that the decoder holds and will not give back: whoever owns its thread looks after each file, failed ones too, and replaces the thread when
   * this has grown. Infinite = the decoder broke down, and its thread must not decode another file.
   */
  heldBytes(): number;
}
