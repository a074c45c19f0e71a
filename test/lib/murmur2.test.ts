import { expect, test } from 'vitest';
import { murmur2, partitionOf } from '../../src/lib/murmur2.ts';

// Apache Kafka, clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java, testMurmur2.
const CASES: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

test.each(CASES)('murmur2 of %s is what Java gives', (text, hash) => {
  expect(murmur2(new TextEncoder().encode(text))).toBe(hash);
});

test('a partition is never negative', () => {
  expect(partitionOf(new TextEncoder().encode('21'), 6)).toBe((-973932308 & 0x7fffffff) % 6);
});
