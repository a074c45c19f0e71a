/**
 * `/registry/{recipient}`: the schemas of a recipient by Confluent's API, read-only, for consumers of a relay without a registry. The deserializers of Confluent ask for
 * the GUID that a record begins with; the rest is for people and tools.
 *
 *   /schemas/guids/{guid}  /schemas/ids/{id}[/schema|/versions]  /schemas/types  /subjects  /subjects/{s}/versions[/{n}|/latest[/schema]]  /config  /mode
 *   POST /subjects/{s}: which version a schema is, which Confluent asks in this way
 *
 * A subject is the full name of its records; its versions are counted in the order in which the schemas topic holds them. An id is made of the GUID, so that every
 * replica gives the same: in the rare case that two schemas have one, it names neither.
 */
import { isDeepStrictEqual } from 'node:util';
import { boundedText } from '../lib/bounded-text.ts';
import { Failure } from '../model/failure.ts';
import type { PublishedSchema, SchemaCatalog } from '../ports/schema-registry.ts';

export interface RegistryOptions {
  /** Those of the config: nobody else has pages. */
  readonly recipients: readonly string[];
  readonly schemas: SchemaCatalog;
}

export interface RegistryPage {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export interface RegistryPages {
  /** Null where the path is not below `/registry`. Never rejects. */
  answer(request: RegistryRequest): Promise<RegistryPage | null>;
}

export interface RegistryRequest {
  readonly method: string;
  /** As it was sent. */
  readonly url: string;
  /** Read at most once, and only where it counts. */
  readonly body: AsyncIterable<Uint8Array>;
}

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const URL_MAX = 2_048;
const BODY_BYTES_MAX = 1024 * 1024;
/** How long a page may take, Kafka included. */
const PAGE_MS = 10_000;
/** Pages that wait for Kafka at one time. */
const PAGES_MAX = 256;

export function registryPages({ recipients, schemas }: RegistryOptions): RegistryPages {
  const known = new Set(recipients);
  let open = 0;
  return {
    answer: async ({ method, url, body }) => {
      const path = pathOf(url);
      if (path !== '/registry' && !path.startsWith('/registry/')) return null;
      if (url.length > URL_MAX) return refusal(414, 414, `The address is longer than ${URL_MAX} characters.`);
      const steps = stepsOf(path);
      const [recipient, ...rest] = steps ?? [];
      const isLookUp = method === 'POST' && rest.length === 2 && rest[0] === 'subjects';
      if (!isLookUp && method !== 'GET' && method !== 'HEAD')
        return refusal(
          405,
          405,
          'These schemas are written by the relay alone: they can be read, and looked up by POST /subjects/<subject>.',
        );
      if (recipient === undefined || !known.has(recipient)) return NOTHING;
      if (open >= PAGES_MAX) return refusal(503, 503, 'Too many questions at a time: ask again.');
      open++;
      try {
        const signal = AbortSignal.timeout(PAGE_MS);
        if (isLookUp) return await lookUp(schemas, recipient, rest[1] ?? '', body, signal);
        return await page(schemas, recipient, rest, new URLSearchParams(url.slice(path.length)), signal);
      } catch (error) {
        // What Kafka says is for those who run the relay; they have it in the log of its feeds.
        if (error instanceof Failure || isTimeout(error))
          return refusal(503, 50302, 'The schemas cannot be read at the moment: ask again.');
        return refusal(500, 50001, 'The relay failed to answer.');
      } finally {
        open--;
      }
    },
  };
}

async function page(
  schemas: SchemaCatalog,
  recipient: string,
  steps: readonly string[],
  query: URLSearchParams,
  signal: AbortSignal,
): Promise<RegistryPage> {
  const [root, first, second, third] = steps;
  if (root === undefined || (root === '' && steps.length === 1)) return json({});
  if (root === 'schemas' && first === 'types' && steps.length === 2) return json(['AVRO']);
  if (root === 'schemas' && first === 'guids' && second !== undefined && steps.length === 3) {
    const guid = second.toLowerCase();
    const found = GUID.test(guid) ? await schemas.find(recipient, guid, signal) : null;
    return found === null ? NO_SCHEMA : json(schemaAnswer(found));
  }
  if (root === 'config' && steps.length <= 2) return json({ compatibilityLevel: 'NONE' });
  if (root === 'mode' && steps.length <= 2) return json({ mode: 'READONLY' });
  if (root !== 'schemas' && root !== 'subjects') return NOTHING;

  const all = entriesOf(await schemas.list(recipient, signal));
  if (root === 'schemas') {
    if (first !== 'ids' || second === undefined || steps.length > 4) return NOTHING;
    const [entry, ...others] = all.filter(({ id }) => String(id) === second);
    if (entry === undefined || others.length > 0) return NO_SCHEMA;
    if (third === undefined) return json(schemaAnswer(entry));
    if (third === 'schema') return verbatim(entry.text);
    return third === 'versions' ? json([{ subject: entry.subject, version: entry.version }]) : NOTHING;
  }
  if (first === undefined) {
    const prefix = query.get('subjectPrefix') ?? '';
    return json([...new Set(all.map(({ subject }) => subject))].filter((subject) => subject.startsWith(prefix)));
  }
  return second === 'versions' && steps.length <= 5 ? versionsPage(all, first, third, steps[4]) : NOTHING;
}

/** Which version of the subject a schema is: as JSON the same, however it is laid out. */
async function lookUp(
  schemas: SchemaCatalog,
  recipient: string,
  subject: string,
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<RegistryPage> {
  const text = await boundedText(body, BODY_BYTES_MAX);
  if (text === null) return refusal(413, 413, `The body is longer than ${BODY_BYTES_MAX} bytes.`);
  const asked = parsed(fieldOf(parsed(text), 'schema'));
  if (asked === null) return refusal(422, 42_201, 'The body must be JSON that holds an Avro schema under `schema`, as text.');
  const versions = entriesOf(await schemas.list(recipient, signal)).filter((entry) => entry.subject === subject);
  if (versions.length === 0) return noSubject(subject);
  const entry = versions.find((version) => isDeepStrictEqual(parsed(version.text), asked));
  return entry === undefined ? NO_SCHEMA : json({ subject, version: entry.version, ...schemaAnswer(entry) });
}

function versionsPage(all: readonly Entry[], subject: string, asked: string | undefined, form: string | undefined): RegistryPage {
  const versions = all.filter((entry) => entry.subject === subject);
  if (versions.length === 0) return noSubject(subject);
  if (asked === undefined) return json(versions.map(({ version }) => version));
  if (asked !== 'latest' && asked !== '-1' && !/^[1-9]\d{0,8}$/.test(asked))
    return refusal(422, 42_202, 'A version is a whole number from 1 on, or latest.');
  const entry = asked === 'latest' || asked === '-1' ? versions.at(-1) : versions[Number(asked) - 1];
  if (entry === undefined) return refusal(404, 40_402, `Version ${asked} not found.`);
  if (form === undefined) return json({ subject, version: entry.version, ...schemaAnswer(entry) });
  return form === 'schema' ? verbatim(entry.text) : NOTHING;
}

interface Entry extends PublishedSchema {
  readonly id: number;
  readonly subject: string;
  /** From 1 on. */
  readonly version: number;
}

function entriesOf(schemas: readonly PublishedSchema[]): readonly Entry[] {
  const counts = new Map<string, number>();
  return schemas.flatMap((schema) => {
    const subject = subjectOf(schema.text);
    if (subject === null) return [];
    const version = (counts.get(subject) ?? 0) + 1;
    counts.set(subject, version);
    return [{ ...schema, id: idOf(schema.guid), subject, version }];
  });
}

/** The full name of the record; null for what somebody else put on the topic. */
function subjectOf(text: string): string | null {
  const schema = parsed(text);
  const name = fieldOf(schema, 'name');
  const namespace = fieldOf(schema, 'namespace');
  if (typeof name !== 'string') return null;
  return typeof namespace === 'string' && namespace !== '' ? `${namespace}.${name}` : name;
}

/** Null for what is no text of a JSON object. */
function parsed(text: unknown): object | null {
  if (typeof text !== 'string') return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

function fieldOf(value: object | null, name: string): unknown {
  return value === null ? null : Reflect.get(value, name);
}

/** The first 31 bits. */
function idOf(guid: string): number {
  return Number.parseInt(guid.slice(0, 8), 16) & 0x7fff_ffff;
}

function schemaAnswer({ guid, text }: PublishedSchema): Readonly<Record<string, unknown>> {
  return { id: idOf(guid), guid, schemaType: 'AVRO', schema: text };
}

function json(value: unknown): RegistryPage {
  return { status: 200, type: MEDIA_TYPE, body: JSON.stringify(value) };
}

function verbatim(text: string): RegistryPage {
  return { status: 200, type: MEDIA_TYPE, body: text };
}

function refusal(status: number, code: number, message: string): RegistryPage {
  return { status, type: MEDIA_TYPE, body: JSON.stringify({ error_code: code, message }) };
}

function noSubject(subject: string): RegistryPage {
  return refusal(404, 40_401, `Subject '${subject}' not found: subjects are the full names of records here.`);
}

const NOTHING = refusal(404, 404, 'HTTP 404 Not Found');
const NO_SCHEMA = refusal(404, 40_403, 'Schema not found');

function pathOf(url: string): string {
  return url.replace(/[?#].*$/s, '');
}

/** Behind `/registry`, each decoded once; null where one cannot be. */
function stepsOf(path: string): readonly string[] | null {
  try {
    return path.split('/').slice(2).map(decodeURIComponent);
  } catch {
    return null;
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}
