/**
 * When a feed looks for new versions: at once when it starts, then by its source's interval or cron pattern.
 *
 * The effective interval is never below what the provider's request budget allows for all feeds of the source together (DESIGN §4 "Polling"). Each wait is
 * jittered by a tenth, so that feeds do not ask in lockstep.
 */
import { createTask, validate } from 'node-cron';
import { must } from '../lib/assert.ts';
import type { Clock } from '../lib/clock.ts';

export type Poll =
  /** `requestsPerSecond`: what all feeds of the source may ask together. */
  | { readonly kind: 'interval'; readonly intervalMs: number; readonly requestsPerSecond: number }
  /** Five or six fields; `timezone` is an IANA name. */
  | { readonly kind: 'cron'; readonly pattern: string; readonly timezone: string };

/** A listing takes many requests, and what joins a minute later loses nothing. */
const LISTING_MS = 60_000;

/** Between two polls of one feed, on average; 0 for cron, which has no interval. */
export function effectiveIntervalMs(poll: Poll, feeds: number): number {
  return poll.kind === 'cron' ? 0 : Math.max(poll.intervalMs, Math.ceil((feeds / poll.requestsPerSecond) * 1000));
}

/** Waits for the next time to look. Rejects with `signal.reason`. */
export type Wait = (signal: AbortSignal) => Promise<void>;

/** For a feed of the source, which has as many of them as `feeds` says whenever a wait begins. */
export function waitFor(poll: Poll, feeds: () => number, clock: Clock): Wait {
  return poll.kind === 'cron' ? nextRun(poll, clock) : (signal) => clock.sleep(jittered(effectiveIntervalMs(poll, feeds()), clock), signal);
}

/** For a listing of the source's tables: as a feed of it, but a minute at least. */
export function waitForListing(poll: Poll, feeds: () => number, clock: Clock): Wait {
  if (poll.kind === 'cron') return nextRun(poll, clock);
  return (signal) => clock.sleep(jittered(Math.max(LISTING_MS, effectiveIntervalMs(poll, feeds())), clock), signal);
}

/** Whether a pattern is one, and ever comes due: no month has a 31st of February. */
export function isCronPattern(pattern: string): boolean {
  if (!validate(pattern)) return false;
  try {
    return createTask(pattern, () => {}).getNextRuns(1).length > 0;
  } catch {
    return false;
  }
}

function jittered(intervalMs: number, clock: Clock): number {
  return intervalMs * (0.9 + 0.2 * clock.random());
}

function nextRun(poll: Poll & { readonly kind: 'cron' }, clock: Clock): Wait {
  const task = createTask(poll.pattern, () => {}, { timezone: poll.timezone });
  return async (signal) => {
    // The task is never started: it only says when it would run.
    const next = must(task.getNextRuns(1)[0], `the next run of ${poll.pattern}`);
    await clock.sleep(Math.max(0, next.getTime() - clock.now()), signal);
  };
}
