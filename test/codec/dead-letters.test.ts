import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { markOf, markSegment, MARK_BYTES } from '../../src/codec/key-marks.ts';
import { RecordWriter } from '../../src/codec/record-writer.ts';
import { records } from '../../src/codec/records.ts';
import { encodeEntry } from '../../src/codec/segments.ts';
import { assert, must } from '../../src/lib/assert.ts';
import type { BadRecords, Segment } from '../../src/ports/encoder.ts';
import type { FileDecoder } from '../../src/ports/file-decoder.ts';
import { column, rowsDecoder } from './batches.ts';
import type { TestRow } from './batches.ts';
import { encode, request } from './cases.ts';
import type { Case } from './cases.ts';

const COLUMNS = [column('id', { kind: 'long' }), column('text', { kind: 'string' }), column('small', { kind: 'byte' })];
const LONG = 'x'.repeat(300);
const BAD: BadRecords = { largestRecord: 200, largestLetter: 10_000, feed: 'r/s/a.b.c', topic: 'r.c', version: 7 };

/** The rows of these numbers have a value that does not fit, which the decoder gives as null. */
function misfitting(rows: readonly TestRow[], misfits: ReadonlySet<number>, batchRows: number): FileDecoder {
  const given = rows.map((row, i) => (misfits.has(i) ? { ...row, cells: { ...row.cells, small: null } } : row));
  const decoder = rowsDecoder(given, batchRows);
  return {
    ...decoder,
    *batches(asked) {
      expect([...(asked.lenient ?? [])].map(({ name }) => name)).toEqual(['text', 'small']);
      for (const batch of decoder.batches(asked)) {
        const own = [...misfits].filter((row) => row >= batch.firstRow && row < batch.firstRow + batch.rows);
        yield {
          ...batch,
          ...(own.length === 0 ? {} : { misfits: new Map(own.map((row) => [row - batch.firstRow, `row ${row} is bad`])) }),
        };
      }
    },
  };
}

function encodeBad(of: Case, misfits: ReadonlySet<number>, bad: BadRecords = BAD): readonly Segment[] {
  const decoder = misfitting(of.rows, misfits, of.batchRows ?? 8192);
  return [...encodeEntry({ ...request(of), bad }, decoder, new RecordWriter())];
}

/** Keys, values and marks of what goes to the topic, by partition. */
function topicOf(segments: readonly Segment[], marked: ReadonlySet<string> = new Set()): readonly string[] {
  const marks = new Set(marked);
  return segments
    .flatMap((segment) => {
      const { blocks } = markSegment(segment, marks);
      for (const { mark } of segment.deadLetters?.marks ?? []) marks.add(mark);
      return blocks;
    })
    .flatMap((block) => [...records(block)].map((record) => ({ ...record, partition: block.partition })))
    .map(({ key, value, headers, partition }) => `${partition} ${hex(key)} ${hex(value)} ${headers.map((header) => header.key).join()}`)
    .toSorted();
}

interface Letter {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

function lettersOf(segments: readonly Segment[]): readonly Letter[] {
  return segments
    .flatMap(({ deadLetters }) => (deadLetters === undefined ? [] : [...records(deadLetters.block)]))
    .map(({ key, value, headers }) => ({
      key: hex(key),
      value: hex(value),
      headers: Object.fromEntries(headers.map((header) => [header.key, Buffer.from(header.value ?? []).toString('utf8')])),
    }));
}

function hex(bytes: Uint8Array | null): string {
  return bytes === null ? 'none' : Buffer.from(bytes).toString('hex');
}

/** Few keys, so that most come again. */
const rows = fc.array(
  fc.record({
    cells: fc.record({
      id: fc.bigInt({ min: 0n, max: 5n }),
      text: fc.oneof({ weight: 4, arbitrary: fc.string({ maxLength: 9 }) }, { weight: 1, arbitrary: fc.constant(LONG) }),
      small: fc.bigInt({ min: -128n, max: 127n }),
    }),
  }),
  { maxLength: 40 },
);

test('each row is in its topic or among the dead letters, and what comes behind a dead letter of its key bears the mark, wherever segments end', () => {
  fc.assert(
    fc.property(
      rows,
      fc.array(fc.nat(39), { maxLength: 6 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      (all, chosen, segmentRecords, batchRows) => {
        const misfits = new Set(chosen.filter((i) => i < all.length));
        const of = { columns: COLUMNS, key: ['id'], partitions: 3, rows: all, segmentRecords, batchRows };
        const segments = encodeBad(of, misfits);
        const isBad = (row: TestRow, i: number): boolean => misfits.has(i) || row.cells['text'] === LONG;
        const expected = all.flatMap((row, i) => {
          if (isBad(row, i)) return [];
          const isMarked = all.some((other, j) => j < i && isBad(other, j) && other.cells['id'] === row.cells['id']);
          return topicOf(encode({ columns: COLUMNS, key: ['id'], partitions: 3, rows: [row] })).map(
            (text) => text + (isMarked ? 'cdf-relay.after-dead-letter' : ''),
          );
        });
        expect(topicOf(segments)).toEqual(expected.toSorted());
        expect(lettersOf(segments).map(({ headers }) => headers['cdf-relay.row'])).toEqual(
          all.flatMap((row, i) => (isBad(row, i) ? [String(i)] : [])),
        );
        expect(segments.reduce((sum, segment) => sum + segment.records, 0)).toBe(all.length);
        for (const { blocks, deadLetters, records: count, bytes, largestRecord } of segments) {
          const made = [...blocks, ...(deadLetters === undefined ? [] : [deadLetters.block])];
          expect([count, bytes]).toEqual([
            made.reduce((sum, block) => sum + block.count, 0),
            made.reduce((sum, block) => sum + block.bytes.length, 0),
          ]);
          expect(count <= segmentRecords && largestRecord <= BAD.largestRecord).toBe(true);
        }
        // Gone on with behind any segment, the rest is the same.
        const [first, ...rest] = segments;
        if (first === undefined || rest.length === 0) return;
        expect(lettersOf(encodeBad({ ...of, fromRow: first.nextRow }, misfits))).toEqual(lettersOf(rest));
        expect(topicOf(encodeBad({ ...of, fromRow: first.nextRow }, misfits), marksOf([first]))).toEqual(topicOf(rest, marksOf([first])));
      },
    ),
  );
});

function marksOf(segments: readonly Segment[]): ReadonlySet<string> {
  return new Set(segments.flatMap(({ deadLetters }) => deadLetters?.marks.map(({ mark }) => mark) ?? []));
}

const LONE: Case = { columns: COLUMNS, key: ['id'], rows: [{ cells: { id: 1n, text: 'x'.repeat(300), small: 5n } }] };

test('a letter that its topic does not take leaves out the value, then the key', () => {
  const small = { ...LONE, rows: [{ cells: { id: 1n, text: 'x'.repeat(30), small: 5n } }] };
  const [whole] = lettersOf(encodeBad(small, new Set([0])));
  const ofWhole = must(encodeBad(small, new Set([0]))[0]?.deadLetters, 'a dead letter').block.bytes.length;
  expect(whole?.value).toContain(Buffer.from('x'.repeat(30)).toString('hex'));
  const near = (largestLetter: number): Letter | undefined => lettersOf(encodeBad(small, new Set([0]), { ...BAD, largestLetter }))[0];
  // The place in a block, which is not known before, takes up to five bytes.
  expect(near(ofWhole + 5)).toEqual(whole);
  expect(near(ofWhole - 1)).toEqual({ ...whole, value: 'none' });
  expect(near(ofWhole - 60)).toEqual({ ...whole, value: 'none', key: 'none' });
});

test('a record that is too long comes without its value, a byte shorter it is published', () => {
  const [segment] = encode(LONE);
  const { largestRecord } = must(segment, 'a segment');
  expect(lettersOf(encodeBad(LONE, new Set(), { ...BAD, largestRecord }))).toEqual([]);
  expect(lettersOf(encodeBad(LONE, new Set(), { ...BAD, largestRecord: largestRecord - 1 }))).toMatchObject([
    {
      key: expect.stringMatching(/^01/),
      value: 'none',
      headers: {
        'cdf-relay.code': 'record.too_large',
        '__connect.errors.exception.message': `the record has ${largestRecord} bytes, and its topic has room for ${largestRecord - 1}`,
      },
    },
  ]);
});

test('a mark makes a record longer by no more than is said, and others of its hash alone stay', () => {
  const [segment] = encode({ ...LONE, isSnapshot: true });
  assert(segment !== undefined, 'a segment');
  const [record] = records(must(segment.blocks[0], 'a block'));
  const mark = markOf(must(record?.key ?? undefined, 'a key'));
  const marked = markSegment(segment, new Set([mark]));
  expect(marked.largestRecord - segment.largestRecord).toBeGreaterThan(30);
  expect(marked.largestRecord - segment.largestRecord).toBeLessThanOrEqual(MARK_BYTES);
  expect(marked.bytes - segment.bytes).toBe(marked.largestRecord - segment.largestRecord);
  expect(markSegment(segment, new Set([`${mark.slice(0, 8)}00000000`]))).toBe(segment);
});

test('of a file whose bad rows are not chosen nothing is a dead letter', () => {
  const bits = Uint8Array.of(0b101);
  const of = {
    ...LONE,
    rows: Array.from({ length: 3 }, () => ({ cells: { id: 1n, text: 'a', small: 1n } })),
    selection: { bits, rows: 3, beyond: false },
  };
  expect(encodeBad(of, new Set([1])).map(({ records: count, deadLetters }) => [count, deadLetters])).toEqual([[2, undefined]]);
});
