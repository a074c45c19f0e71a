/**
 * How often one provider is asked: by all feeds of the source together, in the order in which they want to ask. A bucket holds the questions of one second
 * and fills at the rate of the config; and when the provider says `Retry-After`, nobody asks until then, since it is the provider that is busy and not the
 * one question.
 */
import type { Clock } from '../../../src/lib/clock.ts';
import { Semaphore } from '../../../src/lib/semaphore.ts';
import type { EpochMs } from '../../../src/model/version.ts';

/** A provider that asks for more is asked again all the same. */
const HOLD_MS_MAX = 600_000;

export class Budget {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #burstMs: number;
  /** One waits at a time, the others behind it. */
  readonly #turn = new Semaphore(1);
  /** When the bucket is full again, if nobody asks. */
  #fullAt: EpochMs = 0;
  #heldUntil: EpochMs = 0;

  constructor(requestsPerSecond: number, clock: Clock) {
    this.#clock = clock;
    this.#everyMs = 1000 / requestsPerSecond;
    this.#burstMs = Math.max(1000, this.#everyMs);
  }

  /** Resolves when one question may be asked; rejects with `signal.reason`, and then nothing is spent. */
  async spend(signal: AbortSignal): Promise<void> {
    const release = await this.#turn.acquire(1, signal);
    try {
      let now = this.#clock.now();
      // The clock was set back: it cannot say how full the bucket is.
      if (this.#fullAt > now + this.#burstMs) this.#fullAt = now;
      const room = this.#fullAt + this.#everyMs - this.#burstMs - now;
      if (room > 0) await this.#clock.sleep(room, signal);
      now += Math.max(0, room);
      for (let held = this.#holdMs(); held > 0;) {
        const until = this.#heldUntil;
        await this.#clock.sleep(held, signal);
        now += held;
        // Waited for once, by whatever clock: only a later hold is waited for again.
        held = this.#heldUntil > until ? this.#holdMs() : 0;
      }
      this.#fullAt = Math.max(this.#fullAt, now) + this.#everyMs;
    } finally {
      release();
    }
  }

  /** Nobody asks for `ms` from here on, or until what was said before; resolves what holds, in milliseconds. */
  hold(ms: number): number {
    this.#heldUntil = Math.max(this.#heldUntil, this.#clock.now() + Math.min(ms, HOLD_MS_MAX));
    return this.#holdMs();
  }

  /** Questions that may be asked at once: a whole bucket at most, and none while the provider has asked for a pause. */
  get left(): number {
    const now = this.#clock.now();
    if (this.#heldUntil > now) return 0;
    const spentMs = Math.min(this.#burstMs, Math.max(0, this.#fullAt - now));
    return Math.floor((this.#burstMs - spentMs) / this.#everyMs);
  }

  #holdMs(): number {
    return Math.min(this.#heldUntil - this.#clock.now(), HOLD_MS_MAX);
  }
}
