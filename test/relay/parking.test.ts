/**
 * A feed that a person must look at is parked with a code and a sentence, behind what was good, and the others of its partition go on (DESIGN §7).
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPool } from '../../src/codec/pool.ts';
import { acceptCheckpoint, resetCheckpoint } from '../../src/relay/checkpoint.ts';
import { scriptBytes } from '../codec/scripts.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { Playground } from './playground.ts';
import { inserted, linesOf, rowsFrom } from './small-table.ts';
import type { Columns, SmallCommit } from './small-table.ts';
import { lineOf } from '../demo/avro-row.ts';

const TWO: readonly SmallCommit[] = [{ adds: [rowsFrom(1, 4)] }, { adds: [rowsFrom(5, 2)] }];

await describeKafka('a feed that must be parked', (brokers) => {
  let play: Playground;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());

  async function tableOf(commits: readonly SmallCommit[], columns?: Columns): Promise<ReturnType<Playground['table']>> {
    const made = play.table(columns);
    for (const commit of commits) await made.table.commit(commit);
    return made;
  }

  test.each([
    {
      what: 'a column that becomes a text',
      commits: [...TWO, { columns: { id: 'long', name: 'integer' }, adds: [[{ id: 9, name: 9 }]] }],
      outcome: 'parked schema.breaking: version 2 changes the type of column name from string to integer',
      rows: 6,
    },
    {
      what: 'a key column that the table lacks',
      commits: TWO,
      key: ['number'],
      outcome: 'parked policy.column: key column number of FEED is not one column of version 0, which has id, name',
      rows: 0,
    },
    {
      what: 'a key of floating point',
      columns: { id: 'long', weight: 'double' },
      commits: [{ adds: [[{ id: 1, weight: 0.5 }]] }],
      key: ['weight'],
      outcome: /^parked key\.type: version 0 of TABLE: .*weight/,
      rows: 0,
    },
    {
      what: 'a key that grows from int to long',
      columns: { id: 'integer' },
      commits: [{ adds: [[{ id: 1 }]] }, { columns: { id: 'long' }, adds: [[{ id: 2 }]] }],
      key: ['id'],
      outcome: /^parked key\.changed: version 1 changes the key of FEED: its schema is [0-9a-f-]{36}, and was [0-9a-f-]{36}$/,
      rows: 1,
    },
    {
      what: 'a type that is not known',
      commits: [...TWO, { columns: { id: 'long', name: 'string', gap: 'interval' }, adds: [rowsFrom(9, 1)] }],
      outcome: /^parked schema\.type: version 2 of TABLE: .*gap.*interval/,
      rows: 6,
    },
    {
      what: 'a feed that was switched off for a while',
      commits: [...TWO, { feed: false, adds: [rowsFrom(9, 1)] }, { feed: true, adds: [rowsFrom(10, 1)] }],
      outcome: /^parked gap\.feed_off: .*TABLE/,
      rows: 6,
    },
    {
      what: 'a start that the table has not reached by far',
      commits: TWO,
      start: 7,
      outcome: 'parked start.beyond: start is version 7, and TABLE has versions up to 1',
      rows: 0,
    },
    {
      what: 'a file that is no Parquet',
      commits: [...TWO, { adds: [rowsFrom(9, 1)], bytes: new Uint8Array(64) }],
      outcome: /^parked file\.undecodable: /,
      rows: 6,
    },
    {
      what: 'a file above a quarter of the memory',
      commits: [...TWO, { adds: [rowsFrom(9, 2_000)] }],
      memoryBytes: 10_000,
      outcome: /^parked file\.too_large: file [0-9a-f]+ of version 2 has \d+ bytes, over a quarter of limits\.memory$/,
      rows: 6,
    },
    {
      what: 'a record above what the topic takes',
      commits: [...TWO, { adds: [[{ id: 9, name: 'x'.repeat(5_000) }]] }],
      topicConfig: { 'max.message.bytes': '3000' },
      outcome:
        /^parked record\.too_large: a record of version 2, file [0-9a-f]+, before row 1 has \d+ bytes, and topic of FEED takes 2488$/,
      rows: 6,
    },
  ])('$what: the versions before are there, and the same failure is no news', async (given) => {
    const { name } = await tableOf(given.commits, given.columns);
    const relay = play.stage.another();
    const start = { kind: 'version', version: given.start ?? 0 } as const;
    const run = async (): Promise<string> => {
      const said = await play.outcome(
        relay,
        { table: name, key: given.key ?? [], start },
        {
          ...(given.memoryBytes === undefined ? {} : { memoryBytes: given.memoryBytes }),
          ...(given.topicConfig === undefined ? {} : { topics: { config: given.topicConfig } }),
        },
      );
      return said.replaceAll(relay.feed(name), 'FEED').replaceAll(`local.default.${name}`, 'TABLE');
    };
    const expected: unknown = typeof given.outcome === 'string' ? given.outcome : expect.stringMatching(given.outcome);
    expect(await run()).toEqual(expected);
    expect((await relay.changes(relay.topic(name))).length).toBe(given.rows);
    const before = await relay.checkpoints(name);
    expect(await run()).toEqual(expected);
    expect(await relay.checkpoints(name)).toEqual(before);
    expect((await relay.changes(relay.topic(name))).length).toBe(given.rows);
  });

  test('a file that ends the worker is tried once more, and then parked for good', async () => {
    const { name } = await tableOf([{ adds: [rowsFrom(1, 1)], bytes: scriptBytes({ rows: 0, ending: 'exit' }) }]);
    const relay = play.stage.another();
    await using encoder = openPool({
      workers: 1,
      workerUrl: new URL('../codec/scripted-worker.ts', import.meta.url),
      memoryBytes: 2 ** 28,
    });
    const outcomes = await relay.outcomes({ source: play.shared.source, encoder, feeds: [{ table: name }] });
    expect(outcomes[name]).toMatch(/^parked file\.poison: the worker ended while it encoded file [0-9a-f]+ of version 0/);
  });

  test('a key that grows between two runs is parked too', async () => {
    const { table, name } = await tableOf([{ adds: [[{ id: 1 }]] }], { id: 'integer' });
    const relay = play.stage.another();
    const feed = { table: name, key: ['ID'] };
    expect(await play.outcome(relay, feed)).toBe('done');
    await table.commit({ columns: { id: 'long' }, adds: [[{ id: 2 }]] });
    expect(await play.outcome(relay, feed)).toMatch(/^parked key\.changed: version 1 /);
    await relay.operate(name, resetCheckpoint);
    expect(await play.outcome(relay, { ...feed, start: { kind: 'version', version: 1 } })).toBe('done');
    expect(await play.versions(relay, `${relay.topic(name)}.g2`)).toEqual([1]);
    expect(await relay.checkpoint(name)).toMatchObject({ generation: 2, topic: `${relay.topic(name)}.g2`, state: 'running' });
  });

  test('another topic in the config: accepted, the feed goes on behind; put back before, nothing has happened', async () => {
    const { table, name } = await tableOf(TWO);
    const relay = play.stage.another();
    const renamed = `${relay.topic(name)}.renamed`;
    expect(await play.outcome(relay, { table: name })).toBe('done');
    await table.commit({ adds: [rowsFrom(7, 1)] });
    const told = `parked contract.changed: ${relay.feed(name)} would publish under another contract than before: topic ${relay.topic(name)} became ${renamed}`;
    expect(await play.outcome(relay, { table: name, topic: renamed })).toBe(told);
    const parked = await relay.checkpoint(name);
    expect(parked).toMatchObject({ state: 'parked', failure: { code: 'contract.changed', version: 2 }, topic: relay.topic(name) });
    expect(await play.outcome(relay, { table: name, topic: renamed })).toBe(told);
    expect(await relay.checkpoint(name)).toEqual(parked);

    expect(await play.outcome(relay, { table: name })).toBe('done');
    expect(await relay.checkpoint(name)).toMatchObject({ state: 'running', failure: null });
    await table.commit({ adds: [rowsFrom(8, 1)] });
    expect(await play.outcome(relay, { table: name, topic: renamed })).toBe(told);
    await relay.operate(name, acceptCheckpoint);
    expect(await play.outcome(relay, { table: name, topic: renamed })).toBe('done');
    expect(await play.versions(relay, relay.topic(name))).toEqual([0, 0, 0, 0, 1, 1, 2]);
    expect(await play.versions(relay, renamed)).toEqual([3]);
    expect(await play.outcome(relay, { table: name, topic: renamed })).toBe('done');
  });

  test('a key that is mended before anything was published is taken as it is', async () => {
    const { name } = await tableOf(TWO);
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name, key: ['nope'] })).toMatch(/^parked policy\.column: /);
    expect(await play.outcome(relay, { table: name, key: ['id'] })).toBe('done');
  });

  test('an accepted contract holds from then on, even if there was nothing to publish under it', async () => {
    const { name } = await tableOf(TWO);
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name })).toBe('done');
    expect(await play.outcome(relay, { table: name, key: ['id'] })).toMatch(
      /^parked contract\.changed: .*: its key or envelope changed, or how its schemas are named$/,
    );
    await relay.operate(name, acceptCheckpoint);
    expect(await play.outcome(relay, { table: name, key: ['id'] })).toBe('done');
    expect(await relay.checkpoint(name)).toMatchObject({
      state: 'running',
      contract: expect.stringMatching(/^[0-9a-f]{64}$/),
      failure: null,
    });
    expect(await play.outcome(relay, { table: name })).toMatch(/^parked contract\.changed: /);
  });

  test('a provider that moved: reset starts again in a new topic', async () => {
    const { name } = await tableOf(TWO);
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name })).toBe('done');
    await using moved = await play.sharedAlso();
    const { source } = moved;
    const parked = await relay.outcomes({ source, feeds: [{ table: name }] });
    expect(parked[name]).toBe(
      `parked contract.changed: ${relay.feed(name)} would publish under another contract than before: endpoint ${play.shared.source.endpoint} became ${source.endpoint}`,
    );
    await relay.operate(name, resetCheckpoint);
    expect(await relay.outcomes({ source, feeds: [{ table: name }] })).toEqual({ [name]: 'done' });
    expect((await relay.changes(`${relay.topic(name)}.g2`)).map(lineOf)).toEqual([
      ...linesOf(0, inserted(rowsFrom(1, 4))),
      ...linesOf(1, inserted(rowsFrom(5, 2))),
    ]);
  });

  test('a feed that has not begun cannot be accepted: it would begin at version 0 whatever its start says', async () => {
    const { name } = await tableOf(TWO);
    const relay = play.stage.another();
    const feed = { table: name, start: { kind: 'version', version: 7 } } as const;
    expect(await play.outcome(relay, feed)).toMatch(/^parked start\.beyond/);
    await expect(relay.operate(name, acceptCheckpoint)).rejects.toMatchObject({
      code: 'arguments.invalid',
      message: expect.stringContaining('has not begun'),
    });
    expect(await play.outcome(relay, { ...feed, start: { kind: 'version', version: 1 } })).toBe('done');
    expect(await play.versions(relay, relay.topic(name))).toEqual([1, 1]);
  });

  test('another contract in the midst of a version cannot be accepted', async () => {
    const { name } = await tableOf([{ adds: [rowsFrom(1, 60)] }]);
    const relay = play.stage.another();
    await play.runUntilPublished(relay, { table: name }, 2, { chunk: { records: 10 } });
    const { position } = await relay.checkpoint(name);
    expect(position.records).toBeGreaterThan(0);
    expect(await play.outcome(relay, { table: name, key: ['id'] })).toMatch(/^parked contract\.changed: /);
    await expect(relay.operate(name, acceptCheckpoint)).rejects.toMatchObject({
      code: 'arguments.invalid',
      message: expect.stringContaining(`${position.records} records of version 0 are published under the old contract`),
    });
    expect(await play.outcome(relay, { table: name })).toBe('done');
    expect((await relay.changes(relay.topic(name))).map(lineOf)).toEqual(linesOf(0, inserted(rowsFrom(1, 60))));
  });

  test.each([
    {
      what: 'other files',
      rewrite: { adds: [rowsFrom(1, 60)] },
      laterMs: 0,
      why: 'the provider lists other files, or the schema or the relay that encodes it changed',
    },
    { what: 'another time', rewrite: {}, laterMs: 5, why: /its commit time is \d+, and was \d+/ },
  ])('a half-published version with $what is not gone on with', async ({ rewrite, laterMs, why }) => {
    const { table, name } = play.table();
    await table.commit({});
    const again = await table.commit({ adds: [rowsFrom(1, 60)] });
    const relay = play.stage.another();
    await play.runUntilPublished(relay, { table: name }, 2, { chunk: { records: 10 } });
    const { records } = (await relay.checkpoint(name)).position;
    await table.rewrite(1, 'adds' in rewrite ? rewrite : { again }, laterMs);
    const told = await play.outcome(relay, { table: name });
    expect(told).toContain(
      `parked plan.changed: version 1 of local.default.${name} is no longer what its first ${records} records were taken from: `,
    );
    expect(told).toMatch(why);
    await table.rewrite(1, { again });
    expect(await play.outcome(relay, { table: name })).toBe('done');
    expect((await relay.changes(relay.topic(name))).map(lineOf)).toEqual(linesOf(1, inserted(rowsFrom(1, 60))));
  });
});
