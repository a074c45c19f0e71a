/**
 * The HTTP port: /metrics for Prometheus, /livez and /readyz for whoever keeps the process running, and /registry for consumers where the relay has no registry. A parked
 * feed fails no probe: restarting the process would not help it.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Failure } from '../model/failure.ts';
import type { RegistryPages } from './registry-pages.ts';

export interface HttpOptions {
  readonly host: string;
  /** 0 = any that is free. */
  readonly port: number;
  readonly metrics: { readonly metricsContentType: string; metricsText(): Promise<string> };
  /** Null once every claim was attempted; before that what is waited for, to stand after "until". */
  readonly notReady: () => string | null;
  /** Null: schemas are elsewhere, and /registry does not exist. */
  readonly registry: RegistryPages | null;
}

export interface HttpServer {
  /** The port that was opened. */
  readonly port: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Consumers may all start at once, and must leave probes their place: a registry's answer ends its connection. */
const CONNECTIONS_MAX = 1_024;
const REQUEST_MS = 10_000;

/** Opens the port. Rejects with `http.port` when it cannot be had. */
export async function serveHttp(options: HttpOptions, signal: AbortSignal): Promise<HttpServer> {
  signal.throwIfAborted();
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, keepAliveTimeout: REQUEST_MS },
    (request, response) => {
      respond(options, request).then(
        (answer) => send(response, request, answer),
        () => send(response, request, { status: 500, type: TEXT, body: 'The metrics could not be collected.\n', isLast: false }),
      );
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
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

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** Whether the connection ends with it. */
  readonly isLast: boolean;
}

const TEXT = 'text/plain; charset=utf-8';

async function respond(options: HttpOptions, request: IncomingMessage): Promise<Answer> {
  const { method = 'GET', url = '/' } = request;
  const registered = await options.registry?.answer({ method, url, body: request });
  if (registered !== undefined && registered !== null) return { ...registered, isLast: true };
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'Only GET and HEAD are answered here.');
  switch (url.replace(/\?.*$/s, '')) {
    case '/metrics':
      return { status: 200, type: options.metrics.metricsContentType, body: await options.metrics.metricsText(), isLast: false };
    case '/livez':
      return plain(200, 'The relay lives.');
    case '/readyz': {
      const reason = options.notReady();
      return reason === null ? plain(200, 'The relay is ready.') : plain(503, `The relay is not ready until ${reason}.`);
    }
    default:
      return plain(
        404,
        `There is nothing here: ask for /metrics, /livez or /readyz${options.registry === null ? '' : ', or for /registry/<recipient>/subjects'}.`,
      );
  }
}

function plain(status: number, sentence: string): Answer {
  return { status, type: TEXT, body: `${sentence}\n`, isLast: false };
}

function send(response: ServerResponse, request: IncomingMessage, answer: Answer): void {
  if (answer.status === 405) response.setHeader('allow', 'GET, HEAD');
  if (answer.isLast) response.setHeader('connection', 'close');
  response.writeHead(answer.status, {
    'content-type': answer.type,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
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
    throw new Failure('http.port', `the HTTP port ${host}:${port} cannot be opened (${reason(cause)})`, { cause });
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'EADDRINUSE') return 'something else has it';
  if (code === 'EACCES') return 'this user has no right to it';
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return 'this machine has no such address';
  return String(code ?? error);
}
