/**
 * Sets of row numbers as Delta writes them (Delta PROTOCOL.md §Deletion Vector Format, RoaringFormatSpec and its 64-bit extension):
 *
 *   magic ─ count ─ ( key: the upper 32 bits of a row ─ bitmap )*             portable; the old native array has lengths in the place of keys
 *   bitmap: cookie ─ [ which containers are runs ] ─ ( key: bits 16 to 31, rows - 1 )* ─ [ offsets ] ─ container*
 *   container: ( u16 )*  |  8192 bytes, one bit a row  |  runs ─ ( first, length - 1 )*
 *
 * The bytes are foreign. They are read once without taking memory for rows, and nothing is believed: keys and rows must rise, every container must hold what
 * its header says, and nothing may come behind the last one. Only offsets are passed over, since nobody needs them to read in order. Then the highest row is
 * known, the caller decides whether it can be afforded, and the containers go straight into a bitmap.
 */

/** A deletion vector is not what it should be. Callers turn it into a `Failure` that says whose it is. */
export class BadVector extends Error {
  override readonly name = 'BadVector';
}

/** A set of rows, checked; its containers lie in bytes that must not change. */
export interface RowSet {
  readonly cardinality: number;
  /** The highest row + 1; 0 for no row. */
  readonly rows: number;
  readonly bytes: Uint8Array;
  /** With ascending bases. */
  readonly containers: readonly Container[];
}

interface Container {
  readonly kind: 'array' | 'bitmap' | 'runs';
  /** The row that its bits and numbers count from, a multiple of 65,536. */
  readonly base: number;
  /** Where its entries begin. */
  readonly at: number;
  /** Rows of an array, runs, or bytes of a bitmap. */
  readonly entries: number;
}

/** Rows from here on are refused: no Parquet file of Delta has so many, and bit operations end here. */
const ROWS_MAX = 2 ** 31;
const PORTABLE_MAGIC = 1_681_511_377;
const NATIVE_MAGIC = 1_681_511_376;
const COOKIE_WITH_RUNS = 12_347;
const COOKIE_WITHOUT_RUNS = 12_346;
const CONTAINERS_MAX = 65_536;
/** With runs, fewer containers than this come without offsets. */
const OFFSETS_FROM = 4;
const CONTAINER_ROWS = 65_536;
const ARRAY_ROWS_MAX = 4096;
const BITMAP_BYTES = 8192;

/** Throws `BadVector`. */
export function readRowSet(bytes: Uint8Array): RowSet {
  const cursor = new Cursor(bytes);
  const magic = cursor.u32();
  if (magic !== PORTABLE_MAGIC && magic !== NATIVE_MAGIC) throw new BadVector(`it begins with ${magic}, which is no format of Delta's`);
  const isNative = magic === NATIVE_MAGIC;
  const count = isNative ? cursor.u32() : cursor.u64();
  const containers: Container[] = [];
  let cardinality = 0;
  let lastKey = -1;
  for (let index = 0; index < count; index++) {
    const head = cursor.u32();
    const key = isNative ? index : head;
    if (key <= lastKey) throw new BadVector('its bitmaps are out of order');
    lastKey = key;
    const begin = cursor.at;
    cardinality += readBitmap(cursor, key, containers);
    if (isNative && cursor.at - begin !== head) throw new BadVector(`a bitmap of ${head} bytes has ${cursor.at - begin}`);
  }
  if (cursor.at !== bytes.length) throw new BadVector(`it has ${bytes.length - cursor.at} bytes behind its end`);
  const last = containers.at(-1);
  return { cardinality, rows: last === undefined ? 0 : last.base + highestIn(last, bytes) + 1, bytes, containers };
}

/** Sets the rows' bits in `bits` (least significant first) to 1 or 0. It must have room for `rows`. */
export function markRows({ bytes, containers }: RowSet, bits: Uint8Array, mark: 0 | 1): void {
  for (const { kind, base, at, entries } of containers) {
    switch (kind) {
      case 'array':
        for (let entry = 0; entry < entries; entry++) {
          const row = base + u16(bytes, at + 2 * entry);
          const bit = 1 << (row & 7);
          bits[row >>> 3] = mark === 1 ? (bits[row >>> 3] ?? 0) | bit : (bits[row >>> 3] ?? 0) & ~bit;
        }
        break;
      case 'bitmap': {
        const first = base >>> 3;
        // What lies behind the last row of all is zero.
        const length = Math.min(entries, bits.length - first);
        for (let byte = 0; byte < length; byte++) {
          const marked = bytes[at + byte] ?? 0;
          bits[first + byte] = mark === 1 ? (bits[first + byte] ?? 0) | marked : (bits[first + byte] ?? 0) & ~marked;
        }
        break;
      }
      case 'runs':
        for (let entry = 0; entry < entries; entry++) {
          const first = base + u16(bytes, at + 4 * entry);
          markRange(bits, first, first + u16(bytes, at + 4 * entry + 2) + 1, mark);
        }
        break;
    }
  }
}

/** Sets the bits from row `first` to before `end` to 1 or 0. */
export function markRange(bits: Uint8Array, first: number, end: number, mark: 0 | 1): void {
  const byte = mark === 1 ? 0xff : 0;
  const [wholeFirst, wholeEnd] = [(first + 7) >>> 3, end >>> 3];
  if (wholeFirst < wholeEnd) bits.fill(byte, wholeFirst, wholeEnd);
  const markSingly = (from: number, to: number): void => {
    for (let row = from; row < to; row++) {
      const bit = 1 << (row & 7);
      bits[row >>> 3] = mark === 1 ? (bits[row >>> 3] ?? 0) | bit : (bits[row >>> 3] ?? 0) & ~bit;
    }
  };
  markSingly(first, Math.min(end, wholeFirst * 8));
  markSingly(Math.max(first, wholeEnd * 8, Math.min(end, wholeFirst * 8)), end);
}

/** One 32-bit bitmap: adds its containers, and says how many rows they hold. */
function readBitmap(cursor: Cursor, key: number, containers: Container[]): number {
  const cookie = cursor.u32();
  const withRuns = (cookie & 0xffff) === COOKIE_WITH_RUNS;
  if (!withRuns && cookie !== COOKIE_WITHOUT_RUNS) throw new BadVector(`a bitmap begins with ${cookie}, which is no format of Roaring's`);
  const count = withRuns ? (cookie >>> 16) + 1 : cursor.u32();
  if (count > CONTAINERS_MAX) throw new BadVector(`a bitmap says that it has ${count} containers`);
  const runFlags = cursor.skip(withRuns ? (count + 7) >>> 3 : 0);
  const headers = cursor.skip(4 * count);
  if (!withRuns || count >= OFFSETS_FROM) cursor.skip(4 * count);
  let rows = 0;
  let lastKey = -1;
  for (let index = 0; index < count; index++) {
    const innerKey = u16(cursor.bytes, headers + 4 * index);
    const cardinality = u16(cursor.bytes, headers + 4 * index + 2) + 1;
    if (innerKey <= lastKey) throw new BadVector('its containers are out of order');
    lastKey = innerKey;
    const isRuns = withRuns && (((cursor.bytes[runFlags + (index >>> 3)] ?? 0) >>> (index & 7)) & 1) === 1;
    const base = key * 2 ** 32 + innerKey * CONTAINER_ROWS;
    if (base >= ROWS_MAX) throw new BadVector(`it speaks of row ${base} or one behind it, and a file has fewer than ${ROWS_MAX}`);
    containers.push(readContainer(cursor, isRuns, base, cardinality));
    rows += cardinality;
  }
  return rows;
}

function readContainer(cursor: Cursor, isRuns: boolean, base: number, cardinality: number): Container {
  if (isRuns) {
    const entries = cursor.u16();
    const container: Container = { kind: 'runs', base, at: cursor.skip(4 * entries), entries };
    requireCardinality(rowsInRuns(container, cursor.bytes), cardinality);
    return container;
  }
  if (cardinality > ARRAY_ROWS_MAX) {
    const container: Container = { kind: 'bitmap', base, at: cursor.skip(BITMAP_BYTES), entries: BITMAP_BYTES };
    requireCardinality(rowsInBitmap(container, cursor.bytes), cardinality);
    return container;
  }
  const container: Container = { kind: 'array', base, at: cursor.skip(2 * cardinality), entries: cardinality };
  requireAscending(container, cursor.bytes);
  return container;
}

function requireCardinality(is: number, should: number): void {
  if (is !== should) throw new BadVector(`a container of ${should} rows holds ${is}`);
}

function requireAscending({ at, entries }: Container, bytes: Uint8Array): void {
  let last = -1;
  for (let entry = 0; entry < entries; entry++) {
    const row = u16(bytes, at + 2 * entry);
    if (row <= last) throw new BadVector('the rows of a container are out of order');
    last = row;
  }
}

function rowsInRuns({ at, entries }: Container, bytes: Uint8Array): number {
  let rows = 0;
  let end = 0;
  for (let entry = 0; entry < entries; entry++) {
    const first = u16(bytes, at + 4 * entry);
    const length = u16(bytes, at + 4 * entry + 2) + 1;
    if (first < end) throw new BadVector('the runs of a container are out of order');
    end = first + length;
    rows += length;
  }
  if (end > CONTAINER_ROWS) throw new BadVector('a run goes on behind its container');
  return rows;
}

function rowsInBitmap({ at, entries }: Container, bytes: Uint8Array): number {
  let rows = 0;
  for (let byte = at; byte < at + entries; byte++) {
    let bits = bytes[byte] ?? 0;
    bits -= (bits >>> 1) & 0x55;
    bits = (bits & 0x33) + ((bits >>> 2) & 0x33);
    rows += (bits + (bits >>> 4)) & 0x0f;
  }
  return rows;
}

/** Counted from its base. */
function highestIn({ kind, at, entries }: Container, bytes: Uint8Array): number {
  switch (kind) {
    case 'array':
      return u16(bytes, at + 2 * (entries - 1));
    case 'runs':
      return u16(bytes, at + 4 * (entries - 1)) + u16(bytes, at + 4 * (entries - 1) + 2);
    case 'bitmap': {
      let byte = entries - 1;
      while (bytes[at + byte] === 0) byte--;
      return 8 * byte + 31 - Math.clz32(bytes[at + byte] ?? 0);
    }
  }
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

/** Reads little-endian numbers, and never behind the end. */
class Cursor {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Where the skipped bytes began. */
  skip(length: number): number {
    const { at } = this;
    if (length > this.bytes.length - at) throw new BadVector(`it ends within its first ${at + length} bytes`);
    this.at += length;
    return at;
  }

  u16(): number {
    return u16(this.bytes, this.skip(2));
  }

  u32(): number {
    const at = this.skip(4);
    return u16(this.bytes, at) + 65_536 * u16(this.bytes, at + 2);
  }

  /** A double holds it roughly, which is enough for what must be small. */
  u64(): number {
    return this.u32() + 2 ** 32 * this.u32();
  }
}
