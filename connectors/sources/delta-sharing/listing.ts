/**
 * A listing and the way to its files. Which rows of a file count is found from its deletion vectors before the file is fetched, and made into a bitmap then, when
 * it is known how large one may be.
 */
import { assert } from '../../../src/lib/assert.ts';
import { prefetch } from '../../../src/lib/prefetch.ts';
import type { Semaphore } from '../../../src/lib/semaphore.ts';
import type { ChangeFile, DeletionVector, RowSelection, VectorRows, VersionChanges } from '../../../src/model/change-files.ts';
import type { ChangeListing } from '../../../src/ports/source.ts';
import type { Changes } from './changes.ts';
import { filesByKey } from './differences.ts';
import { askStorage } from './linked-storage.ts';
import { linkKey } from './links.ts';
import { Renewal } from './renewal.ts';
import type { RetryPolicy } from './retry.ts';
import type { RowSet } from './roaring.ts';
import { BadVector } from './roaring.ts';
import { selectionOf } from './row-selection.ts';
import type { StorageOptions } from './storage.ts';
import { getFile, proveFile } from './storage.ts';
import type { VectorReader } from './vectors.ts';
import { vectorFailure, Vectors } from './vectors.ts';

export interface ListingOptions {
  /** `acme's s.t.u`, for messages. */
  readonly what: string;
  readonly changes: Changes;
  /** Asks the same question again, pinned to the same format and id hash. Not bound to any one reader. */
  readonly askAgain: () => Promise<Changes>;
  readonly storage: StorageOptions;
  readonly retry: RetryPolicy;
  /** Files being read at once, over all listings of the source. */
  readonly slots: Semaphore;
}

export function listingOf(options: ListingOptions): ChangeListing {
  const { what, changes, storage, retry, slots } = options;
  const linked = { renewal: new Renewal({ ...options, clock: retry.clock }), storage, retry, slots };
  const vectors = new Vectors(changes.links.vectors, linked);
  const listed = filesByKey(changes.range);

  const rowsOf = async (vector: DeletionVector | null, reader: VectorReader, signal: AbortSignal): Promise<RowSet | null> =>
    vector === null ? null : vectors.rows(vector, reader, signal);

  return {
    ...changes.range,

    read: async (version, file, signal) => {
      const key = linkKey(version.version, file.kind, file.id);
      assert(listed.has(key), `file ${file.id} of version ${version.version} is not of this listing`);
      const doing = `reading file ${file.id} of ${what} at version ${version.version}`;
      const reader = { doing, version: version.version };
      const inside = await rowsOf(file.rows?.inside ?? null, reader, signal);
      const outside = await rowsOf(file.rows?.outside ?? null, reader, signal);
      const stored = { id: file.id, version: version.version, size: file.size };
      const bytes = await askStorage(linked, key, async (url, how, aborted) => getFile(url, stored, doing, how, aborted), signal);
      return { bytes, rows: file.rows === null ? null : combined(file.rows, inside, outside, bytes.length, reader) };
    },

    prove: async (version, signal) => {
      const failed = new AbortController();
      const aborted = AbortSignal.any([signal, failed.signal]);
      const leaving = { abandon: () => failed.abort(), discard: () => {} };
      const where = `of ${what} at version ${version.version}`;
      const reader = { doing: `looking for the files ${where}`, version: version.version };
      const proveOne = async (asked: FileOrVector): Promise<void> => {
        if (asked.kind === 'vector') {
          // It is small, and to be there is not enough: it must be read whole before the first row is published.
          await vectors.rows(asked.vector, reader, aborted);
          return;
        }
        const { id, kind, size } = asked.file;
        const stored = { id, version: version.version, size };
        const key = linkKey(version.version, kind, id);
        const doing = `looking for file ${id} ${where}`;
        await askStorage(linked, key, async (url, how, ended) => proveFile(url, stored, doing, how, ended), aborted);
      };
      for await (const _ of prefetch(eachOnce(version), slots.capacity, proveOne, leaving)) signal.throwIfAborted();
    },
  };
}

type FileOrVector = { readonly kind: 'file'; readonly file: ChangeFile } | { readonly kind: 'vector'; readonly vector: DeletionVector };

/** Every file of a version, and every vector that its files have. */
async function* eachOnce({ files }: VersionChanges): AsyncGenerator<FileOrVector, void> {
  const vectors = new Set<string>();
  for (const file of files) {
    yield { kind: 'file', file };
    for (const vector of [file.rows?.inside ?? null, file.rows?.outside ?? null]) {
      if (vector === null || vectors.has(vector.id)) continue;
      vectors.add(vector.id);
      yield { kind: 'vector', vector };
    }
  }
}

function combined(rows: VectorRows, inside: RowSet | null, outside: RowSet | null, fileBytes: number, reader: VectorReader): RowSelection {
  try {
    return selectionOf(inside, outside, fileBytes);
  } catch (error) {
    const named = rows.inside ?? rows.outside;
    if (error instanceof BadVector && named !== null) throw vectorFailure(error, named, reader);
    throw error;
  }
}
