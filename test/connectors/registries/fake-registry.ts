/**
 * A small registry that speaks Confluent's API over HTTP: subjects with versions, ids and GUIDs by text, texts read back with other white space, as real ones do, and
 * Confluent's BACKWARD rule for flat records. `answers` put before it are given first.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { ServerOptions } from 'node:https';
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

const BASE = '/apis/ccompat/v7';

export class FakeRegistry {
  readonly seen: SeenRequest[] = [];
  /** Given to the next requests instead of the registry's own answers. */
  readonly answers: Answer[] = [];
  /** What is given back for the text that was registered. */
  alter: (text: string) => string = (schema) => JSON.stringify(JSON.parse(schema), null, 2);
  /** Where GUIDs stand in answers. */
  guids: 'everywhere' | 'in lookups' | 'nowhere' = 'everywhere';
  /** The one `Authorization` that is let in; null = anybody. */
  authorization: string | null = null;
  /** Levels of subjects; `''` is the global one. */
  readonly levels = new Map<string, 'NONE' | 'BACKWARD'>([['', 'NONE']]);
  mode: 'READWRITE' | 'READONLY' = 'READWRITE';
  readonly #texts: string[] = [];
  readonly #subjects = new Map<string, string[]>();
  readonly #server: Server;
  readonly #scheme: 'http' | 'https';

  /** With `tls` it is a server of https. */
  constructor(tls: ServerOptions | null = null) {
    const listener: RequestListener = (request, response) => {
      this.#answer(request).then(
        ({ status, body, headers }) => {
          response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json', ...headers });
          response.end(typeof body === 'string' ? body : JSON.stringify(body));
        },
        (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
      );
    };
    this.#server = tls === null ? createServer(listener) : createTlsServer(tls, listener);
    this.#scheme = tls === null ? 'http' : 'https';
  }

  /** Gives its address. On a port it had before, it is back with all it knew. */
  async open(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('an HTTP server without a port');
    return `${this.#scheme}://127.0.0.1:${address.port}${BASE}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** What somebody else than the relay does. */
  register(subject: string, schema: string): void {
    const versions = this.#subjects.get(subject) ?? [];
    if (!versions.includes(schema)) versions.push(schema);
    this.#subjects.set(subject, versions);
    if (!this.#texts.includes(schema)) this.#texts.push(schema);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const path = must(request.url, 'the path').replace(`${BASE}/`, '');
    const authorization = request.headers.authorization ?? null;
    this.seen.push({ line: `${must(request.method, 'the method')} ${path}`, authorization });
    const sent = await text(request);
    const prepared = this.answers.shift();
    if (prepared !== undefined) return prepared;
    if (this.authorization !== null && authorization !== this.authorization)
      return error(401, 40101, `Unauthorized: ${String(authorization)}`);
    const [route = '', ...names] = path.split('?')[0]?.split('/') ?? [];
    const [name = '', last = ''] = names.map(decodeURIComponent);
    if (request.method === 'POST' && route === 'subjects') {
      return last === 'versions' ? this.#register(name, schemaIn(sent)) : this.#lookUp(name, schemaIn(sent));
    }
    if (route === 'mode') return { status: 200, body: { mode: this.mode } };
    if (route === 'compatibility') return this.#judge(names[1] === undefined ? '' : decodeURIComponent(names[1]), schemaIn(sent));
    if (route === 'config') {
      const level = this.levels.get(name) ?? (path.endsWith('defaultToGlobal=true') ? this.levels.get('') : undefined);
      return level === undefined
        ? error(404, 40408, 'Subject does not have a level')
        : { status: 200, body: { compatibilityLevel: level } };
    }
    if (name === 'guids' && this.guids === 'nowhere') return error(404, 404, 'HTTP 404 Not Found');
    const known = this.#texts.find((_, i) => last === (name === 'guids' ? guidOf(i + 1) : String(i + 1)));
    return known === undefined ? error(404, 40403, 'Schema not found') : { status: 200, body: { schema: this.alter(known) } };
  }

  #judge(subject: string, schema: string): Answer {
    if (!this.#subjects.has(subject)) return error(404, 40401, `Subject '${subject}' not found.`);
    const takes = this.#takes(subject, schema);
    return { status: 200, body: { is_compatible: takes, messages: takes ? [] : ['READER_FIELD_MISSING_DEFAULT_VALUE'] } };
  }

  #takes(subject: string, schema: string): boolean {
    const latest = this.#subjects.get(subject)?.at(-1);
    const level = this.levels.get(subject) ?? this.levels.get('');
    return latest === undefined || level !== 'BACKWARD' || isBackward(latest, schema);
  }

  #register(subject: string, schema: string): Answer {
    if (this.mode === 'READONLY') return error(422, 42205, `Subject ${subject} is in read-only mode`);
    if (!this.#takes(subject, schema)) {
      return error(409, 409, `Schema being registered is incompatible with an earlier schema for subject "${subject}"`);
    }
    this.register(subject, schema);
    const id = this.#texts.indexOf(schema) + 1;
    return { status: 200, body: { id, ...(this.guids === 'everywhere' ? { guid: guidOf(id) } : {}) } };
  }

  #lookUp(subject: string, schema: string): Answer {
    const versions = this.#subjects.get(subject);
    if (versions === undefined) return error(404, 40401, `Subject '${subject}' not found.`);
    if (!versions.includes(schema)) return error(404, 40403, 'Schema not found');
    const id = this.#texts.indexOf(schema) + 1;
    const guid = this.guids === 'nowhere' ? {} : { guid: guidOf(id) };
    return { status: 200, body: { subject, version: versions.indexOf(schema) + 1, id, ...guid, schema: this.alter(schema) } };
  }
}

/** As this registry makes them. */
export function guidOf(id: number): string {
  return `d0c0ffee-0000-1000-8000-${String(id).padStart(12, '0')}`;
}

function error(status: number, code: number, message: string): Answer {
  return { status, body: { error_code: code, message } };
}

/** A reader of the new schema finds every field in the old one, or has a default for it. */
function isBackward(old: string, next: string): boolean {
  const before = fieldsOf(old);
  return fieldsOf(next).every((field) => {
    const was = before.find(({ name }) => name === field.name);
    return was === undefined ? field.hasDefault : was.type === field.type;
  });
}

function fieldsOf(schema: string): readonly { readonly name: unknown; readonly type: string; readonly hasDefault: boolean }[] {
  const fields: unknown = Reflect.get(Object(JSON.parse(schema)), 'fields');
  if (!Array.isArray(fields)) return [];
  return fields.map((field: object) => ({
    name: Reflect.get(field, 'name'),
    type: JSON.stringify(Reflect.get(field, 'type')),
    hasDefault: Reflect.has(field, 'default'),
  }));
}

function schemaIn(sent: string): string {
  const body: unknown = JSON.parse(sent);
  const schema: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'schema') : null;
  if (typeof schema !== 'string') throw new Error('a registration without a schema');
  return schema;
}
