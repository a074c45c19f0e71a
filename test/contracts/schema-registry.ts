/**
 * The exam of a schema registry: what `ensure` says is enough for a consumer that has only the record to find the schema again.
 */
import { expect, test } from 'vitest';
import type { ControlRecord } from '../../src/ports/publisher.ts';
import type { SchemaRegistry } from '../../src/ports/schema-registry.ts';

export interface SchemaRegistryExam {
  /**
   * Two registries that share nothing but what was made known: one for the relay, one for a consumer. `publish` puts the records where the consumer's finds them.
   */
  readonly open: () => Promise<{
    readonly relay: SchemaRegistry;
    readonly consumer: SchemaRegistry;
    readonly publish: (records: readonly ControlRecord[]) => Promise<void>;
  }>;
}

const { signal } = new AbortController();
const VALUE =
  '{"type":"record","name":"Value","fields":[{"name":"a","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}';
/** Avro's canonical form leaves logical types out: both have the same fingerprint. */
const OTHER_SCALE = VALUE.replace('"precision":9,"scale":2', '"precision":20,"scale":4');
const KEY = '{"type":"record","name":"Key","fields":[{"name":"id","type":"long"}]}';

export function examSchemaRegistry(exam: SchemaRegistryExam): void {
  const request = (part: 'key' | 'value', text: string): Parameters<SchemaRegistry['ensure']>[0] => ({
    recipient: 'analytics',
    topic: 'analytics.orders',
    part,
    text,
  });

  test('a consumer finds the schema of a record, text and body apart', async () => {
    const { relay, consumer, publish } = await exam.open();
    for (const [part, schema] of [
      ['key', KEY],
      ['value', VALUE],
      ['value', OTHER_SCALE],
    ] as const) {
      const ensured = await relay.ensure(request(part, schema), signal);
      await publish(ensured.records);
      const payload = Buffer.concat([ensured.prefix, Buffer.from('body')]);
      const { text, body } = await consumer.resolve('analytics', payload, signal);
      expect(JSON.parse(text)).toEqual(JSON.parse(schema));
      expect(Buffer.from(body).toString()).toBe('body');
    }
  });

  test('the same schema has the same name and prefix each time, and another schema has others', async () => {
    const { relay, consumer } = await exam.open();
    const first = await relay.ensure(request('value', VALUE), signal);
    const other = await relay.ensure(request('value', OTHER_SCALE), signal);
    expect(await relay.ensure(request('value', VALUE), signal)).toEqual(first);
    expect(await consumer.ensure(request('value', VALUE), signal)).toEqual(first);
    expect(other.name).not.toBe(first.name);
    expect(other.prefix).not.toEqual(first.prefix);
  });

  test('what is foreseen of a schema registers nothing, and is what comes', async () => {
    const { relay, consumer } = await exam.open();
    const foreseen = await relay.foresee(request('value', VALUE), signal);
    expect(await relay.foresee(request('value', VALUE), signal)).toEqual(foreseen);
    const { name } = await relay.ensure(request('value', VALUE), signal);
    expect([null, name]).toContain(foreseen.name);
    expect(await consumer.foresee(request('value', VALUE), signal)).toEqual({ ...foreseen, name });
    expect((await relay.look(signal)).place).not.toBe('');
  });

  test('its topics, if any, hold every schema for ever', async () => {
    const { relay } = await exam.open();
    const ensured = await relay.ensure(request('value', VALUE), signal);
    const topics = relay.topics('analytics');
    expect([...new Set(ensured.records.map((record) => record.topic))]).toEqual(topics.map((topic) => topic.topic));
    for (const topic of topics) expect(topic).toEqual({ topic: topic.topic, partitions: 1, config: { 'cleanup.policy': 'compact' } });
  });

  test('a payload that names no schema it knows is refused', async () => {
    const { relay, consumer } = await exam.open();
    const { prefix } = await relay.ensure(request('value', VALUE), signal);
    const unknown = Uint8Array.from(prefix, (byte, i) => (i === 0 ? byte : byte ^ 0x55));
    for (const payload of [new Uint8Array(0), prefix.subarray(0, -1), Uint8Array.of(7, ...prefix.subarray(1)), unknown]) {
      await expect(consumer.resolve('analytics', payload, signal)).rejects.toMatchObject({ code: 'record.unreadable' });
    }
  });
}
