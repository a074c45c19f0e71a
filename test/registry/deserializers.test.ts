/**
 * Confluent's own deserializer (confluent-kafka for Python, as it comes) reads our topics: with a registry by id and by GUID, and without one through the relay's own.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { CONFLUENT_DEFAULTS, openConfluentRegistry } from '../../connectors/registries/confluent.ts';
import { FakeRegistry } from '../connectors/registries/fake-registry.ts';
import { run } from '../kafka/run.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { Playground } from '../relay/playground.ts';
import { SmallTable, inserted, rowsFrom, timeOf } from '../relay/small-table.ts';
import { quiet } from '../support/quiet-telemetry.ts';
import { Stage } from '../system/stage.ts';
import { describeWith } from './part-tests.ts';
import { findPython } from './parts.ts';

const CONSUMER = fileURLToPath(new URL('consumer.py', import.meta.url));
const WIDER = { id: 'long', name: 'string', note: 'string' } as const;

await describeWith('the deserializer of confluent-kafka', findPython, async ({ command, env }) => {
  await describeKafka('the deserializer of confluent-kafka', (brokers) => {
    let play: Playground;
    const opened: FakeRegistry[] = [];
    beforeAll(async () => {
      play = await Playground.open(brokers);
    });
    afterAll(async () => play[Symbol.asyncDispose]());
    afterEach(async () => {
      for (const fake of opened.splice(0)) await fake.close();
    });

    async function consumed(topic: string, registry: string, records: number): Promise<readonly unknown[]> {
      const printed = await run(command, [CONSUMER, brokers.join(','), topic, registry, String(records)], tmpdir(), env);
      // Beside the records it prints what its libraries warn of.
      const lines = printed.split('\n').filter((line) => line.startsWith('{'));
      return lines.map((line): unknown => JSON.parse(line)).toSorted((a, b) => idOf(a) - idOf(b));
    }

    /** Three rows, and one more under a wider schema. */
    async function fill(table: SmallTable): Promise<readonly unknown[]> {
      const rows = rowsFrom(1, 3);
      const later = { id: 4, name: 'd', note: null };
      await table.commit({ adds: [rows] });
      await table.commit({ columns: WIDER, adds: [[later]] });
      return [...inserted(rows).map((row) => recordOf(row, 0)), recordOf({ _change_type: 'insert', ...later }, 1)];
    }

    test.each(['id', 'guid'] as const)('finds schemas in a registry by %s', async (framing) => {
      const fake = new FakeRegistry();
      opened.push(fake);
      const url = await fake.open();
      const { table, name } = play.table();
      const records = await fill(table);
      const relay = play.stage.another();
      const registry = openConfluentRegistry({ ...CONFLUENT_DEFAULTS, framing, urls: [url], telemetry: quiet });
      expect(await play.outcome(relay, { table: name, key: ['id'] }, { registry })).toBe('done');
      expect(await consumed(relay.topic(name), url, records.length)).toEqual(records);
    });

    test('finds schemas in the relay where there is no registry', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-tables-'));
      try {
        const records = await fill(new SmallTable(folder, 'orders'));
        await using stage = await Stage.open({ brokers, folder, tables: [{ name: 'orders', key: ['id'] }] });
        const relay = stage.startRelay('--until-current');
        expect([(await relay.exited).code, relay.stderr]).toEqual([0, expect.any(String)]);
        // What was published by one process is served by the next, which publishes nothing.
        stage.startRelay();
        await stage.isServing();
        const registry = `${stage.httpUrl}/registry/${stage.recipient}`;
        expect(await consumed(stage.topic('orders'), registry, records.length)).toEqual(records);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  });
});

function recordOf({ id, ...row }: Readonly<Record<string, unknown>>, version: number): unknown {
  const time = new Date(timeOf(version)).toISOString().replace('T', ' ').replace('.000Z', '+00:00');
  return { key: { id }, value: { id, ...row, _commit_version: version, _commit_timestamp: time } };
}

function idOf(record: unknown): number {
  const key: unknown = Reflect.get(Object(record), 'key');
  return Number(Reflect.get(Object(key), 'id'));
}
