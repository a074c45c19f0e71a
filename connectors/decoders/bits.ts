/**
 * Bitmaps, least significant bit first.
 */

/** The `count` bits from bit `first` on: a view where that is a whole byte, else a copy. Bits after the last are undefined. */
export function bitsFrom(bits: Uint8Array, first: number, count: number): Uint8Array {
  const from = first >>> 3;
  const bytes = Math.ceil(count / 8);
  const shift = first & 7;
  if (shift === 0) return bits.subarray(from, from + bytes);
  const out = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) {
    const low = bits[from + i] ?? 0;
    const high = bits[from + i + 1] ?? 0;
    out[i] = (low >>> shift) | (high << (8 - shift));
  }
  return out;
}

/** Whether bit `i` is set; without a bitmap every bit is. */
export function isSet(bits: Uint8Array | null, i: number): boolean {
  return bits === null || (((bits[i >>> 3] ?? 0) >>> (i & 7)) & 1) === 1;
}

/** A copy of the first `count` bits; without a bitmap every bit is set. */
export function ownBits(bits: Uint8Array | null, count: number): Uint8Array {
  const bytes = Math.ceil(count / 8);
  return bits === null ? new Uint8Array(bytes).fill(0xff) : bits.slice(0, bytes);
}

export function clear(bits: Uint8Array, i: number): void {
  bits[i >>> 3] = (bits[i >>> 3] ?? 0) & ~(1 << (i & 7));
}
