/**
 * The token that says who we are to the brokers, for all connections. It is fetched when it is first needed, again in the last part of its life, and after a broker
 * refused it; there is never more than one fetch at a time. A renewal that fails while the old token lives leaves the old one in use.
 */
import { orAbort } from '../../src/lib/abort.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Secret } from '../../src/model/secret.ts';

export interface BearerToken {
  readonly value: Secret;
  /** From when it was asked for. */
  readonly lifetimeMs: number;
}

/** Asks once. Rejects with `kafka.token` for what passes, `kafka.certificate`, and `kafka.unauthorized` where we are refused. */
export type FetchToken = (signal: AbortSignal) => Promise<BearerToken>;

interface Held extends BearerToken {
  readonly askedAtMs: number;
}

const FETCH_MS = 10_000;
/** Brokers end a connection with the token that it was opened with: what is left of it is to be worth while. */
const LEFT_MS = 30_000;
const RENEWED_AT = { first: 0.5, last: 0.8 };
/** After a failure everybody is told the same for a while, so that the endpoint is not asked once a connection. */
const REST_MS = 1_000;

export class BearerTokens {
  readonly #fetch: FetchToken;
  readonly #now: () => number;
  #held: Held | null = null;
  #fetching: Promise<Held> | null = null;
  #failed: { readonly failure: unknown; readonly untilMs: number } | null = null;

  /** `now` is a clock in milliseconds that is never set; left out outside tests. */
  constructor(fetch: FetchToken, now: () => number = () => performance.now()) {
    this.#fetch = fetch;
    this.#now = now;
  }

  /** A token that lives. Rejects as `FetchToken` does. */
  async current(): Promise<Secret> {
    const held = this.#held;
    if (held !== null && this.#ageOf(held) < renewedAt(held)) return held.value;
    try {
      return (await this.#renewed()).value;
    } catch (error) {
      if (held === null || this.#held !== held || this.#ageOf(held) >= 1) throw error;
      return held.value;
    }
  }

  /** A broker does not take it: the next one to ask gets another. */
  refused(token: Secret): void {
    if (this.#held?.value === token) this.#held = null;
  }

  #ageOf({ askedAtMs, lifetimeMs }: Held): number {
    return (this.#now() - askedAtMs) / lifetimeMs;
  }

  async #renewed(): Promise<Held> {
    if (this.#failed !== null && this.#now() < this.#failed.untilMs) throw this.#failed.failure;
    this.#fetching ??= this.#ask().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  async #ask(): Promise<Held> {
    const askedAtMs = this.#now();
    const signal = AbortSignal.timeout(FETCH_MS);
    try {
      // Not every one that fetches heeds the signal: Amazon's package does not, and without an end all connections would wait for it.
      const held = { ...(await orAbort(this.#fetch(signal), signal)), askedAtMs };
      this.#held = held;
      this.#failed = null;
      return held;
    } catch (error) {
      const failure = signal.aborted ? new Failure('kafka.token', `no token came within ${FETCH_MS / 1_000} s`) : error;
      this.#failed = { failure, untilMs: this.#now() + REST_MS };
      throw failure;
    }
  }
}

/** After which part of its life. */
function renewedAt({ lifetimeMs }: Held): number {
  return Math.max(RENEWED_AT.first, Math.min(RENEWED_AT.last, 1 - LEFT_MS / lifetimeMs));
}
