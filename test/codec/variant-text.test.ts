import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { variantText } from '../../src/codec/variant-text.ts';

const NO_KEYS = bytes('01 00 00');

/** Written by hand from the specification (VariantEncoding.md). */
function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

test.each([
  ['null', '00'],
  ['true', '04'],
  ['false', '08'],
  ['-1', '0c ff'],
  ['-32768', '10 00 80'],
  ['65536', '14 00 00 01 00'],
  ['-9223372036854775808', '18 00 00 00 00 00 00 00 80'],
  ['1.5', '1c 00 00 00 00 00 00 f8 3f'],
  ['0.1', '1c 9a 99 99 99 99 99 b9 3f'],
  ['100.0', '1c 00 00 00 00 00 00 59 40'],
  ['1.0E7', '1c 00 00 00 00 d0 12 63 41'],
  ['1.0E-5', '1c f1 68 e3 88 b5 f8 e4 3e'],
  ['-0.0', '1c 00 00 00 00 00 00 00 80'],
  ['"NaN"', '1c 00 00 00 00 00 00 f8 7f'],
  ['"-Infinity"', '1c 00 00 00 00 00 00 f0 ff'],
  ['-1.23', '20 04 f4 cf ff ff'],
  ['100', '24 02 10 27 00 00 00 00 00 00'],
  ['0.000000000000000001', '28 12 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00'],
  ['"2024-02-29"', '2c 46 4d 00 00'],
  ['"1969-12-31 23:59:59.999999+00:00"', '30 ff ff ff ff ff ff ff ff'],
  ['"1970-01-01 00:00:01.5"', '34 60 e3 16 00 00 00 00 00'],
  ['0.1', '38 cd cc cc 3d'],
  ['1.6777216E7', '38 00 00 80 4b'],
  ['"AP8="', '3c 02 00 00 00 00 ff'],
  ['"hé"', '40 03 00 00 00 68 c3 a9'],
  ['"00112233-4455-6677-8899-aabbccddeeff"', '50 00112233445566778899aabbccddeeff'],
  ['""', '01'],
  ['"a\\"\\n"', '0d 61 22 0a'],
  ['[]', '03 00 00'],
  ['[1,[null],"x"]', '03 03 00 02 07 09 0c 01 03 01 00 01 00 05 78'],
])('%s', (text, value) => {
  expect(variantText(NO_KEYS, bytes(value))).toBe(text);
});

test('objects take their keys from the metadata, in the order of their fields, with offsets of any size and order', () => {
  const metadata = bytes('11 03 00 01 03 03 61 62 62');
  expect(variantText(metadata, bytes('02 02 00 01 01 00 02 00 0c 07'))).toBe('{"a":7,"bb":null}');
  // Two bytes an offset and an id, four for the count; the third key is empty.
  const wide = bytes('51 03 00 00 00 01 00 03 00 03 00 61 62 62');
  // A key that the metadata does not have.
  expect(variantText(wide, bytes('56 01 00 00 00 03 00 00 00 02 00 0c 05'))).toBeNull();
  expect(variantText(wide, bytes('56 01 00 00 00 01 00 00 00 02 00 0c 05'))).toBe('{"bb":5}');
});

test('bytes that are no variant are none, whatever they are, and take no time', () => {
  expect(variantText(bytes('02 00 00'), bytes('00'))).toBeNull();
  expect(variantText(bytes(''), bytes('00'))).toBeNull();
  expect(variantText(NO_KEYS, bytes(''))).toBeNull();
  expect(variantText(NO_KEYS, bytes('02 01 00 00 01 00'))).toBeNull();
  expect(variantText(NO_KEYS, bytes('44 00 00 00 00 00 00 00 00'))).toBeNull();
  // Forty arrays of two items, each of which is the same next array: a text of 2⁴⁰ parts.
  const doubling = Buffer.concat([...Array.from({ length: 40 }, () => bytes('03 02 00 00 01')), bytes('00')]);
  expect(variantText(NO_KEYS, doubling)).toBeNull();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 60 }), (keys, value) => {
      const text = variantText(Uint8Array.of(1, ...keys), value);
      if (text !== null) JSON.parse(text);
    }),
    { numRuns: 500 },
  );
});
