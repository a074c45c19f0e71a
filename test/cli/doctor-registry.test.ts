import { afterEach, expect, test } from 'vitest';
import { CONFLUENT_DEFAULTS, openConfluentRegistry } from '../../connectors/registries/confluent.ts';
import { checkRegistry, checkSchemas } from '../../src/cli/doctor-registry.ts';
import type { FeedOutlook } from '../../src/cli/outlook.ts';
import type { Config } from '../../src/config/config.ts';
import { must } from '../../src/lib/assert.ts';
import { unseen } from '../../src/relay/prospect.ts';
import { parse, SAMPLE } from '../config/sample.ts';
import { FakeRegistry } from '../connectors/registries/fake-registry.ts';
import { quiet } from '../support/quiet-telemetry.ts';

const { signal } = new AbortController();
const VALUE = '{"type":"record","name":"orders","namespace":"sales.public","fields":[{"name":"id","type":["null","long"],"default":null}]}';
const OBLIGATORY = VALUE.replace(',"default":null', '').replace('"id"', '"other"');

const fakes: FakeRegistry[] = [];
afterEach(async () => {
  for (const fake of fakes.splice(0)) await fake.close();
});

async function opened(): Promise<{
  readonly fake: FakeRegistry;
  readonly config: Config;
  readonly registry: ReturnType<typeof openConfluentRegistry>;
}> {
  const fake = new FakeRegistry();
  fakes.push(fake);
  const config = parse(`registry: {url: "${await fake.open()}"}\n${SAMPLE}`);
  const registry = openConfluentRegistry({ ...CONFLUENT_DEFAULTS, ...must(config.registry, 'the registry'), telemetry: quiet });
  return { fake, config, registry };
}

test('a registry that answers is told with its level and mode, and one that takes nothing fails', async () => {
  const { fake, config, registry } = await opened();
  fake.levels.set('', 'BACKWARD');
  const verdicts = async (): Promise<readonly string[]> =>
    (await checkRegistry(config, registry, signal)).map(({ verdict, text, exit }) => `${verdict} ${exit} ${text.replace(/^\S+/, 'URL')}`);
  expect(await verdicts()).toEqual(['pass 0 URL answers: compatibility BACKWARD, mode READWRITE']);
  fake.mode = 'READONLY';
  expect(await verdicts()).toEqual(['fail 3 URL takes no schemas: compatibility BACKWARD, mode READONLY']);
});

test('a schema that the registry would refuse parks its feed, and nothing is registered to see it', async () => {
  const { fake, config, registry } = await opened();
  fake.levels.set('', 'BACKWARD');
  const spec = must(config.feeds[0], 'the feed');
  const outlook = (value: string): FeedOutlook => {
    const prospect = { ...unseen(spec, null), schemas: { key: [], texts: { key: null, value } } };
    return { spec, last: null, prospect };
  };
  expect(await checkSchemas(config, registry, outlook(VALUE), signal)).toEqual([]);
  fake.register(`${spec.topic}-value`, VALUE);
  expect(await checkSchemas(config, registry, outlook(OBLIGATORY), signal)).toEqual([
    expect.objectContaining({ about: spec.id, verdict: 'fail', code: 'registry.refused', exit: 1 }),
  ]);
  expect(fake.seen.filter(({ line }) => line.endsWith('/versions'))).toEqual([]);
});
