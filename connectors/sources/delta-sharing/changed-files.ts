/**
 * The actions of one version → the files whose rows are its changes (notes/protocol.md §3.7; notes/change-feed.md 2, 5, 6).
 *
 * Change files tell the whole story where there are any. Else data files do: one that came by its live rows, one that left by those that were live. A file that
 * leaves and comes back in one commit has only changed its deletion vector, and what the two vectors differ by has changed:
 *
 *   remove, vector 1 ─┐    rows in 2 and not in 1 were deleted:   remove { inside: 2, outside: 1 }
 *   add, vector 2    ─┘    rows in 1 and not in 2 came back:      add    { inside: 1, outside: 2 }
 */
import type { ChangeFile, DeletionVector, VectorRows } from '../../../src/model/change-files.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { Version } from '../../../src/model/version.ts';
import type { FileAction } from './actions.ts';
import type { StoredVector } from './deletion-vector.ts';
import { sameFile } from './differences.ts';

/** Throws `provider.malformed` for actions that contradict one another. `doing` begins the message. */
export function changedFilesOf(actions: readonly FileAction[], version: Version, doing: string): readonly ChangeFile[] {
  const malformed = (what: string, why = ''): Failure =>
    new Failure('provider.malformed', `${doing}: the answer ${what} in version ${version}${why}`);
  const changeFiles = actions.filter(({ kind }) => kind === 'cdf');
  const telling = new Map<string, FileAction>();
  for (const action of changeFiles.length > 0 ? changeFiles : actions) {
    const key = `${action.kind} ${action.id}`;
    const before = telling.get(key);
    if (before === undefined) telling.set(key, action);
    else if (!sameFile(asListed(before), asListed(action)) || before.dataChange !== action.dataChange)
      throw malformed(`has two different files of id ${action.id}`);
  }
  const files: ChangeFile[] = [];
  for (const action of telling.values()) {
    const [add, remove] = [telling.get(`add ${action.id}`), telling.get(`remove ${action.id}`)];
    if (action.kind !== 'cdf' && add !== undefined && remove !== undefined) files.push(...halfOfPair(action, add, remove, malformed));
    else if (action.dataChange) files.push(asListed(action));
  }
  return files;
}

/** As a file by itself. */
function asListed({ kind, id, size, partitionValues, vector, records }: FileAction): ChangeFile {
  const rows = vector === null ? null : { inside: null, outside: named(vector) };
  return { kind, id, size, partitionValues, rows, ...(records === null ? {} : { records: records - (vector?.cardinality ?? 0) }) };
}

/** What `action`, one of the two, tells beside the other; a half that tells of no row is left out. */
function halfOfPair(
  action: FileAction,
  add: FileAction,
  remove: FileAction,
  malformed: (what: string, why?: string) => Failure,
): readonly ChangeFile[] {
  const { id, kind } = action;
  if (add.dataChange !== remove.dataChange)
    throw malformed(`adds and removes the same file ${id}`, ', and only one of the two changes data');
  if (!add.dataChange) return [];
  if (add.vector === null && remove.vector === null) throw malformed(`adds and removes the same file ${id}`);
  // A remove need not repeat what the file is.
  const size = add.size ?? remove.size;
  const { partitionValues } = add;
  if (size !== (remove.size ?? size)) throw malformed(`adds and removes the same file ${id}`, ', with two sizes');
  const rows = kind === 'remove' ? difference(add.vector, remove.vector) : difference(remove.vector, add.vector);
  return rows === null ? [] : [{ kind, id, size, partitionValues, rows }];
}

/** The rows of `inside` that are not in `outside`; null where there are none for certain. */
function difference(inside: StoredVector | null, outside: StoredVector | null): VectorRows | null {
  if (inside === null || inside.id === outside?.id) return null;
  return { inside: named(inside), outside: outside === null ? null : named(outside) };
}

function named({ id, cardinality }: StoredVector): DeletionVector {
  return { id, cardinality };
}
