/**
 * A plan entry and its file's bytes → blocks of Kafka records. The implementation is src/codec: a pool of worker threads, each with a decoder of its own.
 */
import type { ChangeFile, FileContent, RowSelection } from '../model/change-files.ts';
import type { FeedEvent } from '../model/feed-event.ts';
import type { ChangeCounts } from '../model/position.ts';
import type { PlanEntry, VersionPlan } from '../model/plan.ts';
import type { TableSchema } from '../model/table-schema.ts';
import type { EpochMs, Version } from '../model/version.ts';

/** What stands around a row in the value of a record. */
export type Envelope =
  | { readonly kind: 'change' }
  /** `recipient` and `tableId` stand in the block `source` of each record. */
  | { readonly kind: 'debezium'; readonly recipient: string; readonly tableId: string }
  /** Needs a key. */
  | { readonly kind: 'upsert' };

/** How the records of one schema are laid out: fixed for the whole of a version. */
export interface RecordLayout {
  readonly envelope: Envelope;
  readonly schema: TableSchema;
  /** Avro record name and namespace are made of it (DESIGN §6). */
  readonly table: { readonly share: string; readonly schema: string; readonly table: string };
  /** Column names as the schema spells them, in key order; empty = no key. */
  readonly key: readonly string[];
  /** What stands before the Avro body: 0x00 + id or 0x01 + GUID. `key` is null for feeds without one. */
  readonly prefixes: { readonly key: Uint8Array | null; readonly value: Uint8Array };
  /** Partitions of the topic by the checkpoint; of a feed without a key all records go to `unkeyedPartition`. */
  readonly partitions: number;
  readonly unkeyedPartition: number;
}

/** What the Avro schemas follow from. */
export type SchemaLayout = Pick<RecordLayout, 'schema' | 'table' | 'key'> & { readonly envelope: Pick<Envelope, 'kind'> };

export interface EncodeRequest {
  readonly entry: PlanEntry;
  readonly version: Version;
  readonly timestamp: EpochMs | null;
  readonly layout: RecordLayout;
  /** The whole file; handed over: it must not be used afterwards. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Which of the file's rows count; null = all. A selection that speaks of rows which the file does not have fails with `file.vector`. */
  readonly rows: RowSelection | null;
  /** Marks every record with the header `cdf-relay.snapshot: true`. */
  readonly isSnapshot: boolean;
  /** Absent: a row that cannot be a record fails the file, or is too large a record. */
  readonly bad?: BadRecords;
  /** First row of the file to be looked at. */
  readonly fromRow: number;
  /** Bounds of one segment. A single larger record makes a segment of its own. */
  readonly segmentRecords: number;
  readonly segmentBytes: number;
}

/**
 * What is made a dead letter: a record that is too large, and one of which a value that is not part of the key does not fit its type, of either image where it holds both.
 * A tombstone behind such a record is published all the same.
 */
export interface BadRecords {
  /** A longer record than this, framing included, is too large. */
  readonly largestRecord: number;
  /** The same of the dead letters' topic. */
  readonly largestLetter: number;
  /** What their headers name: the feed, the topic that the rows are missing in, and the version. */
  readonly feed: string;
  readonly topic: string;
  readonly version: Version;
}

/** Rows of a segment that are no records of their topic. */
export interface DeadLetters {
  /** For partition 0 of `{recipient}.dead-letters`. */
  readonly block: RecordBlock;
  /** Of each of those that have a key, in order. */
  readonly marks: readonly KeyMark[];
  /** What is wrong with the first one. */
  readonly first: string;
}

/** From its place on, records of the key come after a dead letter. */
export interface KeyMark {
  /** A hash of the key. */
  readonly mark: string;
  readonly partition: number;
  /** How many records of the segment's block of that partition come before. */
  readonly place: number;
}

/** A version whose images are paired, or judged once for each key, over all of its files. */
export interface EncodeVersionRequest {
  /** No snapshot: its rows are all of one kind. */
  readonly plan: VersionPlan;
  /** With a key, and of another envelope than `change`. */
  readonly layout: RecordLayout;
  /**
   * A power of two: the version is worked so many times, each time those keys that hash to the pass, so that what must be known of them at one time is bounded. The steps
   * of the work are the entries of the plan, over and over, pass after pass.
   */
  readonly passes: number;
  /**
   * What keys and kept rows of one pass may take. One that takes more is done again as two, of twice as many passes, up to `passesMax`. Where something of it is out already,
   * or there may be no more, it may take twice as much, and then fails with `version.too_large`.
   */
  readonly memoryBytes: number;
  readonly passesMax: number;
  /** The step to go on with, and the first row of its file that is not yet published; 0 and 0 at the beginning. */
  readonly from: { readonly step: number; readonly row: number };
  /** As with `encode`. */
  readonly bad?: BadRecords;
  readonly segmentRecords: number;
  readonly segmentBytes: number;
  /** Bytes of files that may be kept until the end, so that they are not read again. */
  readonly keptBytes: number;
  /** Asked for one file of the plan at a time, and for the same one several times; the content is handed over. */
  readonly read: (file: ChangeFile, signal: AbortSignal) => Promise<FileContent>;
}

/**
 * Records for one topic partition, in order, in the framing of a Kafka record batch (RecordBatch v2 §Record): each with offset delta 0, 1, 2 … within the block
 * and timestamp delta 0.
 */
export interface RecordBlock {
  readonly partition: number;
  readonly count: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Consecutive rows of one entry, or of several one after the other, encoded. The records of one row are never apart. */
export interface Segment {
  /** One a partition at most. Empty when none of the rows belongs to the entry's pass. */
  readonly blocks: readonly RecordBlock[];
  /** Absent where there are none. */
  readonly deadLetters?: DeadLetters;
  /** Dead letters included. */
  readonly records: number;
  /** Sum over the blocks, that of the dead letters included. */
  readonly bytes: number;
  /** Of rows that are records, by what each of them is in the feed: an update in one record counts as both of its images. */
  readonly counts: ChangeCounts;
  /** Rows that arrive and are followed by another row of their key in the same version: the key is not unique. Counted where rows are paired. */
  readonly duplicates: number;
  /** In how many passes the version is worked that `step` counts in: as requested, or more. 1 of `encode`. */
  readonly passes: number;
  /** Sum modulo 2^128, over the records of `blocks`, of MurmurHash3_x64_128 of the value's Avro body, or of the key's where there is no value. */
  readonly checksum: bigint;
  /** The step of `encodeVersion` that `nextRow` speaks of; 0 of `encode`. */
  readonly step: number;
  /** First row of the file that this segment does not cover. */
  readonly nextRow: number;
  /** Length of the longest single record, framing included; dead letters aside. */
  readonly largestRecord: number;
}

export interface Encoder {
  /**
   * The segments of one entry in file order, at least one (maybe without records), until the file's end. Work begins at once, as soon as a worker is free, and
   * runs ahead of the reader by a bounded number of segments. Leaving the iteration early frees the worker.
   * Rejects with `Failure`: what the decoder throws, `file.vector`, `schema.type`, `schema.name`, `key.type`, `worker.died` when the thread ended, `file.poison` when it ended
   * twice on this file.
   */
  encode(request: EncodeRequest, signal: AbortSignal): AsyncIterable<Segment>;

  /**
   * The segments of a whole version, as `encode` gives those of an entry: `debezium` with the images of one key paired, `upsert` with each key judged once. The same
   * request gives the same records, and one that goes on from where a segment ended gives those behind it. Rejects as `encode` and `request.read` do, and with `version.too_large`.
   */
  encodeVersion(request: EncodeVersionRequest, signal: AbortSignal): AsyncIterable<Segment>;

  /**
   * The segment with the header `cdf-relay.after-dead-letter: true` on each record whose key is among `marked`, or has a dead letter before it in the segment. Records
   * become longer by `markBytes` at most.
   */
  marked(segment: Segment, marked: ReadonlySet<string>): Segment;
  readonly markBytes: number;

  /** The Avro schemas of a layout as compact JSON, in the attribute order of DESIGN §6. Pure; throws `Failure` `schema.type`, `schema.name`, `key.type`. */
  schemas(layout: SchemaLayout): AvroTexts;

  /** The Avro schema of the records that `events` makes, as compact JSON. */
  readonly eventSchema: string;
  /** Records for partition 0 of `{recipient}.commits`, one each and in order, whose values begin with `prefix`. */
  events(events: readonly FeedEvent[], prefix: Uint8Array): readonly RecordBlock[];

  [Symbol.asyncDispose](): Promise<void>;
}

export interface AvroTexts {
  readonly key: string | null;
  readonly value: string;
}
