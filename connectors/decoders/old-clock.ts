/**
 * The clocks of a time zone before 1900, as Java shows them by two sorts of rules: `java.util`, by which the old calendar was written, knows nothing before
 * 1900 and goes by the zone's standard time; `java.time`, by which it is read, knows the zone's mean time by the sun and how it ended. Offsets are seconds east
 * of Greenwich.
 */
import { Failure } from '../../src/model/failure.ts';
import { ZONES } from './zones.ts';

export interface Clock {
  /** Of `java.util`, at every instant before 1900. */
  readonly oldOffset: number;
  /**
   * Of `java.time`, where clocks show `shown` seconds after 1970-01-01T00:00:00; the later one where they show it twice, and the one before where they skip it.
   */
  offsetAt(shown: number): number;
}

/** Throws `file.column` for a zone that is not known. */
export function clockOf(timeZone: string): Clock {
  const fixed = fixedOffset(timeZone);
  if (fixed !== null) return { oldOffset: fixed, offsetAt: () => fixed };
  const line = ZONES.split('\n').find((one) => one.split(' ').includes(timeZone));
  if (line === undefined || NUMBER.test(timeZone)) {
    const told = timeZone.replaceAll(/[^\w+:/-]/g, '?').slice(0, NAME_CHARACTERS_MAX);
    throw new Failure('file.column', `timestamps before 1900 are of the time zone "${told}" in the file, which is not known`);
  }
  const numbers = line.split(' ').filter((part) => NUMBER.test(part));
  const [oldOffset = 0, first = 0] = numbers.map(Number);
  const changes = numbers.slice(2).map((part): Change => {
    const [at = 0, offset = 0] = part.split(':').map(Number);
    return { at, offset };
  });
  return { oldOffset, offsetAt: (shown) => changes.findLast(({ at, offset }) => shown >= at + offset)?.offset ?? first };
}

const NUMBER = /^-?\d+(:-?\d+)?$/;
const NAME_CHARACTERS_MAX = 60;

/** From the instant `at` on, in seconds since the epoch. */
interface Change {
  readonly at: number;
  readonly offset: number;
}

/** What Java takes for an offset and not for a place. */
function fixedOffset(timeZone: string): number | null {
  if (timeZone === 'Z') return 0;
  const [, sign, hours, minutes = '0', seconds = '0'] = /^(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?$/.exec(timeZone) ?? [];
  if (sign === undefined) return null;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
}
