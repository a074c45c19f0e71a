/**
 * The HTTP port: /metrics for Prometheus, probes for whoever keeps the process running, the status page at / with /api behind it, and /registry for consumers where the relay
 * has no registry.
 *
 *   /startupz  the config is valid, and every partition was claimed or tried: where the feeds stand is known
 *   /livez     the process turns: who restarts it for another reason destroys evidence. Neither Kafka nor a feed fails it
 *   /readyz    it works on what the group has given it, or stands by
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { plain } from './answer.ts';
import type { Answer, Asked } from './answer.ts';
import { portFailure } from './http-port.ts';
import type { RegistryPages } from './registry-pages.ts';
import type { StatusApi } from './status-api.ts';
import { statusPage } from './status-page.ts';

export interface HttpOptions {
  readonly host: string;
  /** 0 = any that is free. */
  readonly port: number;
  readonly metrics: { readonly metricsContentType: string; metricsText(): Promise<string> };
  readonly probes: Probes;
  readonly api: StatusApi;
  /** Null: schemas are elsewhere, and /registry does not exist. */
  readonly registry: RegistryPages | null;
}

/** Each null where all is well, else one sentence. */
export interface Probes {
  notStarted(): string | null;
  notLive(): string | null;
  notReady(): string | null;
}

export interface HttpServer {
  /** The port that was opened. */
  readonly port: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Consumers may all start at once, and must leave probes their place: a registry's answer ends its connection. */
const CONNECTIONS_MAX = 1_024;
const REQUEST_MS = 10_000;
/** For an answer: an order may wait for a transaction. */
const ANSWER_MS = 20_000;
/** Longer than any answer takes to be made: who does not read what it asked for gives its place to others. */
const IDLE_MS = ANSWER_MS + REQUEST_MS;
const URL_MAX = 2_048;
/** Nothing that is asked here but of /registry says anything in its body. */
const BODY_BYTES_MAX = 1_024;

/** Opens the port. Rejects with `http.port` when it cannot be had. */
export async function serveHttp(options: HttpOptions, signal: AbortSignal): Promise<HttpServer> {
  signal.throwIfAborted();
  const page = statusPage();
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, keepAliveTimeout: REQUEST_MS },
    (request, response) => {
      respond(options, page, request)
        .catch((): Sent => ({ ...plain(500, 'The relay failed to answer.'), isLast: false }))
        .then((answer) => send(response, request, answer))
        // An answer that cannot be sent, such as one handed on from a replica, must not end the relay.
        .catch(() => response.destroy());
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.timeout = IDLE_MS;
  const port = await listen(server, options);
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      if (!server.listening) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
  };
}

/** An answer, and whether the connection ends with it. */
type Sent = Answer & { readonly isLast: boolean };

async function respond(options: HttpOptions, page: ReadonlyMap<string, Answer>, request: IncomingMessage): Promise<Sent> {
  const { method = 'GET', url = '/' } = request;
  const registered = await options.registry?.answer({ method, url, body: request });
  if (registered !== undefined && registered !== null) return { ...registered, isLast: true };
  if (url.length > URL_MAX) return { ...plain(414, `The address is longer than ${URL_MAX} characters.`), isLast: true };
  if (!(await isShort(request))) return { ...plain(413, 'Nothing that is asked here has a body.'), isLast: true };
  const at = url.indexOf('?');
  const asked: Asked = {
    method,
    path: at === -1 ? url : url.slice(0, at),
    query: new URLSearchParams(at === -1 ? '' : url.slice(at)),
    authorization: request.headers.authorization,
    from: request.socket.remoteAddress ?? 'unknown',
  };
  const told = await options.api.answer(asked, AbortSignal.timeout(ANSWER_MS));
  return { ...(told ?? (await paged(options, page, asked))), isLast: false };
}

async function paged(
  { metrics, probes, registry }: HttpOptions,
  page: ReadonlyMap<string, Answer>,
  { method, path }: Asked,
): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'Only GET and HEAD are answered here.', { allow: 'GET, HEAD' });
  switch (path) {
    case '/metrics':
      return { status: 200, type: metrics.metricsContentType, body: await metrics.metricsText() };
    case '/startupz':
      return probe(probes.notStarted(), 'The relay has started.');
    case '/livez':
      return probe(probes.notLive(), 'The relay lives.');
    case '/readyz':
      return probe(probes.notReady(), 'The relay is ready.');
    default: {
      const schemas = registry === null ? '' : ', or for /registry/<recipient>/subjects';
      return (
        page.get(path) ?? plain(404, `There is nothing here: ask for /, /api/status, /metrics, /startupz, /livez or /readyz${schemas}.`)
      );
    }
  }
}

function probe(wrong: string | null, well: string): Answer {
  return wrong === null ? plain(200, well) : plain(503, wrong);
}

async function isShort(body: AsyncIterable<Uint8Array>): Promise<boolean> {
  let length = 0;
  try {
    for await (const part of body) {
      length += part.length;
      if (length > BODY_BYTES_MAX) return false;
    }
    return true;
  } catch {
    // It was cut: nobody reads the answer.
    return false;
  }
}

function send(response: ServerResponse, request: IncomingMessage, answer: Sent): void {
  if (response.destroyed) return;
  if (answer.isLast) response.setHeader('connection', 'close');
  response.writeHead(answer.status, {
    'content-type': answer.type,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    ...(answer.status === 405 ? { allow: 'GET, HEAD' } : {}),
    ...answer.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

async function listen(server: Server, { host, port }: HttpOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.on('error', reject);
  server.listen({ host, port }, resolve);
  try {
    await promise;
  } catch (cause) {
    throw portFailure({ host, port }, cause);
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}
