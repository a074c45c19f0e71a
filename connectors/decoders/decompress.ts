/**
 * Decompression for hyparquet: Node's own zstd and gzip are several times faster than those in JavaScript; the others are hyparquet's.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

import { compressors } from 'hyparquet-compressors';

/** By codec, as hyparquet asks for them: the page, and the length that its header says it has. More than that length is an error. */
export const decompressors = {
  ...compressors,
  GZIP: (input: Uint8Array, length: number): Uint8Array => gunzipSync(input, limits(length)),
  ZSTD: (input: Uint8Array, length: number): Uint8Array => zstdDecompressSync(input, limits(length)),
};

const CHUNK_BYTES_MIN = 64;
/** A header that lies must not cost more than this before it is found out. */
const CHUNK_BYTES_MAX = 4 * 1024 * 1024;

/** zlib works in chunks of 16 KiB unless told otherwise, and is twice as slow for it. */
function limits(length: number): { readonly maxOutputLength: number; readonly chunkSize: number } {
  return { maxOutputLength: Math.max(length, 1), chunkSize: Math.min(Math.max(length, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX) };
}
