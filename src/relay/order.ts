/**
 * The order in which a version's files are published (DESIGN §7): first everything that leaves, then everything that arrives, each by file id. A change file holds
 * both and is read twice. The order depends on nothing but what the provider says of the version, so a second reading yields the same records.
 */
import type { ChangeFile, VersionChanges } from '../model/change-files.ts';
import type { PlanEntry, VersionPlan } from '../model/plan.ts';

/** `isSnapshot`: the files are the table as it was at the version. */
export function planOf(changes: VersionChanges, isSnapshot: boolean): VersionPlan {
  const files = changes.files.toSorted(byId);
  const leaves = files.filter((file) => file.kind !== 'add').map((file): PlanEntry => ({ pass: 'leaves', kind: file.kind, file }));
  const arrives = files.filter((file) => file.kind !== 'remove').map((file): PlanEntry => ({ pass: 'arrives', kind: file.kind, file }));
  return { version: changes.version, timestamp: changes.timestamp, isSnapshot, entries: [...leaves, ...arrives] };
}

/** By code unit, not by locale: the same everywhere. */
function byId(a: ChangeFile, b: ChangeFile): number {
  return compare(a.id, b.id) || compare(a.kind, b.kind);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
