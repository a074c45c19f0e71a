/**
 * `{recipient}.commits`: what consumers are told of versions, and of a feed that is parked and goes on. That it is right whatever fails is in the tests of every step.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONNECTORS } from '../../connectors/index.ts';
import { Failure } from '../../src/model/failure.ts';
import type { SchemaRegistry } from '../../src/ports/schema-registry.ts';
import { acceptCheckpoint, resetCheckpoint } from '../../src/relay/checkpoint.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { versionsOf } from '../support/ledger.ts';
import type { Relay } from './in-process.ts';
import { Playground } from './playground.ts';
import { sendingAfter } from './sending-after.ts';
import { rowsFrom, timeOf } from './small-table.ts';
import type { SmallTable } from './small-table.ts';

await describeKafka('the ledger of a recipient', (brokers) => {
  let play: Playground;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());

  /** `kind version`, with what else there is to say of the kind. */
  async function told(relay: Relay, name: string): Promise<readonly string[]> {
    return (await relay.ledger(name)).map((entry) => {
      const { kind, version, toVersion, code, generation } = entry;
      const more = [
        ...(toVersion === null ? [] : ['to', toVersion]),
        ...(code === null ? [] : [code]),
        ...(generation === 1 ? [] : ['g', generation]),
      ];
      return [kind, version, ...more].map(String).join(' ');
    });
  }

  /** A table whose version 1 is a gap, of which version 0 is published, and whose feed is parked. */
  async function parkedAtGap(): Promise<{ readonly table: SmallTable; readonly name: string; readonly relay: Relay }> {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 2)] });
    await table.commit({ feed: false, adds: [rowsFrom(3, 1)] });
    await table.commit({ feed: true, adds: [rowsFrom(4, 1)] });
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name })).toMatch(/^parked gap\.feed_off/);
    return { table, name, relay };
  }

  test('has a record for each version, with all that there is to say of it', async () => {
    const { table, name } = play.table();
    const [file] = await table.commit({ adds: [rowsFrom(1, 3)] });
    if (file === undefined) throw new Error('a commit with rows writes a file');
    await table.commit({});
    await table.commit({ adds: [rowsFrom(4, 1)], removes: [file] });
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name, key: ['id'], envelope: 'upsert' })).toBe('done');
    const { topicId, schemas } = await relay.checkpoint(name);
    const common = {
      feed: relay.feed(name),
      source: 'acme',
      table: `local.default.${name}`,
      tableId: `${name}-id-1`,
      topic: relay.topic(name),
      topicId,
      generation: 1,
      kind: 'version',
      toVersion: null,
      snapshot: false,
      duplicates: '0',
      deadLetters: '0',
      keySchema: schemas.key,
      valueSchema: schemas.value,
      nextTopic: null,
      code: null,
      message: null,
      at: expect.any(Number),
    };
    const none = { insert: '0', update_preimage: '0', update_postimage: '0', delete: '0' };
    expect(await relay.ledger(name)).toEqual([
      expect.objectContaining({ ...common, version: '0', commitTimestamp: timeOf(0), rows: { ...none, insert: '3' }, records: '3' }),
      { ...common, version: '1', commitTimestamp: null, rows: none, records: '0', bytes: '0', partitions: [], checksum: '0'.repeat(32) },
      expect.objectContaining({
        ...common,
        version: '2',
        commitTimestamp: timeOf(2),
        rows: { ...none, insert: '1', delete: '3' },
        records: '4',
      }),
    ]);
    expect(await relay.ledgerFaults(name)).toEqual([]);
  });

  test('counts dead letters aside', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [[...rowsFrom(1, 2), { id: 3, name: 'x'.repeat(3_000) }]] });
    const relay = play.stage.another();
    const feed = { table: name, key: ['id'], onBadRecord: 'dead-letter' } as const;
    expect(await play.outcome(relay, feed, { topics: { config: { 'max.message.bytes': '3000' } } })).toBe('done');
    expect(versionsOf(await relay.ledger(name))).toEqual([
      expect.objectContaining({ records: 2, deadLetters: 1, rows: expect.objectContaining({ insert: 2 }) }),
    ]);
    expect(await relay.ledgerFaults(name)).toEqual([]);
  });

  test('is told of many versions without rows in a few requests', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 1)] });
    for (let i = 0; i < 40; i++) await table.commit({});
    await table.commit({ adds: [rowsFrom(2, 1)] });
    const relay = play.stage.another();
    let sent = 0;
    const publisher = sendingAfter(relay.publisher, async (topic) => void (sent += topic === `${relay.recipient}.commits` ? 1 : 0));
    expect(await relay.outcomes({ feeds: [{ table: name }], source: play.shared.source, publisher })).toEqual({ [name]: 'done' });
    expect(versionsOf(await relay.ledger(name)).map(({ version, records }) => [version, records])).toEqual([
      [0, 1],
      ...Array.from({ length: 40 }, (_, i) => [i + 1, 0]),
      [41, 1],
    ]);
    expect(sent).toBeLessThan(5);
  });

  test('says once that a feed is parked, and once that it goes on', async () => {
    const { name, relay } = await parkedAtGap();
    expect(await play.outcome(relay, { table: name })).toMatch(/^parked gap\.feed_off/);
    expect(await told(relay, name)).toEqual(['version 0', 'park 1 gap.feed_off']);
    expect((await relay.ledger(name)).at(-1)).toMatchObject({
      message: 'nothing is published from version 1 on until a person has looked',
    });
    expect(await play.outcome(relay, { table: name, onGap: 'skip' })).toBe('done');
    expect(await told(relay, name)).toEqual(['version 0', 'park 1 gap.feed_off', 'resume 1', 'gap 1 to 1 gap.feed_off', 'version 2']);
    expect((await relay.checkpoint(name)).toldParked).toBeUndefined();
  });

  test('says that a feed goes on which an operator took further, though there is nothing to publish', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 2)] });
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name })).toBe('done');
    expect(await play.outcome(relay, { table: name, key: ['id'] })).toMatch(/^parked contract\.changed/);
    await relay.operate(name, acceptCheckpoint);
    expect(await play.outcome(relay, { table: name, key: ['id'] })).toBe('done');
    expect(await told(relay, name)).toEqual(['version 0', 'park 1 contract.changed', 'resume 1']);
  });

  test('says that a feed goes on in another topic, with the first transaction there', async () => {
    const { name, relay } = await parkedAtGap();
    await relay.operate(name, resetCheckpoint);
    expect(await play.outcome(relay, { table: name, start: { kind: 'version', version: 2 } })).toBe('done');
    expect(await told(relay, name)).toEqual(['version 0', 'park 1 gap.feed_off', 'resume 2 g 2', 'version 2 g 2']);
    expect((await relay.ledger(name)).at(-1)).toMatchObject({ topic: `${relay.topic(name)}.g2` });
    expect(await relay.ledgerFaults(name)).toEqual([]);
  });

  test('is not told of a feed that never began', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 1)] });
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name, start: { kind: 'version', version: 9 } })).toMatch(/^parked start\.beyond/);
    expect(await told(relay, name)).toEqual([]);
  });

  test('is told later of a feed that is parked while its schema cannot be had: parking waits for nothing', async () => {
    const { table, name } = play.table();
    await table.commit({ adds: [rowsFrom(1, 1)] });
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name })).toBe('done');
    await table.commit({ feed: false, adds: [rowsFrom(2, 1)] });
    const open = CONNECTORS.registries.topic.open({ read: (request, signal) => relay.publisher.read(request, signal) });
    const registry: SchemaRegistry = {
      ensure: (request, signal) =>
        request.topic.endsWith('.commits')
          ? Promise.reject(new Failure('registry.missing', 'nobody registered it'))
          : open.ensure(request, signal),
      look: (signal) => open.look(signal),
      foresee: (request, signal) => open.foresee(request, signal),
      topics: (recipient) => open.topics(recipient),
      resolve: (recipient, payload, signal) => open.resolve(recipient, payload, signal),
    };
    const feeds = [{ table: name }];
    const { source } = play.shared;
    const outcome = { [name]: expect.stringMatching(/^parked gap\.feed_off/) };
    expect(await relay.outcomes({ feeds, source, registry, framing: 'guid' })).toEqual(outcome);
    expect(await relay.checkpoint(name)).toMatchObject({ state: 'parked', failure: { code: 'gap.feed_off' } });
    expect(await told(relay, name)).toEqual(['version 0']);
    for (let i = 0; i < 2; i++) expect(await relay.outcomes({ feeds, source })).toEqual(outcome);
    expect(await told(relay, name)).toEqual(['version 0', 'park 1 gap.feed_off']);
  });
});
