import { expect, test } from 'vitest';
import { parseSchema } from '../../connectors/sources/delta-sharing/schema.ts';
import { avroType } from '../../src/codec/avro-reader.ts';
import { avroTexts } from '../../src/codec/avro-schema.ts';
import type { DataType } from '../../src/model/table-schema.ts';
import { column } from './batches.ts';

const table = { share: 'acme.eu', schema: 'public', table: '2024 orders' };

function textsOf(columns: readonly ReturnType<typeof column>[], key: readonly string[] = []): ReturnType<typeof avroTexts> {
  return avroTexts({ envelope: { kind: 'change' }, schema: { columns, partitionColumns: [], mapping: 'none' }, table, key });
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

const deep: DataType = {
  kind: 'struct',
  fields: [
    column('a b', { kind: 'array', element: { kind: 'struct', fields: [column('x', { kind: 'void' })] }, containsNull: false }),
    column(
      'm',
      {
        kind: 'map',
        key: { kind: 'struct', fields: [column('k', { kind: 'date' })] },
        value: { kind: 'map', key: { kind: 'string' }, value: { kind: 'variant' }, valueContainsNull: false },
        valueContainsNull: true,
      },
      'by day',
    ),
  ],
};

test('the texts of nested columns are frozen: records named by their path, each part nullable but what is always null', () => {
  const { value } = textsOf([column('Key', deep), column('gone', { kind: 'void' }, 'nothing')]);
  const below = 'acme_u002eeu.public._u0032024_u0020orders.Value';
  const record = (name: string, namespace: string, fields: readonly string[]): string =>
    `{"type":"record","name":"${name}","namespace":"${namespace}","fields":[${fields.join(',')}]`;
  const nullable = (name: string, type: string, more = ''): string => `{"name":"${name}","type":["null",${type}]${more},"default":null`;
  const element = record('element', `${below}.Key.a_u0020b`, ['{"name":"x","type":"null","default":null}']);
  const key = record('key', `${below}.Key.m`, [`${nullable('k', '{"type":"int","logicalType":"date"}')}}`]);
  const variant = record('value', `${below}.Key.m.value`, [`${nullable('metadata', '"bytes"')}}`, `${nullable('value', '"bytes"')}}`]);
  const entry = record('m', `${below}.Key`, [
    `${nullable('key', `${key}}`)}}`,
    `${nullable('value', `{"type":"map","values":["null",${variant},"logicalType":"variant"}]}`)}}`,
  ]);
  const struct = record('Key', below, [
    `${nullable('a_u0020b', `{"type":"array","items":["null",${element}}]}`)},"originalName":"a b"}`,
    `${nullable('m', `{"type":"array","items":${entry}},"logicalType":"map"}`, ',"doc":"by day"')}}`,
  ]);
  expect(value).toContain(`"fields":[${nullable('Key', `${struct}}`)}},{"name":"gone","type":"null","doc":"nothing","default":null},`);
  expect(() => avroType(value)).not.toThrow();
});

test('all that cannot be carried is named at once, each with its path and type', () => {
  const geometry: DataType = { kind: 'unknown', text: 'geometry' };
  const interval: DataType = { kind: 'unknown', text: 'interval day' };
  const columns = [
    column('id', { kind: 'long' }),
    column('place', geometry),
    column('a', { kind: 'struct', fields: [column('b.c', { kind: 'array', element: interval, containsNull: true })] }),
    column('m', {
      kind: 'map',
      key: geometry,
      value: { kind: 'map', key: { kind: 'string' }, value: geometry, valueContainsNull: true },
      valueContainsNull: true,
    }),
  ];
  const message =
    'column place has the type geometry, column a.`b.c`.element has the type interval day, column m.value.value has the type geometry, column m.key has the type geometry';
  expect(() => textsOf(columns)).toThrow(expect.objectContaining({ code: 'schema.type', message }));
  const many = Array.from({ length: 1000 }, (_, i) => column(`c${i}`, geometry));
  expect(() => textsOf(many)).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/c19 has the type geometry, and 980 more$/) }),
  );
});

test('nesting has a bound, which a message names', () => {
  const lists = (depth: number): DataType =>
    depth === 0 ? { kind: 'long' } : { kind: 'array', element: lists(depth - 1), containsNull: true };
  expect(() => avroType(textsOf([column('deep', lists(63))]).value)).not.toThrow();
  expect(() => textsOf([column('deep', lists(64))])).toThrow(
    expect.objectContaining({ code: 'schema.type', message: `column deep${'.element'.repeat(64)} is nested more than 64 levels deep` }),
  );
});

test('tables and structs may be called like types of Avro, which no type may be', () => {
  const names = [
    'null',
    'boolean',
    'int',
    'long',
    'float',
    'double',
    'bytes',
    'string',
    'record',
    'enum',
    'array',
    'map',
    'union',
    'fixed',
  ];
  const columns = names.map((name) => column(name, { kind: 'struct', fields: [column(name, { kind: 'struct', fields: [] })] }));
  for (const name of names) {
    for (const kind of ['change', 'debezium', 'upsert'] as const) {
      const layout = {
        schema: { columns, partitionColumns: [], mapping: 'none' },
        table: { share: name, schema: name, table: name },
      } as const;
      const { value } = avroTexts({ ...layout, envelope: { kind }, key: [] });
      expect(avroType(value).typeName).toBe('record');
    }
  }
  expect(textsOf([column('int', { kind: 'struct', fields: [] })]).value).toContain(
    '{"name":"int","type":["null",{"type":"record","name":"_u0069nt","namespace":"acme_u002eeu.public._u0032024_u0020orders.Value","fields":[]}]',
  );
});

test('a field without a name is refused with its path', () => {
  const struct: DataType = { kind: 'struct', fields: [column('', { kind: 'long' })] };
  expect(() => textsOf([column('s', struct)])).toThrow(
    expect.objectContaining({ code: 'schema.name', message: 'the table has a column without a name: s.``' }),
  );
});

test('the text is the same however the provider spells the schema: the order of attributes and of metadata says nothing, nor does nullability', () => {
  const text = (schemaString: string): string => {
    const { columns } = parseSchema(schemaString, []);
    return textsOf(columns).value;
  };
  const plain = text(`{"type":"struct","fields":[
    {"name":"a b","type":"long","nullable":true,"metadata":{"comment":"an id","delta.identity.start":1,"other":{"x":1,"y":2}}},
    {"name":"s","type":{"type":"struct","fields":[{"name":"x","type":"date","nullable":true,"metadata":{"comment":"day"}}]},"nullable":true,"metadata":{}},
    {"name":"l","type":{"type":"array","elementType":"string","containsNull":true},"nullable":true,"metadata":{}}]}`);
  const spelled = text(`{"fields":[
    {"metadata":{"other":{"y":2,"x":1},"comment":"an id"},"nullable":false,"type":"long","name":"a b"},
    {"metadata":{"later":[1]},"type":{"fields":[{"metadata":{"comment":"day"},"type":"date","nullable":false,"name":"x"}],"type":"struct"},"name":"s"},
    {"type":{"containsNull":false,"elementType":"string","type":"array"},"nullable":true,"metadata":{},"name":"l"}],"type":"struct"}`);
  expect(spelled).toBe(plain);
});

const unfit = [
  { kind: 'float' },
  { kind: 'double' },
  { kind: 'variant' },
  { kind: 'void' },
  { kind: 'struct', fields: [column('inner', { kind: 'long' })] },
  { kind: 'array', element: { kind: 'long' }, containsNull: true },
  { kind: 'map', key: { kind: 'string' }, value: { kind: 'long' }, valueContainsNull: true },
] as const;

test.each(['_change_type', '_commit_version', '_COMMIT_TIMESTAMP'])('a column named %s is refused', (name) => {
  expect(() => textsOf([column(name, { kind: 'long' })])).toThrow(expect.objectContaining({ code: 'schema.name' }));
});

test.each(unfit)('a key of type $kind is refused', (type) => {
  expect(() => textsOf([column('k', type)], ['k'])).toThrow(expect.objectContaining({ code: 'key.type' }));
});

test('a key column that the table does not have is a bug of the caller', () => {
  expect(() => textsOf([column('k', { kind: 'long' })], ['K'])).toThrow('bug: key column K');
});
