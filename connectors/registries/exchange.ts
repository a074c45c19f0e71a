/**
 * One HTTP exchange with a registry, whole and bounded. Node's own client: it takes certificates of our own, and follows no redirect, so that credentials go nowhere else.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Secret } from '../../src/model/secret.ts';

export interface RegistryTls {
  /** PEM texts; null = the authorities that Node trusts, and no certificate of our own. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: Secret | null;
}

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

/** `base` ends with a slash; paths are relative to it. The exchange rejects with whatever the network does, or once an answer is too large. */
export function exchangeWith(base: URL, tls: RegistryTls | null): Exchange {
  const few = { keepAlive: false, maxSockets: SOCKETS_MAX };
  const send =
    base.protocol === 'https:'
      ? { request: httpsRequest, agent: new HttpsAgent({ ...few, ...certificates(tls) }) }
      : { request: httpRequest, agent: new HttpAgent(few) };
  return async (path, { method, headers, body }, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const request = send.request(new URL(path, base), { method, headers: { ...headers, ...length }, agent: send.agent, signal });
    request.on('error', reject);
    request.once('response', resolve);
    request.end(body ?? undefined);
    const response = await promise;
    return { status: response.statusCode ?? 0, text: await boundedText(response), retryAfterMs: retryAfterMs(response) };
  };
}

function certificates(tls: RegistryTls | null): { readonly ca?: string; readonly cert?: string; readonly key?: string } {
  if (tls === null) return {};
  return {
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.cert === null ? {} : { cert: tls.cert }),
    ...(tls.key === null ? {} : { key: tls.key.reveal() }),
  };
}

async function boundedText(response: IncomingMessage): Promise<string> {
  const body: AsyncIterable<Uint8Array> = response;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`its answer is larger than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Seconds only: registries send no dates there. */
function retryAfterMs(response: IncomingMessage): number {
  const seconds = Number(response.headers['retry-after'] ?? 0);
  return seconds > 0 ? Math.min(seconds * 1_000, RETRY_AFTER_MAX_MS) : 0;
}
