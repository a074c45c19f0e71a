/**
 * One question over HTTP: headers out, a status and a stream of bytes back, with limits on waiting and on where a redirect may lead.
 *
 * No message here holds the path or the query of an address, and no foreign error is kept as a cause: either may hold a signed URL.
 */
import type { Failure } from '../../../src/model/failure.ts';
import { scrub } from './scrub.ts';

export interface Timeouts {
  /** Until the response's headers are there. */
  readonly headersMs: number;
  /** Between two pieces of its body. */
  readonly stallMs: number;
}

export type Fault =
  /** No response came. */
  | 'answer'
  /** The body broke off. */
  | 'body'
  /** A redirect that must not be followed. */
  | 'redirect';

export interface Exchange {
  readonly url: URL;
  /** Left out: GET. */
  readonly method?: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  /** Left out: none. It goes along a redirect that may be followed. */
  readonly body?: string;
  /** Whether a redirect may lead to `to`; the headers above go along with it. */
  readonly mayFollow: (to: URL) => boolean;
  readonly timeouts: Timeouts;
  /** Words and code for what went wrong. */
  readonly fail: (fault: Fault, reason: string) => Failure;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  /** To be read once at most. */
  readonly body: AsyncIterable<Uint8Array>;
}

const REDIRECTS_MAX = 5;

/**
 * Asks, and hands the reply to `use`; the connection is let go when that has ended, whether or not it read the body.
 * Rejects with what `fail` makes, with what `use` throws, or with `signal.reason`.
 */
export async function exchange<T>(request: Exchange, use: (reply: Reply) => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const guard = new Guard(request, controller, signal);
  try {
    const response = await follow(request, guard, controller.signal);
    return await use({ status: response.status, headers: response.headers, body: pieces(response.body, guard) });
  } finally {
    signal.removeEventListener('abort', onAbort);
    guard.letGo();
  }
}

/** Turns waiting that lasts too long, and whatever fetch throws, into the caller's failures. */
class Guard {
  /** No byte is to come any more. */
  ended = false;
  readonly #request: Exchange;
  readonly #controller: AbortController;
  readonly #signal: AbortSignal;

  constructor(request: Exchange, controller: AbortController, signal: AbortSignal) {
    this.#request = request;
    this.#controller = controller;
    this.#signal = signal;
  }

  async wait<T>(fault: 'answer' | 'body', promise: Promise<T>): Promise<T> {
    const { headersMs, stallMs } = this.#request.timeouts;
    const limitMs = fault === 'answer' ? headersMs : stallMs;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#controller.abort();
    }, limitMs);
    try {
      return await promise;
    } catch (error) {
      this.#signal.throwIfAborted();
      throw this.#request.fail(fault, late ? `nothing came for ${limitMs / 1000} s` : reasonOf(error));
    } finally {
      clearTimeout(timer);
    }
  }

  letGo(): void {
    if (!this.ended) this.#controller.abort();
  }
}

async function follow(request: Exchange, guard: Guard, signal: AbortSignal): Promise<Response> {
  const { method = 'GET', body = null } = request;
  let url = request.url;
  for (let redirects = 0; ; redirects++) {
    const response = await guard.wait('answer', fetch(url.href, { method, headers: request.headers, body, redirect: 'manual', signal }));
    const location = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || location === null) return response;
    if (!URL.canParse(location, url.href)) throw request.fail('redirect', 'a redirect to what is no address');
    const to = new URL(location, url);
    if (!request.mayFollow(to)) throw request.fail('redirect', `a redirect to ${to.origin}, which is not followed`);
    // Any other redirect turns a POST into a GET (RFC 9110 §15.4), which is another request than was meant.
    if (method === 'POST' && response.status !== 307 && response.status !== 308)
      throw request.fail('redirect', `a redirect ${response.status} of a POST`);
    if (redirects === REDIRECTS_MAX) throw request.fail('redirect', `more than ${REDIRECTS_MAX} redirects`);
    await response.body?.cancel();
    url = to;
  }
}

async function* pieces(body: Response['body'], guard: Guard): AsyncGenerator<Uint8Array, void> {
  if (body !== null) {
    const reader = body.getReader();
    for (let next = await guard.wait('body', reader.read()); !next.done; next = await guard.wait('body', reader.read())) yield next.value;
  }
  guard.ended = true;
}

/** What fetch says of a broken connection stands in the cause of its error: `ECONNREFUSED`, `other side closed`. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(inner instanceof Error)) return 'the connection failed';
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : '';
  const message = scrub(inner.message);
  return code === '' || message.includes(code) ? message || 'the connection failed' : `${message} (${code})`;
}
