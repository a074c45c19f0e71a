/**
 * Bytes gathered from pieces of any size. They are copied: a body may come in pieces of one byte each, and each of them kept would take a hundred times its size.
 */

const FIRST_BYTES = 16_384;
/** A larger room is not kept for the next use. */
const KEPT_BYTES = 1_048_576;

export class Bytes {
  #room = new Uint8Array(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#room.length) {
      const larger = new Uint8Array(Math.max(length, this.#room.length * 2));
      larger.set(this.#room.subarray(0, this.#length));
      this.#room = larger;
    }
    this.#room.set(piece, this.#length);
    this.#length = length;
  }

  /** What was gathered, as a view that holds until the next `append`; gathers anew from here on. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#room.subarray(0, this.#length);
    this.#length = 0;
    if (this.#room.length > KEPT_BYTES) this.#room = new Uint8Array(FIRST_BYTES);
    return taken;
  }
}
