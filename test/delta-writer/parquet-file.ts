/**
 * Rows → the bytes of one Parquet file, with the physical types that Spark writes: INT64 for decimal(18,2), INT64 microseconds in UTC for timestamps, snappy.
 */
import {
  Bool,
  DateDay,
  Decimal,
  Field,
  Float64,
  Int32,
  Int64,
  RecordBatch,
  Schema,
  Struct,
  Table,
  TimestampMicrosecond,
  Utf8,
  makeData,
  tableToIPC,
} from 'apache-arrow';
import type { Data, DataType } from 'apache-arrow';
import { Compression, Table as WasmTable, WriterPropertiesBuilder, writeParquet } from 'parquet-wasm';
import { assert } from '../../src/lib/assert.ts';
import type { ChangeType } from '../../src/model/column-batch.ts';
import { orderCells } from './orders.ts';
import type { Int64 as Halves } from './orders.ts';

/** The rows of a file in file order: row i is the `revisions[i]`-th writing of `ids[i]`. */
export interface RowKeys {
  readonly ids: Int32Array;
  readonly revisions: Int32Array;
}

/** A data file; with `changeTypes` (one a row) a change file, which has the columns `_change_type` and, as Spark's have, `__is_cdc` besides. */
export function parquetFile(seed: number, rows: RowKeys, changeTypes: readonly ChangeType[] | null): Uint8Array {
  const columns = columnsOf(seed, rows, changeTypes);
  const fields = columns.map(({ name, data }) => new Field<DataType>(name, data.type, true));
  const struct = makeData({
    type: new Struct(fields),
    length: rows.ids.length,
    nullCount: 0,
    children: columns.map((column) => column.data),
  });
  const table = WasmTable.fromIPCStream(tableToIPC(new Table([new RecordBatch(new Schema(fields), struct)]), 'stream'));
  return withoutArrowSchema(writeParquet(table, new WriterPropertiesBuilder().setCompression(Compression.SNAPPY).build()));
}

/** The writer leaves an Arrow schema in the footer that Spark's files do not have; under another name of the same length no reader leans on it. */
function withoutArrowSchema(file: Uint8Array): Uint8Array {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
  const at = bytes.indexOf('ARROW:schema', footer);
  assert(at !== -1, 'the Arrow schema in the footer');
  bytes.write('other.schema', at);
  return file;
}

interface NamedData {
  readonly name: string;
  readonly data: Data;
}

function columnsOf(seed: number, rows: RowKeys, changeTypes: readonly ChangeType[] | null): readonly NamedData[] {
  const length = rows.ids.length;
  const id = int64s(length, (data, nulls) => makeData({ type: new Int64(), length, data, ...nulls }));
  const customer = texts(length);
  const status = texts(length);
  const amount = decimals(length);
  const qty = int32s(length, (data, nulls) => makeData({ type: new Int32(), length, data, ...nulls }));
  const price = doubles(length);
  const ts = int64s(length, (data, nulls) => makeData({ type: new TimestampMicrosecond('UTC'), length, data, ...nulls }));
  const day = int32s(length, (data, nulls) => makeData({ type: new DateDay(), length, data, ...nulls }));
  const flag = booleans(length);
  const s1 = texts(length);
  const s2 = texts(length);
  for (let row = 0; row < length; row++) {
    const number = rows.ids[row] ?? 0;
    const cells = orderCells(seed, number, rows.revisions[row] ?? 0);
    id.put(row, { high: 0, low: number });
    customer.put(row, cells.customer);
    status.put(row, cells.status);
    amount.put(row, cells.amount);
    qty.put(row, cells.qty);
    price.put(row, cells.price);
    ts.put(row, cells.ts);
    day.put(row, cells.day);
    flag.put(row, cells.flag);
    s1.put(row, cells.s1);
    s2.put(row, cells.s2);
  }
  const named = { id, customer, status, amount, qty, price, ts, day, flag, s1, s2 };
  const columns = Object.entries(named).map(([name, column]) => ({ name, data: column.data() }));
  if (changeTypes === null) return columns;
  const type = texts(length);
  const isChange = booleans(length);
  changeTypes.forEach((value, row) => {
    type.put(row, value);
    isChange.put(row, true);
  });
  return [...columns, { name: '_change_type', data: type.data() }, { name: '__is_cdc', data: isChange.data() }];
}

/** Takes the cells of a column in row order, then gives the Arrow array. */
interface ColumnWriter<T> {
  put(row: number, value: T | null): void;
  data(): Data;
}

function int32s(length: number, make: (values: Int32Array, nulls: Nulls) => Data): ColumnWriter<number> {
  const values = new Int32Array(length);
  return nullable(
    length,
    (row, value) => void (values[row] = value),
    (nulls) => make(values, nulls),
  );
}

function doubles(length: number): ColumnWriter<number> {
  const values = new Float64Array(length);
  return nullable(
    length,
    (row, value) => void (values[row] = value),
    (nulls) => makeData({ type: new Float64(), length, data: values, ...nulls }),
  );
}

function int64s(length: number, make: (values: BigInt64Array, nulls: Nulls) => Data): ColumnWriter<Halves> {
  const halves = new Int32Array(length * 2);
  const put = (row: number, value: Halves): void => {
    halves[row * 2] = value.low;
    halves[row * 2 + 1] = value.high;
  };
  return nullable(length, put, (nulls) => make(new BigInt64Array(halves.buffer), nulls));
}

function decimals(length: number): ColumnWriter<Halves> {
  const quarters = new Int32Array(length * 4);
  const put = (row: number, value: Halves): void => {
    const sign = value.high >> 31;
    quarters[row * 4] = value.low;
    quarters[row * 4 + 1] = value.high;
    quarters[row * 4 + 2] = sign;
    quarters[row * 4 + 3] = sign;
  };
  return nullable(length, put, (nulls) =>
    makeData({ type: new Decimal(2, 18, 128), length, data: new Uint32Array(quarters.buffer), ...nulls }),
  );
}

function booleans(length: number): ColumnWriter<boolean> {
  const bits = new Uint8Array(Math.ceil(length / 8));
  const put = (row: number, value: boolean): void => {
    if (value) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7));
  };
  return nullable(length, put, (nulls) => makeData({ type: new Bool(), length, data: bits, ...nulls }));
}

const UTF8_BYTES_PER_UNIT = 3;

function texts(length: number): ColumnWriter<string> {
  const encoder = new TextEncoder();
  const offsets = new Int32Array(length + 1);
  let bytes = new Uint8Array(length * 16 + 1024);
  let end = 0;
  const put = (row: number, value: string): void => {
    if (end + value.length * UTF8_BYTES_PER_UNIT > bytes.length) {
      const larger = new Uint8Array(bytes.length * 2 + value.length * UTF8_BYTES_PER_UNIT);
      larger.set(bytes);
      bytes = larger;
    }
    end += encoder.encodeInto(value, bytes.subarray(end)).written;
    offsets[row + 1] = end;
  };
  const whole = nullable(length, put, (nulls) =>
    makeData({ type: new Utf8(), length, valueOffsets: offsets, data: bytes.subarray(0, end), ...nulls }),
  );
  return {
    data: () => whole.data(),
    put(row, value) {
      offsets[row + 1] = end;
      whole.put(row, value);
    },
  };
}

interface Nulls {
  readonly nullCount: number;
  readonly nullBitmap: Uint8Array;
}

function nullable<T>(length: number, put: (row: number, value: T) => void, data: (nulls: Nulls) => Data): ColumnWriter<T> {
  const nullBitmap = new Uint8Array(Math.ceil(length / 8));
  let nullCount = 0;
  return {
    put(row, value) {
      if (value === null) {
        nullCount++;
        return;
      }
      nullBitmap[row >> 3] = (nullBitmap[row >> 3] ?? 0) | (1 << (row & 7));
      put(row, value);
    },
    data: () => data({ nullCount, nullBitmap }),
  };
}
