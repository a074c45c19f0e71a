/**
 * Whole numbers of 32 bits that are written one behind the other, and then read in that order.
 */
import { grown } from './grown.ts';

/** What `next` gives behind the last one. */
export const NO_MORE = -1;

export class NumberList {
  #numbers = new Int32Array(256);
  #count = 0;
  #read = 0;

  /** Keeps the memory. */
  clear(): void {
    this.#count = 0;
    this.#read = 0;
  }

  /** No negative ones. */
  push(number: number): void {
    if (this.#count === this.#numbers.length) this.#numbers = grown(this.#numbers, this.#count + 1);
    this.#numbers[this.#count] = number;
    this.#count += 1;
  }

  next(): number {
    if (this.#read === this.#count) return NO_MORE;
    this.#read += 1;
    return this.#numbers[this.#read - 1] ?? NO_MORE;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#numbers.byteLength;
  }

  get isRead(): boolean {
    return this.#read === this.#count;
  }
}
