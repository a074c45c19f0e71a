/**
 * What a provider lists for a range of versions: per version its commit time, the schema in force and the files that hold its changes.
 */
import type { TableSchema } from './table-schema.ts';
import type { EpochMs, Version } from './version.ts';

export type FileKind =
  /** A data file that came: every row is an `insert`. */
  | 'add'
  /** A change file: each row names its own change type. */
  | 'cdf'
  /** A data file that left: every row is a `delete`. */
  | 'remove';

/** One file of a version. It holds no URL: URLs are secrets that die, and stay with the source that reads the file. */
export interface ChangeFile {
  readonly kind: FileKind;
  /** The provider's id of the file: stable across requests of one response format and id hash, and recurring across versions and kinds. */
  readonly id: string;
  /** Length in bytes, as the action says; null if it does not. */
  readonly size: number | null;
  /**
   * By logical column name; null is SQL's null. The texts are as the protocol spells them. A commit that partitions the table anew removes files that still
   * have the partitioning of before: columns here may not be among the schema's partition columns, and one of those may be missing here and in the file.
   */
  readonly partitionValues: Readonly<Record<string, string | null>>;
  /** Rows in the file that count, as its statistics say. Absent where they do not. */
  readonly records?: number;
  /** Which of its rows count, by deletion vectors; null = all of them. Never set for `cdf`. */
  readonly rows: VectorRows | null;
}

/**
 * The rows of a file that are in `inside` (null = every row) and not in `outside` (null = no row): the live rows of a file that has a vector, or what two states of one
 * file differ by.
 */
export interface VectorRows {
  readonly inside: DeletionVector | null;
  readonly outside: DeletionVector | null;
}

/** A set of rows of one file (Delta PROTOCOL.md §Deletion Vectors), without the way to its bytes. */
export interface DeletionVector {
  /** The same for the same set in every answer: never a signed URL. */
  readonly id: string;
  readonly cardinality: number;
}

/** The rows of a file that count, by their number in the file from 0, over all row groups. */
export interface RowSelection {
  /** Bit i, least significant first, is row i: 1 = it counts. */
  readonly bits: Uint8Array<ArrayBuffer>;
  /** Of how many rows `bits` speaks. A file with fewer is not the one that the selection was made for. */
  readonly rows: number;
  /** Whether the rows behind those count. */
  readonly beyond: boolean;
}

/** A file as it is read: its bytes, and which of its rows count (null = all). */
export interface FileContent {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly rows: RowSelection | null;
}

export type ResponseFormat = 'parquet' | 'delta';

/** One version that the reply had lines for. */
export interface VersionChanges {
  readonly version: Version;
  /** The commit's time; null if no line of this version says it (a version of metadata alone). */
  readonly timestamp: EpochMs | null;
  readonly tableId: string;
  readonly schema: TableSchema;
  /** `add` and `remove` never stand beside `cdf`: a version that has change files is told by them alone. */
  readonly files: readonly ChangeFile[];
}

/** The reply to one bounded question for changes. */
export interface ChangeRange {
  readonly from: Version;
  readonly to: Version;
  /** In ascending order; versions without lines are missing. */
  readonly versions: readonly VersionChanges[];
  readonly responseFormat: ResponseFormat;
  /** The hash by which the provider makes file ids, as far as it says: `parquet` (MD5), `delta` (SHA-256), or null. */
  readonly idHash: string | null;
  /** In force at `from`, whether or not a version has lines. */
  readonly tableId: string;
  readonly schema: TableSchema;
  /** For how long, at least, the provider keeps the files of a version after its commit, by the table's properties. Absent where the metadata does not tell those. */
  readonly retentionMs?: number;
}
