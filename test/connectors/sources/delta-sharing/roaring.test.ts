import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RowSet } from '../../../../connectors/sources/delta-sharing/roaring.ts';
import { BadVector, markRange, markRows, readRowSet } from '../../../../connectors/sources/delta-sharing/roaring.ts';
import { bitmap32, joined, NATIVE_MAGIC, PORTABLE_MAGIC, rowSet, rowsIn, rowsOf32, u16, u32 } from './vector-makers.ts';

function rowsOf(set: RowSet): readonly number[] {
  const bits = new Uint8Array(Math.ceil(set.rows / 8));
  markRows(set, bits, 1);
  return rowsIn(bits);
}

/** Quicker than to compare them one by one, and they are many. */
function isSame(a: readonly number[], b: readonly number[]): boolean {
  return Buffer.compare(Buffer.from(Uint32Array.from(a).buffer), Buffer.from(Uint32Array.from(b).buffer)) === 0;
}

/** Rows as files lose them: here and there, in stretches, and nearly all of a stretch; over several containers. */
const someRows = fc
  .array(
    fc.record({
      first: fc.integer({ min: 0, max: 5 * 65_536 }),
      length: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 300 }), fc.integer({ min: 300, max: 30_000 })),
      step: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 9 })),
    }),
    { maxLength: 12 },
  )
  .map((stretches) => {
    const rows = new Set<number>();
    for (const { first, length, step } of stretches) for (let row = first; row < first + length; row += step) rows.add(row);
    return [...rows].sort((a, b) => a - b);
  });

describe('a set of rows', () => {
  it('is read as the Roaring library wrote it, with runs and without', () => {
    fc.assert(
      fc.property(someRows, fc.boolean(), (rows, runs) => {
        const set = readRowSet(rowSet(rows, runs));
        expect([set.cardinality, set.rows]).toEqual([rows.length, (rows.at(-1) ?? -1) + 1]);
        expect(isSame(rowsOf(set), rows)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['of no row', []],
    ['of the first row', [0]],
    ['of the last row of a container and the first of the next', [65_535, 65_536]],
    ['of as many rows as an array may have', Array.from({ length: 4096 }, (_, row) => 3 * row)],
    ['of one more, which is a bitmap', Array.from({ length: 4097 }, (_, row) => 3 * row)],
    ['of a whole container', Array.from({ length: 65_536 }, (_, row) => row)],
    [
      'of three containers of runs, which have no offsets',
      [0, 1, 2, 3, 65_536, 65_537, 65_538, 65_539, 131_072, 131_073, 131_074, 131_075],
    ],
    ['of four, which have', [0, 1, 2, 3, 65_536, 65_537, 65_538, 65_539, 131_072, 131_073, 131_074, 131_075, 196_608, 196_609, 196_610]],
  ])('%s is read, with runs and without', (_, rows) => {
    expect(rowsOf(readRowSet(rowSet(rows)))).toEqual(rows);
    expect(rowsOf(readRowSet(rowSet(rows, false)))).toEqual(rows);
  });

  it('of the old native array is read: lengths stand in the place of keys', () => {
    const [some, none] = [bitmap32([1, 70_000]), bitmap32([])];
    const set = readRowSet(joined(u32(NATIVE_MAGIC, 2, some.length), some, u32(none.length), none));
    expect([set.cardinality, rowsOf(set)]).toEqual([2, [1, 70_000]]);
  });

  it('up to row 2^31 - 1 is read without memory for rows', () => {
    expect(readRowSet(rowSet([5, 2 ** 31 - 1]))).toMatchObject({ cardinality: 2, rows: 2 ** 31 });
  });

  it('is taken out of a bitmap again', () => {
    fc.assert(
      fc.property(someRows, someRows, fc.boolean(), (rows, gone, runs) => {
        const [all, out] = [readRowSet(rowSet(rows, runs)), readRowSet(rowSet(gone, runs))];
        const bits = new Uint8Array(Math.ceil(Math.max(all.rows, out.rows) / 8));
        markRows(all, bits, 1);
        markRows(out, bits, 0);
        const without = new Set(gone);
        const left = rows.filter((row) => !without.has(row));
        expect(isSame(rowsIn(bits), left)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('is of a range of any bounds', () => {
    for (let first = 0; first <= 20; first++) {
      for (let end = first; end <= 40; end++) {
        const bits = new Uint8Array(5);
        markRange(bits, first, end, 1);
        expect(rowsIn(bits)).toEqual(Array.from({ length: end - first }, (_, i) => first + i));
        bits.fill(0xff);
        markRange(bits, first, end, 0);
        expect(rowsIn(bits)).toEqual(Array.from({ length: 40 }, (_, row) => row).filter((row) => row < first || row >= end));
      }
    }
  });
});

/** A portable array of one bitmap whose bytes are these. */
const portable = (...parts: readonly Uint8Array[]): Uint8Array => joined(u32(PORTABLE_MAGIC, 1, 0, 0), ...parts);
/** Without runs: containers of [key, rows], their offsets, which nobody reads, and what comes. */
const bitmap = (containers: readonly (readonly [number, number])[], ...content: readonly Uint8Array[]): Uint8Array =>
  portable(
    u32(12_346, containers.length),
    ...containers.map(([key, rows]) => u16(key, rows - 1)),
    u32(...containers.map(() => 7)),
    ...content,
  );
/** One container of runs. */
const runs = (rows: number, ...pairs: readonly (readonly [number, number])[]): Uint8Array =>
  portable(u32(12_347), Uint8Array.of(1), u16(0, rows - 1), u16(pairs.length), ...pairs.map(([first, length]) => u16(first, length - 1)));

describe('damage', () => {
  it.each([
    ['nothing at all', new Uint8Array(), 'it ends within its first 4 bytes'],
    ['another magic', joined(u32(1_681_511_378, 0, 0)), 'it begins with 1681511378, which is no format of Delta’s'],
    ['the magic the other way round (trap 15)', Uint8Array.of(0x64, 0x39, 0xd3, 0xd1, 0, 0, 0, 0, 0, 0, 0, 0), 'it begins with 3520280932'],
    ['more bitmaps than there are', u32(PORTABLE_MAGIC, 0xffff_ffff, 0xffff_ffff), 'it ends within its first 16 bytes'],
    ['bytes behind the end', joined(rowSet([1]), u16(0)), 'it has 2 bytes behind its end'],
    ['bitmaps out of order', joined(u32(PORTABLE_MAGIC, 2, 0, 0), bitmap32([1]), u32(0), bitmap32([2])), 'its bitmaps are out of order'],
    ['a native bitmap of another length', joined(u32(NATIVE_MAGIC, 1, 8), bitmap32([1])), 'a bitmap of 8 bytes has 18'],
    ['a row that no file has', joined(u32(PORTABLE_MAGIC, 1, 0, 1), bitmap32([1])), 'it speaks of row 4294967296 or one behind it'],
    ['a row of 2^31', rowSet([2 ** 31]), 'it speaks of row 2147483648 or one behind it, and a file has fewer than 2147483648'],
    ['a cookie that is none', portable(u32(12_345, 0)), 'a bitmap begins with 12345, which is no format of Roaring'],
    ['more containers than there can be', portable(u32(12_346, 65_537)), 'a bitmap says that it has 65537 containers'],
    ['more containers than there are', portable(u32(12_346, 65_536)), 'it ends within its first'],
    [
      'containers out of order',
      bitmap(
        [
          [1, 1],
          [1, 1],
        ],
        u16(1, 2),
      ),
      'its containers are out of order',
    ],
    ['rows out of order', bitmap([[0, 3]], u16(1, 3, 2)), 'the rows of a container are out of order'],
    ['a row twice', bitmap([[0, 2]], u16(3, 3)), 'the rows of a container are out of order'],
    ['an array that is cut', bitmap([[0, 3]], u16(1, 3)), 'it ends within its first'],
    ['a bitmap of other rows than it says', bitmap([[0, 5000]], new Uint8Array(8192).fill(1)), 'a container of 5000 rows holds 8192'],
    ['runs that overlap', runs(4, [0, 2], [1, 2]), 'the runs of a container are out of order'],
    ['a run that leaves its container', runs(2, [65_535, 2]), 'a run goes on behind its container'],
    ['runs of other rows than they say', runs(3, [0, 2], [2, 2]), 'a container of 3 rows holds 4'],
    ['no run in a container of runs', runs(1), 'a container of 1 rows holds 0'],
    ['a flag of runs behind the end', portable(u32(12_347 + 65_536 * 65_535)), 'it ends within its first'],
  ])('%s is told', (_, bytes, message) => {
    expect(() => readRowSet(bytes)).toThrow(BadVector);
    expect(() => readRowSet(bytes)).toThrow(message.replace('’', "'"));
  });

  it('of any kind is told, or leaves a set that is sound', () => {
    const sound = fc.constantFrom(
      rowSet([1, 2, 3, 70_000]),
      rowSet([1, 2, 3, 70_000], false),
      rowSet(Array.from({ length: 5000 }, (_, row) => 13 * row)),
      rowSet(Array.from({ length: 300 }, (_, row) => row + (row > 100 ? 1000 : 0))),
    );
    const changes = fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { minLength: 1, maxLength: 4 });
    let told = 0;
    fc.assert(
      fc.property(sound, changes, fc.nat(3), (bytes, damage, cut) => {
        const damaged = bytes.slice(0, bytes.length - cut);
        for (const { at, byte } of damage) damaged[at % Math.min(damaged.length, 200)] = byte;
        try {
          const set = readRowSet(damaged);
          const bits = new Uint8Array(Math.min(Math.ceil(set.rows / 8), 2 ** 18));
          if (set.rows > 8 * bits.length) return;
          markRows(set, bits, 1);
          expect(rowsIn(bits)).toHaveLength(set.cardinality);
          // The library passes over much, and reads what it takes as we do.
          if (damaged[0] === 0xd1) expect(isSame(rowsOf32(damaged.subarray(16)), rowsIn(bits))).toBe(true);
        } catch (error) {
          if (!(error instanceof BadVector)) throw error;
          told++;
        }
      }),
      { numRuns: 3000 },
    );
    expect(told).toBeGreaterThan(1000);
  });

  it('of bytes that mean nothing is told', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(PORTABLE_MAGIC, NATIVE_MAGIC), (bytes, magic) => {
        try {
          readRowSet(joined(u32(magic), bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(BadVector);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
