/**
 * The actions of one version → its commit time and the files that tell of it: change files tell the whole story where there are any, else the data files that came
 * and left do.
 */
import type { ChangeFile, VersionChanges } from '../../../src/model/change-files.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { EpochMs, Version } from '../../../src/model/version.ts';
import type { FileAction } from './actions.ts';
import { sameFile } from './differences.ts';
import type { MetaData } from './in-force.ts';
import { logicalPartitionValues } from './partition-values.ts';

/** `metaData`: in force at the version. Throws `provider.malformed` for actions that contradict one another. */
export function versionOf(version: Version, actions: readonly FileAction[], { tableId, schema }: MetaData, doing: string): VersionChanges {
  const logical = actions.map((action) => ({ ...action, partitionValues: logicalPartitionValues(action.partitionValues, schema) }));
  return { version, timestamp: timestampOf(actions, version, doing), tableId, schema, files: filesOf(logical, version, doing) };
}

function timestampOf(actions: readonly FileAction[], version: Version, doing: string): EpochMs | null {
  const times = new Set(actions.flatMap(({ timestamp }) => (timestamp === null ? [] : [timestamp])));
  if (times.size > 1) throw new Failure('provider.malformed', `${doing}: the answer gives version ${version} more than one commit time`);
  const [time = null] = times;
  return time;
}

function filesOf(actions: readonly FileAction[], version: Version, doing: string): readonly ChangeFile[] {
  const telling = actions.some(({ kind }) => kind === 'cdf')
    ? actions.filter(({ kind }) => kind === 'cdf')
    : actions.filter(({ dataChange }) => dataChange);
  const files = new Map<string, ChangeFile>();
  for (const { kind, id, size, partitionValues } of telling) {
    const file: ChangeFile = { kind, id, size, partitionValues, rows: null };
    const before = files.get(`${kind} ${id}`);
    if (before !== undefined && !sameFile(before, file)) {
      throw new Failure('provider.malformed', `${doing}: the answer has two different files of id ${id} in version ${version}`);
    }
    if (kind !== 'cdf' && files.has(`${kind === 'add' ? 'remove' : 'add'} ${id}`)) {
      throw new Failure('provider.malformed', `${doing}: the answer adds and removes the same file ${id} in version ${version}`);
    }
    files.set(`${kind} ${id}`, file);
  }
  return [...files.values()];
}
