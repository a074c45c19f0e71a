/**
 * Times of a partition that are written without their zone (Delta PROTOCOL.md "Partition Value Serialization" leaves it to reader and writer) → instants, in the zone that
 * the config says the provider writes in.
 *
 * Where clocks go back, a time that comes twice is taken for the earlier one; where they go forward, one that never was is taken for as long after the change as it
 * stands in the gap: as Java does (ZonedDateTime.ofLocal), and so Spark.
 */

/** `yyyy-MM-dd HH:mm:ss[.ffffff]`, with nothing behind it. */
const LOCAL = /^([+-]?\d{1,6})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2}):(\d{2})(\.\d+)?$/;
const DAY_MS = 86_400_000;

export type ToInstant = (text: string) => string;

/** For an IANA zone. What is not a time without a zone comes back as it is. */
export function instantsIn(timeZone: string): ToInstant {
  if (timeZone === 'UTC') return (text) => text;
  const format = new Intl.DateTimeFormat('en-US-u-ca-iso8601-nu-latn', {
    timeZone,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (text) => {
    const match = LOCAL.exec(text);
    if (match === null) return text;
    const [, year, month, day, hour, minute, second, fraction = ''] = match;
    const local = utcMs(Number(year), Number(month), Number(day)) + (Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * 1000;
    if (!Number.isFinite(local) || Math.abs(local) > MS_MAX) return text;
    return new Date(instantOf(format, local)).toISOString().replace('.000Z', `${fraction}Z`);
  };
}

/** A day less than a Date holds: what is looked at beside it must be one too. */
const MS_MAX = 8_640_000_000_000_000 - 2 * DAY_MS;

function instantOf(format: Intl.DateTimeFormat, local: number): number {
  const before = offsetMs(format, local - DAY_MS);
  const after = offsetMs(format, local + DAY_MS);
  if (offsetMs(format, local - before) === before) return local - before;
  return offsetMs(format, local - after) === after ? local - after : local - before;
}

/** What the zone's clocks are ahead of UTC at an instant. */
function offsetMs(format: Intl.DateTimeFormat, instant: number): number {
  const parts = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]));
  const number = (name: string): number => Number(parts[name]);
  const year = parts['era'] === 'BC' || parts['era'] === 'B' ? 1 - number('year') : number('year');
  const shown = utcMs(year, number('month'), number('day')) + (number('hour') * 3600 + number('minute') * 60 + number('second')) * 1000;
  return shown - Math.floor(instant / 1000) * 1000;
}

/** `Date.UTC` for years below 100 too. */
function utcMs(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month - 1, day);
}
