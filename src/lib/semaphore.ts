/**
 * A counted resource, handed out in the order of asking: bytes in flight, files in flight, feeds at work.
 * An amount larger than the whole is cut to the whole: it waits until it is alone.
 */
import { assert } from './assert.ts';

/** Gives back what was acquired. A second call does nothing. */
export type Release = () => void;

interface Waiter {
  readonly amount: number;
  readonly grant: () => void;
}

export class Semaphore {
  readonly capacity: number;
  #free: number;
  readonly #waiting: Waiter[] = [];

  constructor(capacity: number) {
    assert(capacity > 0, `a semaphore of ${capacity}`);
    this.capacity = capacity;
    this.#free = capacity;
  }

  /** How much is handed out. */
  get used(): number {
    return this.capacity - this.#free;
  }

  /** Waits for `amount`; rejects with `signal.reason` when aborted before. */
  async acquire(amount: number, signal: AbortSignal): Promise<Release> {
    signal.throwIfAborted();
    const wanted = Math.min(amount, this.capacity);
    if (this.#waiting.length > 0 || wanted > this.#free) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiter: Waiter = { amount: wanted, grant: resolve };
      const onAbort = (): void => {
        const at = this.#waiting.indexOf(waiter);
        if (at === -1) return;
        this.#waiting.splice(at, 1);
        reject(signal.reason);
        this.#serve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(waiter);
      try {
        await promise;
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    } else {
      this.#free -= wanted;
    }
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#free += wanted;
      this.#serve();
    };
  }

  #serve(): void {
    for (let first = this.#waiting[0]; first !== undefined && first.amount <= this.#free; first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= first.amount;
      first.grant();
    }
  }
}
