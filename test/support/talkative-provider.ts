/**
 * A provider that fails in many ways and says back all that it was told: it stands before another one, and lets through what it does not fail.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface TalkativeProvider extends AsyncDisposable {
  readonly endpoint: string;
  /** Failures that were served. */
  readonly failures: string[];
}

export interface TalkativeOptions {
  /** Of the provider behind it, without its path. */
  readonly origin: string;
  /** What the provider behind it takes. */
  readonly token: string;
  /** Stands in every signed address. */
  readonly signature: string;
  /** How each kind of question fails, one time after the other before it is let through; or all of them for ever. */
  readonly fails: readonly FailureKind[] | { readonly forever: FailureKind };
}

export type FailureKind = '401' | '403' | '429' | '500' | 'redirect' | 'nonsense' | 'reset';

export async function startTalkativeProvider({ origin, token, signature, fails }: TalkativeOptions): Promise<TalkativeProvider> {
  const failures: string[] = [];
  const asked = new Map<string, number>();
  let own = '';
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', own);
    const isFile = url.searchParams.has('X-Amz-Signature');
    const route = isFile ? 'file' : (url.pathname.split('/').at(-1) ?? '');
    const times = asked.get(route) ?? 0;
    asked.set(route, times + 1);
    const kind = 'forever' in fails ? fails.forever : fails[times];
    if (kind !== undefined) {
      failures.push(`${route} ${kind}`);
      fail(kind, request, response);
      return;
    }
    url.searchParams.delete('X-Amz-Signature');
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) if (chunk instanceof Uint8Array) chunks.push(chunk);
    const headers = new Headers({ authorization: `Bearer ${token}`, 'accept-encoding': 'identity' });
    for (const name of ['content-type', 'delta-sharing-capabilities', 'range']) {
      const value = request.headers[name];
      if (typeof value === 'string') headers.set(name, value);
    }
    if (isFile) headers.delete('authorization');
    const method = request.method ?? 'GET';
    const reply = await fetch(new URL(url.pathname + url.search, origin), {
      method,
      headers,
      ...(method === 'POST' ? { body: Buffer.concat(chunks) } : {}),
    });
    const bytes = Buffer.from(await reply.arrayBuffer());
    const body = isFile
      ? bytes
      : Buffer.from(
          bytes
            .toString('utf8')
            .replaceAll(origin, own)
            .replaceAll(/signature=\w+/g, `$&&X-Amz-Signature=${signature}`),
        );
    const kept = [...reply.headers].filter(([name]) => !['content-length', 'transfer-encoding', 'connection', 'date'].includes(name));
    response.writeHead(reply.status, { ...Object.fromEntries(kept), 'content-length': body.length }).end(body);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  own = `http://127.0.0.1:${address.port}`;
  return {
    endpoint: `${own}/delta-sharing`,
    failures,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function fail(kind: FailureKind, request: IncomingMessage, response: ServerResponse): void {
  const told = `${request.method ?? ''} ${request.url ?? ''} ${JSON.stringify(request.headers)}`;
  const body = JSON.stringify({ errorCode: 'REFUSED', message: told });
  switch (kind) {
    case 'reset':
      response.destroy();
      return;
    case 'nonsense':
      response.writeHead(200, { 'content-type': 'application/json' }).end(`<html>${told}`);
      return;
    case 'redirect':
      response.writeHead(302, { location: `https://elsewhere.example${request.url ?? ''}` }).end(told);
      return;
    default:
      response.writeHead(Number(kind), { 'content-type': 'application/json', 'retry-after': '1' }).end(body);
  }
}
