/**
 * Feeds whose schemas are in a registry: what it refuses, and what goes on while it is down (DESIGN §6 "Framing").
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { CONFLUENT_DEFAULTS, openConfluentRegistry } from '../../connectors/registries/confluent.ts';
import type { SchemaRegistry } from '../../src/ports/schema-registry.ts';
import { FakeRegistry } from '../connectors/registries/fake-registry.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { quiet } from '../support/quiet-telemetry.ts';
import { listener } from './in-process.ts';
import type { Relay } from './in-process.ts';
import { Playground } from './playground.ts';
import { rowsFrom } from './small-table.ts';

const WIDER = { id: 'long', name: 'string', note: 'string' } as const;

await describeKafka('a feed whose schemas are in a registry', (brokers) => {
  let play: Playground;
  let fake: FakeRegistry;
  let url: string;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());
  afterEach(async () => fake.close());

  async function openFake(): Promise<void> {
    fake = new FakeRegistry();
    url = await fake.open();
  }

  /** As a relay that has just started has it. */
  function registry(): SchemaRegistry {
    return openConfluentRegistry({ ...CONFLUENT_DEFAULTS, urls: [url], retryMs: 0, requestMs: 5_000, restMs: 0, telemetry: quiet });
  }

  /** The ids that key and value of each record begin with. */
  async function idsIn(relay: Relay, topic: string): Promise<readonly string[]> {
    const ids: string[] = [];
    const idOf = (bytes: Uint8Array | null): number => Buffer.from(bytes ?? []).readUInt32BE(1);
    const request = { topic, partitions: null, untilEnd: true } as const;
    for await (const { key, value } of relay.publisher.read(request, AbortSignal.timeout(240_000))) {
      ids.push(`${idOf(key)} ${idOf(value)}`);
    }
    return ids;
  }

  test('goes on with the schemas that it knows while the registry is down, also after a restart', async () => {
    await openFake();
    const { table, name } = play.table();
    const feed = { table: name, key: ['id'] };
    const relay = play.stage.another();
    await table.commit({ adds: [rowsFrom(1, 1)] });
    expect(await play.outcome(relay, feed, { registry: registry() })).toBe('done');
    const { schemas } = await relay.checkpoint(name);
    expect(schemas).toEqual({
      key: expect.stringMatching(/^\d$/),
      value: expect.stringMatching(/^\d$/),
      digests: { key: expect.stringMatching(/^[0-9a-f]{64}$/), value: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    await fake.close();
    await table.commit({ adds: [rowsFrom(2, 1)] });
    expect(await play.outcome(relay, feed, { registry: registry() })).toBe('done');
    const ids = `${String(schemas.key)} ${String(schemas.value)}`;
    expect(await idsIn(relay, relay.topic(name))).toEqual([ids, ids]);
    expect(await relay.checkpoint(name)).toMatchObject({ schemas, position: { version: 2 } });
  });

  test('waits with a new schema until the registry is back, and is not parked', async () => {
    await openFake();
    const { table, name } = play.table();
    const relay = play.stage.another();
    await table.commit({ adds: [rowsFrom(1, 1)] });
    expect(await play.outcome(relay, { table: name }, { registry: registry() })).toBe('done');
    await fake.close();
    await table.commit({ columns: WIDER, adds: [[{ id: 2, name: 'b', note: 'c' }]] });

    const heard = listener();
    const stopping = new AbortController();
    let failed = 0;
    const back = Promise.withResolvers<void>();
    const published = Promise.withResolvers<void>();
    const run = relay.run({
      feeds: [{ table: name }],
      source: play.shared.source,
      registry: registry(),
      forEver: true,
      stopping: stopping.signal,
      telemetry: {
        ...heard.telemetry,
        failed: (feed, failure) => {
          heard.telemetry.failed(feed, failure);
          failed++;
          if (failed === 2) back.resolve();
        },
        published: () => published.resolve(),
      },
    });
    await back.promise;
    await fake.open(Number(new URL(url).port));
    await published.promise;
    stopping.abort();
    await run;
    expect(new Set(heard.failures.map(([, { code }]) => code))).toEqual(new Set(['registry.unreachable']));
    expect(heard.states.map(([, state]) => state)).not.toContain('parked');
    expect((await relay.checkpoints(name)).map(({ state }) => state)).not.toContain('parked');
    expect(await relay.checkpoint(name)).toMatchObject({ position: { version: 2 }, failure: null });
  });

  test('that the registry refuses parks with the subject and its level, and goes on once the level lets it', async () => {
    await openFake();
    const { table, name } = play.table();
    const relay = play.stage.another();
    await table.commit({ adds: [rowsFrom(1, 1)] });
    expect(await play.outcome(relay, { table: name }, { registry: registry() })).toBe('done');
    const subject = `${relay.topic(name)}-value`;
    fake.levels.set(subject, 'BACKWARD');
    await table.commit({ columns: { id: 'long', name: 'long' }, adds: [[{ id: 2, name: 3 }]] });
    const feed = { table: name, onSchemaChange: 'follow' } as const;
    expect(await play.outcome(relay, feed, { registry: registry() })).toMatch(
      new RegExp(
        `^parked registry\\.refused: registering ${subject}: \\S+ refuses the schema \\(409\\); the compatibility level of the subject is BACKWARD: `,
      ),
    );
    fake.levels.set(subject, 'NONE');
    expect(await play.outcome(relay, feed, { registry: registry() })).toBe('done');
    expect(await relay.checkpoint(name)).toMatchObject({ state: 'running', position: { version: 2 } });
  });
});
