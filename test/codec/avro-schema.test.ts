import { expect, test } from 'vitest';
import { avroType } from '../../src/codec/avro-reader.ts';
import { avroTexts } from '../../src/codec/avro-schema.ts';
import type { DataType } from '../../src/model/table-schema.ts';
import { column } from './batches.ts';

const table = { share: 'acme.eu', schema: 'public', table: '2024 orders' };

function textsOf(columns: readonly ReturnType<typeof column>[], key: readonly string[] = []): ReturnType<typeof avroTexts> {
  return avroTexts({ schema: { columns, partitionColumns: [], mapping: 'none' }, table, key });
}

test('the texts are frozen: every type, names that Avro does not allow, comments in the value alone', () => {
  const kinds = [
    'byte',
    'short',
    'integer',
    'long',
    'float',
    'double',
    'boolean',
    'string',
    'binary',
    'date',
    'timestamp',
    'timestamp_ntz',
  ] as const;
  const columns = [
    ...kinds.map((kind) => column(kind, { kind })),
    column('order id', { kind: 'decimal', precision: 18, scale: 2 }, 'what "it" is'),
  ];
  const { key, value } = textsOf(columns, ['order id', 'long']);
  const nullable = (name: string, type: string): string => `{"name":"${name}","type":["null",${type}],"default":null}`;
  expect(value).toBe(
    `{"type":"record","name":"_u0032024_u0020orders","namespace":"acme_u002eeu.public","fields":[${[
      nullable('byte', '"int"'),
      nullable('short', '"int"'),
      nullable('integer', '"int"'),
      nullable('long', '"long"'),
      nullable('float', '"float"'),
      nullable('double', '"double"'),
      nullable('boolean', '"boolean"'),
      nullable('string', '"string"'),
      nullable('binary', '"bytes"'),
      nullable('date', '{"type":"int","logicalType":"date"}'),
      nullable('timestamp', '{"type":"long","logicalType":"timestamp-micros"}'),
      nullable('timestamp_ntz', '{"type":"long","logicalType":"local-timestamp-micros"}'),
      '{"name":"order_u0020id","type":["null",{"type":"bytes","logicalType":"decimal","precision":18,"scale":2}],"doc":"what \\"it\\" is","default":null,"originalName":"order id"}',
      '{"name":"_change_type","type":{"type":"enum","name":"ChangeType","namespace":"cdf_relay","symbols":["insert","update_preimage","update_postimage","delete"]}}',
      '{"name":"_commit_version","type":"long"}',
      '{"name":"_commit_timestamp","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null}',
    ].join(',')}]}`,
  );
  expect(key).toBe(
    `{"type":"record","name":"Key","namespace":"acme_u002eeu.public._u0032024_u0020orders","fields":[${[
      '{"name":"order_u0020id","type":["null",{"type":"bytes","logicalType":"decimal","precision":18,"scale":2}],"default":null,"originalName":"order id"}',
      nullable('long', '"long"'),
    ].join(',')}]}`,
  );
  for (const text of [key ?? '', value]) expect(() => avroType(text)).not.toThrow();
});

test('without a key there is no key schema', () => {
  expect(textsOf([column('a', { kind: 'string' })]).key).toBeNull();
});

const nested: readonly DataType[] = [
  { kind: 'struct', fields: [column('inner', { kind: 'long' })] },
  { kind: 'array', element: { kind: 'long' }, containsNull: true },
  { kind: 'map', key: { kind: 'string' }, value: { kind: 'long' }, valueContainsNull: true },
  { kind: 'unknown', text: 'geometry' },
];

test.each(nested)('a column of type $kind is refused with its name and type', (type) => {
  const message: unknown = expect.stringMatching(/^column place has the type (struct<inner:long>|array<long>|map<string,long>|geometry)$/);
  expect(() => textsOf([column('id', { kind: 'long' }), column('place', type)])).toThrow(
    expect.objectContaining({ code: 'schema.type', message }),
  );
});

test.each(['_change_type', '_commit_version', '_COMMIT_TIMESTAMP'])('a column named %s is refused', (name) => {
  expect(() => textsOf([column(name, { kind: 'long' })])).toThrow(expect.objectContaining({ code: 'schema.name' }));
});

test.each([{ kind: 'float' }, { kind: 'double' }, ...nested.slice(0, 3)] as const)('a key of type $kind is refused', (type) => {
  expect(() => textsOf([column('k', type)], ['k'])).toThrow(expect.objectContaining({ code: 'key.type' }));
});

test('a key column that the table does not have is a bug of the caller', () => {
  expect(() => textsOf([column('k', { kind: 'long' })], ['K'])).toThrow('bug: key column K');
});
