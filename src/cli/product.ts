/**
 * What this program is called, and which one it is.
 */
import { readFileSync } from 'node:fs';

export const VERSION = packageVersion();

/** `cdf-relay/0.1.0`: what checkpoints, brokers and providers know this process by. */
export const RELAY = `cdf-relay/${VERSION}`;

function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : 'unknown';
}
