/**
 * Rows as columns: what a file decoder yields and the codec encodes. Every column is typed arrays that the next batch may overwrite.
 *
 * `validity` is a bitmap, least significant bit first, bit i = row i, 1 = a value is there; null = no nulls. What stands in the values of a null row is
 * undefined, and so is what stands in the fields of a null struct, their validity included: whoever reads a field looks at the struct first.
 */

export type ColumnData =
  /** Every row is null. */
  | { readonly kind: 'null' }
  /** Bit i of `bits` is row i, least significant bit first. */
  | { readonly kind: 'boolean'; readonly validity: Uint8Array | null; readonly bits: Uint8Array }
  /** byte, short, integer, date (days since the epoch). */
  | { readonly kind: 'int32'; readonly validity: Uint8Array | null; readonly values: Int32Array }
  /** long, timestamp and timestamp_ntz (microseconds): low and high halves in turn, so row i is `values[2i]` and `values[2i + 1]`. */
  | { readonly kind: 'int64'; readonly validity: Uint8Array | null; readonly values: Int32Array }
  | { readonly kind: 'float32'; readonly validity: Uint8Array | null; readonly values: Float32Array }
  | { readonly kind: 'float64'; readonly validity: Uint8Array | null; readonly values: Float64Array }
  /** string (UTF-8) and binary: row i is `data[offsets[i]..offsets[i + 1])`. */
  | { readonly kind: 'bytes'; readonly validity: Uint8Array | null; readonly offsets: Int32Array; readonly data: Uint8Array }
  /** The unscaled value at the schema's own scale, 128 bits, two's complement, four little-endian words a row. */
  | { readonly kind: 'decimal'; readonly validity: Uint8Array | null; readonly values: Int32Array }
  /** One for each field of the schema's struct, in that order, with as many rows. A variant is a struct of `metadata` and `value`, both `bytes`. */
  | { readonly kind: 'struct'; readonly validity: Uint8Array | null; readonly fields: readonly ColumnData[] }
  /** Row i is the elements `offsets[i]..offsets[i + 1])`, which may begin above 0 and leave holes below null rows. */
  | { readonly kind: 'list'; readonly validity: Uint8Array | null; readonly offsets: Int32Array; readonly element: ColumnData }
  /** As `list`, of entries; keys are never null. */
  | {
      readonly kind: 'map';
      readonly validity: Uint8Array | null;
      readonly offsets: Int32Array;
      readonly key: ColumnData;
      readonly value: ColumnData;
    };

/** The change type of each row of a change file, as an index into `CHANGE_TYPES`. */
export type ChangeTypes = Uint8Array;

/** In the order of the Avro enum (DESIGN §6). */
export const CHANGE_TYPES = ['insert', 'update_preimage', 'update_postimage', 'delete'] as const;
export type ChangeType = (typeof CHANGE_TYPES)[number];

export interface ColumnBatch {
  /** Row number in the file of the batch's first row, from 0, over all row groups. */
  readonly firstRow: number;
  readonly rows: number;
  /** One for each column asked for, in that order. */
  readonly columns: readonly ColumnData[];
  /** Of a change file; null for data files. */
  readonly changeTypes: ChangeTypes | null;
  /** By row of the batch, what is wrong with one of its values, which is null therefore. Absent where there are none. */
  readonly misfits?: ReadonlyMap<number, string>;
}
