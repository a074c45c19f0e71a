/**
 * Encoded rows that wait until their twins arrive: a queue for each key. Bytes stay where they were written; a row is a number here.
 */
import { arena, copy } from './arena.ts';
import type { Arena } from './arena.ts';
import { must } from '../lib/assert.ts';
import { grown } from './grown.ts';

/** No row: the end of a queue. */
export const NO_ROW = -1;

export class KeptRows {
  readonly #chunks: Arena[] = [];
  /** By row. */
  #chunkOf = new Int32Array(1024);
  #starts = new Int32Array(1024);
  #lengths = new Int32Array(1024);
  #next = new Int32Array(1024);
  #rows = 0;
  /** By key: the rows that were not yet taken. */
  #first = new Int32Array(1024).fill(NO_ROW);
  #last = new Int32Array(1024).fill(NO_ROW);

  /** Memory for this many bytes of rows, which `add` then tells of. */
  chunk(bytes: number): Arena {
    const chunk = arena(bytes);
    this.#chunks.push(chunk);
    return chunk;
  }

  /** A row of the last chunk is the next of its key. */
  add(key: number, start: number, length: number): void {
    const row = this.#rows;
    this.#rows += 1;
    this.#chunkOf = grown(this.#chunkOf, row + 1);
    this.#starts = grown(this.#starts, row + 1);
    this.#lengths = grown(this.#lengths, row + 1);
    this.#next = grown(this.#next, row + 1);
    this.#first = grown(this.#first, key + 1, NO_ROW);
    this.#last = grown(this.#last, key + 1, NO_ROW);
    this.#chunkOf[row] = this.#chunks.length - 1;
    this.#starts[row] = start;
    this.#lengths[row] = length;
    this.#next[row] = NO_ROW;
    const last = this.#last[key] ?? NO_ROW;
    if (last === NO_ROW) this.#first[key] = row;
    else this.#next[last] = row;
    this.#last[key] = row;
  }

  /** The first row of the key that was not yet taken, or `NO_ROW`. Its bytes stay. */
  take(key: number): number {
    const row = this.#first[key] ?? NO_ROW;
    if (row === NO_ROW) return NO_ROW;
    const next = this.#next[row] ?? NO_ROW;
    this.#first[key] = next;
    if (next === NO_ROW) this.#last[key] = NO_ROW;
    return row;
  }

  length(row: number): number {
    return this.#lengths[row] ?? 0;
  }

  /** Writes the row, and returns where it ends. */
  write(row: number, to: Arena, at: number): number {
    return copy(must(this.#chunks[this.#chunkOf[row] ?? 0], 'the bytes of a row'), this.#starts[row] ?? 0, this.#lengths[row] ?? 0, to, at);
  }
}
