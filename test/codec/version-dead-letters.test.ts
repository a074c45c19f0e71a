/**
 * Whole versions of which some records cannot be, against the model.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { records } from '../../src/codec/records.ts';
import type { BadRecords, Segment } from '../../src/ports/encoder.ts';
import { MISFIT, badVersions, expectedOfBad, jobOf, segmentsOf, toldBy, valueOf } from './version-model.ts';
import type { TestFile, TestVersion, Told } from './version-model.ts';

const LONG = 'x'.repeat(600);
const BAD: BadRecords = { largestRecord: 500, largestLetter: 10_000, feed: 'r/s/a.b.c', topic: 'r.c', version: 7 };
const versions = badVersions(LONG).map((version): TestVersion => ({ ...version, bad: BAD }));

const isTooLarge = (text: string): boolean => text === LONG;

/** What consumers of one key see, and the letters of it. */
function byKey({ said, letters }: Told): unknown {
  const keys = [...new Set([...said, ...letters].map(({ key }) => key.replace('*', '')))].toSorted();
  return keys.map((key) => [
    key,
    said.flatMap((one) => (one.key.replace('*', '') === key ? [[one.key, one.value]] : [])),
    letters.filter((letter) => letter.key === key),
  ]);
}

test('each record is in its topic or a dead letter, with the places of its rows; tombstones come all the same, and what comes behind bears the mark', () => {
  fc.assert(
    fc.property(versions, (version) => {
      const segments = segmentsOf(version, jobOf(version, 1));
      const expected = expectedOfBad(version, isTooLarge);
      const told = toldBy(version, segments);
      expect(told.letters).toEqual(expected.letters);
      if (version.partitions === 1) expect(told.said).toEqual(expected.said);
      expect(byKey(told)).toEqual(byKey(expected));
      for (const { blocks, deadLetters, records: count, bytes, largestRecord } of segments) {
        const made = [...blocks, ...(deadLetters === undefined ? [] : [deadLetters.block])];
        expect(count).toBe(made.reduce((sum, block) => sum + block.count, 0));
        expect(bytes).toBe(made.reduce((sum, block) => sum + block.bytes.length, 0));
        // A row whose records are two of them may be alone in a segment that takes one.
        expect(count <= Math.max(version.segmentRecords, 2) && largestRecord <= BAD.largestRecord).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});

test('in several passes, and gone on with behind any segment, it is the same for each key', () => {
  fc.assert(
    fc.property(versions, fc.constantFrom(1, 2, 4), (version, passes) => {
      const all = segmentsOf(version, jobOf(version, passes));
      expect(byKey(toldBy(version, all))).toEqual(byKey(expectedOfBad(version, isTooLarge)));
      for (const [i, { step, nextRow }] of all.entries()) {
        const rest = segmentsOf(version, jobOf(version, passes, { step, row: nextRow }));
        const marks = marksOf(all.slice(0, i + 1));
        expect(toldBy(version, rest, marks)).toEqual(toldBy(version, all.slice(i + 1), marks));
      }
    }),
    { numRuns: 60 },
  );
});

test('a letter has all of the record but the values that do not fit, of whichever image', () => {
  const images: TestFile = {
    kind: 'cdf',
    rows: [
      { change: 'update_preimage', cells: { a: 1n, v: MISFIT } },
      { change: 'update_postimage', cells: { a: 1n, v: 'new' } },
      { change: 'update_preimage', cells: { a: 2n, v: 'old' } },
      { change: 'update_postimage', cells: { a: 2n, v: MISFIT } },
      { change: 'update_preimage', cells: { a: 3n, v: MISFIT } },
      { change: 'update_postimage', cells: { a: 3n, v: MISFIT } },
      { change: 'update_preimage', cells: { a: 4n, v: 'old' } },
      { change: 'update_postimage', cells: { a: 4n, v: LONG } },
    ],
    selection: null,
  };
  const shape = { partitions: 1, batchRows: 3, segmentRecords: 100, keptBytes: 0, bad: BAD } as const;
  const version: TestVersion = { envelope: 'debezium', files: [images], ...shape };
  const letters = segmentsOf(version, jobOf(version, 1)).flatMap((segment) => lettersOf(version, segment));
  const image = (a: string, v: string | null): unknown => ({ a, b: null, v });
  expect(letters).toEqual([
    ['before the update, row 0 is bad', { op: 'u', before: image('1', null), after: image('1', 'new') }],
    ['row 3 is bad', { op: 'u', before: image('2', 'old'), after: image('2', null) }],
    ['row 5 is bad; before the update, row 4 is bad', { op: 'u', before: image('3', null), after: image('3', null) }],
    [expect.stringMatching(/^the record has \d+ bytes, and its topic has room for 500$/), null],
  ]);
});

test('of a delete that cannot be told the tombstone comes all the same, unless its topic has no room for that either', () => {
  const b = 'k'.repeat(600);
  const leaving: TestFile = {
    kind: 'cdf',
    rows: [
      { change: 'delete', cells: { a: 1n, v: MISFIT } },
      { change: 'delete', cells: { a: 2n, b } },
    ],
    selection: null,
  };
  const shape = { files: [leaving], partitions: 1, batchRows: 9, segmentRecords: 1, keptBytes: 0, bad: BAD } as const;
  const tell = (envelope: TestVersion['envelope']): unknown => {
    const version: TestVersion = { envelope, ...shape };
    const segments = segmentsOf(version, jobOf(version, 1));
    const { said, letters } = toldBy(version, segments);
    return [segments.map(({ records }) => records), said, letters.map(({ key, code }) => [key, code])];
  };
  const small = JSON.stringify({ a: '1', b: null });
  const tooLarge = [JSON.stringify({ a: '2', b }), 'record.too_large'];
  expect(tell('debezium')).toEqual([[2, 1], [{ key: `${small}*`, value: null }], [[small, 'file.column'], tooLarge]]);
  // What is not asked for of a row is not looked at.
  expect(tell('upsert')).toEqual([[1, 1], [{ key: small, value: null }], [tooLarge]]);
});

function lettersOf(version: TestVersion, { deadLetters }: Segment): readonly unknown[] {
  return (deadLetters === undefined ? [] : [...records(deadLetters.block)]).map(({ value, headers }) => {
    const message = headers.find(({ key }) => key === '__connect.errors.exception.message')?.value;
    const read = value === null ? null : valueOf(version, value);
    return [Buffer.from(message ?? []).toString(), read === null ? null : { op: read['op'], before: read['before'], after: read['after'] }];
  });
}

function marksOf(segments: readonly Segment[]): ReadonlySet<string> {
  return new Set(segments.flatMap(({ deadLetters }) => deadLetters?.marks.map(({ mark }) => mark) ?? []));
}
