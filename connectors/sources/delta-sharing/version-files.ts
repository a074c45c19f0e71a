/**
 * The actions of one version → its commit time and the files that tell of it.
 */
import type { VersionChanges } from '../../../src/model/change-files.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { EpochMs, Version } from '../../../src/model/version.ts';
import type { FileAction } from './actions.ts';
import { changedFilesOf } from './changed-files.ts';
import type { MetaData } from './in-force.ts';
import { logicalPartitionValues, withInstants } from './partition-values.ts';
import type { PartitionValues } from './partition-values.ts';
import type { ToInstant } from './zoned.ts';

/** `metaData`: in force at the version; `toInstant`: for times of partitions that have no zone. Throws `provider.malformed` for actions that contradict one another. */
export function versionOf(
  version: Version,
  actions: readonly FileAction[],
  { tableId, schema }: MetaData,
  toInstant: ToInstant,
  doing: string,
): VersionChanges {
  const valuesOf = (action: FileAction): PartitionValues =>
    withInstants(logicalPartitionValues(action.partitionValues, schema), schema, toInstant);
  const logical = actions.map((action) => ({ ...action, partitionValues: valuesOf(action) }));
  return { version, timestamp: timestampOf(actions, version, doing), tableId, schema, files: changedFilesOf(logical, version, doing) };
}

function timestampOf(actions: readonly FileAction[], version: Version, doing: string): EpochMs | null {
  const times = new Set(actions.flatMap(({ timestamp }) => (timestamp === null ? [] : [timestamp])));
  if (times.size > 1) throw new Failure('provider.malformed', `${doing}: the answer gives version ${version} more than one commit time`);
  const [time = null] = times;
  return time;
}
