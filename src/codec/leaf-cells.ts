/**
 * What cells of flat columns and the leaves of nested ones have in common.
 */

/** The branch of a union that is not null, as a varint; null is 0. */
export const VALUE = 0x02;

export function isNull(validity: Uint8Array | null, row: number): boolean {
  return validity !== null && (((validity[row >> 3] ?? 0) >> (row & 7)) & 1) === 0;
}

/** Floating point numbers as the words they are made of, so that every NaN keeps its bits. */
export function bitsOf(values: Float32Array | Float64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.byteLength >> 2);
}

/** Bytes of the shortest two's complement form, at least 1: what Java's BigInteger.toByteArray gives. */
export function decimalLength(values: Int32Array, row: number): number {
  const at = 4 * row;
  const w0 = values[at] ?? 0;
  const w1 = values[at + 1] ?? 0;
  const w2 = values[at + 2] ?? 0;
  const w3 = values[at + 3] ?? 0;
  const sign = w3 >> 31;
  if (w3 !== sign) return 12 + wordLength(w3, sign);
  if (w2 !== sign) return 8 + wordLength(w2, sign);
  if (w1 !== sign) return 4 + wordLength(w1, sign);
  return wordLength(w0, sign);
}

/** Bytes that the top word needs, with room for the sign: 5 if a byte of nothing but sign must stand before it. */
function wordLength(word: number, sign: number): number {
  return (40 - Math.clz32(word ^ sign)) >> 3;
}

/** Writes that form behind its length, and returns where it ends. */
export function writeDecimal(values: Int32Array, row: number, bytes: Uint8Array, at: number): number {
  const length = decimalLength(values, row);
  bytes[at] = length << 1;
  const end = at + 1 + length;
  let behind = end;
  let word = 4 * row;
  let left = length;
  for (; left >= 4; left -= 4, word += 1) {
    const value = values[word] ?? 0;
    bytes[behind - 1] = value;
    bytes[behind - 2] = value >> 8;
    bytes[behind - 3] = value >> 16;
    bytes[behind - 4] = value >> 24;
    behind -= 4;
  }
  // Of a value of 17 bytes' length there is none: 38 digits take 16.
  for (let value = values[word] ?? 0; left > 0; left -= 1, value >>= 8) {
    behind -= 1;
    bytes[behind] = value;
  }
  return end;
}
