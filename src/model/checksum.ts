/**
 * Checksums of records as they are kept and published: sums modulo 2^128, 32 hexadecimal digits (DESIGN §6).
 */

/** Of no record. */
export const NO_CHECKSUM = checksumText(0n);

function checksumText(sum: bigint): string {
  return sum.toString(16).padStart(32, '0');
}

export function isChecksum(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/** The checksum with one more sum in it. */
export function checksumWith(text: string, sum: bigint): string {
  return checksumText(summed(BigInt(`0x${text}`), sum));
}

export function summed(a: bigint, b: bigint): bigint {
  return BigInt.asUintN(128, a + b);
}
