import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BadVector } from '../../../../connectors/sources/delta-sharing/roaring.ts';
import { fromZ85 } from '../../../../connectors/sources/delta-sharing/z85.ts';
import { rowSet, z85, z85Rust } from './vector-makers.ts';

it('reads the example of ZeroMQ RFC 32', () => {
  expect(fromZ85('HelloWorld', 8)).toEqual(Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b));
});

it('reads what Spark and the Rust writer write, of any length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(fromZ85(z85(bytes), bytes.length)).toEqual(Uint8Array.from(bytes));
      expect(fromZ85(z85Rust(bytes), bytes.length)).toEqual(Uint8Array.from(bytes));
    }),
  );
});

it('reads the last group of the Rust writer, which no whole group could be', () => {
  // So ends the vector of row 3 in a table of delta-kernel-rs.
  expect(z85Rust(rowSet([3])).slice(-5)).toBe('##093');
  expect(fromZ85('HelloWorld##093', 10).subarray(8)).toEqual(Uint8Array.of(3, 0));
});

it.each([
  ['a text of another length', 'Hello', 8, '8 bytes are not 5 characters of Z85'],
  ['a group that is cut', 'HelloWor', 8, '8 bytes are not 8 characters of Z85'],
  ['a character that is none', 'Hel~o', 4, '"~" is no character of Z85'],
  ['a character outside ASCII', 'Héllo', 4, '"é" is no character of Z85'],
  ['a group that is more than four bytes', '#####', 4, 'a group of Z85 is too large'],
  ['marks in front of another group than the last', '##093Hello', 8, 'a group of Z85 is too large'],
  ['fewer marks than bytes are missing', '#0000', 2, 'a group of Z85 is too large'],
  ['a last group behind marks that is too large', '##@@@', 2, 'a group of Z85 is too large'],
  ['what is filled up with other than zero', 'Hello', 3, 'its last group of Z85 is filled up with what is not zero'],
])('refuses %s', (_, text, length, message) => {
  expect(() => fromZ85(text, length)).toThrow(new BadVector(message));
});
