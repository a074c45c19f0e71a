/**
 * The schemas of the envelopes: beside those of a topic of Debezium's own, and with their fixed parts as files.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { avroType, rowReader } from '../../src/codec/avro-reader.ts';
import { avroTexts } from '../../src/codec/avro-schema.ts';
import type { EnvelopeKind } from '../../src/model/feed.ts';
import { column } from './batches.ts';

const NAMESPACE = 'dbserver1.inventory.customers';
const COLUMNS = [column('id', { kind: 'integer' }), column('name', { kind: 'string' })];

/** The same table as the one of the fixture. */
function texts(kind: EnvelopeKind, columns = COLUMNS): ReturnType<typeof avroTexts> {
  const schema = { columns, partitionColumns: [], mapping: 'none' } as const;
  return avroTexts({ envelope: { kind }, schema, table: { share: 'dbserver1', schema: 'inventory', table: 'customers' }, key: ['id'] });
}

const Field = z.looseObject({ name: z.string(), type: z.unknown() });
type Field = z.infer<typeof Field>;
const Record = z.looseObject({ fields: z.array(Field) });

function fixture(name: string): z.infer<typeof Record> {
  return Record.parse(JSON.parse(readFileSync(new URL(`../fixtures/debezium/${name}.avsc`, import.meta.url), 'utf8')));
}

function fixed(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../schemas/${name}.avsc`, import.meta.url), 'utf8'));
}

function fieldOf(record: z.infer<typeof Record>, name: string): Field {
  return Field.parse(record.fields.find((field) => field.name === name));
}

test('Debezium: the envelope is the one of a topic of its own, attribute for attribute, but for the row and the source', () => {
  const theirs = fixture('postgresql-value');
  const ours = Record.parse(JSON.parse(texts('debezium').value));
  const without = (record: z.infer<typeof Record>): object => ({
    ...record,
    fields: record.fields.map((field) => (field.name === 'before' || field.name === 'source' ? { ...field, type: 'elsewhere' } : field)),
  });
  expect(without(ours)).toEqual(without(theirs));
  expect(ours.fields.map(({ name }) => name)).toEqual(theirs.fields.map(({ name }) => name));
  // Every column may be null, whatever the table says: old files of NOT NULL columns hold nulls.
  expect(fieldOf(ours, 'before').type).toEqual([
    'null',
    {
      type: 'record',
      name: 'Value',
      namespace: NAMESPACE,
      fields: [
        { name: 'id', type: ['null', 'int'], default: null },
        { name: 'name', type: ['null', 'string'], default: null },
      ],
      'connect.name': `${NAMESPACE}.Value`,
    },
  ]);
});

test('Debezium: the source begins with the fields of every connector, of their types; what follows is of this one', () => {
  const theirs = Record.parse(fieldOf(fixture('postgresql-value'), 'source').type);
  const ours = Record.parse(fieldOf(Record.parse(JSON.parse(texts('debezium').value)), 'source').type);
  const own = new Set(['txId', 'lsn', 'xmin']);
  // A provider may not say when a version was committed.
  const expected = theirs.fields
    .filter(({ name }) => !own.has(name))
    .map((field) => (field.name === 'ts_ms' ? { ...field, type: ['null', 'long'], default: null } : field));
  expect(ours.fields.slice(0, expected.length)).toEqual(expected);
  expect(ours.fields.slice(expected.length).map(({ name }) => name)).toEqual([
    'share',
    'table_id',
    'commit_version',
    'commit_timestamp',
    'change_type',
  ]);
});

test("Debezium: the key's record has its name and attributes", () => {
  const { fields: _, ...ours } = Record.parse(JSON.parse(texts('debezium').key ?? ''));
  const { fields, ...theirs } = fixture('postgresql-key');
  expect(ours).toEqual(theirs);
  expect(fields.map(({ name }) => name)).toEqual(['id']);
});

test('upsert is the row alone, change the row and what changed; what is fixed is what stands in schemas/', () => {
  const upsert = Record.parse(JSON.parse(texts('upsert').value));
  const change = Record.parse(JSON.parse(texts('change').value));
  const debezium = Record.parse(JSON.parse(texts('debezium').value));
  expect(change).toEqual({ ...upsert, fields: [...upsert.fields, ...Record.parse(fixed('change-fields')).fields] });
  expect(upsert.fields.map(({ name }) => name)).toEqual(['id', 'name']);
  expect(fieldOf(debezium, 'source').type).toEqual(fixed('debezium-source'));
  expect(fieldOf(debezium, 'transaction').type).toEqual(['null', fixed('debezium-block')]);
  expect(texts('upsert').key).toBe(texts('change').key);
});

test('the texts are frozen', () => {
  expect(texts('upsert').value).toBe(
    '{"type":"record","name":"customers","namespace":"dbserver1.inventory","fields":[{"name":"id","type":["null","int"],"default":null},{"name":"name","type":["null","string"],"default":null}]}',
  );
  expect(texts('debezium').key).toBe(
    '{"type":"record","name":"Key","namespace":"dbserver1.inventory.customers","fields":[{"name":"id","type":["null","int"],"default":null}],"connect.name":"dbserver1.inventory.customers.Key"}',
  );
  const text = texts('debezium').value;
  expect(text.slice(0, 90)).toBe('{"type":"record","name":"Envelope","namespace":"dbserver1.inventory.customers","fields":[{');
  expect(createHash('sha256').update(text).digest('hex')).toBe('0c6ccbfa34c1fcdce2ef2dff1f873b72a028265a43ac13be00634e0c5f0a5fb6');
});

test('what is read for people names images by the columns, nested ones too', () => {
  const nested = column('place', { kind: 'struct', fields: [column('Straße', { kind: 'string' })] });
  const { value } = texts('debezium', [...COLUMNS, nested]);
  const type = avroType(value);
  const row = {
    id: { int: 7 },
    name: null,
    place: { 'dbserver1.inventory.customers.Value.place': { Stra_u00dfe: { string: 'Odengatan' } } },
  };
  const image = { 'dbserver1.inventory.customers.Value': row };
  const source = {
    version: '1',
    connector: 'cdf-relay',
    name: 'r',
    ts_ms: { long: 5n },
    snapshot: { string: 'false' },
    db: 'd',
    sequence: null,
    ts_us: { long: 5000n },
    ts_ns: { long: 5_000_000n },
    schema: 's',
    table: 't',
    share: 's',
    table_id: 'i',
    commit_version: 3n,
    commit_timestamp: { long: 5n },
    change_type: 'update_postimage',
  };
  const body = type.toBuffer({
    before: image,
    after: image,
    source,
    transaction: null,
    op: 'u',
    ts_ms: { long: 5n },
    ts_us: null,
    ts_ns: null,
  });
  const read = { id: 7, name: null, place: { Straße: 'Odengatan' } };
  expect(rowReader(value)(body)).toEqual({
    before: read,
    after: read,
    source: { ...source, commit_version: 3, ts_ms: 5, snapshot: 'false', ts_us: '5000', ts_ns: '5000000', commit_timestamp: 5 },
    transaction: null,
    op: 'u',
    ts_ms: 5,
    ts_us: null,
    ts_ns: null,
  });
});
