/**
 * One HTTP exchange with a registry, whole and bounded. Node's own client: it takes certificates of our own, and follows no redirect, so that credentials go nowhere else.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { answerText } from '../../src/lib/bounded-text.ts';
import { tlsOptions } from '../../src/model/certificates.ts';
import type { Tls } from '../../src/model/certificates.ts';
import { proxyFor } from '../../src/model/proxy.ts';

export interface HttpCall {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  /** What the other side asks us to wait at least; 0 = it asks nothing. */
  readonly retryAfterMs: number;
}

/** Speaks to one address. Each exchange has a connection of its own: there are few, and one that the other side has closed meanwhile would look like a failure. */
export type Exchange = (path: string, call: HttpCall, signal: AbortSignal) => Promise<HttpAnswer>;

const SOCKETS_MAX = 8;
const BODY_BYTES_MAX = 16 * 1024 * 1024;
const RETRY_AFTER_MAX_MS = 30_000;

/**
 * `base` ends with a slash; paths are relative to it. The exchange rejects with whatever the network does, or once an answer is too large. Throws `proxy.invalid`. The
 * proxy is the environment's.
 */
export function exchangeWith(base: URL, tls: Tls | null): Exchange {
  const proxy = proxyFor(base, process.env)?.href;
  const few = { keepAlive: false, maxSockets: SOCKETS_MAX, proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } };
  const send =
    base.protocol === 'https:'
      ? { request: httpsRequest, agent: new HttpsAgent(few) }
      : { request: httpRequest, agent: new HttpAgent(few) };
  return async (path, { method, headers, body }, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const request = send.request(new URL(path, base), {
      method,
      headers: { ...headers, ...length },
      agent: send.agent,
      signal,
      ...(tls === null ? {} : tlsOptions(tls())),
    });
    request.on('error', reject);
    request.once('response', resolve);
    request.end(body ?? undefined);
    const response = await promise;
    return { status: response.statusCode ?? 0, text: await answerText(response, BODY_BYTES_MAX), retryAfterMs: retryAfterMs(response) };
  };
}

/** Seconds only: registries send no dates there. */
function retryAfterMs(response: IncomingMessage): number {
  const seconds = Number(response.headers['retry-after'] ?? 0);
  return seconds > 0 ? Math.min(seconds * 1_000, RETRY_AFTER_MAX_MS) : 0;
}
