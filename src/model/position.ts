/**
 * Where a feed stands, and the checkpoint that keeps it: the record on `<name>.checkpoints` that is committed in the transaction of the rows (DESIGN §6, §7).
 */
import type { ResponseFormat } from './change-files.ts';
import type { ChangeType } from './column-batch.ts';
import type { EpochMs, Version } from './version.ts';

/**
 * Every version below `version` is published whole; of `version` itself the first `records` outputs in plan order are.
 * At a version's beginning `records`, `entry` and `row` are 0 and the fields from `plan` on are null; but a snapshot has its time from the start.
 */
export interface Position {
  readonly kind:
    /** `version` is the one whose rows, the table as it was then, are being published; behind them come the changes from the next version on. */
    | 'snapshot'
    /** `version` is the one whose changes come next. */
    | 'changes';
  readonly version: Version;
  readonly records: number;
  /** Index of the plan's entry to go on with, and the first row of its file that is not yet published. */
  readonly entry: number;
  readonly row: number;
  /** Hash of the plan that the first `records` were taken from, and what the provider must answer alike for it to hold. */
  readonly plan: string | null;
  readonly commitTimestamp: EpochMs | null;
  readonly responseFormat: ResponseFormat | null;
  readonly idHash: string | null;
}

export function startOf(version: Version): Position {
  return { kind: 'changes', version, records: 0, entry: 0, row: 0, plan: null, commitTimestamp: null, responseFormat: null, idHash: null };
}

/** Before the first row of the table at `version`, whose commit time is `timestamp`. */
export function snapshotOf(version: Version, timestamp: EpochMs): Position {
  return { ...startOf(version), kind: 'snapshot', commitTimestamp: timestamp };
}

/** The last version with files: asked for again to notice a history that was rewritten under the same table id. */
export interface Anchor {
  readonly version: Version;
  readonly timestamp: EpochMs | null;
  /** Over (kind, id) of its files, sorted. */
  readonly hash: string;
  readonly responseFormat: ResponseFormat;
  readonly idHash: string | null;
}

export type ChangeCounts = Readonly<Record<ChangeType, number>>;

/** The ledger of the version at hand, and where the topic's partitions end for us. */
export interface OpenVersion {
  readonly counts: ChangeCounts;
  /** In the topic, tombstones included. Null, as the two below and the checksum: a relay that kept none began the version. */
  readonly records: number | null;
  /** Rows that another row of their key follows in the version. */
  readonly duplicates: number | null;
  readonly deadLetters: number | null;
  /** Of the records in the topic, as src/model/checksum.ts has it. */
  readonly checksum: string | null;
  /** Dead letters included. */
  readonly bytes: number;
  /** By partition; absent = no record of this version there. */
  readonly firstOffsets: Readonly<Record<string, number>>;
  /** By partition: one past our last record, over all versions; absent = no record of ours there. */
  readonly nextOffsets: Readonly<Record<string, number>>;
}

export interface ParkedBy {
  readonly code: string;
  readonly version: Version | null;
  readonly message: string;
  readonly at: EpochMs;
}

/** How the topic's records name their schema: the GUID in lower case with hyphens, or the registry's id in decimal. */
export interface SchemaNames {
  readonly key: string | null;
  readonly value: string | null;
  /** Of both, over text and place: by these a registry that is down need not be asked for them again. Absent where names follow from the text alone. */
  readonly digests?: { readonly key: string | null; readonly value: string };
}

/** A column that the topic has carried. */
export interface KnownColumn {
  /** What the column is whatever it is called: its physical name under column mapping, else its name. */
  readonly identity: string;
  /** Its Delta type when last seen, as `typeText` spells it; of a nested one only `struct`, `array` or `map`, since its parts stand beside it. */
  readonly type: string;
  /** Set while the schema does not have it. */
  readonly dropped?: true;
}

export interface Checkpoint {
  readonly v: 1;
  readonly feed: string;
  /** Rises by one with every checkpoint of the feed; a fall means that brokers lost what they acknowledged. */
  readonly seq: number;
  readonly generation: number;
  /** Null until the first reply about the table. */
  readonly tableId: string | null;
  readonly endpoint: string;
  readonly topic: string;
  /** As Kafka shows it (base64url); null where the broker has none. */
  readonly topicId: string | null;
  readonly partitions: number;
  /** Hash of what the feed promises its consumers; null = an operator accepted whatever the config says at the next claim. */
  readonly contract: string | null;
  readonly start: { readonly asked: string; readonly version: Version };
  readonly position: Position;
  readonly anchor: Anchor | null;
  readonly state:
    /** Only `generation`, `seq` and `failure` count: the start is still to be resolved. */
    | 'new'
    | 'running'
    /** It waits for a person, for the reason in `failure`. */
    | 'parked';
  readonly failure: ParkedBy | null;
  readonly schemas: SchemaNames;
  /** Every column ever published, by its path, dropped ones included: what the next schema is compared with. Null before the first schema. */
  readonly columns: Readonly<Record<string, KnownColumn>> | null;
  readonly open: OpenVersion | null;
  /** Hashes of the keys that have a dead letter in this generation, sorted. Absent where there are none. */
  readonly marks?: readonly string[];
  /** `{recipient}.commits` says that the feed is parked, and not yet that it goes on. */
  readonly toldParked?: true;
  /** The schema of `{recipient}.commits` as the registry last confirmed it. Absent where its name follows from its text alone. */
  readonly commitsSchema?: { readonly name: string; readonly digest: string };
  /** The relay that wrote it: `cdf-relay/0.1.0`. */
  readonly relay: string;
  readonly at: EpochMs;
}
