/**
 * Data to stdout, words for people to stderr.
 */
import { once } from 'node:events';

/** One line of data; waits while the reader is slow. */
export async function print(line: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain', { signal });
}

/** Words for the person at the terminal. */
export function tell(line: string): void {
  process.stderr.write(`${plain(line)}\n`);
}

/** Without the codes that a terminal obeys: sentences quote what providers and files say. */
export function plain(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, '');
}
