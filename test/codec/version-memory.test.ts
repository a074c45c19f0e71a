/**
 * Versions whose keys and kept rows take more memory than they may.
 */
import { expect, test } from 'vitest';
import type { VersionJob } from '../../src/codec/version-pass.ts';
import type { ChangeType } from '../../src/model/column-batch.ts';
import { Failure } from '../../src/model/failure.ts';
import type { TestRow } from './batches.ts';
import { byKey, jobOf, saidBy, segmentsOf } from './version-model.ts';
import type { TestVersion } from './version-model.ts';

const UPDATES = 1500;
/** Room for a thousand rows that are kept, and not for all of them. */
const LITTLE = 500_000;
const BATCH = 500;

function image(change: ChangeType, i: number): TestRow {
  return { change, cells: { a: BigInt(i), b: 'k'.repeat(300), v: change } };
}

function file(change: ChangeType, from: number, to: number): TestVersion['files'][number] {
  return { kind: 'cdf', rows: Array.from({ length: to - from }, (_, i) => image(change, from + i)), selection: null };
}

/** When segments are out, most of what leaves has been kept. */
const VERSION: TestVersion = {
  envelope: 'debezium',
  files: [
    file('update_preimage', 0, 1000),
    file('delete', UPDATES, UPDATES + 150),
    file('update_preimage', 1000, UPDATES),
    file('update_postimage', 0, UPDATES),
  ],
  partitions: 1,
  batchRows: BATCH,
  segmentRecords: 100,
  keptBytes: 100,
};

test('there are more passes as soon as that can be foreseen, each key sees the same, and each segment says where to go on', () => {
  const alone = segmentsOf(VERSION, jobOf(VERSION, 1));
  const little = segmentsOf(VERSION, { ...jobOf(VERSION, 1), memoryBytes: LITTLE });
  expect(new Set(alone.map(({ passes }) => passes))).toEqual(new Set([1]));
  expect(new Set(little.map(({ passes }) => passes))).toEqual(new Set([2]));
  expect(byKey(saidBy(VERSION, little))).toEqual(byKey(saidBy(VERSION, alone)));
  for (const at of [3, little.length - 3]) {
    const { passes, step, nextRow } = little[at] ?? { passes: 0, step: 0, nextRow: 0 };
    const rest = segmentsOf(VERSION, { ...jobOf(VERSION, passes, { step, row: nextRow }), memoryBytes: LITTLE });
    expect(saidBy(VERSION, rest)).toEqual(saidBy(VERSION, little.slice(at + 1)));
  }
});

test('a pass is divided, and those before it, which are out, stay', () => {
  const files = VERSION.files.toSpliced(1, 1);
  const version: TestVersion = { ...VERSION, files };
  const two = segmentsOf(version, jobOf(version, 2));
  const last = two.findLast(({ step }) => step === 2 * files.length - 1);
  const from = { step: last?.step ?? 0, row: last?.nextRow ?? 0 };
  // The first pass is done, and the second one may take less than it did.
  const rest = segmentsOf(version, { ...jobOf(version, 2, from), memoryBytes: 250_000 });
  expect(new Set(rest.flatMap(({ passes, records }) => (records === 0 ? [] : [passes])))).toEqual(new Set([4]));
  expect(
    byKey([
      ...saidBy(
        version,
        two.filter(({ step }) => step <= from.step),
      ),
      ...saidBy(version, rest),
    ]),
  ).toEqual(byKey(saidBy(version, two)));
});

test('a pass of which something is out, or that may not be divided, may take twice as much, and then fails', () => {
  const failing = (job: Partial<VersionJob>): unknown => {
    try {
      return segmentsOf(VERSION, { ...jobOf(VERSION, 1), ...job }).length > 0;
    } catch (error) {
      return error instanceof Failure ? [error.code, error.message, error.version] : error;
    }
  };
  const sentence = /^what is known of the keys of version 7 at one time takes \d+ bytes, in pass 1 of 1, and may take 400000$/;
  const failure = ['version.too_large', expect.stringMatching(sentence), 7];
  expect(failing({ memoryBytes: 200_000, from: { step: 0, row: BATCH } })).toEqual(failure);
  expect(failing({ memoryBytes: 200_000, passesMax: 1 })).toEqual(failure);
  expect(failing({ memoryBytes: LITTLE, from: { step: 0, row: BATCH } })).toBe(true);
});
