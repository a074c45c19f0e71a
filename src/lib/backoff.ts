/**
 * Exponential backoff with full jitter: the n-th wait is uniform in [0, min(max, first · 2ⁿ)], never below the floor that the other side asked for
 * (`Retry-After`).
 */
export interface BackoffLimits {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** The wait before attempt `attempt` (0 = the first repetition), in milliseconds. `random` gives a number in [0, 1). */
export function backoffMs(limits: BackoffLimits, attempt: number, floorMs: number, random: () => number): number {
  const ceiling = Math.min(limits.maxMs, limits.firstMs * 2 ** Math.min(attempt, 30));
  return Math.max(floorMs, Math.floor(random() * ceiling));
}
