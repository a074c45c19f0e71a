/**
 * The HTTP port: /metrics for Prometheus, /livez and /readyz for whoever keeps the process running. A parked feed fails neither: restarting the process would not help it.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Failure } from '../model/failure.ts';

export interface HttpOptions {
  readonly host: string;
  /** 0 = any that is free. */
  readonly port: number;
  readonly metrics: { readonly metricsContentType: string; metricsText(): Promise<string> };
  /** Null once every claim was attempted; before that what is waited for, to stand after "until". */
  readonly notReady: () => string | null;
}

export interface HttpServer {
  /** The port that was opened. */
  readonly port: number;
  [Symbol.asyncDispose](): Promise<void>;
}

const CONNECTIONS_MAX = 64;
const REQUEST_MS = 10_000;

/** Opens the port. Rejects with `http.port` when it cannot be had. */
export async function serveHttp(options: HttpOptions, signal: AbortSignal): Promise<HttpServer> {
  signal.throwIfAborted();
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, keepAliveTimeout: REQUEST_MS },
    (request, response) => {
      respond(options, request).then(
        (answer) => send(response, request, answer),
        () => send(response, request, { status: 500, type: TEXT, body: 'The metrics could not be collected.\n' }),
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
}

const TEXT = 'text/plain; charset=utf-8';

async function respond(options: HttpOptions, request: IncomingMessage): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { status: 405, type: TEXT, body: 'Only GET and HEAD are answered here.\n' };
  const path = (request.url ?? '/').replace(/\?.*$/s, '');
  switch (path) {
    case '/metrics':
      return { status: 200, type: options.metrics.metricsContentType, body: await options.metrics.metricsText() };
    case '/livez':
      return { status: 200, type: TEXT, body: 'The relay lives.\n' };
    case '/readyz': {
      const reason = options.notReady();
      return reason === null
        ? { status: 200, type: TEXT, body: 'The relay is ready.\n' }
        : { status: 503, type: TEXT, body: `The relay is not ready until ${reason}.\n` };
    }
    default:
      return { status: 404, type: TEXT, body: 'There is nothing here: ask for /metrics, /livez or /readyz.\n' };
  }
}

function send(response: ServerResponse, request: IncomingMessage, answer: Answer): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') response.setHeader('allow', 'GET, HEAD');
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
