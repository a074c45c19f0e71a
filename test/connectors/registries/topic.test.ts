import { describe, expect, test } from 'vitest';
import { openTopicRegistry } from '../../../connectors/registries/topic.ts';
import type { ControlRecord } from '../../../src/ports/publisher.ts';
import { examSchemaRegistry } from '../../contracts/schema-registry.ts';
import { MemoryTopic } from './memory-topic.ts';

const { signal } = new AbortController();
/** By Python: `uuid.UUID(bytes=sha256(b'"string"')[:16])`, its version and variant bits set. */
const GUID = 'e9e5c1c9-e4f6-8773-b9d1-bcde0733a59b';

function memoryTopic(): {
  readonly registry: () => ReturnType<typeof openTopicRegistry>;
  readonly records: ControlRecord[];
  readonly reads: string[];
} {
  const { read, records, reads } = new MemoryTopic();
  return { registry: () => openTopicRegistry({ read }), records, reads };
}

describe('the registry on a topic', () => {
  examSchemaRegistry({
    open: async () => {
      const { registry, records } = memoryTopic();
      return {
        relay: registry(),
        consumer: registry(),
        publish: async (published) => {
          records.push(...published);
        },
      };
    },
  });
});

test('a schema is named by a UUID of version 8 over its text, and published as it is', async () => {
  const ensured = await memoryTopic().registry().ensure({ recipient: 'analytics', topic: 't', part: 'value', text: '"string"' }, signal);
  expect(ensured).toEqual({
    prefix: new Uint8Array(Buffer.from(`01${GUID.replaceAll('-', '')}`, 'hex')),
    name: GUID,
    digest: null,
    records: [{ topic: 'analytics.schemas', partition: 0, key: GUID, value: '"string"' }],
  });
});

test('a text under the GUID of another does not count', async () => {
  const { registry, records } = memoryTopic();
  const { prefix, name } = await registry().ensure({ recipient: 'analytics', topic: 't', part: 'value', text: '"string"' }, signal);
  records.push({ topic: 'analytics.schemas', partition: 0, key: name, value: '"long"' });
  await expect(registry().resolve('analytics', prefix, signal)).rejects.toMatchObject({
    code: 'record.unreadable',
    message: expect.stringContaining(name),
  });
});

test('the topic is read once for the schemas it holds', async () => {
  const { registry, records, reads } = memoryTopic();
  const relay = registry();
  const consumer = registry();
  const prefixes: Uint8Array[] = [];
  for (const text of ['"string"', '"long"']) {
    const ensured = await relay.ensure({ recipient: 'analytics', topic: 't', part: 'value', text }, signal);
    records.push(...ensured.records);
    prefixes.push(ensured.prefix);
  }
  for (const prefix of [...prefixes, ...prefixes]) await consumer.resolve('analytics', prefix, signal);
  expect(reads).toEqual(['analytics.schemas from 0']);
});
