/**
 * A small registry that speaks Confluent's API over HTTP: ids by text, read back with other white space, as real ones do. `answers` put before it are given first.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { must } from '../../../src/lib/assert.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SeenRequest {
  readonly line: string;
  readonly authorization: string | null;
}

export class FakeRegistry {
  readonly seen: SeenRequest[] = [];
  /** Given to the next requests instead of the registry's own answers. */
  readonly answers: Answer[] = [];
  /** What is given back for the text that was registered. */
  alter: (text: string) => string = (text) => JSON.stringify(JSON.parse(text), null, 2);
  readonly #texts: string[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request).then(
        ({ status, body, headers }) => {
          response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json', ...headers });
          response.end(typeof body === 'string' ? body : JSON.stringify(body));
        },
        (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
      );
    });
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('an HTTP server without a port');
    return `http://127.0.0.1:${address.port}/apis/ccompat/v7`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const path = must(request.url, 'the path').replace('/apis/ccompat/v7/', '');
    this.seen.push({ line: `${must(request.method, 'the method')} ${path}`, authorization: request.headers.authorization ?? null });
    const sent = await text(request);
    const prepared = this.answers.shift();
    if (prepared !== undefined) return prepared;
    if (request.method === 'POST' && /^subjects\/[^/]+\/versions$/.test(path)) {
      const schema = schemaIn(sent);
      if (!this.#texts.includes(schema)) this.#texts.push(schema);
      return { status: 200, body: { id: this.#texts.indexOf(schema) + 1 } };
    }
    const id = /^schemas\/ids\/(\d+)$/.exec(path)?.[1];
    const known = id === undefined ? undefined : this.#texts[Number(id) - 1];
    if (known === undefined) return { status: 404, body: { error_code: 40403, message: 'Schema not found' } };
    return { status: 200, body: { schema: this.alter(known) } };
  }
}

function schemaIn(sent: string): string {
  const body: unknown = JSON.parse(sent);
  const schema: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'schema') : null;
  if (typeof schema !== 'string') throw new Error('a registration without a schema');
  return schema;
}
