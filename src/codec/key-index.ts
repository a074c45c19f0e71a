/**
 * The keys of one pass over a version: each gets a number, in the order in which they come, and counters. Open addressing over typed arrays; keys are compared by their
 * encoded bytes, since two of them may have one hash. Long ones are kept as their SHA-256, so that what a key takes has a bound.
 */
import { hash as digest } from 'node:crypto';
import { grown } from './grown.ts';

const TABLE_BITS_MIN = 12;

/** Keys of more bytes are kept by a digest, SHA-256 and a byte behind: it is longer than any other key, and equal to none. */
const KEPT_BYTES_MAX = 32;
const DIGEST_BYTES = KEPT_BYTES_MAX + 1;

/** Fibonacci hashing (Knuth, The Art of Computer Programming, vol. 3, §6.4): the upper bits of the product are the place. */
const GOLDEN = 0x9e3779b1;

export class KeyIndex {
  /** By key: rows that leave, and rows that arrive. For the reader to count. */
  leaving = new Int32Array(1024);
  arriving = new Int32Array(1024);
  /** Of each place the key's number + 1, 0 = free, and its hash beside it: most looks go no further. */
  #table = new Int32Array(2 << TABLE_BITS_MIN);
  #bits = TABLE_BITS_MIN;
  /** By key, where its bytes end. */
  #ends = new Int32Array(1024);
  #bytes = new Uint8Array(16 * 1024);
  #count = 0;

  /** Memory that is taken. */
  get bytes(): number {
    return this.#bytes.length + this.#table.byteLength + this.#ends.byteLength + this.leaving.byteLength + this.arriving.byteLength;
  }

  /** Forgets all keys, and keeps the memory. */
  clear(): void {
    this.leaving.fill(0);
    this.arriving.fill(0);
    this.#table.fill(0);
    this.#count = 0;
  }

  /** The number of the key, which is new if it was not yet there. `hash` is the same for the same bytes. */
  add(bytes: Uint8Array, start: number, length: number, hash: number, keptBytesMax = KEPT_BYTES_MAX): number {
    if (length > keptBytesMax) return this.add(digested(bytes, start, length), 0, DIGEST_BYTES, hash, DIGEST_BYTES);
    const last = this.#table.length - 2;
    let at = this.#placeOf(hash);
    for (let found = this.#table[at] ?? 0; found !== 0; found = this.#table[at] ?? 0) {
      if (this.#table[at + 1] === hash && this.#isKey(found - 1, bytes, start, length)) return found - 1;
      at = (at + 2) & last;
    }
    const key = this.#count;
    this.#count += 1;
    this.#table[at] = key + 1;
    this.#table[at + 1] = hash;
    const from = key === 0 ? 0 : (this.#ends[key - 1] ?? 0);
    this.#makeRoom(key + 1, from + length);
    for (let i = 0; i < length; i += 1) this.#bytes[from + i] = bytes[start + i] ?? 0;
    this.#ends[key] = from + length;
    return key;
  }

  #isKey(key: number, bytes: Uint8Array, start: number, length: number): boolean {
    const from = key === 0 ? 0 : (this.#ends[key - 1] ?? 0);
    if ((this.#ends[key] ?? 0) - from !== length) return false;
    for (let i = 0; i < length; i += 1) if (this.#bytes[from + i] !== bytes[start + i]) return false;
    return true;
  }

  #makeRoom(keys: number, bytes: number): void {
    this.leaving = grown(this.leaving, keys);
    this.arriving = grown(this.arriving, keys);
    this.#ends = grown(this.#ends, keys);
    if (this.#bytes.length < bytes) {
      const longer = new Uint8Array(Math.max(bytes, 2 * this.#bytes.length));
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    // Three quarters of the places, at most, are taken.
    if (8 * keys > 3 * this.#table.length) this.#enlarge();
  }

  #enlarge(): void {
    const old = this.#table;
    this.#bits += 1;
    this.#table = new Int32Array(2 << this.#bits);
    const last = this.#table.length - 2;
    for (let from = 0; from < old.length; from += 2) {
      const entry = old[from] ?? 0;
      if (entry === 0) continue;
      const hash = old[from + 1] ?? 0;
      let at = this.#placeOf(hash);
      while (this.#table[at] !== 0) at = (at + 2) & last;
      this.#table[at] = entry;
      this.#table[at + 1] = hash;
    }
  }

  #placeOf(hash: number): number {
    return 2 * (Math.imul(hash, GOLDEN) >>> (32 - this.#bits));
  }
}

function digested(bytes: Uint8Array, start: number, length: number): Uint8Array {
  const kept = new Uint8Array(DIGEST_BYTES);
  kept.set(digest('sha256', bytes.subarray(start, start + length), 'buffer'));
  return kept;
}
