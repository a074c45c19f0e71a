/**
 * Randomness that a seed determines: the same seed gives the same table, byte for byte.
 */

/** A generator that remembers how far it is. */
export interface Random {
  /** Uniform among 0 … bound − 1. */
  below(bound: number): number;
  /** Uniform among least … most, both inclusive. */
  between(least: number, most: number): number;
  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean;
}

export function seededRandom(seed: number): Random {
  let count = 0;
  const below = (bound: number): number => Math.floor((mix(seed, ++count, 0x51ed27, 7) / 2 ** 32) * bound);
  return {
    below,
    between: (least, most) => least + below(most - least + 1),
    chance: (percent) => below(100) < percent,
  };
}

/** Four integers → 32 well-mixed bits, unsigned (the finalizer of MurmurHash3 after each word). */
export function mix(a: number, b: number, c: number, d: number): number {
  let hash = Math.imul(a, 0x9e3779b1) ^ 0x2545f491;
  hash = finish(hash ^ b);
  hash = finish(Math.imul(hash, 5) ^ c);
  hash = finish(Math.imul(hash, 5) ^ d);
  return hash >>> 0;
}

function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
