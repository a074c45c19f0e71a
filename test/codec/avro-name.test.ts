import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { avroName } from '../../src/codec/avro-name.ts';

test.each([
  ['order_id', 'order_id'],
  ['_x9', '_x9'],
  ['a b.c', 'a_u0020b_u002ec'],
  ['9lives', '_u0039lives'],
  ['größe', 'gr_u00f6_u00dfe'],
  ['日本', '_u65e5_u672c'],
  ['😀', '_ud83d_ude00'],
  ['_u0041', '_u005fu0041'],
  ['a_u00E9', 'a_u005fu00E9'],
  ['_u00', '_u00'],
  ['_u00é', '_u00_u00e9'],
  ['\ud800', '_ud800'],
  ['-', '_u002d'],
])('%j is %s', (own, avro) => {
  expect(avroName(own)).toBe(avro);
});

test('every name is one that Avro allows, and gives back the own name', () => {
  const pieces = fc.constantFrom('_', 'u', '_u', '0', '005f', 'F', 'é', '9', ' ', 'a', '\udc00', '😀');
  const names = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.array(pieces, { minLength: 1 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(names, (own) => {
      const avro = avroName(own);
      expect(avro).toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/);
      expect(avro.replaceAll(/_u([0-9a-fA-F]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))).toBe(own);
    }),
    { numRuns: 200 },
  );
});
