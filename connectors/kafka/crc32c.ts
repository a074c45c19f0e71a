/**
 * CRC-32C of bytes that lie in several places, none of which is copied: that of each, put together as zlib's crc32_combine does. A CRC is linear: bytes that follow
 * change the one of those before by a matrix over GF(2) that depends on their number alone.
 */
import { Writer, crc32c } from '@platformatic/kafka';
import { must } from '../../src/lib/assert.ts';

/** Castagnoli's, reflected. */
const POLYNOMIAL = 0x82f63b78;
const BITS = 32;

/** 32 columns. */
type Matrix = Uint32Array;

/** The n-th is what 2ⁿ bytes of zeros do; a batch has fewer than 2³¹. */
const ZEROS: readonly Matrix[] = powers();

export function crc32cOf(pieces: readonly Buffer[]): number {
  let crc = 0;
  // Given a plain buffer the library copies it first.
  for (const piece of pieces) crc = (behind(crc, piece.length) ^ crc32c(Writer.create().append(piece).dynamicBuffer)) >>> 0;
  return crc;
}

/** What the CRC contributes once so many bytes follow. */
function behind(crc: number, bytes: number): number {
  let shifted = crc;
  for (let n = 0, left = bytes; left > 0; n++, left >>>= 1) {
    if ((left & 1) === 1) shifted = times(must(ZEROS[n], 'a power'), shifted);
  }
  return shifted;
}

function times(matrix: Matrix, vector: number): number {
  let product = 0;
  for (let bit = 0, left = vector; left !== 0; bit++, left >>>= 1) {
    if ((left & 1) === 1) product ^= matrix[bit] ?? 0;
  }
  return product >>> 0;
}

function powers(): readonly Matrix[] {
  const oneBit = Uint32Array.from({ length: BITS }, (_, bit) => (bit === 0 ? POLYNOMIAL : 2 ** (bit - 1)));
  const list = [squared(squared(squared(oneBit)))];
  while (list.length < 31) list.push(squared(must(list.at(-1), 'a power')));
  return list;
}

function squared(matrix: Matrix): Matrix {
  return matrix.map((column) => times(matrix, column));
}
