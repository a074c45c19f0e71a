import { expect, it } from 'vitest';
import { parseSchema } from '../../../../connectors/sources/delta-sharing/schema.ts';
import { typeText } from '../../../../src/model/table-schema.ts';
import { schemaString } from './wire-makers.ts';

/** A type as the wire spells it → as the model spells it. */
function typeOf(wire: unknown): string {
  const [column] = parseSchema(schemaString(['c', wire]), []).columns;
  return column === undefined ? '' : `${column.type.kind}: ${typeText(column.type)}`;
}

it.each(['byte', 'short', 'integer', 'long', 'float', 'double', 'boolean', 'string', 'binary', 'date', 'timestamp', 'timestamp_ntz'])(
  '%s',
  (name) => {
    expect(typeOf(name)).toBe(`${name}: ${name}`);
  },
);

it.each([
  ['decimal', 'decimal: decimal(10,0)'],
  ['decimal(38, 10)', 'decimal: decimal(38,10)'],
  ['decimal(39,0)', 'unknown: decimal(39,0)'],
  ['decimal(5,6)', 'unknown: decimal(5,6)'],
  ['string collate UNICODE_CI', 'string: string'],
  ['void', 'unknown: void'],
  ['variant', 'unknown: variant'],
  ['interval year to month', 'unknown: interval year to month'],
  [{ type: 'variant' }, 'unknown: variant'],
  [{ type: 'udt', sqlType: 'string' }, 'unknown: udt'],
  [{ type: 'array', elementType: 'long', containsNull: true }, 'array: array<long>'],
  [{ type: 'map', keyType: 'string', valueType: { type: 'array', elementType: 'decimal(4,2)' } }, 'map: map<string,array<decimal(4,2)>>'],
  [{ type: 'struct', fields: [{ name: 'x', type: 'long', nullable: false, metadata: {} }] }, 'struct: struct<x:long>'],
])('%j is %s', (wire, text) => {
  expect(typeOf(wire)).toBe(text);
});

it('columns keep their order, nullability and comment; char and varchar are strings', () => {
  const fields = [
    { name: 'B', type: 'string', nullable: false, metadata: { comment: 'why', __CHAR_VARCHAR_TYPE_STRING: 'varchar(3)' } },
    { name: 'a', type: 'long' },
  ];
  expect(parseSchema(JSON.stringify({ type: 'struct', fields }), ['b'])).toEqual({
    columns: [
      { name: 'B', type: { kind: 'string' }, nullable: false, comment: 'why' },
      { name: 'a', type: { kind: 'long' }, nullable: true, comment: null, physical: null },
    ],
    partitionColumns: ['B'],
  });
});

it('a type nested without end is refused', () => {
  let type: unknown = 'long';
  for (let depth = 0; depth < 200; depth++) type = { type: 'array', elementType: type };
  expect(() => typeOf(type)).toThrow('nested more than 100 deep');
});
