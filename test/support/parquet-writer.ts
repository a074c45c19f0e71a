/**
 * Rows of any types, nested or not → the bytes of one Parquet file, by parquet-wasm's writer from arrays of Arrow's. Voids come as columns without a type.
 */
import {
  Binary,
  Bool,
  Data,
  DateDay,
  Decimal,
  Field,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  List,
  Map_,
  Null,
  RecordBatch,
  Schema,
  Struct,
  Table,
  TimestampMicrosecond,
  Utf8,
  makeData,
  tableToIPC,
} from 'apache-arrow';
import type { DataType as ArrowType } from 'apache-arrow';
import { Compression, Table as WasmTable, WriterPropertiesBuilder, WriterVersion, writeParquet } from 'parquet-wasm';
import { assert } from '../../src/lib/assert.ts';
import type { Column, DataType } from '../../src/model/table-schema.ts';
import { column, isList, isStruct } from '../codec/batches.ts';
import type { Cell, TestRow } from '../codec/batches.ts';

export const COMPRESSIONS = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'ZSTD', 'LZ4_RAW'] as const;

/** How a file is laid out. */
export interface Writing {
  readonly compression: (typeof COMPRESSIONS)[number];
  readonly pageVersion: 1 | 2;
  readonly hasDictionaries: boolean;
  readonly rowGroupRows: number;
  /** The writer looks at it after each row. */
  readonly pageBytes: number;
}

export function writeRows(columns: readonly Column[], rows: readonly TestRow[], writing: Writing): Uint8Array<ArrayBuffer> {
  const children = columns.map(({ name, type }) =>
    arrowData(
      type,
      rows.map(({ cells }) => cells[name] ?? null),
    ),
  );
  const fields = columns.map(({ name }, i) => new Field(name, typeOf(children[i]), true));
  const struct = makeData({ type: new Struct(fields), length: rows.length, nullCount: 0, children });
  const table = WasmTable.fromIPCStream(tableToIPC(new Table([new RecordBatch(new Schema(fields), struct)]), 'stream'));
  const properties = new WriterPropertiesBuilder()
    .setCompression(Compression[writing.compression])
    .setWriterVersion(writing.pageVersion === 1 ? WriterVersion.V1 : WriterVersion.V2)
    .setDictionaryEnabled(writing.hasDictionaries)
    .setMaxRowGroupSize(writing.rowGroupRows)
    .setWriteBatchSize(1)
    .setDataPageSizeLimit(writing.pageBytes)
    .build();
  return new Uint8Array(writeParquet(table, properties));
}

function arrowData(type: DataType, cells: readonly Cell[]): Data {
  const length = cells.length;
  const nullBitmap = bitmap(cells.map((cell) => cell !== null));
  const nulls = { length, nullBitmap, nullCount: cells.filter((cell) => cell === null).length };
  const whole = cells.map((cell) => (typeof cell === 'bigint' ? cell : 0n));
  const small = whole.map(Number);
  const real = cells.map((cell) => (typeof cell === 'number' ? cell : 0));
  switch (type.kind) {
    case 'byte':
      return makeData({ type: new Int8(), data: Int8Array.from(small), ...nulls });
    case 'short':
      return makeData({ type: new Int16(), data: Int16Array.from(small), ...nulls });
    case 'integer':
      return makeData({ type: new Int32(), data: Int32Array.from(small), ...nulls });
    case 'date':
      return makeData({ type: new DateDay(), data: Int32Array.from(small), ...nulls });
    case 'long':
      return makeData({ type: new Int64(), data: BigInt64Array.from(whole), ...nulls });
    case 'timestamp':
      return makeData({ type: new TimestampMicrosecond('UTC'), data: BigInt64Array.from(whole), ...nulls });
    case 'timestamp_ntz':
      return makeData({ type: new TimestampMicrosecond(), data: BigInt64Array.from(whole), ...nulls });
    case 'decimal': {
      const words = whole.flatMap((value) => [0n, 32n, 64n, 96n].map((shift) => Number(BigInt.asUintN(32, value >> shift))));
      return makeData({ type: new Decimal(type.scale, type.precision, 128), data: Uint32Array.from(words), ...nulls });
    }
    case 'float':
      return makeData({ type: new Float32(), data: Float32Array.from(real), ...nulls });
    case 'double':
      return makeData({ type: new Float64(), data: Float64Array.from(real), ...nulls });
    case 'boolean':
      return makeData({ type: new Bool(), data: bitmap(cells.map((cell) => cell === true)), ...nulls });
    case 'string':
      return makeData({ type: new Utf8(), ...bytesOf(cells), ...nulls });
    case 'binary':
      return makeData({ type: new Binary(), ...bytesOf(cells), ...nulls });
    case 'void':
      // With validity, which arrays of this type do not have, since apache-arrow forgets in slices of them how many are null.
      return new Data(new Null(), 0, length, length, [undefined, undefined, nullBitmap]);
    case 'variant':
      return structData([column('metadata', { kind: 'binary' }), column('value', { kind: 'binary' })], cells, nulls);
    case 'struct':
      return structData(type.fields, cells, nulls);
    case 'array': {
      const child = arrowData(type.element, cells.flatMap(items));
      return makeData({ type: new List(new Field('element', child.type, true)), valueOffsets: offsetsOf(cells), child, ...nulls });
    }
    case 'map': {
      const entries = cells.flatMap(items);
      const part = (i: number): readonly Cell[] => entries.map((entry) => items(entry)[i] ?? null);
      const key = arrowData(type.key, part(0));
      const value = arrowData(type.value, part(1));
      const entry = new Struct<{ key: ArrowType; value: ArrowType }>([
        new Field('key', key.type, false),
        new Field('value', value.type, true),
      ]);
      const child = makeData({ type: entry, length: entries.length, nullCount: 0, children: [key, value] });
      return makeData({ type: new Map_(new Field('key_value', entry, false)), valueOffsets: offsetsOf(cells), child, ...nulls });
    }
    case 'unknown':
      throw new Error(`no column of type ${type.text}`);
  }
}

interface Nulls {
  readonly length: number;
  readonly nullBitmap: Uint8Array;
  readonly nullCount: number;
}

function structData(fields: readonly Column[], cells: readonly Cell[], nulls: Nulls): Data {
  const children = fields.map(({ name, type }) =>
    arrowData(
      type,
      cells.map((cell) => (cell !== null && isStruct(cell) ? (cell[name] ?? null) : null)),
    ),
  );
  return makeData({ type: new Struct(fields.map(({ name }, i) => new Field(name, typeOf(children[i]), true))), children, ...nulls });
}

function typeOf(data: Data | undefined): ArrowType {
  assert(data !== undefined, 'data for each field');
  return data.type;
}

function items(cell: Cell): readonly Cell[] {
  return isList(cell) ? cell : [];
}

function offsetsOf(cells: readonly Cell[]): Int32Array {
  let end = 0;
  return Int32Array.from([0, ...cells.map((cell) => (end += items(cell).length))]);
}

function bytesOf(cells: readonly Cell[]): { readonly valueOffsets: Int32Array; readonly data: Uint8Array } {
  const parts = cells.map((cell) => (typeof cell === 'string' || cell instanceof Uint8Array ? Buffer.from(cell) : Buffer.alloc(0)));
  let end = 0;
  return { valueOffsets: Int32Array.from([0, ...parts.map((part) => (end += part.length))]), data: new Uint8Array(Buffer.concat(parts)) };
}

function bitmap(bits: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [i, bit] of bits.entries()) if (bit) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (1 << (i & 7));
  return bytes;
}
