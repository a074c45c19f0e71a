/**
 * The access token of one grant, for everybody who asks one provider. It is fetched when it is first needed and renewed ahead of its end: whoever asks within the
 * last part of its life gets it still, and sets its renewal going; whoever asks after that waits. There is never more than one fetch at a time.
 */
import { orAbort } from '../../../src/lib/abort.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { Secret } from '../../../src/model/secret.ts';
import type { EpochMs } from '../../../src/model/version.ts';
import type { AccessToken } from './oauth.ts';
import type { RetryPolicy } from './retry.ts';
import { retrying } from './retry.ts';

export interface AccessTokensOptions {
  /** Asks the token endpoint once. */
  readonly fetch: (signal: AbortSignal) => Promise<AccessToken>;
  readonly retry: RetryPolicy;
  /** Told once in a row when a renewal fails while the old token still lives. */
  readonly warn: (failure: Failure, expiresAt: EpochMs) => void;
  /** Ends what is under way. */
  readonly closing: AbortSignal;
}

/** The official clients renew as long ahead, and so ask for a token at every request where tokens live no longer; hence the part. */
const AHEAD_MS = 600_000;
const AHEAD_PART = 1 / 5;

/** After a renewal that failed while the old token lives. */
const PAUSE_MS = 30_000;

export class AccessTokens {
  readonly #options: AccessTokensOptions;
  #held: AccessToken | null = null;
  #fetching: Promise<AccessToken> | null = null;
  #pausedUntil: EpochMs = 0;
  #isWarned = false;

  constructor(options: AccessTokensOptions) {
    this.#options = options;
  }

  /** A token that lives. Rejects as `fetch` does, after trying again what passes by itself. */
  async current(signal: AbortSignal): Promise<Secret> {
    const now = this.#options.retry.clock.now();
    const held = this.#held;
    if (held === null || now >= expiresAt(held)) return this.#fetched(signal);
    const aheadMs = Math.min(AHEAD_MS, held.lifetimeMs * AHEAD_PART);
    if (now >= expiresAt(held) - aheadMs && now >= this.#pausedUntil) this.#renewAhead(held);
    return held.token;
  }

  /** Another token than `refused`, which the provider does not take. */
  async renewed(refused: Secret, signal: AbortSignal): Promise<Secret> {
    if (this.#held?.token !== refused) return this.current(signal);
    this.#held = null;
    return this.#fetched(signal);
  }

  async #fetched(signal: AbortSignal): Promise<Secret> {
    return (await orAbort(this.#fetch(), signal)).token;
  }

  #renewAhead(held: AccessToken): void {
    if (this.#fetching !== null) return;
    const { closing, retry, warn } = this.#options;
    this.#fetch().catch((error: unknown) => {
      if (closing.aborted || !(error instanceof Failure)) return;
      this.#pausedUntil = retry.clock.now() + PAUSE_MS;
      if (!this.#isWarned) warn(error, expiresAt(held));
      this.#isWarned = true;
    });
  }

  #fetch(): Promise<AccessToken> {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  async #fetchOnce(): Promise<AccessToken> {
    const { closing, fetch, retry } = this.#options;
    this.#held = await retrying(retry, async () => fetch(closing), closing);
    this.#isWarned = false;
    return this.#held;
  }
}

function expiresAt({ askedAt, lifetimeMs }: AccessToken): EpochMs {
  return askedAt + lifetimeMs;
}
