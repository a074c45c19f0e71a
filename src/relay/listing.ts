/**
 * Asking for changes so that nothing is passed over (DESIGN §7 "Advance").
 *
 * A reply is believed up to the highest version that its lines carry. Versions behind that may be rowless (OPTIMIZE, DDL), or unknown to a stale replica that
 * answered a clamped 200 with less: each of them is asked for alone, since for a version that a server does not have [v, v] is refused.
 *
 * A range that is refused is narrowed until its good part answers; the refusal of one version alone is that version's own.
 */
import { must } from '../lib/assert.ts';
import type { VersionChanges } from '../model/change-files.ts';
import { Failure } from '../model/failure.ts';
import type { FailureCode } from '../model/failure.ts';
import type { Checkpoint } from '../model/position.ts';
import { tableText } from '../model/version.ts';
import type { TableName, Version } from '../model/version.ts';
import type { ChangeListing, ListedAs, Source } from '../ports/source.ts';

/** A version that the provider has answered for. */
export interface ListedVersion {
  readonly version: Version;
  readonly tableId: string;
  /** Null: the version has no lines. */
  readonly changes: VersionChanges | null;
  readonly listing: ChangeListing;
  /** Whether the files are the table as it was, and not what changed in it. */
  readonly isSnapshot: boolean;
}

export interface ListRequest {
  readonly table: TableName;
  readonly from: Version;
  readonly to: Version;
  readonly listedAs: ListedAs | null;
}

/** Refusals that may concern a part of the range only. */
const NARROWED: readonly FailureCode[] = [
  'gap.feed_off',
  'gap.history_gone',
  'gap.unanswered',
  'table.feature',
  'provider.refused',
  'provider.too_large',
];

/** The versions from `from` on, without a hole, up to `to` or to what can be had in one go; at least `from`. */
export async function listVersions(source: Source, request: ListRequest, signal: AbortSignal): Promise<readonly ListedVersion[]> {
  const { from } = request;
  const listing = await narrowed(source, request, signal);
  const proven = from === listing.to ? from : (listing.versions.at(-1)?.version ?? from - 1);
  const listed = versionsOf(listing, from, proven);
  for (let version = proven + 1; version <= listing.to; version++) {
    try {
      const alone = await source.changes(request.table, { from: version, to: version, listedAs: request.listedAs }, signal);
      listed.push(...versionsOf(alone, version, version));
    } catch (error) {
      // What is proven is published first; the failure is met again as that of the next version.
      if (error instanceof Failure && listed.length > 0) return listed;
      throw error;
    }
  }
  return listed;
}

/**
 * Rejects with `table.recreated` if the versions belong to another table than `tableId` (null = none is known), unless that one still stands at the version
 * before: then the table was replaced in place (CREATE OR REPLACE), its versions go on counting, and its removes are in the feed.
 */
export async function checkTableId(
  source: Source,
  table: TableName,
  tableId: string | null,
  listed: readonly ListedVersion[],
  signal: AbortSignal,
): Promise<void> {
  let before = { tableId, listing: listed[0]?.listing };
  for (const version of listed) {
    // Within one reply the ids come from one log: a new one there is a replacement in place.
    const isForeign =
      before.tableId !== null && version.tableId !== before.tableId && (version.listing !== before.listing || version === listed[0]);
    if (isForeign && !(await stoodBefore(source, table, before.tableId, version.version, signal))) {
      throw new Failure(
        'table.recreated',
        `${tableText(table)} is another table than before: its id is ${version.tableId} at version ${version.version}, and was ${String(before.tableId)}`,
        { version: version.version },
      );
    }
    before = { tableId: version.tableId, listing: version.listing };
  }
}

/** Rejects with `table.recreated` if another table stands in the place of the checkpoint's, and did not replace it in place. `sign` is why it was looked for. */
export async function requireSameTable(
  source: Source,
  table: TableName,
  { tableId, position }: Pick<Checkpoint, 'tableId' | 'position'>,
  sign: string,
  signal: AbortSignal,
): Promise<void> {
  if (tableId === null) return;
  const now = await source.metadata(table, null, signal);
  if (now.tableId === tableId || (await stoodBefore(source, table, tableId, position.version, signal))) return;
  throw new Failure(
    'table.recreated',
    `${tableText(table)} is another table than before: its id is ${now.tableId}, and was ${tableId}; ${sign}`,
    {
      version: position.version,
    },
  );
}

/** Servers behind a balancer may not all have heard of a new table: one that knows the old one is enough. */
const ASKED_BEFORE = 3;

/** Whether the table `tableId` stands at the version before `version`: then what is told of a later one is of a table that replaced it in place. */
async function stoodBefore(
  source: Source,
  table: TableName,
  tableId: string | null,
  version: Version,
  signal: AbortSignal,
): Promise<boolean> {
  if (version === 0) return false;
  for (let i = 0; i < ASKED_BEFORE; i++) {
    try {
      if ((await source.metadata(table, version - 1, signal)).tableId === tableId) return true;
    } catch (error) {
      if (!(error instanceof Failure) || error.disposition === 'retry') throw error;
    }
  }
  return false;
}

/** As far as can be had in one go, at least `from`; unproven where it has no lines. */
export async function narrowed(source: Source, request: ListRequest, signal: AbortSignal): Promise<ChangeListing> {
  const { table, from, listedAs } = request;
  let to = request.to;
  for (;;) {
    try {
      // A range has parts that may be asked for instead; one version alone is waited for.
      return await source.changes(table, { from, to, listedAs, patience: from < to ? 'quick' : 'whole' }, signal);
    } catch (error) {
      if (!(error instanceof Failure) || !NARROWED.includes(error.code) || to === from) throw error;
      const firstBad = error.code === 'gap.feed_off' || error.code === 'table.feature' ? error.version : null;
      to = firstBad !== null && firstBad > from && firstBad <= to ? firstBad - 1 : from + Math.floor((to - from) / 2);
    }
  }
}

function versionsOf(listing: ChangeListing, from: Version, to: Version): ListedVersion[] {
  const withLines = new Map(listing.versions.map((changes) => [changes.version, changes]));
  const listed: ListedVersion[] = [];
  let tableId = listing.tableId;
  for (let version = from; version <= to; version++) {
    const changes = withLines.get(version) ?? null;
    if (changes !== null) tableId = must(changes.tableId, 'the table id');
    listed.push({ version, tableId, changes, listing, isSnapshot: false });
  }
  return listed;
}
