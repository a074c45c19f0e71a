/**
 * Trying again, in place, what passes by itself: every failure whose disposition is `retry`, until the time is over.
 */
import { backoffMs } from '../../../src/lib/backoff.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { EpochMs } from '../../../src/model/version.ts';

export interface RetryPolicy {
  /** From the first try on; the last try comes when it is over, unless the other side asks to wait longer. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Called with what went wrong, before each wait for another try. */
  readonly onRetry?: (failure: Failure) => void;
}

/** Thrown by an attempt to end the trying with `failure`, whatever its disposition. */
export class GivenUp extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

const BACKOFF = { firstMs: 1000, maxMs: 30_000 };
const TRIES_MAX = 200;

/** Rejects with the last try's failure, with what is not to be tried again, or with `signal.reason`. `attempt` is told how many tries went before. */
export async function retrying<T>(policy: RetryPolicy, attempt: (tries: number) => Promise<T>, signal: AbortSignal): Promise<T> {
  const { clock } = policy;
  const startedAt = clock.now();
  let waitedMs = 0;
  for (let tries = 0; ; tries++) {
    signal.throwIfAborted();
    try {
      return await attempt(tries);
    } catch (error) {
      if (error instanceof GivenUp) throw error.failure;
      if (!(error instanceof Failure) || error.disposition !== 'retry' || tries + 1 === TRIES_MAX) throw error;
      // A clock that is set back makes no call longer.
      const leftMs = policy.timeoutMs - Math.max(clock.now() - startedAt, waitedMs);
      if (leftMs <= 0 || error.retryAfterMs > leftMs) throw error;
      const waitMs = Math.min(
        leftMs,
        backoffMs(BACKOFF, tries, error.retryAfterMs, () => clock.random()),
      );
      policy.onRetry?.(error);
      await clock.sleep(waitMs, signal);
      waitedMs += waitMs;
    }
  }
}

const RETRY_AFTER_MS_MAX = 3_600_000;

/** `Retry-After` in milliseconds, from seconds or an HTTP date (RFC 9110 §10.2.3); 0 where there is none that can be read. An hour at most is believed. */
export function retryAfterMs(header: string | null, now: EpochMs): number {
  if (header === null) return 0;
  const text = header.trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), RETRY_AFTER_MS_MAX);
}
