/**
 * Spark before 3, and later ones on request, wrote dates before 1582-10-15 and timestamps before 1900 in the hybrid Julian calendar. Such values would come
 * out days off; the later ones are the same in both calendars. Spark's rule (DataSourceUtils.datetimeRebaseSpec, int96RebaseSpec): the file's own key, or a
 * Spark version below 3.0 (below 3.1 for INT96); the oldest left its row metadata and no version.
 */
import type { ColumnData } from '../../src/model/column-batch.ts';
import { Failure } from '../../src/model/failure.ts';
import { isSet } from './bits.ts';
import type { ColumnPair, Place } from './column-pair.ts';
import type { Footer } from './footer.ts';

/** Throws `file.calendar` for a batch that holds a value of the old calendar. */
export type CalendarGuard = (data: ColumnData, place: Place) => void;

/** The guard for a date or timestamp column of a file in the old calendar; null where the calendars cannot differ. */
export function calendarGuard(footer: Footer, pair: Pick<ColumnPair, 'field' | 'path' | 'type'>): CalendarGuard | null {
  const { kind } = pair.type;
  const { type, converted_type: annotation } = pair.field.element;
  // A timestamp without zone is never in the old calendar, unless it is read from a date.
  const isConcerned = kind === 'date' || kind === 'timestamp' || (kind === 'timestamp_ntz' && annotation === 'DATE');
  if (!isConcerned) return null;
  if (!isLegacy(footer.keys, type === 'INT96')) return null;
  return (data, place) => {
    const row = firstOld(data);
    if (row === -1) return;
    throw new Failure(
      'file.calendar',
      `column "${pair.path}" is in Spark's legacy calendar, and its value in row ${place.firstRow + row} lies before ${data.kind === 'int32' ? '1582-10-15' : '1900-01-01'}`,
    );
  };
}

function isLegacy(keys: ReadonlyMap<string, string>, isInt96: boolean): boolean {
  if (keys.has(isInt96 ? 'org.apache.spark.legacyINT96' : 'org.apache.spark.legacyDateTime')) return true;
  const version = keys.get('org.apache.spark.version');
  if (version === undefined) return keys.has('org.apache.spark.sql.parquet.row.metadata');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return isInt96 ? major < 3 || (major === 3 && minor < 1) : major < 3;
}

/** 1582-10-15 in days since the epoch. */
const GREGORIAN_DAY = -141_427;
/** The high half of the microseconds of 1900-01-01T00:00:00Z, and the low half without its sign. */
const MODERN_MICROS = -2_208_988_800_000_000n;
const MODERN_HIGH = Number(MODERN_MICROS >> 32n);
const MODERN_LOW = Number(BigInt.asUintN(32, MODERN_MICROS));

/** The first row before the switch, or -1. */
function firstOld(data: ColumnData): number {
  if (data.kind === 'int32') return data.values.findIndex((days, i) => days < GREGORIAN_DAY && isSet(data.validity, i));
  if (data.kind !== 'int64') return -1;
  for (let i = 0; 2 * i < data.values.length; i++) {
    const high = data.values[2 * i + 1] ?? 0;
    const isOld = high < MODERN_HIGH || (high === MODERN_HIGH && (data.values[2 * i] ?? 0) >>> 0 < MODERN_LOW);
    if (isOld && isSet(data.validity, i)) return i;
  }
  return -1;
}
