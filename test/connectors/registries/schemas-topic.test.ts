import { expect, test } from 'vitest';
import { guidOf, guidText } from '../../../connectors/registries/guid.ts';
import { openSchemaCatalog } from '../../../connectors/registries/schemas-topic.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { SchemaCatalog } from '../../../src/ports/schema-registry.ts';
import { MemoryTopic } from './memory-topic.ts';

const { signal } = new AbortController();

function schema(name: string): { readonly guid: string; readonly text: string } {
  const text = JSON.stringify({ type: 'record', name, fields: [] });
  return { guid: guidText(guidOf(text)), text };
}

function open(): { readonly topic: MemoryTopic; readonly catalog: SchemaCatalog; readonly publish: (...names: readonly string[]) => void } {
  const topic = new MemoryTopic();
  return { topic, catalog: openSchemaCatalog({ read: topic.read }), publish: (...names) => publishTo(topic, 'analytics', names) };
}

function publishTo(topic: MemoryTopic, recipient: string, names: readonly string[]): void {
  for (const { guid, text } of names.map(schema))
    topic.records.push({ topic: `${recipient}.schemas`, partition: 0, key: guid, value: text });
}

test('what was read is kept, and the topic is read on from there for what is not among it', async () => {
  const { topic, catalog, publish } = open();
  publish('A', 'B');
  expect(await catalog.find('analytics', schema('A').guid, signal)).toEqual(schema('A'));
  expect(await catalog.find('analytics', schema('B').guid, signal)).toEqual(schema('B'));
  publish('C');
  expect(await catalog.find('analytics', schema('C').guid, signal)).toEqual(schema('C'));
  expect(await catalog.find('analytics', schema('D').guid, signal)).toBeNull();
  expect(topic.reads).toEqual(['analytics.schemas from 0', 'analytics.schemas from 2', 'analytics.schemas from 3']);
});

test('a schema that comes while the topic is read is found by the next reading, which all wait for', async () => {
  const { topic, catalog, publish } = open();
  const asked: Promise<unknown>[] = [];
  topic.atEnd = async () => {
    topic.atEnd = async () => {};
    publish('A');
    for (let i = 0; i < 100; i++) asked.push(catalog.find('analytics', schema('A').guid, signal));
  };
  expect(await catalog.find('analytics', schema('A').guid, signal)).toBeNull();
  expect(await Promise.all(asked)).toEqual(asked.map(() => schema('A')));
  expect(topic.reads).toHaveLength(2);
});

test('of a schema that was published again the last place counts', async () => {
  const { catalog, publish } = open();
  publish('A', 'B', 'C', 'A');
  expect(await catalog.list('analytics', signal)).toEqual(['B', 'C', 'A'].map(schema));
});

test('a schema that was deleted is gone, and what stands under a foreign GUID never counts', async () => {
  const { topic, catalog, publish } = open();
  publish('A', 'B');
  topic.records.push(
    { topic: 'analytics.schemas', partition: 0, key: schema('A').guid, value: null },
    { topic: 'analytics.schemas', partition: 0, key: schema('C').guid, value: schema('B').text },
  );
  expect(await catalog.list('analytics', signal)).toEqual([schema('B')]);
});

test('recipients do not see each other', async () => {
  const { topic, catalog, publish } = open();
  publish('A');
  publishTo(topic, 'hr', ['B']);
  expect(await catalog.find('hr', schema('A').guid, signal)).toBeNull();
  expect(await catalog.list('hr', signal)).toEqual([schema('B')]);
  expect(await catalog.list('analytics', signal)).toEqual([schema('A')]);
});

test('a topic that does not exist yet holds nothing, and a reading that fails is tried again by the next question', async () => {
  const { topic, catalog, publish } = open();
  topic.atEnd = () => Promise.reject(new Failure('topic.missing', 'there is no topic'));
  expect(await catalog.list('analytics', signal)).toEqual([]);
  topic.atEnd = () => Promise.reject(new Failure('kafka.unreachable', 'down'));
  await expect(catalog.find('analytics', schema('A').guid, signal)).rejects.toMatchObject({ code: 'kafka.unreachable' });
  topic.atEnd = async () => {};
  publish('A');
  expect(await catalog.find('analytics', schema('A').guid, signal)).toEqual(schema('A'));
});

test('whoever gives up waiting leaves the others their answer', async () => {
  const { topic, catalog, publish } = open();
  publish('A');
  const gate = Promise.withResolvers<void>();
  topic.atEnd = () => gate.promise;
  const off = new AbortController();
  const left = catalog.find('analytics', schema('A').guid, off.signal);
  const stays = catalog.find('analytics', schema('A').guid, signal);
  off.abort(new Error('enough'));
  await expect(left).rejects.toThrow('enough');
  gate.resolve();
  expect(await stays).toEqual(schema('A'));
});

test('schemas beyond the bound are not kept, and are found all the same', async () => {
  const { topic, catalog, publish } = open();
  const long = (i: number): string => `${i}${'x'.repeat(2 ** 20)}`;
  publish(...Array.from({ length: 40 }, (_, i) => long(i)));
  const kept = await catalog.list('analytics', signal);
  expect(kept.length).toBeLessThan(33);
  expect(kept.at(-1)).toEqual(schema(long(39)));
  expect(await catalog.find('analytics', schema(long(0)).guid, signal)).toEqual(schema(long(0)));
  const before = topic.reads.length;
  await catalog.find('analytics', schema(long(0)).guid, signal);
  expect(topic.reads).toHaveLength(before);
  // Another recipient takes the place.
  publishTo(topic, 'hr', ['B']);
  expect(await catalog.list('hr', signal)).toEqual([schema('B')]);
});
