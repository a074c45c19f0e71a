/**
 * Data to stdout, words for people to stderr.
 */
import { once } from 'node:events';

/** One line of data; waits while the reader is slow. */
export async function print(line: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain', { signal });
}

/** One line for the person at the terminal. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
