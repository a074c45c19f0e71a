/**
 * Numbers, sizes and times as people read them.
 */

const SIZE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;
const HOUR_MS = 3_600_000;

/** `1 feed`, `1,200 feeds`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** `12 B`, `3.4 MB`. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < SIZE_UNITS.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 100 ? Math.round(value) : Math.round(value * 10) / 10} ${SIZE_UNITS[unit] ?? ''}`;
}

/** `512 MiB`, `23.5 GiB`: as the config spells sizes. */
export function memoryText(bytes: number): string {
  const [size, unit] = bytes >= 2 ** 30 ? [bytes / 2 ** 30, 'GiB'] : [bytes / 2 ** 20, 'MiB'];
  return `${Math.round(size * 10) / 10} ${unit}`;
}

/** `250 ms`, `10 s`, `5 min`, `2 h`, `12 d`. */
export function spanText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${Math.round(ms / 100) / 10} s`;
  if (ms < 2 * HOUR_MS) return `${Math.round(ms / 60_000)} min`;
  return ms < 48 * HOUR_MS ? `${Math.round(ms / HOUR_MS)} h` : `${Math.round(ms / (24 * HOUR_MS))} d`;
}

/** `2026-01-01T00:00:00Z`, to the second. */
export function timeText(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
