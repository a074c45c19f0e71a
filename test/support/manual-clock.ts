import type { Clock } from '../../src/lib/clock.ts';

/** A clock for one sleeper: its time passes when the test says so. */
export class ManualClock implements Clock {
  #now = 0;
  #woken: (() => void) | null = null;
  #asleep = Promise.withResolvers<void>();

  now(): number {
    return this.#now;
  }

  random(): number {
    return 0.5;
  }

  async sleep(_ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    this.#woken = resolve;
    this.#asleep.resolve();
    return promise;
  }

  /** Lets so much time pass, and waits until the sleeper has done what it then does and sleeps again: for ever, if it does not. */
  async pass(ms: number): Promise<void> {
    await this.#asleep.promise;
    this.#asleep = Promise.withResolvers();
    this.#now += ms;
    this.#woken?.();
    await this.#asleep.promise;
  }
}
