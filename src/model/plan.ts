/**
 * The plan of a version: the ordered entries whose rows, one after the other, are the version's records (DESIGN §7).
 */
import type { ChangeFile, FileKind } from './change-files.ts';
import type { EpochMs, Version } from './version.ts';

/** The part of a version that an entry belongs to: everything that leaves is published before anything that arrives. */
export type Pass =
  /** `delete` and `update_preimage`. */
  | 'leaves'
  /** `insert` and `update_postimage`. */
  | 'arrives';

export interface PlanEntry {
  readonly pass: Pass;
  readonly kind: FileKind;
  readonly file: ChangeFile;
}

export interface VersionPlan {
  readonly version: Version;
  readonly timestamp: EpochMs | null;
  /** Whether the entries are the table as it was at `version`, and not what changed in it. */
  readonly isSnapshot: boolean;
  readonly entries: readonly PlanEntry[];
}
