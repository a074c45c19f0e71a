import { expect, test } from 'vitest';
import { Counting, Findings, differences } from '../../src/cli/tally.ts';
import type { FeedEvent } from '../../src/model/feed-event.ts';

const ROWS = { insert: 2, update_preimage: 0, update_postimage: 0, delete: 1 };

function event(change: Partial<FeedEvent>): FeedEvent {
  return {
    feed: 'r/s/a.b.c',
    source: 's',
    table: 'a.b.c',
    tableId: null,
    topic: 'r.c',
    topicId: null,
    generation: 1,
    kind: 'version',
    version: 3,
    toVersion: null,
    commitTimestamp: null,
    snapshot: false,
    rows: ROWS,
    records: 3,
    duplicates: 0,
    deadLetters: 0,
    bytes: 1,
    keySchema: null,
    valueSchema: null,
    partitions: [],
    checksum: `${'0'.repeat(31)}5`,
    nextTopic: null,
    code: null,
    message: null,
    at: 1,
    ...change,
  };
}

/** Two inserts and a deletion. */
function counted(sum: bigint, records = 3): Counting {
  const counting = new Counting();
  counting.rows('insert', 2);
  counting.rows('delete', 1);
  counting.records(records, sum);
  return counting;
}

test('what is counted alike does not differ; what the ledger or the topic does not say is not compared', () => {
  expect(differences(event({}), counted(5n).tally(true), 'the share')).toEqual([]);
  expect(differences(event({ rows: { ...ROWS, insert: 9 } }), counted(5n).tally(false), 'the topic')).toEqual([]);
  expect(differences(event({ records: null, checksum: null }), counted(6n, 7).tally(true), 'the share')).toEqual([]);
});

test('numbers are told before checksums, which are told where the numbers agree', () => {
  const other = event({ rows: { ...ROWS, insert: 9, delete: 0 }, records: 9 });
  expect(differences(other, counted(6n).tally(true), 'the topic')).toEqual([
    'the topic has 2 insert rows, the ledger 9',
    'the topic has 1 delete rows, the ledger 0',
    'the topic has 3 records, the ledger 9',
  ]);
  expect(differences(event({}), counted(6n).tally(true), 'the share')).toEqual([
    `the share has as many rows and records as the ledger says, but others: their checksum is ${'0'.repeat(31)}6, and was ${'0'.repeat(31)}5`,
  ]);
});

test('the summary counts versions, those that differ, those that are missing, and those that could not be compared with their first reason', () => {
  const findings = new Findings();
  expect(findings.summary('r/s/a.b.c', 'r.c')).toEqual(['r/s/a.b.c: no whole version in r.c yet']);
  const told = [event({ version: 3 }), event({ kind: 'gap', version: 4, toVersion: 6 }), event({ version: 7 }), event({ version: 9 })];
  expect(told.map((one) => findings.follow(one))).toEqual([
    null,
    null,
    null,
    'version 8: the ledger does not tell of it, and goes on with 9',
  ]);
  expect(findings.follow(event({ kind: 'park', version: 20 }))).toBeNull();
  const versions = told.filter(({ kind }) => kind === 'version');
  expect(versions.map((one) => findings.compared(one, one.version === 7 ? ['it is red', 'it is not blue'] : []))).toEqual([
    [],
    ['version 7: it is red; it is not blue'],
    [],
  ]);
  findings.skip(3, 'with the share', 'gap.history_gone', 'version 3 is gone');
  findings.skip(7, 'with the share', 'gap.history_gone', 'version 7 is gone');
  findings.skip(7, 'with the topic', 'it is compacted');
  expect([findings.differing, findings.summary('r/s/a.b.c', 'r.c')]).toEqual([
    2,
    [
      'r/s/a.b.c: 3 versions, 3 to 9, 9 records in r.c: 2 differ',
      '  2 of them, the first one 3, not compared with the share, since gap.history_gone: version 3 is gone',
      '  1 of them, the first one 7, not compared with the topic, since it is compacted',
    ],
  ]);
});
