/**
 * Spark's own tables in the envelopes `debezium` and `upsert`, through the whole relay, read back by a reader that shares no code with it: for each key the records that
 * must come for it, values exact, in order, once.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectedLines } from '../demo/reconcile.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { FIXTURE_TABLES } from '../support/plain-provider.ts';
import { shareTables } from '../support/shared-tables.ts';
import type { SharedTables } from '../support/shared-tables.ts';
import { expectedByKey, saidByKey } from '../support/said-records.ts';
import { InProcess, listener } from './in-process.ts';
import type { FeedToRun, Relay } from './in-process.ts';

/** Of most tables it is `id`. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  constraints: ['k'],
  odd_names: ['Id'],
  partition_strings: ['id', 'p'],
  plain_odd_names: ['Id'],
};
/** No columns are unique in them, or their history does not begin at the beginning; what is missing of it is passed over. */
const WITHOUT_KEY = ['feed_toggled', 'long_history', 'merges', 'vacuumed'];

const ALL = readdirSync(FIXTURE_TABLES, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
const KEYED = ALL.filter((name) => !WITHOUT_KEY.includes(name));

await describeKafka('tables written by Spark, in other envelopes', (brokers) => {
  let shared: SharedTables;
  let stage: InProcess;

  beforeAll(async () => {
    shared = await shareTables();
    stage = new InProcess(brokers);
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await shared[Symbol.asyncDispose]();
  });

  describe.each(['debezium', 'upsert'] as const)('%s', (envelope) => {
    let relay: Relay;

    beforeAll(async () => {
      relay = stage.another();
      const feeds = KEYED.map((table): FeedToRun => ({ table, envelope, key: keyOf(table), onSchemaChange: 'follow' }));
      // Chunks of a few records, so that most versions are published in parts.
      const outcomes = await relay.outcomes({ feeds, source: shared.source, chunk: { records: 5 } });
      expect(outcomes).toEqual(Object.fromEntries(KEYED.map((table) => [table, 'done'])));
    });

    test.each(KEYED)('%s arrives whole, once and in order', async (table) => {
      const lines = await expectedLines(join(FIXTURE_TABLES, table, 'expected.jsonl'));
      expect(saidByKey(await relay.records(relay.topic(table)))).toEqual(expectedByKey(lines, envelope, keyOf(table)));
    });
  });

  test('debezium without a key has each image for itself, in the order of the plan, and no tombstones', async () => {
    const relay = stage.another();
    const feeds = ALL.map((table): FeedToRun => ({
      table,
      envelope: 'debezium',
      onSchemaChange: 'follow',
      onGap: 'skip',
      start: { kind: 'earliest' },
    }));
    await relay.outcomes({ feeds, source: shared.source });
    for (const table of ALL) {
      const lines = await expectedLines(join(FIXTURE_TABLES, table, 'expected.jsonl'));
      const found = (await relay.records(relay.topic(table))).map(({ value }) => {
        const { op, before, after, source } = Object(value);
        const { change_type: type, commit_version: version, ts_ms: timestamp } = Object(source);
        expect([op, before === null, after === null]).toEqual(op === 'c' ? ['c', true, false] : ['d', false, true]);
        return JSON.stringify({
          _change_type: type,
          _commit_version: Number(version),
          _commit_timestamp: Number(timestamp),
          ...(before ?? after),
        });
      });
      expect([table, found.toSorted()]).toEqual([table, lines.toSorted()]);
    }
  });

  test('a snapshot is `r`, or the rows as they are', async () => {
    const relay = stage.another();
    const feed = { table: 'basics', key: ['id'], start: { kind: 'snapshot' } } as const;
    const other = stage.another();
    await relay.outcomes({ feeds: [{ ...feed, envelope: 'debezium' }], source: shared.source });
    await other.outcomes({ feeds: [{ ...feed, envelope: 'upsert' }], source: shared.source });
    const lines = await expectedLines(join(FIXTURE_TABLES, 'basics', 'expected.jsonl'));
    const whole = Object.values(expectedByKey(lines, 'upsert', ['id'])).flatMap((said) => said.at(-1) ?? []);
    const read = (await relay.records(relay.topic('basics'))).map(({ value }) => value ?? {});
    expect(read).toMatchObject(whole.map(() => ({ op: 'r', before: null, source: { snapshot: 'true' } })));
    expect(read.map(({ after }) => JSON.stringify(after)).toSorted()).toEqual(whole.toSorted());
    const rows = (await other.records(other.topic('basics'))).map(({ value }) => JSON.stringify(value));
    expect(rows.toSorted()).toEqual(whole.toSorted());
    expect(new Set([...(await relay.headers(relay.topic('basics'))), ...(await other.headers(other.topic('basics')))])).toEqual(
      new Set(['{"cdf-relay.snapshot":"true"}']),
    );
  });

  test('a key that is not unique is counted and told', async () => {
    const relay = stage.another();
    const { telemetry, published } = listener();
    await relay.outcomes({
      feeds: [{ table: 'merges', envelope: 'upsert', key: ['id'] }],
      source: shared.source,
      telemetry,
    });
    expect(published.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBeGreaterThan(0);
  });
});

function keyOf(table: string): readonly string[] {
  return KEYS[table] ?? ['id'];
}
