/**
 * The main job: real, Spark-written tables, from a provider through the relay into a real Kafka, compared with the rows that Spark gives.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { join } from 'node:path';
import { expectedLines, reconcile } from '../demo/reconcile.ts';
import type { Reconciliation } from '../demo/reconcile.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import type { Exit } from '../processes/child.ts';
import { FIXTURE_TABLES } from '../support/plain-provider.ts';
import { readTopic } from './read-topic.ts';
import { Stage } from './stage.ts';

const WHOLE = [
  'basics',
  'big_values',
  'clustered',
  'codecs',
  'constraints',
  'deletion_vectors',
  'delta_rs',
  'encodings',
  'in_commit_timestamps',
  'long_history',
  'merges',
  'nested',
  'odd_names',
  'overwrites',
  'partition_multi',
  'partition_strings',
  'partition_timestamp',
  'partition_types',
  'plain_odd_names',
  'types_int64',
  'types_int96',
  'v2_checkpoint_row_tracking',
  'wide',
] as const;

/** Whole to consumers that read each record by its own schema. */
const FOLLOWED = ['add_columns', 'column_mapping_id', 'column_mapping_name', 'type_widening'] as const;

/** Parked, with the code and the rows of the versions before it. */
const PARKED = [
  { name: 'feed_toggled', code: 'gap.feed_off', upTo: 5 },
  { name: 'vacuumed', code: 'gap.file_gone', upTo: 0 },
] as const;

await describeKafka('tables written by Spark', (brokers) => {
  let stage: Stage;
  let exit: Exit;
  let log = '';

  beforeAll(async () => {
    stage = await Stage.open({
      brokers,
      folder: FIXTURE_TABLES,
      tables: [
        ...[...WHOLE, ...PARKED.map(({ name }) => name)].map((name) => ({ name })),
        ...FOLLOWED.map((name) => ({ name, onSchemaChange: 'follow' })),
      ],
    });
    const relay = stage.startRelay('--until-current');
    exit = await relay.exited;
    log = relay.stderr;
  });
  afterAll(async () => stage[Symbol.asyncDispose]());

  async function differences(table: string, upTo: number): Promise<Reconciliation> {
    const read = await readTopic({ brokers, topic: stage.topic(table), schemasTopic: stage.schemasTopic });
    const expected = (await expectedLines(join(FIXTURE_TABLES, table, 'expected.jsonl'))).filter((line) => versionOf(line) <= upTo);
    return reconcile(expected, read);
  }

  test.each([...WHOLE, ...FOLLOWED])('%s arrives whole, once and in order', async (table) => {
    expect(await differences(table, Infinity)).toMatchObject({ lost: [], doubled: [], disorder: [] });
  });

  test.each(PARKED)('$name is parked as $code, behind the rows before', async ({ name, code, upTo }) => {
    expect(log).toContain(`"feed":"${stage.recipient}/partner/local.default.${name}","code":"${code}"`);
    expect(await differences(name, upTo)).toMatchObject({ lost: [], doubled: [], disorder: [] });
  });

  test('a run that leaves feeds parked exits with 1', () => {
    expect(exit).toEqual({ code: 1, signal: null });
  });
});

function versionOf(line: string): number {
  return Number(/"_commit_version":(\d+)/.exec(line)?.[1]);
}
