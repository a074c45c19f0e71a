import avro from 'avsc';
import { expect, test } from 'vitest';
import { lineOf, rowReader } from './avro-row.ts';

const FIELDS: { readonly name: string; readonly originalName?: string; readonly type: avro.Schema }[] = [
  { name: 'id', type: ['null', 'long'] },
  { name: 'n', type: ['null', 'int'] },
  { name: 'na_u00efve', originalName: 'naïve', type: ['null', 'string'] },
  { name: 'price', type: ['null', 'double'] },
  { name: 'raw', type: ['null', 'bytes'] },
  { name: 'sum', type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 }] },
  { name: 'day', type: ['null', { type: 'int', logicalType: 'date' }] },
  { name: 'ts', type: ['null', { type: 'long', logicalType: 'timestamp-micros' }] },
  { name: 'ok', type: ['null', 'boolean'] },
  { name: '_change_type', type: { type: 'enum', name: 'ct', symbols: ['insert', 'update_preimage', 'update_postimage', 'delete'] } },
  { name: '_commit_version', type: 'long' },
  { name: '_commit_timestamp', type: ['null', { type: 'long', logicalType: 'timestamp-millis' }] },
];

const SCHEMA = { type: 'record' as const, name: 'r', fields: FIELDS };

test('a row that avsc wrote is read into the forms of expected.jsonl', () => {
  const body = encode({
    id: 9007199254740990,
    n: -5,
    na_u00efve: 'é',
    price: -0,
    raw: Buffer.from('hi'),
    sum: Buffer.from([0xff, 0x38]),
    day: -719_529,
    ts: -1,
    ok: true,
    _change_type: 'delete',
    _commit_version: 7,
    _commit_timestamp: 12,
  });
  expect(lineOf(rowReader(JSON.stringify(SCHEMA))(body))).toBe(
    '{"_change_type":"delete","_commit_version":7,"_commit_timestamp":12,"id":"9007199254740990","n":-5,"naïve":"é","price":"-0.0","raw":"aGk=","sum":"-2.00","day":"-0001-12-31","ts":"-1","ok":true}',
  );
});

test('nulls are null', () => {
  const nulls = Object.fromEntries(FIELDS.slice(0, 9).map(({ name }) => [name, null]));
  const row = rowReader(JSON.stringify(SCHEMA))(encode({ ...nulls, _change_type: 'insert', _commit_version: 1, _commit_timestamp: null }));
  expect(row).toEqual({ type: 'insert', version: 1, timestamp: null, columns: { ...nulls, na_u00efve: undefined, naïve: null } });
});

test('bytes behind the row, and too few, are refused', () => {
  const body = encode({
    id: 1,
    n: 1,
    na_u00efve: '',
    price: 1,
    raw: null,
    sum: null,
    day: 0,
    ts: 0,
    ok: false,
    _change_type: 'insert',
    _commit_version: 1,
    _commit_timestamp: 1,
  });
  const read = rowReader(JSON.stringify(SCHEMA));
  expect(() => read(Buffer.concat([body, Buffer.from([0])]))).toThrow('no bytes behind the Avro row');
  expect(() => read(body.subarray(0, -1))).toThrow('enough bytes of Avro');
});

function encode(row: Readonly<Record<string, unknown>>): Buffer {
  return avro.Type.forSchema(SCHEMA).toBuffer(row);
}
