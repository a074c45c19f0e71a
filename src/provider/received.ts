/**
 * What a request is before anybody looks at the tables.
 */
import type { IncomingMessage } from 'node:http';
import { keyOf } from './catalog.ts';
import type { Route } from './faults.ts';
import { FILES, tableOfFile } from './file-store.ts';
import { routeOf } from './routes.ts';
import type { Routed } from './routes.ts';

const BODY_BYTES_MAX = 1 << 20;

export interface Received {
  readonly message: IncomingMessage;
  readonly method: string;
  /** Encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly routed: Routed | 'file';
  readonly route: Route | null;
  readonly table: string | null;
}

export function receive(message: IncomingMessage): Received {
  const method = message.method ?? 'GET';
  const [path = '', ...rest] = (message.url ?? '/').split('?');
  const query = new URLSearchParams(rest.join('?'));
  if (path.startsWith(`${FILES}/`)) return { message, method, path, query, routed: 'file', route: 'file', table: keyOf(tableOfFile(path)) };
  const routed = routeOf(method, path);
  return { message, method, path, query, routed, ...subject(routed) };
}

function subject(routed: Routed): Pick<Received, 'route' | 'table'> {
  switch (routed.kind) {
    case 'table':
      return { route: routed.action, table: keyOf(routed.name) };
    case 'method':
    case 'unknown':
      return { route: null, table: null };
    default:
      return { route: 'list', table: null };
  }
}

/** Longer bodies are cut, and then no JSON. */
export async function readBody(message: IncomingMessage): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of message) {
    if (!(part instanceof Uint8Array) || length > BODY_BYTES_MAX) break;
    parts.push(part);
    length += part.length;
  }
  return Buffer.concat(parts).toString('utf8');
}

export function header(message: IncomingMessage, name: string): string | null {
  const value = message.headers[name];
  return typeof value === 'string' ? value : null;
}
