import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BodyHash } from '../../src/codec/body-hash.ts';
import { summed } from '../../src/model/checksum.ts';
import { murmur3 } from '../support/murmur3.ts';

/** The first as the documentation of mmh3 has it (https://pypi.org/project/mmh3); the others from Guava's tests of `murmur3_128`, as the two longs that it compares. */
const PUBLISHED: readonly (readonly [text: string, hash: bigint])[] = [
  ['foo', 168394135621993849475852668931176482145n],
  ['hell', ofLongs(0x629942693e10f867n, 0x92db0b82baeb5347n)],
  ['The quick brown fox jumps over the lazy dog', ofLongs(0xe34bbc7bbc071b6cn, 0x7a433ca9c49a9347n)],
  ['The quick brown fox jumps over the lazy cog', ofLongs(0x658ca970ff85269an, 0x43fee3eaa68e5c3en)],
];

function ofLongs(first: bigint, second: bigint): bigint {
  return (second << 64n) | first;
}

test.each(PUBLISHED)('the hash of "%s" is the published one', (text, hash) => {
  const bodies = new BodyHash();
  const bytes = Buffer.from(text);
  bodies.add(0, bytes.length);
  expect([bodies.sum(bytes), murmur3(bytes)]).toEqual([hash, hash]);
});

test('bodies of any length, wherever they stand in the bytes, sum up to what the reference says; and the next ones begin anew', () => {
  const bodies = new BodyHash();
  const stretches = fc.array(fc.tuple(fc.nat(300), fc.nat(70)), { maxLength: 40 });
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 370, maxLength: 500 }), stretches, (bytes, places) => {
      for (const [start, length] of places) bodies.add(start, length);
      const expected = places.reduce((sum, [start, length]) => summed(sum, murmur3(bytes.subarray(start, start + length))), 0n);
      expect(bodies.sum(bytes)).toBe(expected);
    }),
  );
});

test('a body longer than the memory that there is makes it grow', () => {
  const bodies = new BodyHash();
  const bytes = Uint8Array.from({ length: 300_007 }, (_, i) => i * 7);
  bodies.add(3, bytes.length - 3);
  expect(bodies.sum(bytes)).toBe(murmur3(bytes.subarray(3)));
});
