/**
 * Where a feed begins. Resolved once: the result is the feed's first transaction (DESIGN §4).
 *
 * `snapshot` is the latest version now, if what follows it will be told: that version's changes are asked for first, which also says when it was committed. A table that
 * is not shared with its history, or has no feed, is refused before a row of it is published.
 *
 * `earliest` is the first version v for which [v, v] answers. The search: version 0; else the version that a refusal names; else 1, 2, 4, 8 … until one answers; then
 * bisect between the last refusal and the first answer. What is found is believed once its predecessor was refused three times in turn with it answering: a passing
 * fault must not cut a history short. So a provider that breaks at a version has refused it after a few tries, and nobody waits for the whole time of retrying: where
 * the log was cleaned the reference server breaks for ever.
 */
import { Failure } from '../model/failure.ts';
import type { FailureCode } from '../model/failure.ts';
import type { Start } from '../model/feed.ts';
import { snapshotOf, startOf } from '../model/position.ts';
import type { Position } from '../model/position.ts';
import { tableText } from '../model/version.ts';
import type { EpochMs, TableName, Version } from '../model/version.ts';
import type { Patience, Source } from '../ports/source.ts';

/** Refusals that say "not this version", and not "not now" or "not you". */
export const NOT_READABLE: readonly FailureCode[] = [
  'gap.feed_off',
  'gap.history_gone',
  'gap.unanswered',
  'provider.refused',
  'table.feature',
];
const REFUSALS_NEEDED = 3;

export interface Beginning {
  readonly position: Position;
  /** The table that the position is one of; null where the reply to the first version says it. */
  readonly tableId: string | null;
}

/** Rejects with `start.beyond`, `start.none`, and what the provider refuses. `now` in milliseconds since the epoch. */
export async function resolveStart(source: Source, table: TableName, start: Start, now: EpochMs, signal: AbortSignal): Promise<Beginning> {
  const latest = await source.latestVersion(table, signal);
  switch (start.kind) {
    case 'snapshot':
      return snapshotAt(source, table, latest, now, signal);
    case 'latest':
      return waiting(source, table, latest + 1, signal);
    case 'version':
      if (start.version > latest + 1) {
        throw new Failure('start.beyond', `start is version ${start.version}, and ${tableText(table)} has versions up to ${latest}`, {
          version: start.version,
        });
      }
      return start.version > latest ? waiting(source, table, start.version, signal) : at(start.version);
    case 'timestamp':
      return atTime(source, table, start.at, latest, now, signal);
    case 'earliest':
      return at(await earliest(source, table, 0, latest, signal));
  }
}

/** As the config spells it. */
export function startText(start: Start): string {
  switch (start.kind) {
    case 'version':
      return `version ${start.version}`;
    case 'timestamp':
      return `timestamp ${new Date(start.at).toISOString()}`;
    default:
      return start.kind;
  }
}

function at(version: Version): Beginning {
  return { position: startOf(version), tableId: null };
}

/** Before a version that is still to come: another table in its place must not be taken for the one that is waited for. */
async function waiting(source: Source, table: TableName, version: Version, signal: AbortSignal): Promise<Beginning> {
  return { position: startOf(version), tableId: (await source.metadata(table, null, signal)).tableId };
}

async function snapshotAt(source: Source, table: TableName, version: Version, now: EpochMs, signal: AbortSignal): Promise<Beginning> {
  try {
    const told = await source.changes(table, { from: version, to: version, listedAs: null }, signal);
    const timestamp = told.versions.find((one) => one.version === version)?.timestamp ?? now;
    return { position: snapshotOf(version, timestamp), tableId: told.tableId };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.code === 'gap.feed_off') {
      throw new Failure(
        'start.none',
        `${tableText(table)} records no changes at its latest version ${version}, so nothing could follow a snapshot`,
        {
          version,
          cause: error,
        },
      );
    }
    if (error.code === 'start.beyond') {
      throw new Failure(
        'provider.unavailable',
        `a stale replica of the provider does not have version ${version} of ${tableText(table)} yet`,
        {
          cause: error,
        },
      );
    }
    throw error;
  }
}

/** A time behind the last commit, but not in the future, is that of the next one: it cannot come before now. */
async function atTime(
  source: Source,
  table: TableName,
  time: EpochMs,
  latest: Version,
  now: EpochMs,
  signal: AbortSignal,
): Promise<Beginning> {
  try {
    return at(await source.versionAt(table, time, signal));
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'start.beyond' || time > now) throw error;
    return waiting(source, table, latest + 1, signal);
  }
}

/** The first version from `from` on that gives its changes. Rejects with `start.none` where none up to `latest` does. */
export async function earliest(source: Source, table: TableName, from: Version, latest: Version, signal: AbortSignal): Promise<Version> {
  const first = await refusal(source, table, from, 'quick', signal);
  if (first === null) return from;
  let refused = from;
  let answered = await answering(source, table, { from, latest }, first, signal);
  while (answered > from) {
    while (answered - refused > 1) {
      const middle = Math.floor((refused + answered) / 2);
      if ((await refusal(source, table, middle, 'quick', signal)) === null) answered = middle;
      else refused = middle;
    }
    if (await staysRefused(source, table, { version: answered - 1, answers: answered }, signal)) return answered;
    answered -= 1;
    refused = Math.max(from, answered - 1);
  }
  return answered;
}

/** Some version that answers: the one that the refusal names, or the first of 1, 2, 4, 8 … behind `from`, or the latest. */
async function answering(
  source: Source,
  table: TableName,
  { from, latest }: { readonly from: Version; readonly latest: Version },
  first: Failure,
  signal: AbortSignal,
): Promise<Version> {
  const hint = first.code === 'gap.history_gone' ? first.version : null;
  if (hint !== null && hint > from && hint <= latest && (await refusal(source, table, hint, 'quick', signal)) === null) return hint;
  for (let step = 1; from + step < latest; step *= 2) {
    if ((await refusal(source, table, from + step, 'quick', signal)) === null) return from + step;
  }
  const last = await refusal(source, table, latest, 'quick', signal);
  if (last === null) return latest;
  if (last.code === 'table.feature') throw last;
  throw new Failure('start.none', `no version of ${tableText(table)} up to ${latest} gives its changes: ${last.message}`, {
    version: latest,
    cause: last,
  });
}

/**
 * Whether a version is refused three times, while the provider answers otherwise: `answers`, where one is known, is asked for in between, since whoever cannot read its
 * storage refuses that too. Rejects with `provider.unavailable` then.
 */
export async function staysRefused(
  source: Source,
  table: TableName,
  { version, answers }: { readonly version: Version; readonly answers: Version | null },
  signal: AbortSignal,
): Promise<boolean> {
  for (let i = 0; i < REFUSALS_NEEDED; i++) {
    await source.latestVersion(table, signal);
    if ((await refusal(source, table, version, 'quick', signal)) === null) return false;
    const other = answers === null ? null : await refusal(source, table, answers, 'quick', signal);
    if (other !== null) {
      throw new Failure(
        'provider.unavailable',
        `version ${String(answers)} of ${tableText(table)} was given a moment ago: ${other.message}`,
        {
          cause: other,
        },
      );
    }
  }
  return true;
}

/** The failure by which the provider does not give the changes of one version; null = it gives them. */
export async function refusal(
  source: Source,
  table: TableName,
  version: Version,
  patience: Patience,
  signal: AbortSignal,
): Promise<Failure | null> {
  try {
    await source.changes(table, { from: version, to: version, listedAs: null, patience }, signal);
    return null;
  } catch (error) {
    if (error instanceof Failure && NOT_READABLE.includes(error.code)) return error;
    throw error;
  }
}
