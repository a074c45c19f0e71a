/**
 * For how long a table keeps what its change feed is made of, by the properties that its metadata tells.
 *
 * VACUUM removes change files and files that left the table when they are older than `delta.deletedFileRetentionDuration`, and the log forgets its entries after
 * `delta.logRetentionDuration` (https://docs.delta.io/latest/table-properties.html; a week and 30 days where they are not set). The shorter of the two counts.
 */
import type { JsonObject } from '../../../src/lib/json.ts';

const DAY_MS = 86_400_000;

const PROPERTIES = { 'delta.deletedFileRetentionDuration': 7 * DAY_MS, 'delta.logRetentionDuration': 30 * DAY_MS } as const;

/** Tells that the properties are the table's own, and not a few that the server chose: no table without it has a change feed. */
const OWN_PROPERTY = 'delta.enableChangeDataFeed';

/** `configuration` is that of a metadata line. Null: it does not say, or not so that it can be read. */
export function retentionMs(configuration: JsonObject | null): number | null {
  if (configuration?.raw(OWN_PROPERTY) === undefined) return null;
  const each = Object.entries(PROPERTIES).map(([name, otherwise]) => {
    const text = configuration.raw(name);
    return text === undefined ? otherwise : typeof text === 'string' ? intervalMs(text) : null;
  });
  return each.reduce((least, ms) => (least === null || ms === null ? null : Math.min(least, ms)));
}

const UNITS_MS: Readonly<Record<string, number>> = {
  week: 7 * DAY_MS,
  day: DAY_MS,
  hour: 3_600_000,
  minute: 60_000,
  second: 1000,
  millisecond: 1,
  microsecond: 0.001,
};

/** A CalendarInterval as Delta writes it, `interval 1 week`, of units without months: a retention has none. */
function intervalMs(text: string): number | null {
  const words = text
    .trim()
    .toLowerCase()
    .replace(/^interval\s+/, '')
    .split(/\s+/);
  let sum = 0;
  for (let at = 0; at < words.length; at += 2) {
    const amount = /^\d{1,9}$/.test(words[at] ?? '') ? Number(words[at]) : null;
    const unit = UNITS_MS[(words[at + 1] ?? '').replace(/s$/, '')];
    if (amount === null || unit === undefined) return null;
    sum += amount * unit;
  }
  return sum;
}
