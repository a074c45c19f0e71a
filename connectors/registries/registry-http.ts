/**
 * Questions to a registry that may have several addresses: who we are, time limits, the next address where one fails, and repetition of what passes by itself.
 *
 *   round:  the address that answered last ─► the others in the config's order ─► a wait ─► the next round …
 *
 * An answer that decides (a schema, a refusal) ends the question whichever address gives it. What one address cannot say (nobody there, 5xx, too many requests) the next
 * one is asked for. Once a question has ended without an answer, those that follow end at once, and every `restMs` one of them is asked to see whether the registry is
 * back: feeds that wait for it must not hold what others need.
 */
import { sleep } from '../../src/lib/abort.ts';
import { backoffMs } from '../../src/lib/backoff.ts';
import { must } from '../../src/lib/assert.ts';
import { certificateProblem } from '../../src/lib/certificate-problem.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Tls } from '../../src/model/certificates.ts';
import type { Secret } from '../../src/model/secret.ts';
import { exchangeWith } from './exchange.ts';
import type { Exchange, HttpAnswer } from './exchange.ts';

export interface RegistryHttpOptions {
  /** One at least. */
  readonly urls: readonly string[];
  /** Null = the registry asks nobody. */
  readonly auth: RegistryAuth | null;
  /** Null = as Node does it by itself. */
  readonly tls: Tls | null;
  /** How long a question is repeated before it is `registry.unreachable`. */
  readonly retryMs: number;
  readonly requestMs: number;
  /** How long a registry without an answer is left alone. */
  readonly restMs: number;
}

export type RegistryAuth =
  | { readonly kind: 'basic'; readonly username: string; readonly password: Secret }
  | { readonly kind: 'bearer'; readonly token: Secret };

export interface RegistryQuestion {
  /** `registering orders-value`. */
  readonly doing: string;
  readonly method: 'GET' | 'POST';
  /** Relative to the registry's address. */
  readonly path: string;
  readonly body: unknown;
  /** Statuses beside 2xx that the caller reads. */
  readonly told: readonly number[];
  /** Whether a 404 is a replica that does not know yet. */
  readonly isAwaited?: boolean;
  readonly patience: Patience;
}

export type Patience =
  /** For as long as the options say. */
  | 'long'
  /** Each address once. */
  | 'once';

export interface RegistryAnswer {
  readonly status: number;
  /** The JSON of the answer; null where it is none, which only an answer of `told` may be. */
  readonly value: object | null;
  /** The registry's own words: the `message` of its error, or the beginning of whatever came. */
  readonly words: string;
  /** The address that answered. */
  readonly place: string;
}

interface Address {
  readonly place: string;
  readonly exchange: Exchange;
}

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';
const BACKOFF = { firstMs: 100, maxMs: 5_000 };
const WORDS_MAX = 1_000;

export class RegistryHttp {
  /** The addresses as messages show them. */
  readonly places: readonly string[];
  readonly #options: RegistryHttpOptions;
  readonly #addresses: readonly Address[];
  /** Index of the address that answered last. */
  #first = 0;
  /** What the last question that ended without an answer was told, and until when that holds for others. */
  #down: { readonly code: Unreached; readonly reasons: string; readonly untilMs: number } | null = null;

  constructor(options: RegistryHttpOptions) {
    this.#options = options;
    this.#addresses = options.urls.map((url) => {
      const base = new URL(url.endsWith('/') ? url : `${url}/`);
      return { place: `${base.origin}${base.pathname}`, exchange: exchangeWith(base, options.tls) };
    });
    this.places = this.#addresses.map(({ place }) => place);
  }

  /** An answer of 2xx with JSON, or of `told`. Rejects with `registry.unreachable`, `registry.certificate`, `registry.unauthorized`, `registry.malformed`. */
  async ask(question: RegistryQuestion, signal: AbortSignal): Promise<RegistryAnswer> {
    const { retryMs, restMs } = this.#options;
    const until = performance.now() + retryMs;
    if (this.#down !== null) {
      if (performance.now() < this.#down.untilMs) throw new Failure(this.#down.code, `${question.doing}: ${this.#down.reasons}`);
      // This question is the one that is asked; the others go on resting meanwhile.
      this.#down = { ...this.#down, untilMs: performance.now() + restMs };
    }
    for (let attempt = 0; ; attempt++) {
      const round = await this.#round(question, signal);
      if (round.kind === 'answer') return round.answer;
      if (question.patience === 'once' || performance.now() > until) {
        const reasons = round.reasons.join('; ');
        // A replica that lacks one schema says nothing of other questions.
        if (round.isDown) this.#down = { code: round.code, reasons, untilMs: performance.now() + restMs };
        throw new Failure(round.code, `${question.doing}: ${reasons}`);
      }
      await sleep(backoffMs(BACKOFF, attempt, round.retryAfterMs, Math.random), signal);
    }
  }

  async #round(question: RegistryQuestion, signal: AbortSignal): Promise<Round> {
    const reasons: string[] = [];
    let retryAfterMs = 0;
    let isDown = true;
    let code: Unreached = 'registry.unreachable';
    const first = this.#first;
    for (let i = 0; i < this.#addresses.length; i++) {
      const index = (first + i) % this.#addresses.length;
      const { place, exchange } = must(this.#addresses[index], 'an address of the registry');
      let answer: HttpAnswer;
      try {
        answer = await this.#send(exchange, question, signal);
      } catch (error) {
        signal.throwIfAborted();
        const problem = certificateProblem(error);
        if (problem !== null) code = 'registry.certificate';
        reasons.push(problem === null ? `${place} cannot be reached (${this.#shown(reasonOf(error))})` : `${place}: ${problem}`);
        continue;
      }
      if (isPassing(answer.status, question)) {
        reasons.push(`${place} answers ${this.#statusText(answer)}`);
        retryAfterMs = Math.max(retryAfterMs, answer.retryAfterMs);
        isDown &&= answer.status !== 404;
        continue;
      }
      this.#first = index;
      this.#down = null;
      return { kind: 'answer', answer: this.#judged(question, place, answer) };
    }
    return { kind: 'passing', code, reasons, retryAfterMs, isDown };
  }

  async #send(exchange: Exchange, { method, path, body }: RegistryQuestion, signal: AbortSignal): Promise<HttpAnswer> {
    const headers = {
      accept: `${MEDIA_TYPE}, application/json`,
      ...(body === null ? {} : { 'content-type': MEDIA_TYPE }),
      ...authorization(this.#options.auth),
    };
    const timed = AbortSignal.any([signal, AbortSignal.timeout(this.#options.requestMs)]);
    return exchange(path, { method, headers, body: body === null ? null : JSON.stringify(body) }, timed);
  }

  #judged({ doing, told }: RegistryQuestion, place: string, answer: HttpAnswer): RegistryAnswer {
    const { status } = answer;
    if (status === 401 || status === 403) {
      throw new Failure('registry.unauthorized', `${doing}: ${place} answers ${this.#statusText(answer)}`);
    }
    const value = parsed(answer.text);
    if (told.includes(status)) return { status, value, words: this.#words(answer), place };
    if (status < 200 || status >= 300) throw new Failure('registry.malformed', `${doing}: ${place} answers ${this.#statusText(answer)}`);
    if (value === null) throw new Failure('registry.malformed', `${doing}: the answer of ${place} is no JSON`);
    return { status, value, words: this.#words(answer), place };
  }

  #statusText(answer: HttpAnswer): string {
    return `${answer.status} ${this.#words(answer)}`.trimEnd();
  }

  #words({ text }: HttpAnswer): string {
    const value = parsed(text);
    const message: unknown = value === null ? null : Reflect.get(value, 'message');
    // Before it is cut: half a secret would not be found any more.
    return this.#shown(typeof message === 'string' ? message : text)
      .replaceAll(/\s+/g, ' ')
      .slice(0, WORDS_MAX);
  }

  /** Without our secret, which a talkative proxy may repeat, also as we sent it. */
  #shown(words: string): string {
    const { auth } = this.#options;
    if (auth === null) return words;
    const secrets =
      auth.kind === 'bearer'
        ? auth.token.revealed()
        : auth.password.revealed().flatMap((password) => [password, encodedBasic(auth.username, password)]);
    return secrets.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), words);
  }
}

type Round =
  | { readonly kind: 'answer'; readonly answer: RegistryAnswer }
  | {
      readonly kind: 'passing';
      readonly code: Unreached;
      readonly reasons: readonly string[];
      readonly retryAfterMs: number;
      readonly isDown: boolean;
    };

/** Why no address has answered. */
type Unreached = 'registry.unreachable' | 'registry.certificate';

function isPassing(status: number, { isAwaited }: RegistryQuestion): boolean {
  return status >= 500 || status === 408 || status === 429 || (status === 404 && isAwaited === true);
}

function authorization(auth: RegistryAuth | null): { readonly authorization?: string } {
  if (auth === null) return {};
  if (auth.kind === 'bearer') return { authorization: `Bearer ${auth.token.reveal()}` };
  return { authorization: `Basic ${encodedBasic(auth.username, auth.password.reveal())}` };
}

function encodedBasic(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

/** Null where the text is no JSON object or list. */
function parsed(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'AbortError') return 'no answer in time';
  const code: unknown = Reflect.get(error, 'code');
  return error.message === '' ? String(code) : error.message;
}
