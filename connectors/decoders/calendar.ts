/**
 * Spark before 3, and later ones on request, wrote dates before 1582-10-15 and timestamps before 1900 in a hybrid calendar: Julian, with the clocks of
 * `java.util`. Here they become what they were meant as, in the Gregorian calendar carried back: the same day of the month, the same time on the clock (Spark:
 * RebaseDateTime.scala, rebaseJulianToGregorianDays and rebaseJulianToGregorianMicros). Later ones are the same in both.
 *
 * Which files: by Spark's rule (DataSourceUtils.scala, datetimeRebaseSpec and int96RebaseSpec) those that have the key for it, or a Spark version below 3.0
 * (below 3.1 for INT96); the oldest left its row metadata and no version. The writer's time zone is a key too. Older writers did not leave it, and Spark takes
 * the reader's own: here it is UTC.
 */
import type { ColumnData } from '../../src/model/column-batch.ts';
import type { ColumnPair, ColumnReader } from './column-pair.ts';
import type { Clock } from './old-clock.ts';
import { clockOf } from './old-clock.ts';

/** `read`, with values of the old calendar rebased where the file may hold any. */
export function rebasedReader(read: ColumnReader, pair: ColumnPair, keys: ReadonlyMap<string, string>): ColumnReader {
  const { type: physical, converted_type: annotation, logical_type: logical } = pair.field.element;
  if (!isLegacy(keys, physical === 'INT96')) return read;
  switch (pair.type.kind) {
    case 'date':
      return (array, place) => rebasedDates(read(array, place));
    case 'timestamp':
      return rebasedTimestamps(read, keys.get('org.apache.spark.timeZone') ?? 'UTC');
    case 'timestamp_ntz': {
      // It has never been in the old calendar, unless it is read from a date: then a day is a whole one of UTC.
      const isDate = annotation === 'DATE' || logical?.type === 'DATE';
      return isDate ? rebasedTimestamps(read, 'UTC') : read;
    }
    default:
      return read;
  }
}

function isLegacy(keys: ReadonlyMap<string, string>, isInt96: boolean): boolean {
  if (keys.has(isInt96 ? 'org.apache.spark.legacyINT96' : 'org.apache.spark.legacyDateTime')) return true;
  const version = keys.get('org.apache.spark.version');
  if (version === undefined) return keys.has('org.apache.spark.sql.parquet.row.metadata');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return isInt96 ? major < 3 || (major === 3 && minor < 1) : major < 3;
}

/** The first day of the Gregorian calendar, 1582-10-15, in days since the epoch. */
const GREGORIAN_DAY = -141_427;

/**
 * Days since the epoch of the day that has the date in the Gregorian calendar which `days` has in the Julian one, or of the next where there is none: 29
 * February of 1500 is 1 March.
 */
export function gregorianDay(days: number): number {
  if (days >= GREGORIAN_DAY) return days;
  // Years that begin in March end with their leap day: the calendars drift by one day at the end of February of each century whose number four does not divide.
  const year = Math.floor((4 * (days + DAYS_FROM_JULIAN_0000_03_01) + 3) / 1461);
  return days + 2 - Math.floor(year / 100) + Math.floor(year / 400);
}

const DAYS_FROM_JULIAN_0000_03_01 = 719_470;

function rebasedDates(data: ColumnData): ColumnData {
  if (data.kind !== 'int32' || !data.values.some((days) => days < GREGORIAN_DAY)) return data;
  return { ...data, values: data.values.map(gregorianDay) };
}

/** Instants from 1900-01-01T00:00:00Z on are the same: the high half of its microseconds, and the low half without its sign. */
const MODERN_MICROS = -2_208_988_800_000_000n;
const MODERN_HIGH = Number(MODERN_MICROS >> 32n);
const MODERN_LOW = Number(BigInt.asUintN(32, MODERN_MICROS));

function rebasedTimestamps(read: ColumnReader, timeZone: string): ColumnReader {
  let clock: Clock | null = null;
  return (array, place) => {
    const data = read(array, place);
    if (data.kind !== 'int64' || !hasOld(data.values)) return data;
    clock ??= clockOf(timeZone);
    const micros = new BigInt64Array(data.values.length / 2);
    const values = new Int32Array(micros.buffer);
    values.set(data.values);
    for (const [i, value] of micros.entries()) if (value < MODERN_MICROS) micros[i] = gregorianMicros(value, clock);
    return { ...data, values };
  };
}

function hasOld(values: Int32Array): boolean {
  for (let i = 1; i < values.length; i += 2) {
    const high = values[i] ?? 0;
    if (high < MODERN_HIGH || (high === MODERN_HIGH && (values[i - 1] ?? 0) >>> 0 < MODERN_LOW)) return true;
  }
  return false;
}

const SECONDS_PER_DAY = 86_400;
const MICROS_PER_SECOND = 1_000_000n;

/** The instant at which clocks of the zone show in the Gregorian calendar what they showed at `micros`, an instant before 1900, in the old one. */
export function gregorianMicros(micros: bigint, clock: Clock): bigint {
  const fraction = ((micros % MICROS_PER_SECOND) + MICROS_PER_SECOND) % MICROS_PER_SECOND;
  const shown = Number((micros - fraction) / MICROS_PER_SECOND) + clock.oldOffset;
  const day = Math.floor(shown / SECONDS_PER_DAY);
  const meant = shown + (gregorianDay(day) - day) * SECONDS_PER_DAY;
  return BigInt(meant - clock.offsetAt(meant)) * MICROS_PER_SECOND + fraction;
}
