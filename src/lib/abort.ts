/**
 * Waiting that can be called off. Abort is not an error: `signal.reason` passes through unchanged.
 */
import { setTimeout as timeout } from 'node:timers/promises';

/** The longest wait that Node's timers take. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Resolves after `ms`, or rejects with `signal.reason`. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    let leftMs = ms;
    for (; leftMs > TIMER_MAX_MS; leftMs -= TIMER_MAX_MS) await timeout(TIMER_MAX_MS, undefined, { signal });
    await timeout(leftMs, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/**
 * The promise, unless `signal` aborts first. The promise itself goes on; a late rejection of it is swallowed, since its caller is gone.
 * For work that cannot be cancelled at its source.
 */
export async function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => {});
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
