/**
 * The exam that every `FileDecoder` takes.
 */
import { describe, expect, it } from 'vitest';

import type { ColumnBatch } from '../../src/model/column-batch.ts';
import { Failure } from '../../src/model/failure.ts';
import type { DecodeRequest, FileDecoder } from '../../src/ports/file-decoder.ts';
import type { JsonRow } from '../support/batch-rows.ts';
import { batchRows, rowsFrom } from '../support/batch-rows.ts';
import { column, parquetFile } from '../support/parquet-file.ts';

/** Rows of the fixture `row_groups`: 1000 in row groups of 130. */
const ROWS = 1000;
const COLUMNS = [column('id', 'long'), column('name', 'string'), column('even', 'boolean'), column('at', 'timestamp')];

const EXPECTED = Array.from({ length: ROWS }, (_, i) => ({
  id: String(i),
  name: i % 7 === 0 ? null : `row ${i}`,
  even: i % 11 === 0 ? null : i % 2 === 0,
  at: i % 13 === 0 ? null : (BigInt(i) * 86_400_000_001n - 62_135_596_800_000_000n).toString(),
}));

/** `open` gives a decoder of the calling thread. */
export function fileDecoderExam(open: () => FileDecoder): void {
  const decoder = open();

  describe('batches', () => {
    it.each([1, 7, 8, 100, 130, 131, 5000])('hold every row once and in order, %i rows at most', (batchRowsMax) => {
      const rows: JsonRow[] = [];
      for (const batch of decoder.batches(request({ batchRows: batchRowsMax }))) {
        expect(batch.firstRow).toBe(rows.length);
        expect(batch.rows).toBeLessThanOrEqual(batchRowsMax);
        expect(batch.changeTypes).toBeNull();
        rows.push(...batchRows(batch, COLUMNS));
      }
      expect(rows).toEqual(EXPECTED);
    });

    it.each([0, 1, 8, 129, 130, 131, 259, 777, 999])('begin at row %i when asked to', (fromRow) => {
      expect(first(decoder, request({ fromRow }))?.firstRow).toBe(fromRow);
      expect(rowsFrom(decoder, request({ fromRow }))).toEqual(EXPECTED.slice(fromRow));
    });

    it.each([ROWS, ROWS + 1])('are none from row %i on, behind the last', (fromRow) =>
      expect(rowsFrom(decoder, request({ fromRow }))).toEqual([]),
    );

    it.each(['no_rows', 'no_row_groups'])('are none in a file of %s', (name) => {
      expect(rowsFrom(decoder, request({ bytes: parquetFile(name) }))).toEqual([]);
    });

    it('hold the columns asked for, in the order asked, and null for one that the file lacks', () => {
      const columns = [column('even', 'boolean'), column('absent', 'date'), column('id', 'long')];
      const rows = rowsFrom(decoder, request({ columns }));
      expect(rows).toEqual(EXPECTED.map(({ even, id }) => ({ even, absent: null, id })));
      expect(first(decoder, request({ columns }))?.columns[1]).toEqual({ kind: 'null' });
    });

    it('may be left before their end, as often as one likes', () => {
      const before = decoder.heldBytes();
      for (let i = 0; i < 200; i++) first(decoder, request({ batchRows: 10 }));
      expect(decoder.heldBytes()).toBe(before);
      expect(rowsFrom(decoder, request({}))).toEqual(EXPECTED);
    });

    it('take no more memory when a file is read again and again', () => {
      rowsFrom(decoder, request({}));
      const before = decoder.heldBytes();
      for (let i = 0; i < 20; i++) rowsFrom(decoder, request({}));
      expect(decoder.heldBytes()).toBe(before);
    });

    it('are read from bytes that lie anywhere in their buffer, and leave them as they are', () => {
      const file = parquetFile('row_groups');
      const buffer = new Uint8Array(file.length + 5);
      buffer.set(file, 3);
      const bytes = buffer.subarray(3, 3 + file.length);
      expect(rowsFrom(decoder, request({ bytes }))).toEqual(EXPECTED);
      expect(Buffer.compare(bytes, file)).toBe(0);
    });
  });

  describe('columns are matched by name', () => {
    const one = (name: string, type: 'long' | 'string' = 'long'): readonly JsonRow[] =>
      rowsFrom(decoder, request({ bytes: parquetFile('names'), columns: [column(name, type)] }));

    it('without regard to case where no exact name is there', () => expect(one('ID')).toEqual([{ ID: '1' }]));
    it('by the exact name before any other', () => {
      expect(one('name', 'string')).toEqual([{ name: 'lower' }]);
      expect(one('NAME', 'string')).toEqual([{ NAME: 'upper' }]);
    });
    it('and not guessed between two', () => {
      expect(() => one('Name', 'string')).toThrow(
        failure('file.column', 'column "Name" could be any of the file\'s columns "name", "NAME"'),
      );
    });
    it('with dots and backticks as they are', () => {
      expect(one('a.b')).toEqual([{ 'a.b': '3' }]);
      expect(one('`t`')).toEqual([{ '`t`': '4' }]);
    });
  });

  describe('change types', () => {
    it('are read from the file', () => {
      const bytes = parquetFile('change_types');
      const batch = first(decoder, { bytes, columns: [], mapping: 'none', changeTypes: true, batchRows: 100, fromRow: 0 });
      expect([...(batch?.changeTypes ?? [])]).toEqual([0, 1, 2, 3]);
    });

    it('must be there', () => {
      expect(() => rowsFrom(decoder, request({ changeTypes: true }))).toThrow(
        failure('file.change_type', 'the change file has no column _change_type'),
      );
    });
  });

  describe('whole rows', () => {
    it('are plain objects of the columns asked for', async () => {
      const rows = await decoder.rows(parquetFile('row_groups'), ['id', 'at', 'absent']);
      expect(rows).toEqual(EXPECTED.map(({ id, at }) => ({ id: BigInt(id), at: at === null ? null : BigInt(at), absent: null })));
    });

    it('have every column when none is named', async () => {
      const rows = await decoder.rows(parquetFile('names'), null);
      expect(rows).toEqual([{ Id: 1n, name: 'lower', NAME: 'upper', 'a.b': 3n, '`t`': 4n, a: { b: 9n } }]);
    });
  });

  it.each([
    ['nothing', new Uint8Array(0)],
    ['text', new TextEncoder().encode('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>')],
    ['a file without its last byte', parquetFile('row_groups').subarray(0, -1)],
    ['a file without its first byte', parquetFile('row_groups').subarray(1)],
  ])('%s is no Parquet file', async (_, bytes) => {
    expect(() => rowsFrom(decoder, request({ bytes }))).toThrow(failure('file.undecodable'));
    await expect(decoder.rows(bytes, null)).rejects.toThrow(failure('file.undecodable'));
  });
}

function request(asked: Partial<DecodeRequest>): DecodeRequest {
  return { bytes: parquetFile('row_groups'), columns: COLUMNS, mapping: 'none', changeTypes: false, batchRows: 64, fromRow: 0, ...asked };
}

/** The first batch, after which the iteration is left. */
function first(decoder: FileDecoder, asked: DecodeRequest): ColumnBatch | null {
  for (const batch of decoder.batches(asked)) return batch;
  return null;
}

/** What a thrown failure must be; its message only where it is given. */
export function failure(code: Failure['code'], message?: string): unknown {
  return expect.toSatisfy(
    (error: unknown) => error instanceof Failure && error.code === code && (message === undefined || error.message === message),
    `${code}${message === undefined ? '' : `: ${message}`}`,
  );
}
