/**
 * How long a silent connection is waited for, by what it was asked. All but changes end well within the time that a call is tried again for, so that a side that
 * hangs is tried again at all, and holds up nobody for long.
 */
import type { Timeouts } from './exchange.ts';

export interface SourceTimeouts {
  /** Changes: the server may read a good part of a log before its first byte. */
  readonly changes: Timeouts;
  /** All other questions to the provider. */
  readonly others: Timeouts;
  /** Files in the storage. */
  readonly files: Timeouts;
}

export const TIMEOUTS: SourceTimeouts = {
  changes: { headersMs: 60_000, stallMs: 30_000, graceMs: 300_000 },
  others: { headersMs: 20_000, stallMs: 20_000, graceMs: 200_000 },
  files: { headersMs: 20_000, stallMs: 20_000, graceMs: 200_000 },
};
