/**
 * Bytes under construction: a stretch of memory that many rows are written into, each at its own place.
 */

/** One buffer seen both ways. `view` and `bytes` cover the same memory from its beginning. */
export interface Arena {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
}

export function arena(length: number): Arena {
  const buffer = new ArrayBuffer(length);
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer) };
}

/** The arena if it is long enough, else a longer one; contents are not kept. */
export function atLeast(current: Arena, length: number): Arena {
  return current.bytes.length >= length ? current : arena(Math.max(length, current.bytes.length * 2));
}

/** Bytes that are copied many times. */
export interface Constant {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export function constant(bytes: Uint8Array): Constant {
  // All of one kind, none a Buffer: what copies them is compiled for that.
  const own = new Uint8Array(bytes);
  return { bytes: own, view: viewOf(own) };
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** From this length on the built-in copy is faster than the loops below; its call costs as much as 64 bytes of them (notes/codec.md §4). */
const BULK_BYTES = 96;

/** Copies `length` bytes and returns where they end in `to`. */
export function copy(from: Constant, start: number, length: number, to: Arena, at: number): number {
  if (length >= BULK_BYTES) {
    to.bytes.set(from.bytes.subarray(start, start + length), at);
  } else if (length >= 8) {
    const last = length - 8;
    for (let i = 0; i < last; i += 8) to.view.setBigInt64(at + i, from.view.getBigInt64(start + i, true), true);
    to.view.setBigInt64(at + last, from.view.getBigInt64(start + last, true), true);
  } else if (length >= 4) {
    to.view.setInt32(at, from.view.getInt32(start, true), true);
    to.view.setInt32(at + length - 4, from.view.getInt32(start + length - 4, true), true);
  } else {
    for (let i = 0; i < length; i += 1) to.bytes[at + i] = from.bytes[start + i] ?? 0;
  }
  return at + length;
}

/** Copies the whole of a constant, of this length: from so many bytes on without making a view of it first, which costs more than the copy. */
export function copyAll(from: Constant, length: number, to: Arena, at: number): number {
  if (length < BULK_BYTES) return copy(from, 0, length, to, at);
  to.bytes.set(from.bytes, at);
  return at + length;
}
