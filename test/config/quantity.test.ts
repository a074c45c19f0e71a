import fc from 'fast-check';
import { expect, test } from 'vitest';
import { durationText, parseDuration, parseSize, sizeText } from '../../src/config/quantity.ts';

test('durations and sizes are a whole number and a unit', () => {
  expect(['250ms', '10s', '5m', '1h', '7d', '0s'].map(parseDuration)).toEqual([250, 10_000, 300_000, 3_600_000, 604_800_000, 0]);
  expect(['64KiB', '512MiB', '2GiB'].map(parseSize)).toEqual([65_536, 536_870_912, 2_147_483_648]);
  expect(['10', 's', '1.5s', '-1s', '1 s', '1S', '', '1ss', '1234567890s'].map(parseDuration)).toEqual(
    Array.from({ length: 9 }, () => null),
  );
  expect(['10', '1KB', '1kib', '1B', ''].map(parseSize)).toEqual([null, null, null, null, null]);
});

test('what is written out reads back as the same', () => {
  fc.assert(fc.property(fc.nat(999_999_999), (ms) => parseDuration(durationText(ms)) === ms));
  fc.assert(fc.property(fc.nat(1_000_000), (kib) => parseSize(sizeText(kib * 1024)) === kib * 1024));
  expect([durationText(90_000), durationText(86_400_000), sizeText(512 * 2 ** 20)]).toEqual(['90s', '1d', '512MiB']);
});
