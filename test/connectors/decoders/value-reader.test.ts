/**
 * Arrow arrays as the interface allows them and parquet-wasm seldom makes them: slices that begin anywhere, and offsets that do not begin at 0.
 */
import { Bool, Field, Int16, List, Map_, Struct, Utf8 } from 'apache-arrow';
import type { DataType as ArrowType } from 'apache-arrow';
import { describe, expect, it } from 'vitest';

import type { ArrowArray } from '../../../connectors/decoders/arrow-memory.ts';
import type { FileField } from '../../../connectors/decoders/file-field.ts';
import { readFooter } from '../../../connectors/decoders/footer.ts';
import { valueReader } from '../../../connectors/decoders/value-reader.ts';
import { must } from '../../../src/lib/assert.ts';
import type { Column } from '../../../src/model/table-schema.ts';
import { batchRows } from '../../support/batch-rows.ts';
import { column, list, map, parquetFile, struct } from '../../support/parquet-file.ts';

const memory = new ArrayBuffer(4096);
let end = 8;

/** Puts bytes into the memory, and tells their address. */
function put(bytes: Uint8Array): number {
  const address = end;
  new Uint8Array(memory, address).set(bytes);
  end = Math.ceil((address + bytes.length) / 8) * 8;
  return address;
}

/** `validity` and the booleans are bits, the first row in the least significant one. */
function array(
  length: number,
  offset: number,
  validity: number | null,
  values: readonly Uint8Array[],
  children: readonly ArrowArray[] = [],
): ArrowArray {
  const bitmap = validity === null ? 0 : put(Uint8Array.of(validity, validity >>> 8));
  return { memory, length, offset, nullCount: validity === null ? 0 : -1, buffers: [bitmap, ...values.map(put)], children };
}

const int32s = (...values: readonly number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);
const int16s = (...values: readonly number[]): Uint8Array => new Uint8Array(Int16Array.from(values).buffer);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const bytes = parquetFile('no_rows');
const footer = readFooter(bytes);
const rowGroup = must(footer.rowGroups[0], 'a row group');
const flat = must(footer.fields[0], 'a flat field');

function field(name: string, index: number, shape: FileField['shape'] = flat.shape): FileField {
  return { ...flat, name, index, shape };
}

function read(wanted: Column, file: FileField, fileType: ArrowType, from: ArrowArray): readonly unknown[] {
  const source = { bytes, footer, rowGroup, mapping: 'none' as const };
  const data = valueReader({ path: wanted.name, type: wanted.type, field: file, fileType }, source)(from, {
    firstRow: 0,
    rows: from.length,
    misfit: (i) => expect.fail(`value ${i} does not fit`),
  });
  return batchRows({ firstRow: 0, rows: from.length, columns: [data], changeTypes: null }, [wanted]).map((row) => row[wanted.name]);
}

const fields = [new Field('b', new Bool(), true), new Field('n', new Int16(), true)];
const shape = { kind: 'struct', fields: [field('b', 0), field('n', 1)] } as const;
/** Six entries behind two others: booleans 1 0 1 1 0 1 and numbers 10 to 15, of which the one at 4 is null; the struct at 3 is null itself. */
const structs = array(
  6,
  2,
  0b1101_1111,
  [],
  [array(8, 1, null, [Uint8Array.of(0b0110_1000, 1)]), array(9, 0, 0b1_1011_1111, [int16s(-1, -1, 10, 11, 12, 13, 14, 15, -1)])],
);

describe('a slice is read from where it begins', () => {
  it('of a struct, whose children are sliced by it', () =>
    expect(read(column('s', struct({ n: 'integer', b: 'boolean' })), field('s', 0, shape), new Struct(fields), structs)).toEqual([
      { n: 10, b: true },
      { n: 11, b: false },
      { n: 12, b: true },
      null,
      { n: null, b: false },
      { n: 15, b: true },
    ]));

  it('of a list, whose offsets begin above 0', () =>
    expect(
      read(
        column('l', list(struct({ n: 'long' }))),
        field('l', 0, { kind: 'list', element: field('element', 0, shape) }),
        new List(new Field('element', new Struct(fields), true)),
        array(3, 1, 0b1010, [int32s(0, 1, 3, 5, 6)], [structs]),
      ),
    ).toEqual([[{ n: '11' }, { n: '12' }], null, [{ n: '15' }]]));

  it('of a map, whose entries are sliced too', () => {
    const keys = array(7, 1, null, [int32s(0, 1, 3, 3, 4, 6, 8, 9), text('zaabcdddd')]);
    const entries = array(5, 1, null, [], [keys, array(7, 0, null, [int16s(0, 1, 2, 3, 4, 5, 6)])]);
    const entryType = new Struct<{ key: Utf8; value: Int16 }>([new Field('key', new Utf8(), false), new Field('value', new Int16(), true)]);
    expect(
      read(
        column('m', map('string', 'short')),
        field('m', 0, { kind: 'map', key: field('key', 0), value: field('value', 1) }),
        new Map_(new Field('entries', entryType, false)),
        array(2, 1, null, [int32s(0, 1, 3, 4)], [entries]),
      ),
    ).toEqual([
      [
        ['b', 2],
        ['cd', 3],
      ],
      [['dd', 4]],
    ]);
  });
});
