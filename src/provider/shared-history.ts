/**
 * How much of a table's history its recipients may ask for, and get.
 */
import { tableText } from '../model/version.ts';
import type { Version } from '../model/version.ts';
import { LogError } from './log-actions.ts';
import { filesMissing, invalid } from './refusal.ts';
import type { TableRequest } from './table-request.ts';

/** For questions about another version than the latest. Throws a `Refusal` where the table is shared without its history. */
export function requireHistory(request: TableRequest): void {
  if (!request.faults.has('no-history')) return;
  const table = tableText(request.name);
  throw invalid(`Reading table by version or timestamp is not supported because history sharing is not enabled on table: ${table}`);
}

/** Throws a `Refusal`, or `LogError`, for versions that the provider does not share, or has no longer. */
export function requireShared(request: TableRequest, from: Version, what: 'data' | 'changes'): void {
  const start = request.faults.find('start-version')?.version ?? 0;
  const { first } = request.state;
  const sentence = `You can only query table ${what} since version ${Math.max(start, first)}.`;
  if (from < start || from < 0) throw invalid(sentence);
  if (from >= first) return;
  const gone = request.faults.all('gap').find((gap) => gap.version === undefined);
  throw gone === undefined ? invalid(sentence) : missingCommits(gone.status);
}

/** Throws a `Refusal`, or `LogError`, if a commit in the range is to seem lost. */
export function requireWhole(request: TableRequest, from: Version, to: Version): void {
  for (const { version, status } of request.faults.all('gap')) {
    if (version !== undefined && from <= version && version <= to) throw missingCommits(status);
  }
}

/** A server that stumbles over it, or one that says it. */
function missingCommits(status: 400 | 500 = 500): Error {
  return status === 400 ? filesMissing() : new LogError('commits are missing on purpose');
}
