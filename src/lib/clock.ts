/**
 * Time and chance, handed in so that tests decide both.
 */
import { sleep } from './abort.ts';

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`, or rejects with `signal.reason`. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
}

export const systemClock: Clock = { now: () => Date.now(), sleep, random: () => Math.random() };
