/**
 * Types and cells at random, with fast-check.
 */
import * as fc from 'fast-check';
import type { DataType } from '../../src/model/table-schema.ts';
import { column } from './batches.ts';
import type { Cell } from './batches.ts';

const decimalType = fc
  .integer({ min: 1, max: 38 })
  .chain((precision) => fc.integer({ min: 0, max: precision }).map((scale): DataType => ({ kind: 'decimal', precision, scale })));
export const flatType: fc.Arbitrary<DataType> = fc.oneof(
  { weight: 3, arbitrary: decimalType },
  {
    weight: 12,
    arbitrary: fc
      .constantFrom(
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
      )
      .map((kind): DataType => ({ kind })),
  },
);

/** Around every length that a varint or a shortest two's complement form changes at. */
function wholeNumber(bits: number): fc.Arbitrary<bigint> {
  const edge = fc.tuple(fc.integer({ min: 0, max: bits - 1 }), fc.bigInt(-2n, 2n), fc.boolean());
  return edge.map(([bit, off, negative]) => {
    const value = (1n << BigInt(bit)) + off;
    return BigInt.asIntN(bits, negative ? -value : value);
  });
}

export function cellOf(type: DataType): fc.Arbitrary<Cell> {
  switch (type.kind) {
    case 'byte':
      return wholeNumber(8);
    case 'short':
      return wholeNumber(16);
    case 'integer':
    case 'date':
      return wholeNumber(32);
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
      return fc.oneof(wholeNumber(64), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n));
    case 'decimal':
      return wholeNumber(127).map((value) => value % 10n ** BigInt(type.precision));
    case 'float':
      return fc.float();
    case 'double':
      return fc.double();
    case 'boolean':
      return fc.boolean();
    case 'string':
      return fc.oneof(
        { weight: 8, arbitrary: fc.string({ unit: 'grapheme', maxLength: 24 }) },
        { weight: 1, arbitrary: fc.string({ minLength: 60, maxLength: 200 }) },
      );
    case 'binary':
      return fc.uint8Array({ maxLength: 130 });
    case 'variant':
      // Of a version that nobody can read, since what a sound one says is not the codec's affair.
      return fc.record({
        metadata: fc.uint8Array({ maxLength: 9 }).map((rest) => Uint8Array.of(2, ...rest)),
        value: fc.uint8Array({ maxLength: 9 }),
      });
    case 'void':
      return fc.constant(null);
    case 'struct':
      return fc.record(Object.fromEntries(type.fields.map(({ name, type }) => [name, nullable(type)])));
    case 'array':
      return fc.array(nullable(type.element), { maxLength: 3 });
    case 'map': {
      // Two entries of one key are legal in a file, but avsc keeps one of them, and none of a key that its objects have already.
      const entries = fc.tuple(cellOf(type.key), nullable(type.value)).filter(([key]) => key !== '__proto__');
      return type.key.kind === 'string'
        ? fc.uniqueArray(entries, { maxLength: 3, selector: ([key]) => key })
        : fc.array(entries, { maxLength: 3 });
    }
    case 'unknown':
      throw new Error(`no cells of type ${type.text}`);
  }
}

export function nullable(type: DataType): fc.Arbitrary<Cell> {
  return fc.option(cellOf(type), { freq: 6 });
}

/** Names that Avro allows, names that it does not, and names of ours. */
export const name: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b_1', 'key', 'value', 'element', 'metadata', 'Key', 'Value', 'a.b', '2024', '_u0041') },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }) },
);

/** Nested `depth` deep at most, and often that deep. */
export function dataType(depth: number): fc.Arbitrary<DataType> {
  if (depth === 0) return leafType;
  const inner = dataType(depth - 1);
  return fc.oneof({ weight: 1, arbitrary: leafType }, { weight: 4, arbitrary: nestedType(inner) });
}

const leafType = fc.oneof(
  { weight: 8, arbitrary: flatType },
  { weight: 2, arbitrary: fc.constantFrom<DataType>({ kind: 'variant' }, { kind: 'void' }) },
);

function nestedType(inner: fc.Arbitrary<DataType>): fc.Arbitrary<DataType> {
  const fields = fc.uniqueArray(fc.tuple(name, inner), { minLength: 1, maxLength: 3, selector: ([name]) => name });
  const key = fc.oneof(
    fc.constant<DataType>({ kind: 'string' }),
    inner.filter(({ kind }) => kind !== 'map' && kind !== 'void'),
  );
  return fc.oneof(
    fields.map((named): DataType => ({ kind: 'struct', fields: named.map(([name, type]) => column(name, type)) })),
    inner.map((element): DataType => ({ kind: 'array', element, containsNull: true })),
    fc.tuple(key, inner).map(([key, value]): DataType => ({ kind: 'map', key, value, valueContainsNull: true })),
  );
}
