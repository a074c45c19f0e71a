/**
 * A schema registry that speaks Confluent's API: Confluent's own, Karapace, Apicurio under its compatible address, Redpanda.
 *
 *   register, or look up ─► read back by its name ─► compare ─► records may carry the name
 *
 * A registry that normalises or replaces the text, or gives an id twice, would have consumers read with a schema that the bytes were not written by. Registries lay the
 * text out anew, so it is compared as JSON, every attribute included.
 *
 * A registry that is down stops no feed whose schema it has confirmed before: this process remembers, and so does the feed's checkpoint (`SchemaRequest.known`). The
 * checkpoint's word holds for the very same text, subject and addresses only, and the registry is asked again from time to time.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { Failure } from '../../src/model/failure.ts';
import type { FailureCode } from '../../src/model/failure.ts';
import type { EnsuredSchema, RegistryLook, SchemaOutlook, SchemaRegistry, SchemaRequest } from '../../src/ports/schema-registry.ts';
import type { Telemetry } from '../../src/ports/telemetry.ts';
import { framed, prefixOf } from './frame.ts';
import { guidBytes } from './guid.ts';
import { Recent } from './recent.ts';
import { RegistryHttp } from './registry-http.ts';
import type { Patience, RegistryAnswer, RegistryHttpOptions } from './registry-http.ts';
import { subjectOf } from './subjects.ts';
import type { SubjectNaming } from './subjects.ts';

export interface ConfluentOptions extends RegistryHttpOptions {
  readonly subjects: SubjectNaming;
  /** How records name their schema: the registry's id, or its GUID, which not every registry has. */
  readonly framing: 'id' | 'guid';
  /** False: schemas are looked up, and somebody else registers them. */
  readonly autoRegister: boolean;
  readonly telemetry: Telemetry;
}

export const CONFLUENT_DEFAULTS = {
  auth: null,
  tls: null,
  subjects: 'topic',
  framing: 'id',
  autoRegister: true,
  retryMs: 5_000,
  requestMs: 10_000,
  restMs: 5_000,
} as const;

const ID_MAX = 0x7fff_ffff;
/** More than any relay has feeds; an entry is some 300 bytes. */
const ENSURED_MAX = 50_000;
const TEXTS_MAX = 1_000;
/** How long the checkpoint's word is taken before the registry is asked again. */
const ASSUMED_MS = 60_000;
/** The registry has answered, and a person must act. */
const REFUSALS: readonly FailureCode[] = ['registry.refused', 'registry.missing', 'registry.altered', 'registry.no_guid'];
/** Of a schema's text, what a message shows. */
const SHOWN_MAX = 4_000;

export function openConfluentRegistry(options: ConfluentOptions): SchemaRegistry {
  return new ConfluentRegistry(options);
}

interface Ensured {
  readonly schema: EnsuredSchema;
  /** Infinity for what the registry itself has confirmed. */
  readonly untilMs: number;
}

class ConfluentRegistry implements SchemaRegistry {
  readonly #http: RegistryHttp;
  readonly #options: ConfluentOptions;
  /** By digest. */
  readonly #ensured = new Recent<string, Ensured>(ENSURED_MAX);
  /** By path, as the registry gives them. */
  readonly #texts = new Recent<string, string>(TEXTS_MAX);
  /** Whether the log has it that the registry is not there. */
  #isLogged = false;

  constructor(options: ConfluentOptions) {
    this.#http = new RegistryHttp(options);
    this.#options = options;
  }

  async ensure(request: SchemaRequest, signal: AbortSignal): Promise<EnsuredSchema> {
    const subject = subjectOf(request, this.#options.subjects);
    const digest = this.#digest(subject, request.text);
    const earlier = this.#ensured.get(digest);
    if (earlier !== undefined && performance.now() < earlier.untilMs) return earlier.schema;

    const known = request.known?.digest === digest ? request.known.name : null;
    let name: string;
    let untilMs = Infinity;
    try {
      name = await this.#confirmed(subject, request.text, known === null ? 'long' : 'once', signal);
      this.#isLogged = false;
      this.#options.telemetry.schema('confirmed');
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (known === null || !isUnreached(error)) {
        this.#options.telemetry.schema(REFUSALS.includes(error.code) ? 'refused' : 'failed');
        throw error;
      }
      this.#options.telemetry.schema('assumed');
      name = known;
      untilMs = performance.now() + ASSUMED_MS;
      if (!this.#isLogged) {
        this.#options.telemetry.log('warn', 'the registry is not there: feeds go on with the schemas that it has confirmed before', {
          subject,
          schema: name,
          error: error.message,
        });
      }
      this.#isLogged = true;
    }
    const schema = { prefix: prefixOf(name), name, digest, records: [] };
    this.#ensured.set(digest, { schema, untilMs });
    return schema;
  }

  async look(signal: AbortSignal): Promise<RegistryLook> {
    const told = [404, 405, 501];
    const level = await this.#http.ask(
      { doing: 'asking for the compatibility level', method: 'GET', path: 'config', body: null, told, patience: 'long' },
      signal,
    );
    const mode = await this.#http.ask(
      { doing: 'asking for the mode', method: 'GET', path: 'mode', body: null, told, patience: 'once' },
      signal,
    );
    const said = (value: unknown): string | null => (typeof value === 'string' ? value : null);
    return {
      place: level.place,
      mode: said(fieldOf(mode.value, 'mode')),
      compatibility: said(fieldOf(level.value, 'compatibilityLevel') ?? fieldOf(level.value, 'compatibility')),
    };
  }

  async foresee(request: SchemaRequest, signal: AbortSignal): Promise<SchemaOutlook> {
    const { autoRegister, framing, subjects } = this.#options;
    const subject = subjectOf(request, subjects);
    const doing = `looking up ${subject}`;
    const path = `subjects/${encodeURIComponent(subject)}`;
    const body = { schema: request.text };
    const there = await this.#http.ask({ doing, method: 'POST', path, body, told: [404, 422], patience: 'long' }, signal);
    if (there.status < 300) return { subject, name: framing === 'id' ? idIn(there, doing) : guidIn(there) };
    if (!autoRegister) throw missing(doing, subject, request.text, there);
    const judging = `asking whether ${subject} takes the schema`;
    // A subject that does not exist answers 404, and takes any schema.
    const judged = await this.#http.ask(
      {
        doing: judging,
        method: 'POST',
        path: `compatibility/subjects/${encodeURIComponent(subject)}/versions/latest?verbose=true`,
        body,
        told: [404, 422],
        patience: 'long',
      },
      signal,
    );
    if (judged.status === 422)
      throw new Failure('registry.refused', `${judging}: ${judged.place} takes the schema for invalid (422): ${judged.words}`);
    if (fieldOf(judged.value, 'is_compatible') !== false) return { subject, name: null };
    const level = await this.#levelOf(subject, signal);
    throw new Failure(
      'registry.refused',
      `${judging}: ${judged.place} would refuse it; the compatibility level of the subject is ${level}: ${reasonsIn(judged)}`,
    );
  }

  topics(): readonly [] {
    return [];
  }

  async resolve(
    _recipient: string,
    payload: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ readonly text: string; readonly body: Uint8Array }> {
    const { name, body } = framed(payload);
    const path = pathOf(name);
    let text = this.#texts.get(path);
    if (text === undefined) {
      const answer = await this.#http.ask(
        { doing: `reading schema ${name}`, method: 'GET', path, body: null, told: [404], patience: 'long' },
        signal,
      );
      if (answer.status === 404)
        throw new Failure('record.unreadable', `the record names schema ${name}, which ${answer.place} does not have`);
      text = textIn(answer, `reading schema ${name}`);
      this.#texts.set(path, text);
    }
    return { text, body };
  }

  /** The name of the schema, which the registry has and gives back as it is. */
  async #confirmed(subject: string, text: string, patience: Patience, signal: AbortSignal): Promise<string> {
    const { autoRegister, framing } = this.#options;
    const doing = `${autoRegister ? 'registering' : 'looking up'} ${subject}`;
    const answer = autoRegister
      ? await this.#register(subject, text, doing, patience, signal)
      : await this.#lookUp(subject, text, doing, patience, signal);
    const name = framing === 'id' ? idIn(answer, doing) : await this.#guidOf(answer, subject, text, doing, patience, signal);
    const back = `reading schema ${name} of ${subject} back`;
    // What was just registered is perhaps not yet known to the replica that answers.
    const given = await this.#http.ask(
      { doing: back, method: 'GET', path: pathOf(name), body: null, told: [], isAwaited: true, patience },
      signal,
    );
    if (!isSameSchema(text, textIn(given, back))) {
      throw new Failure('registry.altered', `${doing}: under ${framing} ${name} ${given.place} gives another schema than it was given`);
    }
    return name;
  }

  async #register(subject: string, text: string, doing: string, patience: Patience, signal: AbortSignal): Promise<RegistryAnswer> {
    const path = `subjects/${encodeURIComponent(subject)}/versions`;
    const answer = await this.#http.ask({ doing, method: 'POST', path, body: { schema: text }, told: [409, 422], patience }, signal);
    if (answer.status === 422)
      throw new Failure('registry.refused', `${doing}: ${answer.place} takes the schema for invalid (422): ${answer.words}`);
    if (answer.status !== 409) return answer;
    const level = await this.#levelOf(subject, signal);
    throw new Failure(
      'registry.refused',
      `${doing}: ${answer.place} refuses the schema (409); the compatibility level of the subject is ${level}: ${answer.words}`,
    );
  }

  async #lookUp(subject: string, text: string, doing: string, patience: Patience, signal: AbortSignal): Promise<RegistryAnswer> {
    const path = `subjects/${encodeURIComponent(subject)}`;
    const answer = await this.#http.ask({ doing, method: 'POST', path, body: { schema: text }, told: [404, 422], patience }, signal);
    if (answer.status < 300) return answer;
    throw missing(doing, subject, text, answer);
  }

  /** Not every registry says the GUID when it registers. */
  async #guidOf(
    answer: RegistryAnswer,
    subject: string,
    text: string,
    doing: string,
    patience: Patience,
    signal: AbortSignal,
  ): Promise<string> {
    const guid = guidIn(answer) ?? guidIn(await this.#lookUp(subject, text, doing, patience, signal));
    if (guid === null) throw new Failure('registry.no_guid', `${doing}: ${answer.place} gives its schemas no GUIDs`);
    return guid;
  }

  /** For a message: what cannot be learnt keeps no refusal from being told. */
  async #levelOf(subject: string, signal: AbortSignal): Promise<string> {
    const doing = `asking for the compatibility level of ${subject}`;
    const question = { doing, method: 'GET', body: null, told: [404], patience: 'once' } as const;
    try {
      const path = `config/${encodeURIComponent(subject)}?defaultToGlobal=true`;
      const own = await this.#http.ask({ ...question, path }, signal);
      const answer = own.status === 404 ? await this.#http.ask({ ...question, path: 'config' }, signal) : own;
      const level = fieldOf(answer.value, 'compatibilityLevel') ?? fieldOf(answer.value, 'compatibility');
      return typeof level === 'string' ? level : 'not told';
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return 'not told';
    }
  }

  #digest(subject: string, text: string): string {
    const { framing } = this.#options;
    const where = JSON.stringify([this.#http.places.toSorted(), framing, subject]);
    return createHash('sha256').update(where).update(text).digest('hex');
  }
}

function missing(doing: string, subject: string, text: string, { place, words }: RegistryAnswer): Failure {
  const shown = text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}… (${text.length} characters)`;
  return new Failure('registry.missing', `${doing}: ${place} does not have the schema under the subject ${subject} (${words}): ${shown}`);
}

function reasonsIn({ value, words }: RegistryAnswer): string {
  const messages = fieldOf(value, 'messages');
  return Array.isArray(messages) && messages.length > 0 ? messages.map(String).join('; ') : words;
}

function isUnreached(error: unknown): error is Failure {
  return error instanceof Failure && (error.code === 'registry.unreachable' || error.code === 'registry.certificate');
}

function pathOf(name: string): string {
  return `schemas/${guidBytes(name) === null ? 'ids' : 'guids'}/${name}`;
}

function idIn({ value, place }: RegistryAnswer, doing: string): string {
  const id = fieldOf(value, 'id');
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= ID_MAX) return String(id);
  throw new Failure('registry.malformed', `${doing}: ${place} answers without a schema id`);
}

function guidIn({ value }: RegistryAnswer): string | null {
  const guid = fieldOf(value, 'guid');
  return typeof guid === 'string' && guidBytes(guid.toLowerCase()) !== null ? guid.toLowerCase() : null;
}

function textIn({ value, place }: RegistryAnswer, doing: string): string {
  const text = fieldOf(value, 'schema');
  if (typeof text !== 'string') throw new Failure('registry.malformed', `${doing}: ${place} answers without a schema`);
  return text;
}

function fieldOf(value: object | null, name: string): unknown {
  return value === null ? undefined : Reflect.get(value, name);
}

function isSameSchema(registered: string, given: string): boolean {
  const wanted: unknown = JSON.parse(registered);
  try {
    const got: unknown = JSON.parse(given);
    return isDeepStrictEqual(wanted, got);
  } catch {
    return false;
  }
}
