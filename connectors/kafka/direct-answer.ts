/**
 * Reads a broker's answer (flexible versions: compact lengths, tagged fields). Every length is held against what is there: bytes that make no sense end in an error, never
 * in a loop or in bytes of something else.
 */
import type { Reader } from '@platformatic/kafka';

export class Answer {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  static of(reader: Reader): Answer {
    return new Answer(reader.buffer.slice(reader.position));
  }

  int8(): number {
    return this.#bytes.readInt8(this.#take(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8));
  }

  skip(bytes: number): void {
    this.#take(bytes);
  }

  text(): string | null {
    const length = this.#varint() - 1;
    if (length < 0) return null;
    const start = this.#take(length);
    return this.#bytes.toString('utf8', start, this.#at);
  }

  /** Null is read as empty. An element takes one byte at least. */
  list<T>(element: () => T): readonly T[] {
    const length = this.#varint() - 1;
    if (length > this.#bytes.length - this.#at) throw tooLong(length);
    return Array.from({ length: Math.max(0, length) }, element);
  }

  int32s(): readonly number[] {
    return this.list(() => this.int32());
  }

  /** `known` reads the fields that it knows, each out of an answer of its own; the others are passed over. */
  tags(known?: (tag: number, field: Answer) => void): void {
    for (let left = this.#varint(); left > 0; left--) {
      const tag = this.#varint();
      const length = this.#varint();
      const start = this.#take(length);
      known?.(tag, new Answer(this.#bytes.subarray(start, this.#at)));
    }
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#take(1));
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Error('the answer cannot be read: a number of more than 5 bytes');
  }

  /** Where the bytes begin. */
  #take(bytes: number): number {
    const start = this.#at;
    if (bytes > this.#bytes.length - start) throw tooLong(bytes);
    this.#at += bytes;
    return start;
  }
}

function tooLong(length: number): Error {
  return new Error(`the answer cannot be read: it ends before ${length} more bytes`);
}
