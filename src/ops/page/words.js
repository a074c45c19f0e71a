/**
 * How numbers and times read, and what the states are called.
 */

/** In the order in which they want a person. */
export const STATES = ['parked', 'retrying', 'paused', 'starting', 'new', 'running', 'done'];
export const WORDS = {
  parked: 'Parked',
  retrying: 'Retrying',
  paused: 'Paused',
  starting: 'Starting',
  new: 'New',
  running: 'Running',
  done: 'Done',
};

export function count(number) {
  return number.toLocaleString('en').replaceAll(',', ' ');
}

export function rate(perSecond) {
  return perSecond < 10 ? String(Math.round(perSecond * 10) / 10) : count(Math.round(perSecond));
}

export function size(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

export function duration(seconds) {
  const all = Math.max(0, Math.round(seconds));
  if (all < 120) return `${all} s`;
  if (all < 7_200) return `${Math.round(all / 60)} min`;
  if (all < 172_800) return `${Math.round(all / 3_600)} h`;
  return `${Math.round(all / 86_400)} days`;
}

/** In UTC, as the log has it. */
export function time(at) {
  return at.replace('T', ' ').replace(/\.\d+Z$/, 'Z');
}

/** As `time`, without the date where it is that of `now`. */
export function clock(at, now) {
  return at.slice(0, 10) === now.slice(0, 10) ? time(at).slice(11) : time(at);
}

/** How long ago `at` was at `now`, both as the relay tells them: the clock of the browser may be wrong. */
export function since(at, now) {
  return at === null || at === undefined ? '' : duration((Date.parse(now) - Date.parse(at)) / 1000);
}
