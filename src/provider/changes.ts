/**
 * `GET …/changes`: which versions are asked for, whether their changes were recorded, and what each of them changed.
 */
import { must } from '../lib/assert.ts';
import { tableText } from '../model/version.ts';
import type { EpochMs, Version } from '../model/version.ts';
import { answerHistory } from './history.ts';
import { parseInstant, sqlText } from './instants.ts';
import { LogError } from './log-actions.ts';
import type { FileAction } from './log-actions.ts';
import { decodePage } from './page-tokens.ts';
import type { Page } from './page-tokens.ts';
import { invalid } from './refusal.ts';
import { formatOf } from './response-format.ts';
import { isFeedOn } from './response-lines.ts';
import { headOf, metadataAt, timeSpan } from './log-state.ts';
import type { LogState } from './log-state.ts';
import { requireShared, requireWhole } from './shared-history.ts';
import { pageContext } from './table-request.ts';
import type { Answer, TableRequest } from './table-request.ts';

/** Those that may not change from page to page. */
const PINNED = [
  'startingVersion',
  'endingVersion',
  'startingTimestamp',
  'endingTimestamp',
  'includeHistoricalMetadata',
  'includeHistoricalProtocol',
];

/** Throws a `Refusal`. */
export async function answerChanges(request: TableRequest): Promise<Answer> {
  const { state, query } = request;
  if (request.faults.has('no-history')) throw invalid(`cdf is not enabled on table ${tableText(request.name)}`);
  if (request.faults.has('recreated-500') && request.isReplaced) throw new LogError('the table is not the one that was known');
  const format = formatOf(request, state.latest);
  const filesMax = parseFilesMax(query.get('maxFiles'));
  const asked = JSON.stringify(PINNED.map((name) => query.get(name)));
  const token = query.get('pageToken');
  const page = token === null || token === '' ? firstPage(request, asked) : decodePage(token, pageContext(request, asked));
  return answerHistory(request, {
    page,
    format,
    filesMax,
    historicalMetadata: query.get('includeHistoricalMetadata')?.toLowerCase() === 'true',
    historicalProtocol: query.get('includeHistoricalProtocol')?.toLowerCase() === 'true',
    select: format === 'delta' && request.faults.has('unfiltered') ? (files) => files : changesOf,
  });
}

/** A version that has change files is told by them alone; elsewhere only files that change data count. */
function changesOf(files: readonly FileAction[]): readonly FileAction[] {
  const recorded = files.filter((file) => file.kind === 'cdc');
  return recorded.length > 0 ? recorded : files.filter((file) => file.kind !== 'cdc' && file.dataChange);
}

/** A positive number, or null where there is none. Throws a `Refusal`. */
export function parseFilesMax(value: unknown): number | null {
  if (value === null || value === '') return null;
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw invalid("expected a number but the string didn't have the appropriate format");
  if (number <= 0) throw invalid('maxFiles must be positive.');
  return number;
}

function firstPage(request: TableRequest, asked: string): Page {
  const { state, query } = request;
  const startingVersion = query.get('startingVersion');
  const startingTimestamp = query.get('startingTimestamp');
  const endingVersion = query.get('endingVersion');
  const endingTimestamp = query.get('endingTimestamp');
  if (startingVersion !== null && startingTimestamp !== null) throw invalid(multiple('starting'));
  if (endingVersion !== null && endingTimestamp !== null) throw invalid(multiple('ending'));
  if (startingVersion === null && startingTimestamp === null)
    throw invalid('No startingVersion or startingTimestamp provided for CDF read.');

  const from = startingVersion !== null ? parseVersion('startingVersion', startingVersion) : versionFrom(state, startingTimestamp ?? '');
  requireShared(request, from, 'changes');
  if (from > state.latest) {
    const reason = `Start version cannot be greater than the latest version of the table(${state.latest}).`;
    throw invalid(`Provided Start version(${from}) for reading change data is invalid. ${reason}`);
  }
  const to = endingVersion !== null ? parseVersion('endingVersion', endingVersion) : versionUpTo(state, endingTimestamp);
  if (to < from) throw invalid(`CDF range from start ${from} to end ${to} was invalid. End cannot be before start.`);
  const seen = Math.min(to, state.latest);
  requireWhole(request, from, seen);
  requireRecorded(state, from, seen);
  return { tableId: request.id, from, to: seen, latest: state.latest, asked, offset: 0, place: null };
}

/** The feed must be on after each commit: the commit that switches it on is a legal start, the one that switches it off is not a legal end. */
function requireRecorded(state: LogState, from: Version, to: Version): void {
  let metadata = must(metadataAt(state, from), 'metadata');
  for (let version = from; version <= to; version += 1) {
    metadata = headOf(state, version).metadata ?? metadata;
    if (!isFeedOn(metadata)) {
      throw invalid(`Error getting change data for range [${from}, ${to}] as change data was not recorded for version [${version}]`);
    }
  }
}

function parseVersion(parameter: string, text: string): Version {
  const version = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(version)) throw invalid(`${parameter} is not a valid number.`);
  return version;
}

/** The first version at or after the time. */
function versionFrom(state: LogState, text: string): Version {
  const at = parseInstant('startingTimestamp', text);
  requireWithin(state, at);
  return must(
    state.heads.find((head) => head.timestamp >= at),
    'version',
  ).version;
}

/** The last version at or before the time; the latest where no end is given. */
function versionUpTo(state: LogState, text: string | null): Version {
  if (text === null) return state.latest;
  const at = parseInstant('endingTimestamp', text);
  requireWithin(state, at);
  return must(
    state.heads.findLast((head) => head.timestamp <= at),
    'version',
  ).version;
}

function requireWithin(state: LogState, at: EpochMs): void {
  const { earliest, latest } = timeSpan(state);
  const tail = (bound: EpochMs, relation: string): string =>
    `version available to this\ntable (${sqlText(bound)}). Please use a timestamp ${relation} than or equal to ${sqlText(bound)}.\n       `;
  if (at < earliest) throw invalid(`The provided timestamp (${sqlText(at)}) is before the earliest ${tail(earliest, 'greater')}`);
  if (at > latest) throw invalid(`The provided timestamp (${sqlText(at)}) is after the latest ${tail(latest, 'less')}`);
}

function multiple(which: 'starting' | 'ending'): string {
  return `Multiple ${which} arguments provided for CDF read. Please provide one of either ${which}Timestamp or ${which}Version.`;
}
