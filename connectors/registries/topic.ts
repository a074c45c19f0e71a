/**
 * Schemas without a registry: on the topic `{recipient}.schemas`, beside the recipient's data (DESIGN §6). A record names its schema by GUID (0x01 + 16 bytes, as in
 * Confluent's framing), and the GUID is made of the schema's text, so it is known before anything is published.
 */
import { Failure } from '../../src/model/failure.ts';
import type { Publisher } from '../../src/ports/publisher.ts';
import type { EnsuredSchema, SchemaRegistry, SchemaRequest } from '../../src/ports/schema-registry.ts';
import { guidOf, guidText } from './guid.ts';
import { Recent } from './recent.ts';

export interface TopicRegistryOptions {
  /** Reads the schemas topic; the publisher's own `read`. */
  readonly read: Publisher['read'];
}

const FRAME_MARK = 0x01;
const FRAME_BYTES = 17;
const SCHEMAS_MAX = 1_000;

export function openTopicRegistry(options: TopicRegistryOptions): SchemaRegistry {
  return new TopicRegistry(options);
}

class TopicRegistry implements SchemaRegistry {
  readonly #read: Publisher['read'];
  readonly #texts = new Recent<string, string>(SCHEMAS_MAX);

  constructor(options: TopicRegistryOptions) {
    this.#read = options.read;
  }

  async ensure(request: SchemaRequest): Promise<EnsuredSchema> {
    const guid = guidOf(request.text);
    const name = guidText(guid);
    const record = { topic: schemasTopic(request.recipient), partition: 0, key: name, value: request.text };
    return { prefix: Uint8Array.of(FRAME_MARK, ...guid), name, digest: null, records: [record] };
  }

  topics(recipient: string): ReturnType<SchemaRegistry['topics']> {
    return [{ topic: schemasTopic(recipient), partitions: 1, config: { 'cleanup.policy': 'compact' } }];
  }

  async resolve(
    recipient: string,
    payload: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ readonly text: string; readonly body: Uint8Array }> {
    if (payload[0] !== FRAME_MARK || payload.length < FRAME_BYTES) {
      throw new Failure('record.unreadable', 'the record does not begin with 0x01 and the GUID of a schema');
    }
    const guid = guidText(payload.subarray(1, FRAME_BYTES));
    const text = this.#texts.get(guid) ?? (await this.#find(recipient, guid, signal));
    return { text, body: payload.subarray(FRAME_BYTES) };
  }

  async #find(recipient: string, guid: string, signal: AbortSignal): Promise<string> {
    const topic = schemasTopic(recipient);
    let found: string | null = null;
    for await (const { key, value } of this.#read({ topic, partitions: [0], untilEnd: true }, signal)) {
      if (key === null || value === null) continue;
      const name = Buffer.from(key).toString('utf8');
      const text = Buffer.from(value).toString('utf8');
      // The topic may be written to by others; a schema counts only under the GUID that its text has.
      if (guidText(guidOf(text)) !== name) continue;
      this.#texts.set(name, text);
      if (name === guid) found = text;
    }
    if (found === null) throw new Failure('record.unreadable', `the record names the schema ${guid}, which is not on ${topic}`);
    return found;
  }
}

function schemasTopic(recipient: string): string {
  return `${recipient}.schemas`;
}
