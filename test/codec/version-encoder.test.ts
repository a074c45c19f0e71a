/**
 * Whole versions against the model.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecordWriter } from '../../src/codec/record-writer.ts';
import { encodeVersion } from '../../src/codec/version-encoder.ts';
import type { ChangeType } from '../../src/model/column-batch.ts';
import type { Segment } from '../../src/ports/encoder.ts';
import { rowsDecoder } from './batches.ts';
import { byKey, expectedOf, jobOf, saidBy, segmentsOf, versions } from './version-model.ts';
import type { Said, TestFile, TestVersion } from './version-model.ts';

test('a version is what the model says, in the order of the plan', () => {
  fc.assert(
    fc.property(versions, (version) => {
      const segments = segmentsOf(version, jobOf(version, 1));
      const { said, duplicates } = expectedOf(version);
      if (version.partitions === 1) expect(saidBy(version, segments)).toEqual(said);
      expect(byKey(saidBy(version, segments))).toEqual(byKey(said));
      expect(segments.reduce((sum, segment) => sum + segment.duplicates, 0)).toBe(duplicates);
    }),
    { numRuns: 300 },
  );
});

test('in several passes each key sees the same', () => {
  fc.assert(
    fc.property(versions, fc.constantFrom(2, 4, 16), (version, passes) => {
      expect(byKey(saidBy(version, segmentsOf(version, jobOf(version, passes))))).toEqual(byKey(expectedOf(version).said));
    }),
    { numRuns: 120 },
  );
});

test('goes on from wherever a segment ended, in whichever pass, with the very same records', () => {
  fc.assert(
    fc.property(versions, fc.constantFrom(1, 2, 4), (version, passes) => {
      const all = segmentsOf(version, jobOf(version, passes));
      const bytesOf = (segments: readonly Segment[]): readonly Said[] => saidBy(version, segments);
      for (const [i, { step, nextRow }] of all.entries()) {
        const rest = segmentsOf(version, jobOf(version, passes, { step, row: nextRow }));
        expect(bytesOf(rest)).toEqual(bytesOf(all.slice(i + 1)));
      }
    }),
    { numRuns: 120 },
  );
});

const rows = (...changes: readonly (readonly [ChangeType, number, string])[]): TestFile => ({
  kind: 'cdf',
  rows: changes.map(([change, a, v]) => ({ change, cells: { a: BigInt(a), b: null, v } })),
  selection: null,
});
const plain: TestVersion = { envelope: 'debezium', files: [], partitions: 1, batchRows: 100, segmentRecords: 100, keptBytes: 0 };

/** By the column `v`, of both images. */
function short(said: readonly Said[]): readonly unknown[] {
  return said.map(({ value }) =>
    value === null ? 'tombstone' : 'op' in value ? [value['op'], imageOf(value['before']), imageOf(value['after'])] : value['v'],
  );
}

function imageOf(image: unknown): unknown {
  return typeof image === 'object' && image !== null && 'v' in image ? image.v : null;
}

test('twins are paired over files, the first of a key with the first; a key that changes is a delete and a create', () => {
  const files = [
    rows(['update_preimage', 1, 'one'], ['update_preimage', 2, 'two'], ['update_postimage', 2, 'TWO'], ['update_preimage', 5, 'five']),
    rows(['update_postimage', 6, 'FIVE'], ['update_postimage', 1, 'ONE'], ['delete', 3, 'three'], ['insert', 3, 'THREE']),
    rows(['update_preimage', 1, 'eins'], ['update_postimage', 1, 'EINS']),
  ];
  const version = { ...plain, files };
  expect(short(saidBy(version, segmentsOf(version, jobOf(version, 1))))).toEqual([
    ['d', 'five', null],
    'tombstone',
    ['d', 'three', null],
    'tombstone',
    ['u', 'two', 'TWO'],
    ['c', null, 'FIVE'],
    ['u', 'one', 'ONE'],
    ['c', null, 'THREE'],
    ['u', 'eins', 'EINS'],
  ]);
});

test('an update counts as both of its images, a delete once, whatever records they make', () => {
  const version = { ...plain, files: [rows(['update_preimage', 1, 'one'], ['update_postimage', 1, 'ONE'], ['delete', 2, 'two'])] };
  expect(segmentsOf(version, jobOf(version, 1))).toMatchObject([
    { records: 3, counts: { insert: 0, update_preimage: 1, update_postimage: 1, delete: 1 }, duplicates: 0 },
  ]);
  const upsert: TestVersion = { ...version, envelope: 'upsert' };
  expect(segmentsOf(upsert, jobOf(upsert, 1))).toMatchObject([
    { records: 2, counts: { insert: 0, update_preimage: 0, update_postimage: 1, delete: 1 }, duplicates: 0 },
  ]);
});

test('files are asked for again only where they are not kept', () => {
  const version = { ...plain, files: [rows(['insert', 1, 'one']), rows(['insert', 2, 'two'])] };
  const asked = (keptBytes: number): number => {
    let count = 0;
    const counting = { ...version, keptBytes };
    const segments = encodeVersion(jobOf(counting, 1), rowsDecoder([], 1), new RecordWriter());
    for (let next = segments.next(); next.done !== true;) {
      const isNeed = 'kind' in next.value;
      if (isNeed) count += 1;
      next = segments.next(isNeed ? { bytes: Uint8Array.of(0), rows: null } : undefined);
    }
    return count;
  };
  expect([asked(0), asked(1), asked(2)]).toEqual([6, 4, 2]);
});
