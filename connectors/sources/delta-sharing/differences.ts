/**
 * How two answers to one question differ, in words that end a message; null where they say the same.
 */
import type { ChangeFile, ChangeRange, VersionChanges } from '../../../src/model/change-files.ts';
import type { ListedAs } from '../../../src/ports/source.ts';
import { linkKey } from './links.ts';

/** In the way of telling, which decides what file ids are. */
export function differenceInWay(before: ListedAs, after: ListedAs): string | null {
  if (after.responseFormat !== before.responseFormat) {
    return `the answer is in format ${after.responseFormat}, and was in ${before.responseFormat} before`;
  }
  if (after.idHash !== before.idHash) {
    return `file ids are made by ${after.idHash ?? 'a hash not named'}, and were by ${before.idHash ?? 'one not named'} before`;
  }
  return null;
}

/** In the table or its files. */
export function differenceInFiles(before: ChangeRange, after: ChangeRange): string | null {
  if (before.tableId !== after.tableId) return 'the table has another id';
  const [were, are] = [filesByKey(before), filesByKey(after)];
  for (const [key, { version, file }] of were) {
    const twin = are.get(key);
    if (twin === undefined) return `file ${file.id} of version ${version.version} is no longer listed`;
    if (!sameFile(file, twin.file)) {
      return `file ${file.id} of version ${version.version} has another size, other partition values or another deletion vector`;
    }
  }
  for (const [key, { version, file }] of are)
    if (!were.has(key)) return `file ${file.id} of version ${version.version} was not listed before`;
  return null;
}

/** By `linkKey`. */
export function filesByKey(range: ChangeRange): ReadonlyMap<string, { readonly version: VersionChanges; readonly file: ChangeFile }> {
  return new Map(
    range.versions.flatMap((version) => version.files.map((file) => [linkKey(version.version, file.kind, file.id), { version, file }])),
  );
}

/** Whether two listings mean the same file, and the same rows of it. */
export function sameFile(a: ChangeFile, b: ChangeFile): boolean {
  const values = Object.entries(a.partitionValues);
  return (
    a.size === b.size &&
    a.rows?.inside?.id === b.rows?.inside?.id &&
    a.rows?.outside?.id === b.rows?.outside?.id &&
    values.length === Object.keys(b.partitionValues).length &&
    values.every(([column, value]) => Object.hasOwn(b.partitionValues, column) && b.partitionValues[column] === value)
  );
}
