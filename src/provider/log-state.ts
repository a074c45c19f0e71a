/**
 * What a reader sees of a table's log: an immutable picture, from which a lower `latest` makes another.
 */
import { must } from '../lib/assert.ts';
import type { EpochMs, Version } from '../model/version.ts';
import type { Metadata, Protocol } from './log-actions.ts';

export interface CommitHead {
  readonly version: Version;
  readonly timestamp: EpochMs;
  /** Set by this commit, or null. */
  readonly metadata: Metadata | null;
  readonly protocol: Protocol | null;
}

export interface LogState {
  /** The oldest version that changes can be read of; all from here to `latest` are there. */
  readonly first: Version;
  readonly latest: Version;
  /** In force before `first`: of the checkpoint, or null where the log begins at version 0. */
  readonly base: { readonly metadata: Metadata; readonly protocol: Protocol } | null;
  /** From `first` on, without holes. */
  readonly heads: readonly CommitHead[];
}

/** In force after the commit of `version`; null below the first. */
export function metadataAt(state: LogState, version: Version): Metadata | null {
  return lastSet(state, version, (head) => head.metadata) ?? state.base?.metadata ?? null;
}

export function protocolAt(state: LogState, version: Version): Protocol | null {
  return lastSet(state, version, (head) => head.protocol) ?? state.base?.protocol ?? null;
}

export function headOf(state: LogState, version: Version): CommitHead {
  return must(state.heads[version - state.first], `version ${version}`);
}

/** In-commit timestamps may go backwards, so the earliest time need not be the first version's. */
export function timeSpan(state: LogState): { readonly earliest: EpochMs; readonly latest: EpochMs } {
  let earliest = must(state.heads[0], 'first version').timestamp;
  let latest = earliest;
  for (const { timestamp } of state.heads) {
    earliest = Math.min(earliest, timestamp);
    latest = Math.max(latest, timestamp);
  }
  return { earliest, latest };
}

/** The same log as if its newest version were `latest`, but never below its first. */
export function seenUpTo(state: LogState, latest: Version): LogState {
  const seen = Math.max(state.first, Math.min(state.latest, latest));
  return seen === state.latest ? state : { ...state, latest: seen, heads: state.heads.slice(0, seen - state.first + 1) };
}

function lastSet<T>(state: LogState, version: Version, pick: (head: CommitHead) => T | null): T | null {
  for (let index = Math.min(version - state.first, state.heads.length - 1); index >= 0; index -= 1) {
    const found = pick(must(state.heads[index], 'head'));
    if (found !== null) return found;
  }
  return null;
}
