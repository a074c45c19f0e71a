/**
 * Requests to a registry: who we are, time limits, and repetition of what passes by itself. Credentials go to the configured address only: a redirect is refused.
 */
import { sleep } from '../../src/lib/abort.ts';
import { backoffMs } from '../../src/lib/backoff.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Secret } from '../../src/model/secret.ts';

export interface RegistryHttpOptions {
  readonly url: string;
  /** Null = the registry asks nobody. */
  readonly auth: { readonly username: string; readonly password: Secret } | null;
  /** How long a request is repeated before it is `registry.unreachable`. */
  readonly retryMs: number;
  readonly requestMs: number;
}

export const REGISTRY_DEFAULTS = { auth: null, retryMs: 30_000, requestMs: 10_000 } as const;

export interface RegistryRequest {
  /** `registering orders-value`. */
  readonly doing: string;
  readonly method: 'GET' | 'POST';
  /** Relative to the registry's address. */
  readonly path: string;
  readonly body: unknown;
  /** What a 404 means. */
  readonly missing:
    /** The address or the request is wrong. */
    | 'refused'
    /** It will be there in a moment. */
    | 'awaited'
    /** There is no such schema. */
    | 'unreadable';
}

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';
const BACKOFF = { firstMs: 100, maxMs: 5_000 };
const BODY_BYTES_MAX = 16 * 1024 * 1024;
const MESSAGE_MAX = 500;

export class RegistryHttp {
  /** The address as messages show it. */
  readonly place: string;
  readonly #base: URL;
  readonly #options: RegistryHttpOptions;

  constructor(options: RegistryHttpOptions) {
    this.#options = options;
    this.#base = new URL(options.url.endsWith('/') ? options.url : `${options.url}/`);
    this.place = `${this.#base.origin}${this.#base.pathname}`;
  }

  /** The answer's JSON. Rejects with `registry.unreachable`, `registry.unauthorized`, `registry.refused`, `record.unreadable`. */
  async ask(request: RegistryRequest, signal: AbortSignal): Promise<unknown> {
    const until = performance.now() + this.#options.retryMs;
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#once(request, signal);
      if (answer.kind === 'value') return answer.value;
      if (performance.now() > until) throw new Failure('registry.unreachable', `${request.doing} at ${this.place}: ${answer.reason}`);
      await sleep(backoffMs(BACKOFF, attempt, 0, Math.random), signal);
    }
  }

  /** An answer, or what passes by itself; rejects with what does not. */
  async #once(
    request: RegistryRequest,
    signal: AbortSignal,
  ): Promise<{ kind: 'value'; value: unknown } | { kind: 'passing'; reason: string }> {
    const { auth, requestMs } = this.#options;
    let response: Response;
    let text: string;
    try {
      response = await fetch(new URL(request.path, this.#base), {
        method: request.method,
        redirect: 'manual',
        headers: {
          accept: `${MEDIA_TYPE}, application/json`,
          ...(request.body === null ? {} : { 'content-type': MEDIA_TYPE }),
          ...(auth === null
            ? {}
            : { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password.reveal()}`).toString('base64')}` }),
        },
        ...(request.body === null ? {} : { body: JSON.stringify(request.body) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(requestMs)]),
      });
      text = await boundedText(response);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Failure) throw error;
      return { kind: 'passing', reason: messageOf(error) };
    }
    const fail = (code: 'registry.unauthorized' | 'registry.refused' | 'record.unreadable'): Failure =>
      new Failure(code, `${request.doing} at ${this.place}: the registry answers ${response.status} ${wordsOf(text)}`.trimEnd());
    const { status } = response;
    if (status >= 200 && status < 300) {
      const value = parsed(text);
      if (value === null)
        throw new Failure('registry.refused', `${request.doing} at ${this.place}: the answer is no JSON: is it the address of a registry?`);
      return { kind: 'value', value };
    }
    if (status === 401 || status === 403) throw fail('registry.unauthorized');
    if (status === 404 && request.missing === 'unreadable') throw fail('record.unreadable');
    const passes = status >= 500 || status === 408 || status === 429 || (status === 404 && request.missing === 'awaited');
    if (passes) return { kind: 'passing', reason: `the registry answers ${status} ${wordsOf(text)}`.trimEnd() };
    throw fail('registry.refused');
  }
}

async function boundedText(response: Response): Promise<string> {
  if (response.body === null) return '';
  const body: AsyncIterable<Uint8Array> = response.body;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Failure('registry.refused', `the registry's answer is larger than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Null where the text is no JSON object. */
function parsed(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** The registry's own words: `message` of its error, or the beginning of whatever came. */
function wordsOf(text: string): string {
  const value = parsed(text);
  const message: unknown = value === null ? null : Reflect.get(value, 'message');
  return (typeof message === 'string' ? message : text).slice(0, MESSAGE_MAX);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
