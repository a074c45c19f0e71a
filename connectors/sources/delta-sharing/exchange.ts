/**
 * One question over HTTP: headers out, a status and a stream of bytes back, with limits on waiting and on where a redirect may lead.
 *
 * The other side may be hostile: headers are bounded (network.ts), a body that trickles is cut off, and nothing is decompressed here. No message here holds the
 * path or the query of an address, and no foreign error is kept as a cause: either may hold a signed URL.
 */
import { certificateProblem } from '../../../src/lib/certificate-problem.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { Route } from './network.ts';
import { AddressRefused } from './network.ts';
import { scrub } from './scrub.ts';

export interface Timeouts {
  /** Until the response's headers are there. */
  readonly headersMs: number;
  /** Between two pieces of its body. */
  readonly stallMs: number;
  /** For all of its body, beyond the time that its bytes take at the least pace that is borne. */
  readonly graceMs: number;
}

export type Fault =
  /** No response came. */
  | 'answer'
  /** The body broke off. */
  | 'body'
  /** A redirect that must not be followed. */
  | 'redirect'
  /** It leads into a network that the provider has no business in. */
  | 'address'
  /** There is no trust between it and us. */
  | 'certificate';

export interface Exchange {
  /** `Network.toEndpoint` for the endpoint's own origin, `Network.toTold` for every other address. */
  readonly route: Route;
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
  /** By name in lower case; one that came several times is joined by commas. */
  readonly headers: { readonly get: (name: string) => string | null };
  /** As it was sent: `content-encoding` is the reader's to judge. To be read once at most. */
  readonly body: AsyncIterable<Uint8Array>;
}

const REDIRECTS_MAX = 5;

/** A body that comes more slowly is one that is to hold us up. */
const BYTES_PER_SECOND_LEAST = 8192;

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
    const { statusCode, headers, body } = await follow(request, guard, controller.signal);
    return await use({ status: statusCode, headers: { get: (name) => header(headers, name) }, body: pieces(body, guard) });
  } finally {
    signal.removeEventListener('abort', onAbort);
    guard.letGo();
  }
}

/** Turns waiting that lasts too long, and whatever the connection throws, into the caller's failures. */
class Guard {
  /** No byte is to come any more. */
  ended = false;
  readonly #request: Exchange;
  readonly #controller: AbortController;
  readonly #signal: AbortSignal;
  #bodyMs = 0;
  #bodyBytes = 0;

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
      if (error instanceof AddressRefused) throw this.#request.fail('address', error.message);
      if (error instanceof Failure) throw error;
      const problem = certificateProblem(error);
      if (problem !== null) throw this.#request.fail('certificate', problem);
      throw this.#request.fail(fault, late ? `nothing came for ${limitMs / 1000} s` : reasonOf(error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Of the time that the body is waited for, none is whoever reads it taking theirs. */
  async piece(promise: Promise<IteratorResult<Uint8Array, unknown>>): Promise<Uint8Array | null> {
    const startedAt = performance.now();
    const next = await this.wait('body', promise);
    if (next.done === true) return null;
    this.#bodyMs += performance.now() - startedAt;
    this.#bodyBytes += next.value.length;
    const { graceMs } = this.#request.timeouts;
    if (this.#bodyMs > graceMs + (this.#bodyBytes / BYTES_PER_SECOND_LEAST) * 1000) {
      throw this.#request.fail('body', `it trickles: ${this.#bodyBytes} bytes came in ${Math.round(this.#bodyMs / 1000)} s`);
    }
    return next.value;
  }

  letGo(): void {
    if (!this.ended) this.#controller.abort();
  }
}

type Response = Awaited<ReturnType<Route['request']>>;

async function follow(request: Exchange, guard: Guard, signal: AbortSignal): Promise<Response> {
  let url = request.url;
  for (let redirects = 0; ; redirects++) {
    const response = await guard.wait('answer', send(request, url, signal));
    const { statusCode, headers, body } = response;
    // Whether or not the body is read to its end, a connection that breaks is told to whoever reads, and to nobody else.
    body.on('error', () => {});
    const location = header(headers, 'location');
    if (statusCode < 300 || statusCode > 399 || location === null) return response;
    if (!URL.canParse(location, url.href)) throw request.fail('redirect', 'a redirect to what is no address');
    const to = new URL(location, url);
    if (!request.mayFollow(to)) throw request.fail('redirect', `a redirect to ${to.origin}, which is not followed`);
    // Any other redirect turns a POST into a GET (RFC 9110 §15.4), which is another request than was meant.
    if (request.method === 'POST' && statusCode !== 307 && statusCode !== 308)
      throw request.fail('redirect', `a redirect ${statusCode} of a POST`);
    if (redirects === REDIRECTS_MAX) throw request.fail('redirect', `more than ${REDIRECTS_MAX} redirects`);
    body.destroy();
    url = to;
  }
}

async function send({ route, method = 'GET', headers, body }: Exchange, url: URL, signal: AbortSignal): Promise<Response> {
  return route.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method,
    // A body that is compressed on the way has another length than what lies there, and may unfold without end.
    headers: { accept: '*/*', 'accept-encoding': 'identity', ...headers },
    body: body ?? null,
    signal,
  });
}

async function* pieces(body: Response['body'], guard: Guard): AsyncGenerator<Uint8Array, void> {
  const iterator: AsyncIterator<Uint8Array, unknown> = body[Symbol.asyncIterator]();
  for (let piece = await guard.piece(iterator.next()); piece !== null; piece = await guard.piece(iterator.next())) yield piece;
  guard.ended = true;
}

function header(headers: Response['headers'], name: string): string | null {
  const value = headers[name];
  return value === undefined ? null : typeof value === 'string' ? value : value.join(', ');
}

/** What is said of a broken connection may stand in the cause of its error: `ECONNREFUSED`, `other side closed`. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(inner instanceof Error)) return 'the connection failed';
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : '';
  // Where several addresses were tried, there is a code and no message.
  const message = scrub(inner.message) || 'the connection failed';
  return code === '' || message.includes(code) ? message : `${message} (${code})`;
}
