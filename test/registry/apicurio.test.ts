/**
 * Beside a real registry, Apicurio's under Confluent's API: what ours of the tests cannot know, the rules of compatibility first of all.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CONFLUENT_DEFAULTS, openConfluentRegistry } from '../../connectors/registries/confluent.ts';
import type { ConfluentOptions } from '../../connectors/registries/confluent.ts';
import type { SchemaRegistry } from '../../src/ports/schema-registry.ts';
import { examSchemaRegistry } from '../contracts/schema-registry.ts';
import { describeKafka, uniqueName } from '../kafka/use-kafka.ts';
import { listener } from '../relay/in-process.ts';
import { Playground } from '../relay/playground.ts';
import { rowsFrom } from '../relay/small-table.ts';
import { quiet } from '../support/quiet-telemetry.ts';
import { startApicurio } from './apicurio.ts';
import type { Apicurio } from './apicurio.ts';
import { describeWith } from './part-tests.ts';
import { findApicurio } from './parts.ts';

const { signal } = new AbortController();
const COLUMN = '{"name":"id","type":["null","long"],"default":null}';
const WIDER = '{"name":"note","type":["null","string"],"default":null}';
const OBLIGATORY = '{"name":"note","type":"string"}';

function record(...fields: readonly string[]): string {
  return `{"type":"record","name":"Orders","namespace":"sales.public","fields":[${fields.join(',')}]}`;
}

await describeWith('Apicurio Registry', findApicurio, async () => {
  let apicurio: Apicurio;
  beforeAll(async () => {
    apicurio = await startApicurio();
  });
  afterAll(async () => apicurio[Symbol.asyncDispose]());

  function registry(settings: Partial<ConfluentOptions> = {}): SchemaRegistry {
    return openConfluentRegistry({
      ...CONFLUENT_DEFAULTS,
      urls: [apicurio.url],
      retryMs: 10_000,
      restMs: 0,
      telemetry: quiet,
      ...settings,
    });
  }

  describe('Apicurio Registry', () => {
    let topic: string;
    beforeEach(() => {
      topic = uniqueName('orders');
    });

    examSchemaRegistry({ open: async () => ({ relay: registry(), consumer: registry(), publish: async () => {} }) });

    test('takes a schema that follows its level, and refuses one that does not in its own words', async () => {
      const relay = registry();
      const ensure = async (text: string): Promise<string> =>
        (await relay.ensure({ recipient: 'r', topic, part: 'value', text }, signal)).name;
      const first = await ensure(record(COLUMN));
      await apicurio.setLevel(`${topic}-value`, 'BACKWARD');
      expect(await ensure(record(COLUMN, WIDER))).not.toBe(first);
      await expect(ensure(record(COLUMN, OBLIGATORY))).rejects.toMatchObject({
        code: 'registry.refused',
        message: expect.stringMatching(
          new RegExp(
            `^registering ${topic}-value: ${apicurio.url}/ refuses the schema \\(409\\); the compatibility level of the subject is BACKWARD: .*Incompatible artifact: ${topic}-value`,
          ),
        ),
      });
    });

    test('is looked into only, where schemas are registered by others', async () => {
      const relay = registry({ autoRegister: false });
      const request = { recipient: 'r', topic, part: 'value', text: record(COLUMN) } as const;
      await expect(relay.ensure(request, signal)).rejects.toMatchObject({
        code: 'registry.missing',
        message: expect.stringContaining(`under the subject ${topic}-value (Subject '${topic}-value' not found.)`),
      });
      await apicurio.register(`${topic}-value`, record(COLUMN));
      expect((await relay.ensure(request, signal)).name).toMatch(/^\d+$/);
    });

    test('has no GUIDs, and is not asked to frame by them', async () => {
      const request = { recipient: 'r', topic, part: 'value', text: record(COLUMN) } as const;
      await expect(registry({ framing: 'guid' }).ensure(request, signal)).rejects.toMatchObject({ code: 'registry.no_guid' });
    });
  });

  await describeKafka('a relay whose Apicurio Registry stands still', (brokers) => {
    let play: Playground;
    beforeAll(async () => {
      play = await Playground.open(brokers);
    });
    afterAll(async () => play[Symbol.asyncDispose]());

    test('publishes what it knows, waits with what is new, and parks nothing', async () => {
      const { table, name } = play.table();
      const relay = play.stage.another();
      const patient = registry({ retryMs: 0, requestMs: 300 });
      await table.commit({ adds: [rowsFrom(1, 1)] });
      expect(await play.outcome(relay, { table: name }, { registry: registry() })).toBe('done');

      const heard = listener();
      const stopping = new AbortController();
      const passed = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
      const failing = Promise.withResolvers<void>();
      apicurio.pause();
      await table.commit({ adds: [rowsFrom(2, 1)] });
      const run = relay.run({
        feeds: [{ table: name }],
        source: play.shared.source,
        registry: patient,
        forEver: true,
        stopping: stopping.signal,
        telemetry: {
          ...heard.telemetry,
          published: ({ position }) => passed[position - 2]?.resolve(),
          failed: (feed, failure) => {
            heard.telemetry.failed(feed, failure);
            failing.resolve();
          },
        },
      });
      try {
        await passed[0].promise;
        await table.commit({ columns: { id: 'long', name: 'string', note: 'string' }, adds: [[{ id: 3, name: 'c', note: 'n' }]] });
        await failing.promise;
      } finally {
        apicurio.resume();
      }
      await passed[1].promise;
      stopping.abort();
      await run;
      expect(new Set(heard.failures.map(([, { code }]) => code))).toEqual(new Set(['registry.unreachable']));
      expect(heard.states.map(([, state]) => state)).not.toContain('parked');
      expect(await relay.checkpoint(name)).toMatchObject({ position: { version: 3 }, failure: null });
    });
  });
});
