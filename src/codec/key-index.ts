/**
 * The keys of one pass over a version: each gets a number, in the order in which they come, and counters. Open addressing over typed arrays; keys are compared by their
 * encoded bytes, since two of them may have one hash.
 */
import { grown } from './grown.ts';

const FREE = -1;
const TABLE_BITS_MIN = 12;

/** Fibonacci hashing (Knuth, The Art of Computer Programming, vol. 3, §6.4): the upper bits of the product are the place. */
const GOLDEN = 0x9e3779b1;

export class KeyIndex {
  /** By key: rows that leave, and rows that arrive. For the reader to count down. */
  leaving = new Int32Array(1024);
  arriving = new Int32Array(1024);
  #table = new Int32Array(1 << TABLE_BITS_MIN).fill(FREE);
  #bits = TABLE_BITS_MIN;
  /** By key: its hash, and where its bytes end. */
  #hashes = new Int32Array(1024);
  #ends = new Int32Array(1024);
  #bytes = new Uint8Array(16 * 1024);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The number of the key, or -1. `hash` is the same for the same bytes. */
  find(bytes: Uint8Array, start: number, length: number, hash: number): number {
    const mask = this.#table.length - 1;
    for (let at = this.#placeOf(hash); ; at = (at + 1) & mask) {
      const key = this.#table[at] ?? FREE;
      if (key === FREE || this.#isKey(key, bytes, start, length, hash)) return key;
    }
  }

  /** The number of the key, which is new if it was not yet there. */
  add(bytes: Uint8Array, start: number, length: number, hash: number): number {
    const found = this.find(bytes, start, length, hash);
    if (found !== FREE) return found;
    const key = this.#count;
    const from = key === 0 ? 0 : (this.#ends[key - 1] ?? 0);
    this.#count += 1;
    this.#grow(key + 1, from + length);
    this.#bytes.set(bytes.subarray(start, start + length), from);
    this.#hashes[key] = hash;
    this.#ends[key] = from + length;
    this.#put(key);
    return key;
  }

  #isKey(key: number, bytes: Uint8Array, start: number, length: number, hash: number): boolean {
    if (this.#hashes[key] !== hash) return false;
    const from = key === 0 ? 0 : (this.#ends[key - 1] ?? 0);
    if ((this.#ends[key] ?? 0) - from !== length) return false;
    for (let i = 0; i < length; i += 1) if (this.#bytes[from + i] !== bytes[start + i]) return false;
    return true;
  }

  #grow(keys: number, bytes: number): void {
    this.leaving = grown(this.leaving, keys);
    this.arriving = grown(this.arriving, keys);
    this.#hashes = grown(this.#hashes, keys);
    this.#ends = grown(this.#ends, keys);
    if (this.#bytes.length < bytes) {
      const longer = new Uint8Array(Math.max(bytes, 2 * this.#bytes.length));
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    if (2 * keys <= this.#table.length) return;
    this.#bits += 1;
    this.#table = new Int32Array(1 << this.#bits).fill(FREE);
    for (let key = 0; key < keys - 1; key += 1) this.#put(key);
  }

  #put(key: number): void {
    const mask = this.#table.length - 1;
    let at = this.#placeOf(this.#hashes[key] ?? 0);
    while (this.#table[at] !== FREE) at = (at + 1) & mask;
    this.#table[at] = key;
  }

  #placeOf(hash: number): number {
    return Math.imul(hash, GOLDEN) >>> (32 - this.#bits);
  }
}
