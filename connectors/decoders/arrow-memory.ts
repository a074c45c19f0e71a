/**
 * Arrow arrays in wasm memory, read by the Arrow C data interface (https://arrow.apache.org/docs/format/CDataInterface.html) with 32-bit pointers.
 * Nothing is copied unless it lies askew: the arrays made here are views that die when the memory grows or the array is freed.
 */
import { assert, must } from '../../src/lib/assert.ts';
import { bitsFrom } from './bits.ts';

/** One column of a record batch. */
export interface ArrowArray {
  readonly memory: ArrayBuffer;
  readonly length: number;
  /** Values of the buffers that stand before the first one of this array. */
  readonly offset: number;
  readonly nullCount: number;
  /** Addresses, in the order of the type's layout; 0 = absent. The first is the validity bitmap. */
  readonly buffers: readonly number[];
  readonly children: readonly ArrowArray[];
}

/** The columns of the record batch whose `ArrowArray` struct lies at `address`. */
export function arrowColumns(memory: ArrayBuffer, address: number): readonly ArrowArray[] {
  const view = new DataView(memory);
  const batch = readArray(view, memory, address);
  assert(batch.offset === 0, 'a record batch begins at its first row');
  return batch.children;
}

/** `count` values of the array from its value `first` on. */
export function sliceOf(array: ArrowArray, first: number, count: number): ArrowArray {
  assert(first >= 0 && first + count <= array.length, `values ${first} to ${first + count} of an array of ${array.length}`);
  return { ...array, offset: array.offset + first, length: count };
}

/** The validity bitmap from the array's first row on; null = no nulls. */
export function validityOf(array: ArrowArray): Uint8Array | null {
  const address = array.buffers[0] ?? 0;
  return array.nullCount === 0 || address === 0 ? null : bitsOf(array, address);
}

/** The bits of a boolean array from its first row on. */
export function booleansOf(array: ArrowArray): Uint8Array {
  return bitsOf(array, valuesAddress(array));
}

/** Values of four bytes, `words` a row. */
export function wordsOf(array: ArrowArray, words: number): Int32Array {
  const count = array.length * words;
  return new Int32Array(...place(array, array.offset * words * 4, count * 4, 4), count);
}

export function int8sOf(array: ArrowArray): Int8Array {
  return new Int8Array(...place(array, array.offset, array.length, 1), array.length);
}

export function int16sOf(array: ArrowArray): Int16Array {
  return new Int16Array(...place(array, array.offset * 2, array.length * 2, 2), array.length);
}

export function float32sOf(array: ArrowArray): Float32Array {
  return new Float32Array(...place(array, array.offset * 4, array.length * 4, 4), array.length);
}

export function float64sOf(array: ArrowArray): Float64Array {
  return new Float64Array(...place(array, array.offset * 8, array.length * 8, 8), array.length);
}

export function bigint64sOf(array: ArrowArray): BigInt64Array {
  return new BigInt64Array(...place(array, array.offset * 8, array.length * 8, 8), array.length);
}

/** Values of `width` bytes each. */
export function fixedBytesOf(array: ArrowArray, width: number): Uint8Array {
  return new Uint8Array(...place(array, array.offset * width, array.length * width, 1), array.length * width);
}

/** Offsets from 0 on, and the bytes that they point into. */
export function bytesOf(array: ArrowArray): { readonly offsets: Int32Array; readonly data: Uint8Array } {
  const { offsets, first, count } = offsetsOf(array);
  const address = array.buffers[2] ?? 0;
  const data = count === 0 || address === 0 ? new Uint8Array(0) : new Uint8Array(array.memory, address + first, count);
  return { offsets, data };
}

/** The offsets of a list, map, string or binary array from 0 on, where in its elements they begin, and how many those are. */
export function offsetsOf(array: ArrowArray): { readonly offsets: Int32Array; readonly first: number; readonly count: number } {
  if (array.length === 0) return { offsets: new Int32Array(1), first: 0, count: 0 };
  const length = array.length + 1;
  const offsets = new Int32Array(...place(array, array.offset * 4, length * 4, 4), length);
  const first = must(offsets[0], 'the first offset');
  const count = must(offsets[array.length], 'the last offset') - first;
  return { offsets: first === 0 ? offsets : offsets.map((offset) => offset - first), first, count };
}

function readArray(view: DataView, memory: ArrayBuffer, address: number): ArrowArray {
  const buffersCount = integer(view, address + 24);
  const childrenCount = integer(view, address + 32);
  const buffers = view.getUint32(address + 40, true);
  const children = view.getUint32(address + 44, true);
  return {
    memory,
    length: integer(view, address),
    nullCount: integer(view, address + 8),
    offset: integer(view, address + 16),
    buffers: Array.from({ length: buffersCount }, (_, i) => view.getUint32(buffers + 4 * i, true)),
    children: Array.from({ length: childrenCount }, (_, i) => readArray(view, memory, view.getUint32(children + 4 * i, true))),
  };
}

/** The struct's numbers are 64 bits wide, and none of them exceeds the wasm memory. */
function integer(view: DataView, address: number): number {
  return Number(view.getBigInt64(address, true));
}

function valuesAddress(array: ArrowArray): number {
  return array.buffers[1] ?? 0;
}

/** Where typed values lie: in the memory itself, or in a copy where it does not suit the type's alignment. */
function place(array: ArrowArray, skip: number, bytes: number, alignment: number): [ArrayBuffer, number] {
  if (bytes === 0) return [new ArrayBuffer(0), 0];
  const address = valuesAddress(array) + skip;
  return address % alignment === 0 ? [array.memory, address] : [array.memory.slice(address, address + bytes), 0];
}

function bitsOf(array: ArrowArray, address: number): Uint8Array {
  const bytes = Math.ceil((array.offset + array.length) / 8);
  return bitsFrom(new Uint8Array(array.memory, address, bytes), array.offset, array.length);
}
