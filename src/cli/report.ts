/**
 * What `doctor` finds, one thing at a time: how it reads, and which exit code all of it comes to.
 */
import { Failure } from '../model/failure.ts';
import type { FailureCode } from '../model/failure.ts';
import { exitCode } from './exit.ts';
import { plain } from './output.ts';

export interface Check {
  /** What was looked at: `kafka`, `source acme`, a feed. */
  readonly about: string;
  readonly verdict: Verdict;
  /** One sentence; commands that mend it stand behind its last colon. */
  readonly text: string;
  readonly remedy: string | null;
  readonly code: FailureCode | null;
  /** Of the command, if this is the worst that it finds. */
  readonly exit: ExitCode;
}

export type Verdict =
  /** As it is to be. */
  | 'pass'
  /** The relay would run, and something fails or is lost when the next thing goes wrong. */
  | 'warn'
  /** A feed, or all of them, would not run. */
  | 'fail';

export type ExitCode = 0 | 1 | 2 | 3;

export function pass(about: string, text: string): Check {
  return { about, verdict: 'pass', text, remedy: null, code: null, exit: 0 };
}

export function warn(about: string, text: string, remedy: string | null = null): Check {
  return { about, verdict: 'warn', text, remedy, code: null, exit: 0 };
}

/** Something around the relay is missing. */
export function lacking(about: string, text: string, remedy: string | null = null): Check {
  return { about, verdict: 'fail', text, remedy, code: null, exit: 3 };
}

export function failed(about: string, failure: Failure): Check {
  return { about, verdict: 'fail', text: failure.message, remedy: failure.remedy, code: failure.code, exit: exitCode(failure) };
}

/** As `failed`, of one feed: what waits for a person, or for the provider's people, parks it. */
export function parks(about: string, failure: Failure): Check {
  const { disposition } = failure;
  return disposition === 'park' || disposition === 'probe' ? { ...failed(about, failure), exit: 1 } : failed(about, failure);
}

/** Of a failure that the config has an answer to: the feed goes on. */
export function met(about: string, failure: Failure, answer: string): Check {
  return { about, verdict: 'warn', text: `${failure.message}; ${answer}`, remedy: null, code: failure.code, exit: 0 };
}

/** What `look` finds, or the failure that it ends with, as `asCheck` has it. Rejects with what is no `Failure`. */
export async function checked(about: string, look: () => Promise<readonly Check[]>, asCheck = failed): Promise<readonly Check[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return [asCheck(about, error)];
  }
}

/** The config before what is around it, that before the feeds. */
const WORST_FIRST: readonly ExitCode[] = [2, 3, 1];

export function worst(checks: readonly Check[]): ExitCode {
  return WORST_FIRST.find((code) => checks.some(({ exit }) => exit === code)) ?? 0;
}

export interface Look {
  /** Where lines end; null = they do not, as where a program reads them. */
  readonly columns: number | null;
  readonly isColoured: boolean;
}

const COLOURS: Readonly<Record<Verdict, string>> = { pass: '\u001B[32m', warn: '\u001B[33m', fail: '\u001B[31m' };
const INDENT = '      ';
const COLUMNS_MIN = 40;

/** A line, and below it the commands and the remedy. */
export function checkLines({ about, verdict, text, remedy }: Check, { columns, isColoured }: Look): readonly string[] {
  const { sentence, command } = parted(plain(text));
  const word = isColoured ? `${COLOURS[verdict]}${verdict}\u001B[0m` : verdict;
  const [first = '', ...rest] = wrapped(`${about}: ${sentence}`, columns);
  return [
    `${word}  ${first}`,
    ...rest.map((line) => INDENT + line),
    // A command is to be pasted: it stays on one line, however long.
    ...(command === null ? [] : [`${INDENT}$ ${command}`]),
    ...(remedy === null ? [] : wrapped(`→ ${plain(remedy)}`, columns).map((line, i) => (i === 0 ? INDENT : `${INDENT}  `) + line)),
  ];
}

/** The command behind the last colon, where it is all that follows. */
function parted(text: string): { readonly sentence: string; readonly command: string | null } {
  const [, sentence = '', command = ''] = /^([\s\S]*?): (kafka-[a-z]+\.sh [^;]*)$/.exec(text) ?? [];
  return command === '' ? { sentence: text, command: null } : { sentence: `${sentence}:`, command };
}

/** A line whose text, behind its indentation and a word that stands apart, goes on below itself. */
export function fitted(line: string, columns: number | null): readonly string[] {
  if (columns === null || line.length < columns) return [line];
  const [label = ''] = /^ *(?:\S+ {2,})?/.exec(line) ?? [];
  const [first = '', ...rest] = wrapped(line.slice(label.length), columns - label.length + INDENT.length);
  return [label + first, ...rest.map((below) => ' '.repeat(label.length) + below)];
}

function wrapped(text: string, columns: number | null): readonly string[] {
  if (columns === null) return [text.replaceAll(/\s*\n\s*/g, ' ')];
  const width = Math.max(COLUMNS_MIN, columns) - INDENT.length - 2;
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
