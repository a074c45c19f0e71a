/**
 * Questions to one provider's API: the credential, limits on waiting and on how many are asked at once, refusals made failures, and tries repeated.
 * The credential goes to the endpoint's own origin and nowhere else.
 */
import { Semaphore } from '../../../src/lib/semaphore.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { EpochMs } from '../../../src/model/version.ts';
import type { Telemetry } from '../../../src/ports/telemetry.ts';
import { Budget } from './budget.ts';
import { decoded, ENCODINGS } from './decoded.ts';
import type { Exchange, Fault, Reply } from './exchange.ts';
import { exchange } from './exchange.ts';
import type { Authorization, Credentials } from './credentials.ts';
import type { Route } from './network.ts';
import type { ProviderError } from './provider-error.ts';
import { readProviderError } from './provider-error.ts';
import { RefusedByProvider, refusal } from './refusal.ts';
import type { RetryPolicy } from './retry.ts';
import { retryAfterMs, retrying } from './retry.ts';
import { scrub } from './scrub.ts';
import type { SourceTimeouts } from './timeouts.ts';
import type { ToInstant } from './zoned.ts';

export interface Question<T> {
  /** Begins every message: `asking acme for …`. */
  readonly doing: string;
  /** Sent as JSON by a POST. Left out: a GET. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Below the endpoint: `/shares/…`, its parts encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Asked once more with these added, where the provider refuses the question for no reason that is known. */
  readonly otherwise?: Readonly<Record<string, string>>;
  /** Which limits on waiting hold. */
  readonly timeouts: 'changes' | 'others';
  /** Reads an answer of status 200 or 204, which may take `bytesMax` in memory. May be called again after a failure that is tried again. */
  readonly read: (reply: Reply, bytesMax: number) => Promise<T>;
  /** What the answer may take in memory. Left out: as much as any. */
  readonly bytesMax?: number;
  /** What a refusal means to this question; null leaves it to what it means to any. */
  readonly refused: (error: ProviderError) => Failure | null;
}

export interface ClientOptions {
  /** The source's name, for messages and metrics. */
  readonly source: string;
  readonly credentials: Credentials;
  /** To the endpoint. */
  readonly route: Route;
  /** Questions of all feeds together, on average. */
  readonly requestsPerSecond: number;
  /** What one answer may take in memory, over all its pages. */
  readonly answerBytesMax: number;
  /** For times of partitions that the provider writes without a zone. */
  readonly toInstant: ToInstant;
  readonly retry: RetryPolicy;
  readonly timeouts: SourceTimeouts;
  readonly telemetry: Telemetry;
  readonly userAgent: string;
}

const QUESTIONS_AT_ONCE = 8;
const OTHERWISE_MS = 3_600_000;

const FAULTS = {
  answer: 'provider.unreachable',
  body: 'provider.truncated',
  redirect: 'provider.malformed',
  address: 'provider.address',
  certificate: 'provider.certificate',
} as const satisfies Record<Fault, string>;

export class Client {
  readonly source: string;
  readonly retry: RetryPolicy;
  readonly answerBytesMax: number;
  readonly toInstant: ToInstant;
  readonly #options: ClientOptions;
  readonly #slots = new Semaphore(QUESTIONS_AT_ONCE);
  readonly #budget: Budget;
  #otherwiseUntil: EpochMs = 0;
  #aheadMs: number | null = null;

  constructor(options: ClientOptions) {
    this.source = options.source;
    this.retry = options.retry;
    this.answerBytesMax = options.answerBytesMax;
    this.toInstant = options.toInstant;
    this.#options = options;
    const budget = new Budget(options.requestsPerSecond, options.retry.clock);
    this.#budget = budget;
    options.telemetry.reads({ of: 'requestBudget', source: options.source }, () => budget.left);
  }

  /** How far the provider's clock is ahead of ours, by its last answer; null = none has told. */
  get clockAheadMs(): number | null {
    return this.#aheadMs;
  }

  /** Asks, and asks again what passes by itself. Rejects with the last try's failure. */
  async ask<T>(question: Question<T>, signal: AbortSignal): Promise<T> {
    return retrying(this.retry, async () => this.once(question, signal), signal);
  }

  /**
   * Asks once; and once more with a fresh credential, where there is one, if the provider refuses the one it was asked with, or otherwise, if it refuses the question and
   * there is another way. A provider that was asked otherwise with success is asked so for an hour.
   */
  async once<T>(question: Question<T>, signal: AbortSignal): Promise<T> {
    const { otherwise } = question;
    const isOther = this.retry.clock.now() < this.#otherwiseUntil;
    try {
      return await this.#onceSo(isOther ? inOtherWay(question) : question, signal);
    } catch (error) {
      const isRefused = error instanceof RefusedByProvider && error.code === 'provider.refused';
      if (otherwise === undefined || isOther || !isRefused) throw error;
      const answer = await this.#onceSo(inOtherWay(question), signal);
      this.#otherwiseUntil = this.retry.clock.now() + OTHERWISE_MS;
      return answer;
    }
  }

  async #onceSo<T>(question: Question<T>, signal: AbortSignal): Promise<T> {
    const { credentials } = this.#options;
    const release = await this.#slots.acquire(1, signal);
    try {
      const authorization = await credentials.authorization(signal);
      try {
        return await this.#ask(question, authorization, signal);
      } catch (error) {
        if (!(error instanceof RefusedByProvider) || error.status !== 401) throw error;
        const other = await credentials.renewed(authorization, signal);
        if (other === null) throw error;
        return await this.#ask(question, other, signal);
      }
    } finally {
      release();
    }
  }

  /** The failure that a refusal of `question` is. `error` may say the provider's own words as they are. */
  refuse(question: Pick<Question<unknown>, 'doing' | 'refused'>, error: ProviderError): Failure {
    const { credentials } = this.#options;
    const told = { ...error, message: scrub(credentials.redacted(error.message)) };
    return question.refused(told) ?? refusal(told, question.doing, credentials.expirationTime, this.retry.clock.now());
  }

  async #ask<T>(question: Question<T>, { scheme, token }: Authorization, signal: AbortSignal): Promise<T> {
    const { credentials, route, telemetry, timeouts, userAgent } = this.#options;
    const url = new URL(`${credentials.endpoint}${question.path}`);
    for (const [key, value] of Object.entries(question.query)) url.searchParams.set(key, value);
    await this.#budget.spend(signal);
    return exchange(
      {
        route,
        url,
        ...sent(question.body),
        headers: {
          ...question.headers,
          ...(question.body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
          ...ENCODINGS,
          'user-agent': userAgent,
          authorization: `${scheme} ${token.reveal()}`,
        },
        mayFollow: (to) => to.origin === url.origin,
        timeouts: timeouts[question.timeouts],
        fail: (fault, reason) => {
          if (fault !== 'body') telemetry.providerRequest(this.source, 'error');
          return new Failure(FAULTS[fault], `${question.doing}: ${faultText(fault, url, reason)}`);
        },
      },
      async (sentReply) => {
        telemetry.providerRequest(this.source, String(sentReply.status));
        const date = Date.parse(sentReply.headers.get('date') ?? '');
        if (!Number.isNaN(date)) this.#aheadMs = date - this.retry.clock.now();
        const reply = decoded(sentReply, (problem, reason) => new Failure(`provider.${problem}`, `${question.doing}: ${reason}`));
        if (reply.status === 200 || reply.status === 204) return question.read(reply, question.bytesMax ?? this.answerBytesMax);
        const waitMs = retryAfterMs(reply.headers.get('retry-after'), this.retry.clock.now());
        if (waitMs > 0 && (reply.status === 429 || reply.status === 503)) this.#hold(waitMs);
        throw this.refuse(question, await readProviderError(reply, waitMs, (text) => credentials.redacted(text)));
      },
      signal,
    );
  }

  #hold(waitMs: number): void {
    const heldMs = this.#budget.hold(waitMs);
    const sentence = `the provider asks for a pause: it is asked nothing for ${Math.ceil(heldMs / 1000)} s`;
    this.#options.telemetry.log('debug', sentence, { source: this.source });
  }
}

function inOtherWay<T>(question: Question<T>): Question<T> {
  return { ...question, headers: { ...question.headers, ...question.otherwise } };
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
    case 'certificate':
      return `${url.origin}: ${reason}`;
    case 'address':
      return reason;
  }
}
