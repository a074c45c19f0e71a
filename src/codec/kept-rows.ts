/**
 * Encoded rows that wait until their twins arrive: a queue for each key. Bytes stay where they were written; a row is a number here.
 */
import { arena, copy } from './arena.ts';
import type { Arena } from './arena.ts';
import { must } from '../lib/assert.ts';
import { grown } from './grown.ts';

/** No row: the end of a queue. */
export const NO_ROW = -1;

/** Rows of one batch of a file. */
export interface Origin {
  readonly file: string;
  /** In the file, of the batch's first row. */
  readonly firstRow: number;
  /** By row of the batch, what is wrong with one of its values. */
  readonly misfits: ReadonlyMap<number, string> | null;
}

interface Chunk {
  readonly bytes: Arena;
  readonly origin: Origin;
}

export class KeptRows {
  #chunks: Chunk[] = [];
  /** Memory of rows that are forgotten. */
  #free: Arena[] = [];
  /** By row. */
  #chunkOf = new Int32Array(1024);
  #rowOf = new Int32Array(1024);
  #starts = new Int32Array(1024);
  #lengths = new Int32Array(1024);
  #next = new Int32Array(1024);
  #rows = 0;
  #rowBytes = 0;
  #bytes = 0;
  /** By key: the rows that were not yet taken. */
  #first = new Int32Array(1024).fill(NO_ROW);
  #last = new Int32Array(1024).fill(NO_ROW);

  /** Memory for this many bytes of rows, which `add` then tells of. */
  chunk(bytes: number, origin: Origin): Arena {
    // One that is too short goes for the one that is made.
    const at = Math.max(
      0,
      this.#free.findIndex((free) => free.bytes.length >= bytes),
    );
    const [found] = this.#free.splice(at, 1);
    const chunk = found !== undefined && found.bytes.length >= bytes ? found : arena(bytes);
    this.#bytes += chunk.bytes.length - (found?.bytes.length ?? 0);
    this.#chunks.push({ bytes: chunk, origin });
    this.#rowBytes += bytes;
    return chunk;
  }

  /** Forgets all rows, and keeps the memory. */
  clear(): void {
    this.#free = [...this.#chunks.map(({ bytes }) => bytes), ...this.#free];
    this.#chunks = [];
    this.#rows = 0;
    this.#rowBytes = 0;
    this.#first.fill(NO_ROW);
    this.#last.fill(NO_ROW);
  }

  /** A row of the last chunk, of this number in its batch, is the next of its key. */
  add(key: number, inBatch: number, start: number, length: number): void {
    const row = this.#rows;
    this.#rows += 1;
    this.#chunkOf = grown(this.#chunkOf, row + 1);
    this.#rowOf = grown(this.#rowOf, row + 1);
    this.#starts = grown(this.#starts, row + 1);
    this.#lengths = grown(this.#lengths, row + 1);
    this.#next = grown(this.#next, row + 1);
    this.#first = grown(this.#first, key + 1, NO_ROW);
    this.#last = grown(this.#last, key + 1, NO_ROW);
    this.#chunkOf[row] = this.#chunks.length - 1;
    this.#rowOf[row] = inBatch;
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

  get rows(): number {
    return this.#rows;
  }

  /** Of all rows together. */
  get rowBytes(): number {
    return this.#rowBytes;
  }

  /** Memory that is taken by the rows, and by what is known of them. */
  get bytes(): number {
    return this.#bytes + 4 * (5 * this.#starts.length + 2 * this.#first.length);
  }

  length(row: number): number {
    return this.#lengths[row] ?? 0;
  }

  /** Writes the row, and returns where it ends. */
  write(row: number, to: Arena, at: number): number {
    return copy(this.#chunk(row).bytes, this.#starts[row] ?? 0, this.#lengths[row] ?? 0, to, at);
  }

  /** Where the row is. */
  from(row: number): { readonly file: string; readonly row: number } {
    const { file, firstRow } = this.#chunk(row).origin;
    return { file, row: firstRow + (this.#rowOf[row] ?? 0) };
  }

  /** What is wrong with one of its values; null: nothing. */
  misfit(row: number): string | null {
    return this.#chunk(row).origin.misfits?.get(this.#rowOf[row] ?? 0) ?? null;
  }

  #chunk(row: number): Chunk {
    return must(this.#chunks[this.#chunkOf[row] ?? 0], 'the bytes of a row');
  }
}
