/**
 * Where a feed begins. Resolved once: the result is the feed's first transaction (DESIGN §4).
 *
 * `earliest` is the first version v for which [v, v] answers. The search: version 0; else the version that a refusal names; else 1, 2, 4, 8 … until one answers; then
 * bisect between the last refusal and the first answer. What is found is believed once its predecessor was refused alike three times while the provider
 * answered otherwise: a passing fault must not cut a history short. So a provider that breaks at a version has refused it after a few tries where the search only goes
 * on, and after the whole time of retrying where the result hangs on it.
 */
import { assert } from '../lib/assert.ts';
import { Failure } from '../model/failure.ts';
import type { FailureCode } from '../model/failure.ts';
import type { Start } from '../model/feed.ts';
import { tableText } from '../model/version.ts';
import type { TableName, Version } from '../model/version.ts';
import type { Patience, Source } from '../ports/source.ts';

/** Refusals that say "not this version", and not "not now" or "not you". */
const NOT_READABLE: readonly FailureCode[] = ['gap.feed_off', 'gap.history_gone', 'gap.unanswered', 'provider.refused', 'table.feature'];
const REFUSALS_NEEDED = 3;

export async function resolveStart(source: Source, table: TableName, start: Start, signal: AbortSignal): Promise<Version> {
  const latest = await source.latestVersion(table, signal);
  switch (start.kind) {
    case 'snapshot':
    case 'timestamp':
      assert(false, 'not built');
    case 'latest':
      return latest + 1;
    case 'version':
      if (start.version > latest + 1) {
        throw new Failure('start.beyond', `start is version ${start.version}, and ${tableText(table)} has versions up to ${latest}`, {
          version: start.version,
        });
      }
      return start.version;
    case 'earliest':
      return earliest(source, table, latest, signal);
  }
}

export function startText(start: Start): string {
  return start.kind === 'version' ? `version ${start.version}` : start.kind;
}

async function earliest(source: Source, table: TableName, latest: Version, signal: AbortSignal): Promise<Version> {
  const first = await refusal(source, table, 0, 'quick', signal);
  if (first === null) return 0;
  let refused = 0;
  let answered = await answering(source, table, latest, first, signal);
  while (answered > 0) {
    while (answered - refused > 1) {
      const middle = Math.floor((refused + answered) / 2);
      if ((await refusal(source, table, middle, 'quick', signal)) === null) answered = middle;
      else refused = middle;
    }
    if (await staysRefused(source, table, answered - 1, signal)) return answered;
    answered -= 1;
    refused = Math.max(0, answered - 1);
  }
  return answered;
}

/** Some version that answers: the one that the refusal names, or the first of 1, 2, 4, 8 …, or the latest. */
async function answering(source: Source, table: TableName, latest: Version, first: Failure, signal: AbortSignal): Promise<Version> {
  const hint = first.code === 'gap.history_gone' ? first.version : null;
  if (hint !== null && hint > 0 && hint <= latest && (await refusal(source, table, hint, 'quick', signal)) === null) return hint;
  for (let version = 1; version < latest; version *= 2) {
    if ((await refusal(source, table, version, 'quick', signal)) === null) return version;
  }
  const last = await refusal(source, table, latest, 'quick', signal);
  if (last === null) return latest;
  if (last.code === 'table.feature') throw last;
  throw new Failure('start.none', `no version of ${tableText(table)} up to ${latest} gives its changes: ${last.message}`, {
    version: latest,
    cause: last,
  });
}

async function staysRefused(source: Source, table: TableName, version: Version, signal: AbortSignal): Promise<boolean> {
  for (let i = 0; i < REFUSALS_NEEDED; i++) {
    await source.latestVersion(table, signal);
    if ((await refusal(source, table, version, 'whole', signal)) === null) return false;
  }
  return true;
}

async function refusal(
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
