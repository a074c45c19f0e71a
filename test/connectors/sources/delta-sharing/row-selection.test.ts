import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BadVector, readRowSet } from '../../../../connectors/sources/delta-sharing/roaring.ts';
import { selectionOf } from '../../../../connectors/sources/delta-sharing/row-selection.ts';
import { rowSet, rowsIn } from './vector-makers.ts';

const FILE_BYTES = 1000;
const setOf = (rows: readonly number[] | null) => (rows === null ? null : readRowSet(rowSet(rows)));

it('selects the rows that are inside and not outside, up to the highest that is spoken of', () => {
  const some = fc.option(fc.uniqueArray(fc.nat(200), { maxLength: 40 }));
  fc.assert(
    fc.property(some, some, (inside, outside) => {
      const rows = Math.max(-1, ...(inside ?? []), ...(outside ?? [])) + 1;
      const selected = Array.from({ length: rows }, (_, row) => row).filter(
        (row) => (inside?.includes(row) ?? true) && !(outside?.includes(row) ?? false),
      );
      const { bits, ...said } = selectionOf(setOf(inside), setOf(outside), FILE_BYTES);
      expect(said).toEqual({ rows, beyond: inside === null });
      expect([bits.length, rowsIn(bits)]).toEqual([Math.ceil(rows / 8), selected]);
    }),
  );
});

it('takes no more memory than the file does, or than 16 MiB', () => {
  const most = 8 * 16_777_216 - 1;
  expect(selectionOf(null, setOf([most]), FILE_BYTES)).toMatchObject({ rows: most + 1 });
  expect(() => selectionOf(null, setOf([most + 1]), FILE_BYTES)).toThrow(
    new BadVector(`it speaks of row ${most + 1}, and the file has 1000 bytes`),
  );
  expect(selectionOf(setOf([most + 1]), null, 16_777_217)).toMatchObject({ rows: most + 2, beyond: false });
});
