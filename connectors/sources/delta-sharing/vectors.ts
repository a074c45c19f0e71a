/**
 * The deletion vectors of one listing: fetched by their part of a file (Delta PROTOCOL.md §Deletion Vector Files), checked, and kept a while, since the files of
 * consecutive versions share them.
 *
 *   at `offset`: length (int32, big endian) ─ the set ─ CRC-32 of the set (int32, big endian)
 *
 * One reader fetches for all who want the same vector meanwhile, and leaves it to them if it goes.
 */
import { crc32 } from 'node:zlib';
import { orAbort } from '../../../src/lib/abort.ts';
import { must } from '../../../src/lib/assert.ts';
import type { DeletionVector } from '../../../src/model/change-files.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { Version } from '../../../src/model/version.ts';
import type { StoredVector, VectorPlace } from './deletion-vector.ts';
import type { LinkedStorageOptions } from './linked-storage.ts';
import { askStorage } from './linked-storage.ts';
import { vectorLinkKey } from './links.ts';
import { GivenUp } from './retry.ts';
import type { RowSet } from './roaring.ts';
import { BadVector, readRowSet } from './roaring.ts';
import { getRange, UrlRefused } from './storage.ts';
import { fromZ85 } from './z85.ts';

/** A bitmap of 2^27 rows is 16 MiB; this leaves room for what stands before it. */
const BYTES_MAX = 17_825_792;
const KEPT_BYTES_MAX = 16_777_216;
const LENGTH_BYTES = 4;
const CHECKSUM_BYTES = 4;
/** Bytes that are wrong each time were not damaged on their way. */
const WRONG_BYTES_MAX = 3;

/** On whose behalf a vector is read. */
export interface VectorReader {
  /** Begins the messages: `reading file f of …`. */
  readonly doing: string;
  readonly version: Version;
}

interface Underway {
  readonly bytes: Promise<Uint8Array>;
  readonly controller: AbortController;
  readers: number;
}

export class Vectors {
  readonly #stored: ReadonlyMap<string, StoredVector>;
  readonly #storage: LinkedStorageOptions;
  /** In the order of use. */
  readonly #kept = new Map<string, Uint8Array>();
  #keptBytes = 0;
  readonly #underway = new Map<string, Underway>();

  constructor(stored: ReadonlyMap<string, StoredVector>, storage: LinkedStorageOptions) {
    this.#stored = stored;
    this.#storage = storage;
  }

  /** The rows of a vector of the listing. Rejects with `file.vector`, and with what the storage does. */
  async rows(vector: DeletionVector, reader: VectorReader, signal: AbortSignal): Promise<RowSet> {
    const stored = must(this.#stored.get(vector.id), 'a listed vector');
    const { bytes, place } = stored;
    try {
      if (bytes > BYTES_MAX) throw new BadVector(`it has ${bytes} bytes, more than ${BYTES_MAX}`);
      const rows = readRowSet(place.kind === 'inline' ? fromZ85(place.text, bytes) : await this.#fetched(stored, place, reader, signal));
      if (rows.cardinality !== vector.cardinality)
        throw new BadVector(`it holds ${rows.cardinality} rows, and the provider says ${vector.cardinality}`);
      return rows;
    } catch (error) {
      if (error instanceof BadVector) throw vectorFailure(error, vector, reader);
      throw error;
    }
  }

  async #fetched(
    stored: StoredVector,
    place: Extract<VectorPlace, { kind: 'file' }>,
    reader: VectorReader,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { id } = stored;
    const kept = this.#kept.get(id);
    if (kept !== undefined) {
      this.#kept.delete(id);
      this.#kept.set(id, kept);
      return kept;
    }
    const underway = this.#underway.get(id) ?? this.#begin(stored, place, reader);
    underway.readers++;
    try {
      return await orAbort(underway.bytes, signal);
    } finally {
      if (--underway.readers === 0) {
        underway.controller.abort();
        if (this.#underway.get(id) === underway) this.#underway.delete(id);
      }
    }
  }

  #begin(stored: StoredVector, place: Extract<VectorPlace, { kind: 'file' }>, reader: VectorReader): Underway {
    const controller = new AbortController();
    const bytes = this.#fetch(stored, place, reader, controller.signal).then((set) => {
      this.#keep(stored.id, set);
      return set;
    });
    const underway = { bytes, controller, readers: 0 };
    this.#underway.set(stored.id, underway);
    return underway;
  }

  async #fetch(
    stored: StoredVector,
    place: Extract<VectorPlace, { kind: 'file' }>,
    reader: VectorReader,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const range = { from: place.offset, length: LENGTH_BYTES + stored.bytes + CHECKSUM_BYTES };
    const doing = `${reader.doing}, deletion vector ${stored.id}`;
    let wrong = 0;
    return askStorage(
      this.#storage,
      vectorLinkKey(stored.id),
      async (url, options, aborted) => {
        const framed = await getRange(url, range, reader.version, doing, options, aborted);
        if (framed instanceof UrlRefused) return framed;
        try {
          return unframed(framed, stored.bytes);
        } catch (error) {
          if (!(error instanceof BadVector)) throw error;
          if (++wrong === WRONG_BYTES_MAX) throw new GivenUp(vectorFailure(error, stored, reader));
          throw new Failure('file.unavailable', `${doing}: ${error.message}`);
        }
      },
      signal,
    );
  }

  #keep(id: string, bytes: Uint8Array): void {
    // One that all readers had left may have arrived all the same, beside the next.
    if (bytes.length > KEPT_BYTES_MAX / 4 || this.#kept.has(id)) return;
    this.#kept.set(id, bytes);
    this.#keptBytes += bytes.length;
    for (const [oldest, { length }] of this.#kept) {
      if (this.#keptBytes <= KEPT_BYTES_MAX) break;
      this.#kept.delete(oldest);
      this.#keptBytes -= length;
    }
  }
}

/** `file.vector` for a vector of a file that is being read. */
export function vectorFailure(error: BadVector, { id }: DeletionVector, { doing, version }: VectorReader): Failure {
  return new Failure('file.vector', `${doing}, deletion vector ${id}: ${error.message}`, { version });
}

function unframed(framed: Uint8Array, length: number): Uint8Array {
  const view = new DataView(framed.buffer, framed.byteOffset, framed.length);
  const told = view.getInt32(0);
  if (told !== length) throw new BadVector(`its file says that it has ${told} bytes, and the provider says ${length}`);
  const set = framed.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
  if (crc32(set) !== view.getUint32(LENGTH_BYTES + length)) throw new BadVector('its checksum is wrong');
  return set;
}
