/**
 * Questions to one provider's API: the bearer token, limits on waiting and on how many are asked at once, refusals made failures, and tries repeated.
 * The token goes to the endpoint's own origin and nowhere else.
 */
import { Semaphore } from '../../../src/lib/semaphore.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { Telemetry } from '../../../src/ports/telemetry.ts';
import type { Exchange, Fault, Reply } from './exchange.ts';
import { exchange } from './exchange.ts';
import type { Profile } from './profile.ts';
import type { ProviderError } from './provider-error.ts';
import { readProviderError } from './provider-error.ts';
import { refusal } from './refusal.ts';
import type { RetryPolicy } from './retry.ts';
import { retryAfterMs, retrying } from './retry.ts';
import type { SourceTimeouts } from './timeouts.ts';

export interface Question<T> {
  /** Begins every message: `asking acme for …`. */
  readonly doing: string;
  /** Sent as JSON by a POST. Left out: a GET. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Below the endpoint: `/shares/…`, its parts encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Which limits on waiting hold. */
  readonly timeouts: 'changes' | 'others';
  /** Reads an answer of status 200 or 204. May be called again after a failure that is tried again. */
  readonly read: (reply: Reply) => Promise<T>;
  /** What a refusal means to this question; null leaves it to what it means to any. */
  readonly refused: (error: ProviderError) => Failure | null;
}

export interface ClientOptions {
  /** The source's name, for messages and metrics. */
  readonly source: string;
  readonly profile: Profile;
  readonly retry: RetryPolicy;
  readonly timeouts: SourceTimeouts;
  readonly telemetry: Telemetry;
  readonly userAgent: string;
}

const QUESTIONS_AT_ONCE = 8;

const FAULTS = { answer: 'provider.unreachable', body: 'provider.truncated', redirect: 'provider.malformed' } as const satisfies Record<
  Fault,
  string
>;

export class Client {
  readonly source: string;
  readonly retry: RetryPolicy;
  readonly #options: ClientOptions;
  readonly #slots = new Semaphore(QUESTIONS_AT_ONCE);

  constructor(options: ClientOptions) {
    this.source = options.source;
    this.retry = options.retry;
    this.#options = options;
  }

  /** Asks, and asks again what passes by itself. Rejects with the last try's failure. */
  async ask<T>(question: Question<T>, signal: AbortSignal): Promise<T> {
    return retrying(this.retry, async () => this.once(question, signal), signal);
  }

  /** Asks once. */
  async once<T>(question: Question<T>, signal: AbortSignal): Promise<T> {
    const { profile, telemetry, timeouts, userAgent } = this.#options;
    const url = new URL(`${profile.endpoint}${question.path}`);
    for (const [key, value] of Object.entries(question.query)) url.searchParams.set(key, value);
    const release = await this.#slots.acquire(1, signal);
    try {
      return await exchange(
        {
          url,
          ...sent(question.body),
          headers: {
            ...question.headers,
            ...(question.body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
            'user-agent': userAgent,
            authorization: `Bearer ${profile.token.reveal()}`,
          },
          mayFollow: (to) => to.origin === url.origin,
          timeouts: timeouts[question.timeouts],
          fail: (fault, reason) => {
            if (fault !== 'body') telemetry.providerRequest(this.source, 'error');
            return new Failure(FAULTS[fault], `${question.doing}: ${faultText(fault, url, reason)}`);
          },
        },
        async (reply) => {
          telemetry.providerRequest(this.source, String(reply.status));
          if (reply.status === 200 || reply.status === 204) return question.read(reply);
          const waitMs = retryAfterMs(reply.headers.get('retry-after'), this.retry.clock.now());
          throw this.refuse(question, await readProviderError(reply, waitMs, profile.token));
        },
        signal,
      );
    } finally {
      release();
    }
  }

  /** The failure that a refusal of `question` is. */
  refuse(question: Pick<Question<unknown>, 'doing' | 'refused'>, error: ProviderError): Failure {
    return question.refused(error) ?? refusal(error, question.doing, this.#options.profile.expirationTime, this.retry.clock.now());
  }
}

function sent(body: Question<unknown>['body']): Pick<Exchange, 'method' | 'body'> {
  return body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
}

function faultText(fault: Fault, url: URL, reason: string): string {
  switch (fault) {
    case 'answer':
      return `no answer from ${url.origin}: ${reason}`;
    case 'body':
      return `the answer broke off: ${reason}`;
    case 'redirect':
      return `${url.origin} answers with ${reason}, so that the token goes nowhere else`;
  }
}
