/**
 * What `serve --help` says of `--faults`.
 */
import { FAULT_TEXTS, LIKENESS_NAMES } from '../provider/fault-kinds.ts';
import { ROUTES } from '../provider/faults.ts';

export const FAULT_EXAMPLE = `like: reference-1.4
rules:
  - match: {route: changes, nth: 2}
    do: {kind: status, status: 429, errorCode: RATE_LIMITED, retryAfter: 5}
  - match: {route: changes, versionsOver: 10}
    do: {kind: status, status: 413}
  - match: {route: file, path: deletion_vector, every: 3}
    do: {kind: cut, fraction: 0.5}
  - match: {table: sales.public.orders, probability: 0.1, seed: 7}
    do: no-end`;

export function faultHelp(): string {
  const faults = Object.entries(FAULT_TEXTS).map(([kind, { settings, text }]) => [`${kind} ${settings}`.trimEnd(), text] as const);
  const width = Math.max(...faults.map(([left]) => left.length));
  return [
    '--faults takes a YAML file like this one:',
    '',
    ...FAULT_EXAMPLE.split('\n').map((line) => `  ${line}`),
    '',
    `like: ${LIKENESS_NAMES.join(', ')}: goes on as that server does, where no rule says otherwise. Both keys may be left out.`,
    'match: what a request must meet, all of it; nothing meets every request. Counting is per rule.',
    `  route         ${ROUTES.join(', ')}`,
    '  table         share.schema.table',
    "  path          a part of path and query: a file's name, startingVersion=3",
    '  versionsOver  asks for the changes of more versions than so many',
    '  nth, every    only the n-th; every n-th',
    '  times         so many times at most',
    '  probability   by chance, the same in every run with one seed',
    'do: one of these, with its settings (in brackets those that may be left out); one without settings may stand as its name alone:',
    ...faults.map(([left, text]) => `  ${left.padEnd(width)}  ${text}`),
  ].join('\n');
}
