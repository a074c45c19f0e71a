/**
 * Deletion vectors as Delta's writers write them: a set of rows by the Roaring library, its frame in a file, its text in a line.
 */
import { crc32 } from 'node:zlib';
import { RoaringBitmap32 } from 'roaring-wasm';

export const PORTABLE_MAGIC = 1_681_511_377;
export const NATIVE_MAGIC = 1_681_511_376;

/** One 32-bit bitmap, with runs wherever they are shorter unless `runs` is false. */
export function bitmap32(rows: Iterable<number>, runs = true): Uint8Array {
  const bitmap = new RoaringBitmap32(rows);
  try {
    if (runs) bitmap.runOptimize();
    else bitmap.removeRunCompression();
    return Uint8Array.from(bitmap.serialize('portable'));
  } finally {
    bitmap.dispose();
  }
}

/** What the library reads from a 32-bit bitmap, in its order. */
export function rowsOf32(bytes: Uint8Array): readonly number[] {
  const bitmap = RoaringBitmap32.deserialize(bytes, 'portable');
  try {
    return [...bitmap.toUint32Array()];
  } finally {
    bitmap.dispose();
  }
}

export function u16(...values: readonly number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values.flatMap((value) => [value & 0xff, (value >>> 8) & 0xff]));
}

export function u32(...values: readonly number[]): Uint8Array {
  return u16(...values.flatMap((value) => [value & 0xffff, Math.floor(value / 65_536)]));
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.concat(parts));
}

/** A whole set of rows below 2^32, in the portable array. */
export function rowSet(rows: Iterable<number>, runs = true): Uint8Array {
  return joined(u32(PORTABLE_MAGIC, 1, 0, 0), bitmap32(rows, runs));
}

/** The set in the frame that it has in a file. */
export function framed(set: Uint8Array): Uint8Array {
  const frame = new DataView(new ArrayBuffer(8));
  frame.setInt32(0, set.length);
  frame.setUint32(4, crc32(set));
  const bytes = new Uint8Array(frame.buffer);
  return joined(bytes.subarray(0, 4), set, bytes.subarray(4));
}

export interface VectorFile {
  readonly bytes: Uint8Array;
  /** Of the sets, in their order. */
  readonly offsets: readonly number[];
}

/** Several sets in one file, behind the byte of its format's version. */
export function vectorFile(...sets: readonly Uint8Array[]): VectorFile {
  const offsets: number[] = [];
  const parts: Uint8Array[] = [Uint8Array.of(1)];
  for (const set of sets) {
    offsets.push(parts.reduce((sum, part) => sum + part.length, 0));
    parts.push(framed(set));
  }
  return { bytes: joined(...parts), offsets };
}

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

/** As Spark writes it: filled up with zero bytes. */
export function z85(bytes: Uint8Array): string {
  const filled = joined(bytes, new Uint8Array(-bytes.length & 3));
  const view = new DataView(filled.buffer);
  return Array.from({ length: filled.length / 4 }, (_, word) => digits(view.getUint32(4 * word), 5)).join('');
}

/** As the Rust writer writes it: what is left at the end is shorter, behind as many marks as bytes are missing. */
export function z85Rust(bytes: Uint8Array): string {
  const left = bytes.length & 3;
  const whole = z85(bytes.subarray(0, bytes.length - left));
  if (left === 0) return whole;
  const number = bytes.subarray(-left).reduce((sum, byte) => 256 * sum + byte, 0);
  return whole + '#'.repeat(4 - left) + digits(number, left + 1);
}

function digits(number: number, count: number): string {
  let text = '';
  for (let rest = number; text.length < count; rest = Math.floor(rest / 85)) text = ALPHABET.charAt(rest % 85) + text;
  return text;
}

/** An inline descriptor, as a line has it. */
export function inlineVector(rows: readonly number[], text: (bytes: Uint8Array) => string = z85): object {
  const set = rowSet(rows);
  return { storageType: 'i', pathOrInlineDv: text(set), sizeInBytes: set.length, cardinality: rows.length };
}

/** The rows that a bitmap has. */
export function rowsIn(bits: Uint8Array): readonly number[] {
  const rows: number[] = [];
  for (const [index, byte] of bits.entries()) {
    if (byte === 0) continue;
    for (let bit = 0; bit < 8; bit++) if (((byte >>> bit) & 1) === 1) rows.push(8 * index + bit);
  }
  return rows;
}
