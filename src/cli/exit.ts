/**
 * How a command ends: one classifier for exit codes, and the lines a person gets.
 */
import { FAILURES, Failure } from '../model/failure.ts';
import type { Disposition } from '../model/failure.ts';

/** 1 failed while running, 2 the config or the arguments are wrong, 3 something around the relay is missing. */
const EXIT_CODES: Readonly<Record<Disposition, 1 | 2 | 3>> = {
  // What passes by itself and reached the end of a command did not pass in time: something around the relay is missing.
  retry: 3,
  reclaim: 3,
  probe: 3,
  environment: 3,
  park: 1,
  config: 2,
};

/** The exit code for whatever ended a command. */
export function exitCode(error: unknown): 1 | 2 | 3 {
  return error instanceof Failure ? EXIT_CODES[error.disposition] : 1;
}

/** The sentence and, behind an arrow, its remedy. A bug is one line that says so, with the place it came from. */
export function failureText(error: unknown): string {
  if (error instanceof Failure) return `${error.message}\n→ ${error.remedy}`;
  return `This is a bug in the relay: ${error instanceof Error ? `${error.name}: ${firstLine(error.message)}${placeOf(error)}` : String(error)}`;
}

/** The remedy of a code that a checkpoint names, if this relay knows it. */
export function remedyOf(code: string): string | null {
  return Object.entries(FAILURES).find(([known]) => known === code)?.[1].remedy ?? null;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

function placeOf(error: Error): string {
  const frame = /((?:src|connectors)\/[^\s()]+:\d+:\d+)/.exec(error.stack ?? '');
  return frame === null ? '' : ` (${frame[1] ?? ''})`;
}
