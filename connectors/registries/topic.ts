/**
 * Schemas without a registry: on the topic `{recipient}.schemas`, beside the recipient's data (DESIGN §6). A record names its schema by GUID (0x01 + 16 bytes, as in
 * Confluent's framing), and the GUID is made of the schema's text, so it is known before anything is published.
 */
import { Failure } from '../../src/model/failure.ts';
import type {
  EnsuredSchema,
  RegistryLook,
  SchemaCatalog,
  SchemaOutlook,
  SchemaRegistry,
  SchemaRequest,
} from '../../src/ports/schema-registry.ts';
import { framed, prefixOf } from './frame.ts';
import { guidOf, guidText } from './guid.ts';
import { openSchemaCatalog, schemasTopic } from './schemas-topic.ts';
import type { SchemasTopicOptions } from './schemas-topic.ts';

export function openTopicRegistry(options: SchemasTopicOptions): SchemaRegistry {
  return new TopicRegistry(openSchemaCatalog(options));
}

class TopicRegistry implements SchemaRegistry {
  readonly #catalog: SchemaCatalog;

  constructor(catalog: SchemaCatalog) {
    this.#catalog = catalog;
  }

  async ensure(request: SchemaRequest): Promise<EnsuredSchema> {
    const name = guidText(guidOf(request.text));
    const record = { topic: schemasTopic(request.recipient), partition: 0, key: name, value: request.text };
    return { prefix: prefixOf(name), name, digest: null, records: [record] };
  }

  async look(): Promise<RegistryLook> {
    return { place: 'the schemas topic of each recipient', mode: null, compatibility: null };
  }

  async foresee(request: SchemaRequest): Promise<SchemaOutlook> {
    return { subject: null, name: guidText(guidOf(request.text)) };
  }

  topics(recipient: string): ReturnType<SchemaRegistry['topics']> {
    return [{ topic: schemasTopic(recipient), partitions: 1, config: { 'cleanup.policy': 'compact' } }];
  }

  async resolve(
    recipient: string,
    payload: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ readonly text: string; readonly body: Uint8Array }> {
    const { name, body } = framed(payload);
    const schema = await this.#catalog.find(recipient, name, signal);
    if (schema === null)
      throw new Failure('record.unreadable', `the record names the schema ${name}, which is not on ${schemasTopic(recipient)}`);
    return { text: schema.text, body };
  }
}
