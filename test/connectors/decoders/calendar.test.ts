import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { gregorianDay, gregorianMicros } from '../../../connectors/decoders/calendar.ts';
import { clockOf } from '../../../connectors/decoders/old-clock.ts';
import { openDecoder } from '../../../connectors/decoders/parquet.ts';
import type { Column } from '../../../src/model/table-schema.ts';
import { failure } from '../../contracts/file-decoder.ts';
import type { JsonValue } from '../../support/batch-rows.ts';
import { rowsFrom } from '../../support/batch-rows.ts';
import { column, list, map, parquetFile, struct } from '../../support/parquet-file.ts';

const decoder = openDecoder();

function values(file: string, wanted: Column): readonly JsonValue[] {
  const rows = rowsFrom(decoder, {
    bytes: parquetFile(file),
    columns: [wanted],
    mapping: 'none',
    changeTypes: false,
    batchRows: 3,
    fromRow: 0,
  });
  return rows.map((row) => row[wanted.name] ?? null);
}

function lines(file: string): readonly (readonly string[])[] {
  const text = readFileSync(new URL(`../../fixtures/old-calendar/${file}`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
}

describe('what Java makes of the old calendar, so do we', () => {
  it('with days', () => {
    const days = lines('days.txt').map(([stored, meant]) => ({ stored: Number(stored), meant: Number(meant) }));
    expect(days.length).toBeGreaterThan(100);
    expect(days.map(({ stored }) => ({ stored, meant: gregorianDay(stored) }))).toEqual(days);
  });

  it('with microseconds in twenty zones', () => {
    const micros = lines('micros.txt').map(([zone = '', stored = '', meant = '']) => ({ zone, stored, meant }));
    expect(new Set(micros.map(({ zone }) => zone)).size).toBe(20);
    expect(micros.map(({ zone, stored }) => ({ zone, stored, meant: gregorianMicros(BigInt(stored), clockOf(zone)).toString() }))).toEqual(
      micros,
    );
  });
});

describe("Spark's own examples (RebaseDateTime.scala and its suite)", () => {
  it('1582-01-01 and 1000-02-29 as days', () => {
    expect(gregorianDay(-141_704)).toBe(-141_714);
    const feb29 = -354_221;
    expect([feb29, feb29 + 1].map((day) => new Date(gregorianDay(day) * 86_400_000).toISOString().slice(0, 10))).toEqual([
      '1000-03-01',
      '1000-03-01',
    ]);
  });

  it('1582-01-01 00:00:00.123456 in California, with ten days and the mean time of Los Angeles', () =>
    expect(gregorianMicros(-12_243_196_799_876_544n, clockOf('America/Los_Angeles'))).toBe(-12_244_061_221_876_544n));

  it.each([
    ['Africa/Accra', -62_135_769_600, 172_852],
    ['America/Atikokan', -2_366_736_812, 3_600],
    ['America/Atka', -12_219_256_800, -80_002],
    ['America/Atka', -3_225_230_125, 6_398],
    ['America/Asuncion', -62_135_755_200, 172_240],
    ['Africa/Algiers', -2_486_682_111, 3_039],
    ['America/Chicago', -2_717_647_201, -564],
    ['America/Chicago', -2_717_647_200, 0],
  ])('%s from %i s on, of its table of 2020', (zone, second, shift) => {
    const micros = BigInt(second) * 1_000_000n;
    expect(gregorianMicros(micros, clockOf(zone)) - micros).toBe(BigInt(shift) * 1_000_000n);
  });
});

it.each([
  ['Z', 0],
  ['GMT+8', 28_800],
  ['UTC-05:30', -19_800],
  ['+01:02:03', 3_723],
  ['Asia/Tokyo', 32_400],
  ['PST', -28_800],
])('the zone %s is %i s east', (zone, offset) => expect(clockOf(zone).oldOffset).toBe(offset));

describe('a file in the old calendar', () => {
  it.each([
    ['calendar_legacy', column('day', 'date'), ['1582-10-15', '1582-10-04']],
    ['calendar_spark2', column('day', 'date'), ['1582-10-15', '1582-10-04']],
    ['calendar_unversioned', column('day', 'date'), ['1582-10-15', '1582-10-04']],
    ['calendar_legacy', column('day', 'timestamp_ntz'), ['-12219292800000000', '-12220243200000000']],
    ['calendar_legacy', column('t', 'timestamp'), ['-2208988800000000', '-2208988800000001']],
    ['calendar_zone_stockholm', column('t', 'timestamp'), ['0', '-62135597532000000']],
    ['calendar_nested', column('days', list('date')), [['1582-10-15', '1582-10-04', null, '0001-01-01']]],
    ['calendar_nested', column('s', struct({ t: 'timestamp' })), [{ t: '-62135597222000000' }]],
    [
      'calendar_nested',
      column('m', map('integer', 'timestamp')),
      [
        [
          [0, '-2208988800000000'],
          [1, '-2208988800000001'],
          [2, null],
          [3, '-62135597222000000'],
        ],
      ],
    ],
    ['calendar_int96_legacy', column('old', 'timestamp'), ['0', '-2208988800000001']],
    ['calendar_int96_old', column('t', 'timestamp'), ['-62135596800000000', '-12220156800000001']],
    ['calendar_int96_old', column('l', list('timestamp')), [['-62135596800000000', null], ['-12220156800000001']]],
  ])('%s: %o is rebased', (file, wanted, expected) => expect(values(file, wanted)).toEqual(expected));

  it.each([
    ['calendar_legacy', column('modern', 'date'), ['1970-01-01', '1582-10-15']],
    ['calendar_legacy', column('modern_t', 'timestamp'), ['0', '-2208988800000000']],
    ['calendar_legacy', column('id', 'long'), ['1', '2']],
    ['calendar_int96_legacy', column('modern', 'timestamp'), ['0', '-2208988800000000']],
    ['calendar_int96_old', column('day', 'date'), ['1582-10-14', '1582-10-14']],
    ['calendar_modern', column('day', 'date'), ['1582-10-15', '1582-10-14']],
    ['calendar_modern', column('t', 'timestamp'), ['-2208988800000000', '-2208988800000001']],
    ['calendar_nested', column('ntz', list('timestamp_ntz')), [['-2208988800000000', '-2208988800000001', null, '-62135769600000000']]],
    ['calendar_zone_unknown', column('modern', 'timestamp'), ['0', '1']],
  ])('%s: %o is left as it is', (file, wanted, expected) => expect(values(file, wanted)).toEqual(expected));

  it('is refused where its time zone counts and is not known', () =>
    expect(() => values('calendar_zone_unknown', column('t', 'timestamp'))).toThrow(
      failure('file.column', 'timestamps before 1900 are of the time zone "Mars/Olympus" in the file, which is not known'),
    ));
});
