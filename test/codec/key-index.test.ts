import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { arena } from '../../src/codec/arena.ts';
import { KeyIndex } from '../../src/codec/key-index.ts';
import { KeptRows, NO_ROW } from '../../src/codec/kept-rows.ts';
import { NO_MORE, NumberList } from '../../src/codec/number-list.ts';

test('the same bytes have the same number, others another, in the order in which they come, whatever their hashes', () => {
  const keys = fc.array(fc.uint8Array({ maxLength: 3 }), { maxLength: 300 });
  fc.assert(
    fc.property(keys, fc.integer({ min: 1, max: 2 ** 31 }), (all, hashes) => {
      const index = new KeyIndex();
      const numbers = new Map<string, number>();
      for (const key of all) {
        const name = Buffer.from(key).toString('hex');
        if (!numbers.has(name)) numbers.set(name, numbers.size);
        const around = Uint8Array.of(9, ...key, 9);
        // With few hashes most keys share theirs.
        const hash = (key.reduce((sum, byte) => Math.imul(sum, 31) + byte, 7) % hashes) | 0;
        expect(index.add(around, 1, key.length, hash)).toBe(numbers.get(name));
      }
    }),
  );
});

test('a hundred thousand keys keep their numbers while the index grows', () => {
  const index = new KeyIndex();
  const key = (i: number): Uint8Array => new Uint8Array(Uint32Array.of(i).buffer);
  const numberOf = (i: number): number => index.add(key(i), 0, 4, Math.imul(i, 7));
  for (let i = 0; i < 100_000; i += 1) numberOf(i);
  index.arriving[99_999] = 3;
  const again = Array.from({ length: 100_000 }, (_, i) => numberOf(i));
  expect(again.every((number, i) => number === i)).toBe(true);
  expect([index.arriving[99_999], index.leaving.length >= 100_000]).toEqual([3, true]);
});

test('keys of two kilobytes take no more than short ones do, and none is taken for another', () => {
  const index = new KeyIndex();
  const numberOf = (text: string): number => {
    const bytes = Buffer.from(text);
    return index.add(bytes, 0, bytes.length, 7);
  };
  const names = Array.from({ length: 100 }, (_, i) => `${'k'.repeat(i < 50 ? 2000 : i - 45)}${i}`);
  const numbers = names.map(numberOf);
  expect(new Set(numbers).size).toBe(100);
  expect(names.map(numberOf)).toEqual(numbers);
  const { bytes } = index;
  expect(bytes).toBeLessThan(100_000);
  index.clear();
  expect(names.toReversed().map(numberOf)).toEqual(numbers);
  expect(index.bytes).toBe(bytes);
});

test('rows that wait are taken by their key, the first one first, and their bytes are as they were', () => {
  const kept = new KeptRows();
  const add = (key: number, text: string): void => {
    const bytes = Buffer.from(text);
    kept.chunk(bytes.length, { file: text, firstRow: 10 * key, misfits: key === 7 ? new Map([[2, text]]) : null }).bytes.set(bytes);
    kept.add(key, 2, 0, bytes.length);
  };
  for (let i = 0; i < 3000; i += 1) add(i % 1500, `row ${i}`);
  const take = (key: number): string | null => {
    const row = kept.take(key);
    if (row === NO_ROW) return null;
    const to = arena(20);
    return Buffer.from(to.bytes.subarray(2, kept.write(row, to, 2))).toString();
  };
  expect([7, 1499, 7, 7, 5000].map(take)).toEqual(['row 7', 'row 1499', 'row 1507', null, null]);
  add(7, 'once more');
  expect([take(7), take(7)]).toEqual(['once more', null]);
  expect([3000, 7, 8].map((row) => [kept.from(row), kept.misfit(row)])).toEqual([
    [{ file: 'once more', row: 72 }, 'once more'],
    [{ file: 'row 7', row: 72 }, 'row 7'],
    [{ file: 'row 8', row: 82 }, null],
  ]);
  const { bytes } = kept;
  kept.clear();
  expect([take(7), kept.rows, kept.rowBytes]).toEqual([null, 0, 0]);
  add(7, 'again');
  expect([take(7), take(7), kept.rowBytes, kept.bytes]).toEqual(['again', null, 5, bytes]);
});

test('a list of numbers is read in the order in which it was written, to its end', () => {
  const list = new NumberList();
  for (let i = 0; i < 1000; i += 1) list.push(3 * i);
  expect(Array.from({ length: 1001 }, () => list.next())).toEqual([...Array.from({ length: 1000 }, (_, i) => 3 * i), NO_MORE]);
  expect([list.isRead, new NumberList().isRead]).toEqual([true, true]);
});
