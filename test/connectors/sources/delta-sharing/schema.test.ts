import { describe, expect, it } from 'vitest';
import { parseSchema } from '../../../../connectors/sources/delta-sharing/schema.ts';
import type { Column } from '../../../../src/model/table-schema.ts';
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
  ['void', 'void: void'],
  ['variant', 'variant: variant'],
  ['interval year to month', 'unknown: interval year to month'],
  [{ type: 'variant' }, 'variant: variant'],
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
      { name: 'B', type: { kind: 'string' }, nullable: false, comment: 'why', physical: null },
      { name: 'a', type: { kind: 'long' }, nullable: true, comment: null, physical: null },
    ],
    partitionColumns: ['B'],
    mapping: 'none',
  });
});

it('a type nested without end is refused', () => {
  let type: unknown = 'long';
  for (let depth = 0; depth < 200; depth++) type = { type: 'array', elementType: type };
  expect(() => typeOf(type)).toThrow('nested more than 100 deep');
});

/** A column as Delta writes it under mapping. */
function mapped(name: string, type: unknown, physicalName?: string, id?: number): object {
  const metadata = {
    ...(physicalName === undefined ? {} : { 'delta.columnMapping.physicalName': physicalName }),
    ...(id === undefined ? {} : { 'delta.columnMapping.id': id }),
  };
  return { name, type, nullable: true, metadata };
}

function structOf(...fields: readonly object[]): { readonly type: 'struct'; readonly fields: readonly object[] } {
  return { type: 'struct', fields };
}

describe('column mapping', () => {
  const nested = structOf(
    mapped('a', structOf(mapped('x', 'long', 'col-x', 2)), 'col-a', 1),
    mapped('l', { type: 'array', elementType: structOf(mapped('y', 'long', 'col-y', 4)), containsNull: true }, 'col-l', 3),
    mapped('m', { type: 'map', keyType: 'string', valueType: structOf(mapped('z', 'long', 'col-z', 6)) }, 'col-m', 5),
  );

  it.each(['name', 'id'] as const)('by %s gives every column of every depth its physical name and id', (mapping) => {
    const { columns, partitionColumns, ...rest } = parseSchema(JSON.stringify(nested), ['A'], mapping);
    const physical = (column: Column): unknown => {
      const { type } = column;
      const inner = type.kind === 'array' ? type.element : type.kind === 'map' ? type.value : type;
      return [column.name, column.physical?.name, column.physical?.id, ...(inner.kind === 'struct' ? inner.fields.map(physical) : [])];
    };
    expect(columns.map(physical)).toEqual([
      ['a', 'col-a', 1, ['x', 'col-x', 2]],
      ['l', 'col-l', 3, ['y', 'col-y', 4]],
      ['m', 'col-m', 5, ['z', 'col-z', 6]],
    ]);
    expect([partitionColumns, rest]).toEqual([['a'], { mapping }]);
  });

  it('that is not in force leaves the physical names unread', () => {
    expect(parseSchema(JSON.stringify(structOf(mapped('a', 'long', 'col-a', 1))), []).columns[0]?.physical).toBeNull();
  });

  it.each([
    ['name', structOf(mapped('a', 'long')), 'schemaString.a has no physical name, and columns are mapped by name'],
    ['id', structOf(mapped('a', 'long', 'col-a')), 'schemaString.a has no column id, and columns are mapped by id'],
    ['name', structOf(mapped('s', structOf(mapped('x', 'long')), 'col-s')), 'schemaString.s.x has no physical name'],
    ['name', structOf(mapped('a', 'long', 'p'), mapped('b', 'long', 'p')), 'schemaString has two columns of the physical name "p"'],
    ['id', structOf(mapped('a', 'long', 'p', 1), mapped('b', 'long', 'q', 1)), 'schemaString has two columns of the id 1'],
  ] as const)('by %s is refused where the schema does not say enough', (mapping, schema, message) => {
    expect(() => parseSchema(JSON.stringify(schema), [], mapping)).toThrow(message);
  });

  it('by name needs no ids', () => {
    expect(parseSchema(JSON.stringify(structOf(mapped('a', 'long', 'p'))), [], 'name').columns[0]?.physical).toEqual({
      name: 'p',
      id: null,
    });
  });
});
