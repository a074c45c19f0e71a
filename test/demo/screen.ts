/**
 * What the demo shows: one line a change, aligned, in colour on a terminal.
 */
import { styleText } from 'node:util';
import type { ReadChange } from './consumer.ts';

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan' | 'magenta';

/** A line of our own. */
export function say(text = ''): void {
  console.log(text);
}

/** Plain text where stdout is no terminal, or NO_COLOR is set. */
export function styled(style: Style | readonly Style[], text: string): string {
  return styleText([...(typeof style === 'string' ? [style] : style)], text, { stream: process.stdout });
}

/** A step of the story, set off from the changes around it. */
export function announce(style: Style, text: string): void {
  say();
  say(styled(['bold', style], `  ── ${text}`));
  say();
}

const CHANGE_WIDTH = 18;
const NO_TERMINAL_COLUMNS = 150;

export const HEADING = (tableWidth: number): string => `  ${'table'.padEnd(tableWidth)}  version  ${'change'.padEnd(CHANGE_WIDTH)}  row`;

const LOOKS = {
  insert: ['green', '+'],
  update_preimage: ['dim', '~'],
  update_postimage: ['yellow', '~'],
  delete: ['red', '-'],
} as const satisfies Record<string, readonly [Style, string]>;

/** `basics        3  ~ update_postimage  id=3  name="ash" qty=5`, cut to the terminal's width. */
export function changeLine(change: ReadChange, table: string, tableWidth: number, key: readonly string[]): string {
  const [style, sign] = looksOf(change.type);
  const head = `  ${table.padEnd(tableWidth)}  ${String(change.version).padStart(7)}  `;
  const what = `${sign} ${change.type}`.padEnd(CHANGE_WIDTH);
  const cells = Object.entries(change.columns);
  const keys = cells
    .filter(([name]) => key.includes(name))
    .map(cellText)
    .join(' ');
  const rest = cells
    .filter(([name]) => !key.includes(name))
    .map(cellText)
    .join(' ');
  const width = (process.stdout.isTTY ? process.stdout.columns : NO_TERMINAL_COLUMNS) - head.length - what.length - keys.length - 4;
  return `${styled('dim', head)}${styled(style, what)}  ${styled('bold', keys)}  ${styled(style === 'dim' ? 'dim' : 'cyan', cut(rest, width))}`;
}

function looksOf(type: string): readonly [Style, string] {
  return type === 'insert' || type === 'update_preimage' || type === 'update_postimage' || type === 'delete'
    ? LOOKS[type]
    : ['magenta', '?'];
}

function cellText([name, value]: readonly [string, unknown]): string {
  return `${name}=${JSON.stringify(value)}`;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
