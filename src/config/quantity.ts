/**
 * Durations and sizes as people write them in the config: a whole number and a unit.
 */

const DURATION_UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
]);

export const DURATION_PATTERN = /^\d{1,9}(ms|s|m|h|d)$/;
export const SIZE_PATTERN = /^\d{1,9}(KiB|MiB|GiB)$/;

/** `10s` → 10000, in milliseconds; null if the text is no duration. */
export function parseDuration(text: string): number | null {
  return parseQuantity(text, DURATION_PATTERN, DURATION_UNITS);
}

/** `64KiB` → 65536, in bytes; null if the text is no size. */
export function parseSize(text: string): number | null {
  return parseQuantity(text, SIZE_PATTERN, SIZE_UNITS);
}

/** The shortest exact spelling: 90000 → `90s`. */
export function durationText(ms: number): string {
  return quantityText(ms, DURATION_UNITS, 'ms');
}

/** The shortest exact spelling: 65536 → `64KiB`; bytes below that are rounded down to whole KiB. */
export function sizeText(bytes: number): string {
  return quantityText(Math.floor(bytes / 1024) * 1024, SIZE_UNITS, 'KiB');
}

function parseQuantity(text: string, pattern: RegExp, units: ReadonlyMap<string, number>): number | null {
  const factor = units.get(pattern.exec(text)?.[1] ?? '');
  return factor === undefined ? null : Number.parseInt(text, 10) * factor;
}

function quantityText(amount: number, units: ReadonlyMap<string, number>, smallest: string): string {
  let text = `${amount / (units.get(smallest) ?? 1)}${smallest}`;
  for (const [unit, factor] of units) {
    if (amount !== 0 && amount % factor === 0) text = `${amount / factor}${unit}`;
  }
  return text;
}
