/**
 * Kafka's murmur2 (Utils.murmur2 of the Java client): what its default partitioner hashes keys with.
 */
const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** The hash of `length` bytes from `start`, as a signed 32-bit number. */
export function murmur2(bytes: Uint8Array, start = 0, length = bytes.length - start): number {
  let h = SEED ^ length;
  const words = length & ~3;
  let at = start;
  for (const end = start + words; at < end; at += 4) {
    let k = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  const left = length & 3;
  if (left >= 3) h ^= (bytes[at + 2] ?? 0) << 16;
  if (left >= 2) h ^= (bytes[at + 1] ?? 0) << 8;
  if (left >= 1) {
    h ^= bytes[at] ?? 0;
    h = Math.imul(h, M);
  }
  h ^= h >>> 13;
  h = Math.imul(h, M);
  return h ^ (h >>> 15);
}

/** The partition that Java's default partitioner chooses for a key. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
