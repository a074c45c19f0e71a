import { expect, test } from 'vitest';
import { instantsIn } from '../../../../connectors/sources/delta-sharing/zoned.ts';

test.each([
  ['Europe/Stockholm', '2026-01-15 12:00:00', '2026-01-15T11:00:00Z'],
  ['Europe/Stockholm', '2026-07-15 12:00:00.123456', '2026-07-15T10:00:00.123456Z'],
  ['America/New_York', '2026-07-15 22:30:00', '2026-07-16T02:30:00Z'],
  ['Asia/Kolkata', '1969-12-31 23:59:59.5', '1969-12-31T18:29:59.5Z'],
  ['Asia/Tokyo', '0099-03-01 00:00:00', '0099-02-28T14:41:01Z'],
])('in %s the time %s is %s', (zone, local, instant) => {
  expect(instantsIn(zone)(local)).toBe(instant);
});

test('a time that comes twice is the earlier one, and one that never was lies as far behind the change as in the gap', () => {
  const inBerlin = instantsIn('Europe/Berlin');
  expect(inBerlin('2026-10-25 02:30:00')).toBe('2026-10-25T00:30:00Z');
  expect(inBerlin('2026-10-25 03:30:00')).toBe('2026-10-25T02:30:00Z');
  expect(inBerlin('2026-03-29 02:30:00')).toBe('2026-03-29T01:30:00Z');
  expect(inBerlin('2026-03-29 03:30:00')).toBe('2026-03-29T01:30:00Z');
  expect(inBerlin('2026-03-29 01:30:00')).toBe('2026-03-29T00:30:00Z');
});

test.each(['2026-01-15T12:00:00Z', '2026-01-15 12:00:00+02:00', '2026-01-15', 'soon', ''])('%j is left as it is', (text) => {
  expect(instantsIn('Europe/Berlin')(text)).toBe(text);
});

test('in UTC nothing changes', () => {
  expect(instantsIn('UTC')('2026-01-15 12:00:00')).toBe('2026-01-15 12:00:00');
});
