/**
 * A provider and its storage, scripted answer by answer: what is on the wire is what the test says, to the byte.
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { once } from 'node:events';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  /** Empty where there is none. */
  readonly body: string;
}

/** Sends an answer, or breaks the connection. */
export type Scripted = (response: ServerResponse, asked: Asked) => void;

export interface ScriptedServer {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** Everything that was asked, in order. */
  readonly asked: Asked[];
  /** The answers to a path, one after the other; the last one stays. */
  on(path: string, ...answers: Scripted[]): void;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function scriptedServer(): Promise<ScriptedServer> {
  const asked: Asked[] = [];
  const scripts = new Map<string, Scripted[]>();
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://127.0.0.1');
      const question: Asked = {
        method: request.method ?? '',
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: request.headers,
        body: Buffer.concat(parts).toString('utf8'),
      };
      asked.push(question);
      const answers = scripts.get(url.pathname) ?? [];
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      (answer ?? json(404, { errorCode: 'RESOURCE_DOES_NOT_EXIST', message: 'no script' }))(response, question);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    asked,
    on: (path, ...answers) => {
      scripts.set(path, answers);
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Scripted {
  return text(status, JSON.stringify(body), { 'content-type': 'application/json; charset=utf-8', ...headers });
}

export function text(status: number, body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): Scripted {
  return (response) => {
    response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers });
    response.end(body);
  };
}

/** An answer in lines, chunked, as the reference server sends it. */
export function lines(objects: readonly unknown[], headers: Readonly<Record<string, string>> = {}): Scripted {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8', ...headers });
    response.end(objects.map((object) => `${typeof object === 'string' ? object : JSON.stringify(object)}\n`).join(''));
  };
}

/** Sends the headers and `body`, then breaks the connection. */
export function cut(body: string, headers: Readonly<Record<string, string>> = {}): Scripted {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8', ...headers });
    response.write(body, () => response.destroy());
  };
}

/** Breaks the connection without an answer. */
export const hangUp: Scripted = (response) => {
  response.destroy();
};

/** Sends the headers and `body`, and nothing after. */
export function stall(body: string, headers: Readonly<Record<string, string>> = {}): Scripted {
  return (response) => {
    response.writeHead(200, headers);
    response.write(body);
  };
}

/** Takes the request and never answers. */
export const silence: Scripted = () => {};
