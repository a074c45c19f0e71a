/**
 * The records of one topic partition while a segment grows.
 */
import { must } from '../lib/assert.ts';
import type { RecordBlock } from '../ports/encoder.ts';

/** A block's bytes at most, but for a single larger record: a Kafka batch must stay below the broker's default `message.max.bytes` (notes/kafka.md §0). */
export const BLOCK_BYTES_MAX = 900_000;

const FIRST_BYTES = 16 * 1024;

export class BlockBuffer {
  readonly #partition: number;
  #bytes: Uint8Array<ArrayBuffer> | null = null;
  /** How long the previous block was: the best guess for the next one. */
  #expected = FIRST_BYTES;
  #length = 0;
  #count = 0;

  constructor(partition: number) {
    this.#partition = partition;
  }

  get length(): number {
    return this.#length;
  }

  get count(): number {
    return this.#count;
  }

  /** Appends `count` whole records. `isLast` says that the block ends with them. */
  append(records: Uint8Array, count: number, isLast: boolean): void {
    const needed = this.#length + records.length;
    if (this.#bytes === null || this.#bytes.length < needed) {
      const grown = Math.max(this.#expected + (this.#expected >> 3), 2 * (this.#bytes?.length ?? 0));
      const bytes = new Uint8Array(isLast ? needed : Math.max(needed, Math.min(grown, BLOCK_BYTES_MAX)));
      if (this.#bytes !== null) bytes.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = bytes;
    }
    this.#bytes.set(records, this.#length);
    this.#length = needed;
    this.#count += count;
  }

  /** Hands the block over and begins an empty one. */
  take(): RecordBlock {
    const bytes = must(this.#bytes, 'the bytes of a block');
    // Memory that nobody uses travels and stays with the block: a copy is cheaper.
    const isLoose = this.#length < bytes.length - (bytes.length >> 2);
    const block = {
      partition: this.#partition,
      count: this.#count,
      bytes: isLoose ? bytes.slice(0, this.#length) : bytes.subarray(0, this.#length),
    };
    this.#expected = Math.max(FIRST_BYTES, this.#length);
    this.#bytes = null;
    this.#length = 0;
    this.#count = 0;
    return block;
  }
}
