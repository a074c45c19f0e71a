/**
 * Decompression for hyparquet: Node's own zstd and gzip are several times faster than those in JavaScript (notes: the wasm snappy is the fastest there is).
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

import { compressors } from 'hyparquet-compressors';

export const decompressors = {
  ...compressors,
  GZIP: (input: Uint8Array, length: number): Uint8Array =>
    gunzipSync(input, { maxOutputLength: Math.max(length, 1), chunkSize: chunkSize(length) }),
  ZSTD: (input: Uint8Array, length: number): Uint8Array =>
    zstdDecompressSync(input, { maxOutputLength: Math.max(length, 1), chunkSize: chunkSize(length) }),
};

const CHUNK_BYTES_MIN = 64;

function chunkSize(length: number): number {
  return Math.max(length, CHUNK_BYTES_MIN);
}
