/**
 * MurmurHash3_x64_128 with seed 0, word by word from its reference (https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp): slow, and sharing nothing with the
 * relay's own. The number's least byte is the first of the 16 that the reference gives.
 */

export function murmur3(bytes: Uint8Array): bigint {
  const words = wordsOf(bytes);
  let h1 = 0n;
  let h2 = 0n;
  for (let i = 0; i + 1 < words.length; i += 2) {
    const isWhole = 8 * (i + 2) <= bytes.length;
    h1 ^= wrapped(rotated(wrapped((words[i] ?? 0n) * C1), 31n) * C2);
    if (isWhole) h1 = wrapped((rotated(h1, 27n) + h2) * 5n + 0x52dce729n);
    h2 ^= wrapped(rotated(wrapped((words[i + 1] ?? 0n) * C2), 33n) * C1);
    if (isWhole) h2 = wrapped((rotated(h2, 31n) + h1) * 5n + 0x38495ab5n);
  }
  h1 ^= BigInt(bytes.length);
  h2 ^= BigInt(bytes.length);
  h1 = wrapped(h1 + h2);
  h2 = wrapped(h2 + h1);
  h1 = final(h1);
  h2 = final(h2);
  h1 = wrapped(h1 + h2);
  h2 = wrapped(h2 + h1);
  return (h2 << 64n) | h1;
}

/** The checksum of records with these bodies, as the ledger has it. */
export function checksumOf(bodies: Iterable<Uint8Array>): string {
  let sum = 0n;
  for (const body of bodies) sum += murmur3(body);
  return BigInt.asUintN(128, sum).toString(16).padStart(32, '0');
}

const C1 = 0x87c37b91114253d5n;
const C2 = 0x4cf5ad432745937fn;

/** Of 8 bytes, the first one being the least; zeroes behind the end, up to a whole block. */
function wordsOf(bytes: Uint8Array): readonly bigint[] {
  const padded = Buffer.alloc(Math.ceil(bytes.length / 16) * 16);
  padded.set(bytes);
  return Array.from({ length: padded.length / 8 }, (_, i) => padded.readBigUInt64LE(8 * i));
}

function wrapped(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function rotated(value: bigint, by: bigint): bigint {
  return wrapped(value << by) | (value >> (64n - by));
}

function final(value: bigint): bigint {
  let h = value;
  h = wrapped((h ^ (h >> 33n)) * 0xff51afd7ed558ccdn);
  h = wrapped((h ^ (h >> 33n)) * 0xc4ceb9fe1a85ec53n);
  return h ^ (h >> 33n);
}
