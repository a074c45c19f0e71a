/**
 * Who shares tables with us: one profile, one provider. Implementations live in connectors/sources; all of them take test/contracts/source.ts.
 *
 * Every method retries what passes by itself (throttling, 5xx, lost connections, cut answers) within the limits it was opened with, and then rejects with
 * the `Failure` of the last try. Methods may be called concurrently.
 */
import type { ChangeFile, ChangeRange, FileContent, ResponseFormat, VersionChanges } from '../model/change-files.ts';
import type { TableSchema } from '../model/table-schema.ts';
import type { EpochMs, TableName, Version } from '../model/version.ts';

export interface TableMetadata {
  readonly tableId: string;
  readonly version: Version | null;
  readonly schema: TableSchema;
  readonly responseFormat: ResponseFormat;
  /** As the provider says; null where it does not. Only a request for changes proves it (notes/protocol.md §9, trap 45). */
  readonly changeFeed: boolean | null;
}

/** How a half-published version was listed; asked for alike, so that ids and order are the same. An answer in another way rejects with `plan.changed`. */
export interface ListedAs {
  readonly responseFormat: ResponseFormat;
  readonly idHash: string | null;
}

/** What is looked into, by names in any case: the rest of what a profile gives is not asked for. */
export interface ListingScope {
  readonly share: (share: string) => boolean;
  readonly schema: (share: string, schema: string) => boolean;
}

/** All that the profile gives. */
export const EVERYTHING: ListingScope = { share: () => true, schema: () => true };

export interface Source {
  /** As the config names it. */
  readonly name: string;
  /** The provider's endpoint: part of the feed's identity, not a secret. */
  readonly endpoint: string;

  /**
   * Every table the profile gives within `scope`, over all pages; the order is the provider's, and so is the spelling. Ends only when the listing is complete: one
   * that cannot be had to its end rejects, whatever of it was given before.
   */
  tables(scope: ListingScope, signal: AbortSignal): AsyncIterable<TableName>;

  /** The latest version that the provider answers with now. It may be lower than before: replicas lag. */
  latestVersion(table: TableName, signal: AbortSignal): Promise<Version>;

  /**
   * The earliest version whose commit time is at or after an instant; 0 for an instant before the first. Rejects with `start.beyond` for one after the latest commit.
   * Found by the version's own commit time where the table's changes tell it, since servers differ by one on exact instants (notes/protocol.md §4.8); where they do not,
   * it may be the version before, which loses nothing.
   */
  versionAt(table: TableName, at: EpochMs, signal: AbortSignal): Promise<Version>;

  /** Metadata at `version`, or the latest for null. */
  metadata(table: TableName, version: Version | null, signal: AbortSignal): Promise<TableMetadata>;

  /**
   * What the provider lists for `from..to`, both inclusive. A range that it refuses rejects as a whole: `gap.feed_off` with the first bad version where the
   * answer names one, `gap.history_gone` with the first version that is still there where the answer names one, `gap.unanswered` where the provider breaks at
   * these versions for as long as `patience` says and answers otherwise, `start.beyond` for versions that are not there yet, `table.feature`
   * with the first version that needs it where the answer says, `provider.too_large` where fewer versions may be answered, and the like.
   * That the reply is a success does not prove that it reached `to`: a stale replica answers with less.
   */
  changes(table: TableName, range: ChangesRequest, signal: AbortSignal): Promise<ChangeListing>;

  /**
   * The files that hold the table at one version, as the one version of a listing, all of kind `add`; its `timestamp` is null where the provider does not say it.
   * Null asks for the latest, and `from` of the reply says which that is. A server that does not give old versions answers for the latest alone: any other rejects with
   * `snapshot.moved`. Rejects with `start.beyond` for a version that is not there yet, or not at the replica that answers; with `gap.history_gone` for one that is gone.
   */
  snapshot(table: TableName, request: SnapshotRequest, signal: AbortSignal): Promise<ChangeListing>;

  /** Resolves when the source has another credential than now: whoever waits for a provider that refuses the one need not wait longer. Rejects with `signal.reason`. */
  credentialRenewed(signal: AbortSignal): Promise<void>;

  /** How far the provider's clock is ahead of ours, by its last answer, to a second or so; null = no answer has told. */
  clockAheadMs(): number | null;

  [Symbol.asyncDispose](): Promise<void>;
}

export interface SnapshotRequest {
  readonly version: Version | null;
  /** Null: the provider chooses, which is right except when the snapshot is half published. */
  readonly listedAs: ListedAs | null;
}

export interface ChangesRequest {
  readonly from: Version;
  readonly to: Version;
  /** Null: the provider chooses, which is right except when a version is half published. */
  readonly listedAs: ListedAs | null;
  /** Left out: `whole`. */
  readonly patience?: Patience;
}

/**
 * When a provider that breaks (500) at these versions, and answers otherwise, is taken to have no answer to them: some servers say so that the versions are
 * gone, and all say so when their storage is down for a moment.
 */
export type Patience =
  /** After a few tries in a row: for who searches, and draws no lasting conclusion from one answer. */
  | 'quick'
  /** After the whole time that a call is retried for. */
  | 'whole';

/** A reply, and the way to the bytes of its files. */
export interface ChangeListing extends ChangeRange {
  /**
   * The whole file, of just the length its action says (`file.length` otherwise), with its deletion vectors applied to one another (`file.vector` where one is not what
   * its descriptor says). The signed URL is renewed by the same question when it is old or refused.
   * An answer that then tells of other files, or of the same in another way, rejects with `listing.changed`: this listing is worth nothing any more, and a new
   * one must be asked for. What is published already of its versions only the caller knows. `file` is one of `versions[].files` of this listing.
   */
  read(version: VersionChanges, file: ChangeFile, signal: AbortSignal): Promise<FileContent>;

  /**
   * Resolves when every file and vector of the version has answered a ranged GET with the size that its action says; rejects as `read` does. Asked before the first rows
   * of a version that is published in parts: a file that is gone must not be met in its middle.
   */
  prove(version: VersionChanges, signal: AbortSignal): Promise<void>;
}
