/**
 * A feed with `onBadRecord: dead-letter`: a row that cannot be a record goes to the recipient's dead letters in the transaction of its neighbours, and what comes later of
 * its key says that something is missing (DESIGN §6).
 */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { MARKS_MAX } from '../../src/relay/steps.ts';
import { lineOf } from '../demo/avro-row.ts';
import { describeKafka } from '../kafka/use-kafka.ts';
import { expectEveryStep } from './every-step.ts';
import { Step, failingEncoder, failingPublisher } from './failing.ts';
import { listener } from './in-process.ts';
import type { Relay, RunOptions } from './in-process.ts';
import { Playground } from './playground.ts';
import { inserted, linesOf } from './small-table.ts';
import type { Change, Columns, Row, SmallCommit } from './small-table.ts';

const COLUMNS: Columns = { id: 'long', name: 'string', size: 'byte' };
const LONG = 'x'.repeat(5_000);
const SMALL_TOPIC = { topics: { config: { 'max.message.bytes': '3000' } } } as const;
const HeadersOf = z.record(z.string(), z.string());
const MARK = '{"cdf-relay.after-dead-letter":"true"}';

/** Row 2 is too long as it comes, row 3 has a size that is no byte when it changes, and both are told of again in the next version. */
const HISTORY: readonly SmallCommit[] = [
  { adds: [[row(1, 1), { ...row(2, 2), name: LONG }, row(3, 3)]] },
  {
    changes: [
      [
        { ...row(3, 3), _change_type: 'update_preimage' },
        { ...row(3, 300), _change_type: 'update_postimage' },
        { ...row(4, 4), _change_type: 'insert' },
      ],
    ],
  },
  {
    changes: [
      [
        { ...row(2, 2), _change_type: 'delete' },
        { ...row(3, 300), _change_type: 'update_preimage' },
        { ...row(3, 33), _change_type: 'update_postimage' },
        { ...row(5, 5), _change_type: 'insert' },
      ],
    ],
  },
  { changes: [[{ ...row(3, 33), _change_type: 'delete' }]] },
];
/** Of version and row, what is in the topic; and the same of what is not. */
const PUBLISHED = ['0:1', '0:3', '1:3', '1:4', '2:2*', '2:3*', '2:5', '3:3*'];
const DEAD = ['0 1 insert record.too_large', '1 1 update_postimage file.column', '2 1 update_preimage file.column'];

/** The same in other envelopes: of each row what comes for it, with a star where it bears the mark; and what does not. */
const OTHERWISE = {
  debezium: {
    told: {
      1: ['c none 1'],
      2: ['d 2 none*', 'tombstone*'],
      3: ['c none 3', 'd 33 none*', 'tombstone*'],
      4: ['c none 4'],
      5: ['c none 5'],
    },
    dead: ['0 1 insert record.too_large', '1 1 before 0 update_postimage file.column', '2 2 before 1 update_postimage file.column'],
  },
  upsert: {
    told: { 1: ['1'], 2: ['tombstone*'], 3: ['3', '33*', 'tombstone*'], 4: ['4'], 5: ['5'] },
    dead: ['0 1 insert record.too_large', '1 1 update_postimage file.column'],
  },
} as const;

function row(id: number, size: number): Row {
  return { id, name: `row ${id}`, size };
}

await describeKafka('a feed whose bad records are dead letters', (brokers) => {
  let play: Playground;
  beforeAll(async () => {
    play = await Playground.open(brokers);
  });
  afterAll(async () => play[Symbol.asyncDispose]());

  async function tableOf(commits: readonly SmallCommit[], columns: Columns = COLUMNS): Promise<string> {
    const { table, name } = play.table(columns);
    for (const commit of commits) await table.commit(commit);
    return name;
  }

  const deadLettersOf = (relay: Relay): string => `${relay.recipient}.dead-letters`;

  /** `version:id`, with a star where the record bears the mark; sorted by it, since the rows are in several partitions. */
  async function published(relay: Relay, name: string): Promise<readonly string[]> {
    const topic = relay.topic(name);
    const marked = await markedIn(relay, topic);
    const changes = await relay.changes(topic);
    return changes
      .map(
        ({ partition, offset, version, columns }) =>
          `${version}:${String(columns['id'])}${marked.has(`${partition} ${offset}`) ? '*' : ''}`,
      )
      .toSorted();
  }

  /** Partition and offset of records that bear the mark: partitions come in any order, and another one at the next reading. */
  async function markedIn(relay: Relay, topic: string): Promise<ReadonlySet<string>> {
    const marked = new Set<string>();
    for await (const { partition, offset, headers } of relay.publisher.read(
      { topic, partitions: null, untilEnd: true },
      AbortSignal.timeout(240_000),
    )) {
      if (JSON.stringify(headers) === MARK) marked.add(`${partition} ${offset}`);
    }
    return marked;
  }

  /** By row, what comes for it in another envelope. */
  async function told(relay: Relay, name: string): Promise<Readonly<Record<string, readonly string[]>>> {
    const topic = relay.topic(name);
    const marked = await markedIn(relay, topic);
    const found: Record<string, string[]> = {};
    for (const { partition, offset, key, value } of await relay.records(topic)) {
      const star = marked.has(`${partition} ${offset}`) ? '*' : '';
      (found[String(key?.['id'])] ??= []).push(saidIn(value) + star);
    }
    return found;
  }

  async function letters(relay: Relay): Promise<readonly Readonly<Record<string, string>>[]> {
    return (await relay.headers(deadLettersOf(relay))).map((text) => HeadersOf.parse(JSON.parse(text)));
  }

  async function dead(relay: Relay): Promise<readonly string[]> {
    const all = await letters(relay);
    return all.map((of) => {
      const before = of['cdf-relay.before-row'];
      const [version, at, type, code] = ['version', 'row', 'change-type', 'code'].map((name) => String(of[`cdf-relay.${name}`]));
      return [version, at, ...(before === undefined ? [] : ['before', before]), type, code].join(' ');
    });
  }

  test('publishes all other rows, and marks what comes later of the same key', async () => {
    const name = await tableOf(HISTORY);
    const relay = play.stage.another();
    const heard = listener();
    const feed = { table: name, key: ['id'], onBadRecord: 'dead-letter' } as const;
    expect(await play.outcome(relay, feed, { ...SMALL_TOPIC, telemetry: heard.telemetry })).toBe('done');
    // An image that comes again in the same version, before and behind the one that is missing.
    expect(await published(relay, name)).toEqual(PUBLISHED);
    expect(await dead(relay)).toEqual(DEAD);
    const id = relay.feed(name);
    expect(heard.published.filter(({ feed: of }) => of === id).reduce((sum, { deadLetters }) => sum + deadLetters, 0)).toBe(3);
    expect(
      heard.lines.filter((line) => line.startsWith('warn a row is not published')).map((line) => /"version":\d/.exec(line)?.[0]),
    ).toEqual(['"version":0', '"version":1', '"version":2']);
    const { marks, position } = await relay.checkpoint(name);
    expect(marks?.length).toBe(2);
    expect(position).toMatchObject({ version: 4, records: 0 });
  });

  test.each(['debezium', 'upsert'] as const)(
    'in the envelope %s too, a record made of several rows with the places of all',
    async (envelope) => {
      const name = await tableOf(HISTORY);
      const relay = play.stage.another();
      const heard = listener();
      const feed = { table: name, key: ['id'], envelope, onBadRecord: 'dead-letter' } as const;
      expect(await play.outcome(relay, feed, { ...SMALL_TOPIC, telemetry: heard.telemetry })).toBe('done');
      expect(await told(relay, name)).toEqual(OTHERWISE[envelope].told);
      expect(await dead(relay)).toEqual(OTHERWISE[envelope].dead);
      const id = relay.feed(name);
      expect(heard.published.filter(({ feed: of }) => of === id).reduce((sum, { deadLetters }) => sum + deadLetters, 0)).toBe(
        OTHERWISE[envelope].dead.length,
      );
      const { marks, position } = await relay.checkpoint(name);
      expect([marks?.length, position.version, position.records]).toEqual([2, 4, 0]);
      // A letter is read as any record of the feed, and what is too long is not there.
      const [large, ...misfits] = await relay.records(deadLettersOf(relay));
      expect(large).toMatchObject({ key: { id: '2' }, value: null });
      const images =
        envelope === 'upsert'
          ? [{ id: '3', name: 'row 3', size: null }]
          : [
              { op: 'u', before: { id: '3', size: 3 }, after: { id: '3', size: null } },
              { op: 'u', before: { id: '3', size: null }, after: { id: '3', size: 33 } },
            ];
      expect(misfits.map(({ value }) => value)).toMatchObject(images);
    },
  );

  test('says in headers what is missing and why, with all of the row that there is', async () => {
    const name = await tableOf(HISTORY.slice(0, 2));
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name, key: ['id'], onBadRecord: 'dead-letter' }, SMALL_TOPIC)).toBe('done');
    const [large, misfit] = await letters(relay);
    const common = {
      '__connect.errors.topic': relay.topic(name),
      '__connect.errors.partition': expect.stringMatching(/^[01]$/),
      '__connect.errors.offset': '-1',
      '__connect.errors.connector.name': relay.feed(name),
      '__connect.errors.task.id': '0',
      '__connect.errors.class.name': 'cdf-relay',
      'cdf-relay.feed': relay.feed(name),
      'cdf-relay.file': expect.stringMatching(/^[0-9a-f]+$/),
      'cdf-relay.row': '1',
    };
    const tooLarge = expect.stringMatching(/^the record has 50\d\d bytes, and its topic has room for 2440$/);
    expect(large).toEqual({
      ...common,
      '__connect.errors.stage': 'KAFKA_PRODUCE',
      '__connect.errors.exception.class.name': 'org.apache.kafka.common.errors.RecordTooLargeException',
      '__connect.errors.exception.message': tooLarge,
      '__connect.errors.exception.stacktrace': expect.stringContaining('RecordTooLargeException: the record has'),
      'cdf-relay.version': '0',
      'cdf-relay.change-type': 'insert',
      'cdf-relay.code': 'record.too_large',
    });
    const sentence = 'column "size" is INT32 in the file, and its value in row 1 is out of range for the table\'s type byte';
    expect(misfit).toEqual({
      ...common,
      '__connect.errors.stage': 'VALUE_CONVERTER',
      '__connect.errors.exception.class.name': 'org.apache.kafka.connect.errors.DataException',
      '__connect.errors.exception.message': sentence,
      '__connect.errors.exception.stacktrace': `org.apache.kafka.connect.errors.DataException: ${sentence}`,
      'cdf-relay.version': '1',
      'cdf-relay.change-type': 'update_postimage',
      'cdf-relay.code': 'file.column',
    });
  });

  test('gives the row without the value that does not fit, to be read as any record of the feed', async () => {
    const name = await tableOf([{ adds: [[row(1, 1), row(2, 200), row(3, 3)]] }]);
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name, key: ['id'], onBadRecord: 'dead-letter' })).toBe('done');
    expect((await relay.changes(deadLettersOf(relay))).map(lineOf)).toEqual(linesOf(0, inserted([{ ...row(2, 0), size: null }]), COLUMNS));
    expect((await relay.changes(relay.topic(name))).map(lineOf).toSorted()).toEqual(linesOf(0, inserted([row(1, 1), row(3, 3)]), COLUMNS));
  });

  test('goes on where it stopped, in the midst of a version and behind its marks', async () => {
    const changes: readonly Change[] = Array.from({ length: 24 }, (_, i) => ({
      ...row(i % 8, i % 5 === 2 ? 200 : 1),
      _change_type: 'insert',
    }));
    const name = await tableOf([{ changes: [changes] }, { changes: [changes] }]);
    const feed = { table: name, key: ['id'], onBadRecord: 'dead-letter' } as const;
    const chunk = { chunk: { records: 4 } };
    const whole = play.stage.another();
    expect(await play.outcome(whole, feed, chunk)).toBe('done');
    expect(await dead(whole)).toHaveLength(10);

    const stopped = play.stage.another();
    await play.runUntilPublished(stopped, feed, 3, chunk);
    const { position, marks } = await stopped.checkpoint(name);
    expect(position).toMatchObject({ version: 0, records: 12, row: 12 });
    expect(marks?.length).toBe(2);
    expect(await play.outcome(stopped, feed, chunk)).toBe('done');
    expect(await published(stopped, name)).toEqual(await published(whole, name));
    expect(await dead(stopped)).toEqual(await dead(whole));
    expect((await stopped.checkpoint(name)).marks).toEqual((await whole.checkpoint(name)).marks);
  });

  test.each([
    ['kafka', 'change'],
    ['encoder', 'change'],
    ['encoder', 'debezium'],
    ['encoder', 'upsert'],
  ] as const)('ends with every row once, whichever step of %s fails in the envelope %s', async (parts, envelope) => {
    const name = await tableOf(HISTORY);
    const run = async (relay: Relay, step: Step): Promise<unknown> => {
      const publisher = parts === 'kafka' ? failingPublisher(relay.publisher, step) : relay.publisher;
      const encoder = parts === 'encoder' ? failingEncoder(play.stage.encoder, step) : play.stage.encoder;
      const feeds = [{ table: name, key: ['id'], envelope, onBadRecord: 'dead-letter' }] as const;
      const options: RunOptions = { feeds, source: play.shared.source, publisher, encoder, chunk: { records: 3 }, ...SMALL_TOPIC };
      // What fails before there is a checkpoint topic ends the process; it is started again.
      const outcomes = await relay.outcomes(options).catch(async () => relay.outcomes(options));
      return [outcomes[name], await (envelope === 'change' ? published(relay, name) : told(relay, name)), await dead(relay)];
    };
    const expected = envelope === 'change' ? ['done', PUBLISHED, DEAD] : ['done', OTHERWISE[envelope].told, OTHERWISE[envelope].dead];
    await expectEveryStep(
      (nth) => new Step(nth, 'after', parts === 'kafka' ? 'kafka.unreachable' : 'worker.died'),
      async (step) => {
        const found = await run(play.stage.another(), step);
        return isDeepStrictEqual(found, expected) ? [] : [JSON.stringify(found)];
      },
    );
  });

  test('cannot mark more keys than the checkpoint may hold: it parks', async () => {
    const many = Array.from({ length: MARKS_MAX + 1 }, (_, i) => row(i, 200));
    const name = await tableOf([{ adds: [rowsOf(1)] }, { adds: [many] }]);
    const relay = play.stage.another();
    const outcome = await play.outcome(relay, { table: name, key: ['id'], onBadRecord: 'dead-letter' });
    expect(outcome).toMatch(/^parked record\.too_many_bad: with version 1 more than 1000 keys of .* have dead letters/);
    expect([await published(relay, name), await dead(relay)]).toEqual([['0:9'], []]);
  });

  test('marks nothing without a key', async () => {
    const name = await tableOf(HISTORY);
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name, onBadRecord: 'dead-letter' }, SMALL_TOPIC)).toBe('done');
    expect(await published(relay, name)).toEqual(PUBLISHED.map((text) => text.replace('*', '')));
    expect(await dead(relay)).toEqual(DEAD);
    expect((await relay.checkpoint(name)).marks).toBeUndefined();
  });

  test.each([
    ['a key whose value does not fit', { key: ['size'] }, [row(1, 200)], /^parked file\.column: .*"size".* is out of range/],
    ['a bad record of a feed that parks', { onBadRecord: 'park' }, [row(1, 200)], /^parked file\.column: .*"size".* is out of range/],
  ] as const)('%s parks as ever', async (_, more, rows, outcome) => {
    const name = await tableOf([{ adds: [rows] }]);
    const relay = play.stage.another();
    expect(await play.outcome(relay, { table: name, key: ['id'], onBadRecord: 'dead-letter', ...more })).toMatch(outcome);
  });

  test('begins a new generation without marks', async () => {
    const { table, name } = play.table(COLUMNS);
    for (const commit of HISTORY.slice(0, 2)) await table.commit(commit);
    const relay = play.stage.another();
    const feed = { table: name, key: ['id'], onBadRecord: 'dead-letter', onRecreate: 'snapshot' } as const;
    expect(await play.outcome(relay, feed, SMALL_TOPIC)).toBe('done');
    await table.recreate();
    await table.commit({ adds: [[row(2, 2), row(3, 3)]] });
    expect(await play.outcome(relay, feed, SMALL_TOPIC)).toBe('done');
    expect(await relay.headers(`${relay.topic(name)}.g2`)).toEqual(['{"cdf-relay.snapshot":"true"}', '{"cdf-relay.snapshot":"true"}']);
    expect((await relay.checkpoint(name)).marks).toBeUndefined();
  });
});

/** Of a record of another envelope: the sizes of its images. */
function saidIn(value: Readonly<Record<string, unknown>> | null): string {
  if (value === null) return 'tombstone';
  if (!('op' in value)) return String(value['size']);
  const sizeOf = (image: unknown): string => (typeof image === 'object' && image !== null ? String(Reflect.get(image, 'size')) : 'none');
  return `${String(value['op'])} ${sizeOf(value['before'])} ${sizeOf(value['after'])}`;
}

function rowsOf(count: number): readonly Row[] {
  return Array.from({ length: count }, () => row(9, 9));
}
