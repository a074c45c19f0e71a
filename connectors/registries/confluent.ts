/**
 * A schema registry that speaks Confluent's API. Subjects are `<topic>-key` and `<topic>-value`; a record names its schema by the registry's id (0x00 + 4 bytes).
 *
 * What was registered is read back by its id and compared: a registry that normalises or replaces the text would have consumers read with a schema that the bytes
 * were not written by. Registries lay the text out anew, so it is compared as JSON, every attribute included.
 */
import { isDeepStrictEqual } from 'node:util';
import { Failure } from '../../src/model/failure.ts';
import type { EnsuredSchema, SchemaRegistry, SchemaRequest } from '../../src/ports/schema-registry.ts';
import { Recent } from './recent.ts';
import { RegistryHttp } from './registry-http.ts';
import type { RegistryHttpOptions } from './registry-http.ts';

const FRAME_MARK = 0x00;
const FRAME_BYTES = 5;
const ID_MAX = 0x7fff_ffff;
const SCHEMAS_MAX = 1_000;

export function openConfluentRegistry(options: RegistryHttpOptions): SchemaRegistry {
  return new ConfluentRegistry(new RegistryHttp(options));
}

class ConfluentRegistry implements SchemaRegistry {
  readonly #http: RegistryHttp;
  /** By subject and text. */
  readonly #ensured = new Recent<string, EnsuredSchema>(SCHEMAS_MAX);
  /** By id, as the registry gives them. */
  readonly #texts = new Recent<number, string>(SCHEMAS_MAX);

  constructor(http: RegistryHttp) {
    this.#http = http;
  }

  async ensure(request: SchemaRequest, signal: AbortSignal): Promise<EnsuredSchema> {
    const subject = `${request.topic}-${request.part}`;
    const known = `${subject}\n${request.text}`;
    const earlier = this.#ensured.get(known);
    if (earlier !== undefined) return earlier;

    const id = await this.#register(subject, request.text, signal);
    const text = await this.#fetch(id, `reading schema ${id} of ${subject} back`, 'awaited', signal);
    if (!isSameSchema(request.text, text)) {
      throw new Failure(
        'registry.altered',
        `registering ${subject}: under id ${id} ${this.#http.place} gives another schema than was registered`,
      );
    }
    const prefix = new Uint8Array(FRAME_BYTES);
    new DataView(prefix.buffer).setUint32(1, id);
    const ensured = { prefix, name: String(id), records: [] };
    this.#ensured.set(known, ensured);
    return ensured;
  }

  topics(): readonly [] {
    return [];
  }

  async resolve(
    _recipient: string,
    payload: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ readonly text: string; readonly body: Uint8Array }> {
    if (payload[0] !== FRAME_MARK || payload.length < FRAME_BYTES) {
      throw new Failure('record.unreadable', 'the record does not begin with 0x00 and the id of a schema');
    }
    const id = new DataView(payload.buffer, payload.byteOffset).getUint32(1);
    let text = this.#texts.get(id);
    if (text === undefined) {
      text = await this.#fetch(id, `reading schema ${id}`, 'there', signal);
      this.#texts.set(id, text);
    }
    return { text, body: payload.subarray(FRAME_BYTES) };
  }

  async #register(subject: string, text: string, signal: AbortSignal): Promise<number> {
    const doing = `registering ${subject}`;
    const path = `subjects/${encodeURIComponent(subject)}/versions`;
    const answer = await this.#http.ask({ doing, method: 'POST', path, body: { schema: text }, missing: 'refused' }, signal);
    const id = fieldOf(answer, 'id');
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > ID_MAX) {
      throw new Failure('registry.refused', `${doing}: ${this.#http.place} answers without a schema id: is it the address of a registry?`);
    }
    return id;
  }

  /** `awaited`: just registered, and perhaps not yet known to the replica that answers. */
  async #fetch(id: number, doing: string, state: 'awaited' | 'there', signal: AbortSignal): Promise<string> {
    const answer = await this.#http.ask(
      { doing, method: 'GET', path: `schemas/ids/${id}`, body: null, missing: state === 'awaited' ? 'awaited' : 'unreadable' },
      signal,
    );
    const text = fieldOf(answer, 'schema');
    if (typeof text !== 'string') throw new Failure('registry.refused', `${doing}: ${this.#http.place} answers without a schema`);
    return text;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
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
