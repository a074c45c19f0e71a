/**
 * Versions whose changes cannot be had, and tables that were made again, by the feed's policies: nothing is missing without a word (DESIGN §4 `onGap`, `onRecreate`).
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FaultRule } from '../../src/provider/faults.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import type { Relay } from './in-process.ts';
import { Playground } from './playground.ts';
import { rowsFrom } from './small-table.ts';
import type { SmallTable } from './small-table.ts';

await describeKafka('a feed that meets a gap', (brokers) => {
  let play: Playground;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());

  /** The feed is on at 0, 1, off at 2, 3, on again at 4, off at 5 and on from 6 to 7. */
  async function toggled(): Promise<{ relay: Relay; name: string; table: SmallTable }> {
    const { table, name } = play.table();
    for (const feed of [true, true, false, false, true, false, true, true]) {
      await table.commit({ feed, adds: [rowsFrom(10 * (table.latest + 1) + 1, 1)] });
    }
    return { relay: play.stage.another(), name, table };
  }

  async function idsOf(relay: Relay, topic: string): Promise<readonly string[]> {
    return (await relay.changes(topic)).map(({ version, columns }) => `${version}: ${String(columns['id'])}`);
  }

  test('parks at its first version, and says which are missing', async () => {
    const { relay, name } = await toggled();
    expect(await play.outcome(relay, { table: name })).toMatch(
      new RegExp(`^parked gap\\.feed_off: the changes of versions 2 to 3 of local\\.default\\.${name} cannot be had: `),
    );
    expect(await idsOf(relay, relay.topic(name))).toEqual(['0: 1', '1: 11']);
    expect(await relay.checkpoint(name)).toMatchObject({ state: 'parked', failure: { code: 'gap.feed_off', version: 2 } });
  });

  test('skips just the versions without changes, and says so each time', async () => {
    const { relay, name } = await toggled();
    const feed = { table: name, onGap: 'skip' } as const;
    expect(await play.outcome(relay, feed)).toBe('done');
    expect(await idsOf(relay, relay.topic(name))).toEqual(['0: 1', '1: 11', '4: 41', '6: 61', '7: 71']);
    const gap = {
      feed: relay.feed(name),
      source: 'acme',
      table: `local.default.${name}`,
      tableId: `${name}-id-1`,
      topic: relay.topic(name),
      topicId: expect.any(String),
      generation: 1,
      kind: 'gap',
      nextTopic: null,
      code: 'gap.feed_off',
    };
    expect(await relay.events()).toEqual([
      expect.objectContaining({ ...gap, version: '2', toVersion: '3', message: 'the changes of versions 2 to 3 cannot be had' }),
      expect.objectContaining({ ...gap, version: '5', toVersion: '5', message: 'the changes of version 5 cannot be had' }),
    ]);
  });

  test('that has no end yet waits for it, and goes on when the feed is switched on', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 1)] });
    await table.commit({ feed: false, adds: [rowsFrom(2, 1)] });
    await table.commit({ adds: [rowsFrom(3, 1)] });
    const relay = play.stage.another();
    const feed = { table: name, onGap: 'skip' } as const;
    expect(await play.outcome(relay, feed)).toMatch(/^parked gap\.open: no version of \S+ from 1 on gives its changes: /);
    expect(await relay.events()).toEqual([]);
    await table.commit({ feed: true, adds: [rowsFrom(4, 1)] });
    expect(await play.outcome(relay, feed)).toBe('done');
    expect(await idsOf(relay, relay.topic(name))).toEqual(['0: 1', '3: 4']);
    expect(await relay.events()).toEqual([expect.objectContaining({ version: '1', toVersion: '2' })]);
  });

  test('parked, it is skipped once the config says so', async () => {
    const { relay, name } = await toggled();
    expect(await play.outcome(relay, { table: name })).toMatch(/^parked gap\.feed_off/);
    expect(await play.outcome(relay, { table: name, onGap: 'skip' })).toBe('done');
    expect(await idsOf(relay, relay.topic(name))).toEqual(['0: 1', '1: 11', '4: 41', '6: 61', '7: 71']);
  });

  test('starts again from a snapshot in a new topic, and says where', async () => {
    const { relay, name } = await toggled();
    expect(await play.outcome(relay, { table: name, onGap: 'snapshot' })).toBe('done');
    expect(await idsOf(relay, relay.topic(name))).toEqual(['0: 1', '1: 11']);
    expect((await idsOf(relay, `${relay.topic(name)}.g2`)).toSorted()).toEqual([
      '7: 1',
      '7: 11',
      '7: 21',
      '7: 31',
      '7: 41',
      '7: 51',
      '7: 61',
      '7: 71',
    ]);
    expect(await relay.events()).toEqual([
      expect.objectContaining({ kind: 'gap', version: '2', nextTopic: `${relay.topic(name)}.g2`, generation: 1 }),
    ]);
    expect(await relay.checkpoint(name)).toMatchObject({ generation: 2, start: { asked: 'snapshot', version: 7 } });
  });

  test('of a file that was vacuumed skips its version alone', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 1)] });
    const [gone] = await table.commit({ adds: [rowsFrom(2, 1)] });
    await table.commit({ adds: [rowsFrom(3, 1)] });
    await rm(join(table.folder, gone?.path ?? ''));
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name })).toMatch(
      /^parked gap\.file_gone: the changes of version 1 of .* cannot be had: .*: the file is gone$/,
    );
    expect(await play.outcome(relay, { table: name, onGap: 'skip' })).toBe('done');
    expect(await idsOf(relay, relay.topic(name))).toEqual(['0: 1', '2: 3']);
    expect(await relay.events()).toEqual([expect.objectContaining({ code: 'gap.file_gone', version: '1', toVersion: '1' })]);
  });

  test('that is none when it is asked for again calls no person and leaves no topic', async () => {
    for (const onGap of ['park', 'snapshot'] as const) {
      const { table, name } = play.table();
      await table.commit({ adds: [rowsFrom(1, 1)] });
      await table.commit({ adds: [rowsFrom(2, 1)] });
      const match = { route: 'file', table: `local.default.${name}`, nth: 2 } as const;
      await using source = await play.sharedAlso([{ match, do: { kind: 'status', status: 404 } }]);
      const relay = play.stage.another();
      expect(await play.outcome(relay, { table: name, onGap }, { source: source.source })).toBe('done');
      expect(await idsOf(relay, relay.topic(name))).toEqual(['0: 1', '1: 2']);
    }
  });

  test('of a file that was vacuumed is met before the first rows of a version that takes several transactions', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 1)] });
    const files = await table.commit({ adds: [rowsFrom(2, 3), rowsFrom(5, 3), rowsFrom(8, 3)] });
    await rm(join(table.folder, files.toSorted((a, b) => (a.path < b.path ? -1 : 1)).at(-1)?.path ?? ''));
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name }, { chunk: { records: 2 } })).toMatch(/^parked gap\.file_gone: /);
    expect(await idsOf(relay, relay.topic(name))).toEqual(['0: 1']);
    expect(await relay.checkpoint(name)).toMatchObject({ position: { version: 1, records: 0 } });
  });

  test('of versions that a provider breaks at is skipped after it was refused three times while others answer', async () => {
    const { table, name } = play.table();
    for (let version = 0; version < 6; version++) await table.commit({ adds: [rowsFrom(version, 1)] });
    const broken = (version: number): FaultRule => ({
      match: { route: 'changes', path: `startingVersion=${version}&` },
      do: { kind: 'status', status: 500 },
    });
    await using shared = await play.sharedAlso([2, 3].map(broken));
    const relay = play.stage.another();
    const feed = { table: name, onGap: 'skip', start: { kind: 'version', version: 2 } } as const;
    expect(await play.outcome(relay, feed, { source: shared.source })).toBe('done');
    expect(await idsOf(relay, relay.topic(name))).toEqual(['4: 4', '5: 5']);
    expect(await relay.events()).toEqual([expect.objectContaining({ code: 'gap.unanswered', version: '2', toVersion: '3' })]);
  });

  test('a table that was made again starts again from its snapshot in a new topic, if the config says so', async () => {
    const { table, name } = play.table();
    for (const first of [1, 2, 3]) await table.commit({ adds: [rowsFrom(first, 1)] });
    const relay = play.stage.another();
    const feed = { table: name, onRecreate: 'snapshot' } as const;
    expect(await play.outcome(relay, feed)).toBe('done');
    await table.recreate();
    await table.commit({ adds: [rowsFrom(100, 2)] });
    expect(await play.outcome(relay, feed)).toBe('done');
    expect(await idsOf(relay, relay.topic(name))).toEqual(['0: 1', '1: 2', '2: 3']);
    expect(await idsOf(relay, `${relay.topic(name)}.g2`)).toEqual(['0: 100', '0: 101']);
    expect(await relay.events()).toEqual([
      expect.objectContaining({ kind: 'recreation', version: '3', nextTopic: `${relay.topic(name)}.g2`, tableId: `${name}-id-1` }),
    ]);
    await table.commit({ adds: [rowsFrom(200, 1)] });
    expect(await play.outcome(relay, feed)).toBe('done');
    expect(await idsOf(relay, `${relay.topic(name)}.g2`)).toEqual(['0: 100', '0: 101', '1: 200']);
  });

  test('a schema that consumers would read wrong goes on in a new topic, cut at its version', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 2)] });
    await table.commit({ columns: { id: 'long', name: 'integer' }, adds: [[{ id: 3, name: 30 }]] });
    await table.commit({ adds: [[{ id: 4, name: 40 }]] });
    const relay = play.stage.another();
    const feed = { table: name, onSchemaChange: 'new-topic' } as const;
    expect(await play.outcome(relay, feed)).toBe('done');
    expect(await idsOf(relay, relay.topic(name))).toEqual(['0: 1', '0: 2']);
    expect(await idsOf(relay, `${relay.topic(name)}.g2`)).toEqual(['1: 3', '2: 4']);
    expect(await relay.events()).toEqual([
      expect.objectContaining({ kind: 'schema_change', version: '1', nextTopic: `${relay.topic(name)}.g2`, code: 'schema.breaking' }),
    ]);
    expect(await relay.checkpoint(name)).toMatchObject({
      generation: 2,
      start: { asked: 'version 1', version: 1 },
      position: { version: 3 },
    });
  });

  test('a key whose bytes would change goes on in a new topic too', async () => {
    const { table, name } = play.table({ id: 'integer' });
    await table.commit({ adds: [[{ id: 1 }]] });
    await table.commit({ columns: { id: 'long' }, adds: [[{ id: 2 }]] });
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name, key: ['id'], onSchemaChange: 'new-topic' })).toBe('done');
    expect(await idsOf(relay, relay.topic(name))).toEqual(['0: 1']);
    expect(await idsOf(relay, `${relay.topic(name)}.g2`)).toEqual(['1: 2']);
    expect(await relay.events()).toEqual([expect.objectContaining({ kind: 'schema_change', version: '1', code: 'key.changed' })]);
  });
});
