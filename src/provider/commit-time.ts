/**
 * When a version was committed, to the millisecond (Delta PROTOCOL.md §In-Commit Timestamps).
 */
import type { EpochMs } from '../model/version.ts';
import type { CommitInfo, Metadata } from './log-actions.ts';

export interface CommitTimeEvidence {
  readonly info: CommitInfo | null;
  /** Modification time of the commit's file: the last resort, since copying a table changes it. */
  readonly modified: EpochMs;
  /** The time of the version before, null for the first. */
  readonly previous: EpochMs | null;
  /** In force at the version. */
  readonly metadata: Metadata | null;
}

/** The in-commit timestamp as it is where the table enables it, even if it goes backwards; else the commit's own time, made strictly increasing. */
export function commitTime(evidence: CommitTimeEvidence): EpochMs {
  const { info, modified, previous, metadata } = evidence;
  const inCommit = info?.inCommitTimestamp ?? null;
  if (inCommit !== null && metadata?.configuration['delta.enableInCommitTimestamps']?.toLowerCase() === 'true') return inCommit;
  const own = info?.timestamp ?? modified;
  return previous === null ? own : Math.max(own, previous + 1);
}
