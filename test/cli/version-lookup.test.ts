import { expect, test } from 'vitest';
import { VersionLookup, versionJson, versionLines } from '../../src/cli/version-lookup.ts';
import type { Asked } from '../../src/cli/version-lookup.ts';
import type { FeedEvent, Stretch } from '../../src/model/feed-event.ts';

const FEED = 'analytics/acme/sales.public.orders';
const TOPIC = 'analytics.sales.public.orders';

function event(change: Partial<FeedEvent>): FeedEvent {
  return {
    feed: FEED,
    source: 'acme',
    table: 'sales.public.orders',
    tableId: 'id-1',
    topic: TOPIC,
    topicId: null,
    generation: 1,
    kind: 'version',
    version: 0,
    toVersion: null,
    commitTimestamp: null,
    snapshot: false,
    rows: { insert: 0, update_preimage: 0, update_postimage: 0, delete: 0 },
    records: 0,
    duplicates: 0,
    deadLetters: 0,
    bytes: 0,
    keySchema: null,
    valueSchema: null,
    partitions: [],
    checksum: '0'.repeat(32),
    nextTopic: null,
    code: null,
    message: null,
    at: Date.UTC(2026, 0, 2),
    ...change,
  };
}

/** `[partition, first, next]` for each. */
function version(number: number, ...stretches: readonly (readonly [number, number, number])[]): FeedEvent {
  return event({
    version: number,
    partitions: stretches.map(([partition, firstOffset, nextOffset]): Stretch => ({ partition, firstOffset, nextOffset })),
  });
}

/** From a snapshot of version 3; 5 and 6 are a gap, and 8 was published by a relay without a ledger. */
const LEDGER: readonly FeedEvent[] = [
  { ...version(3, [0, 0, 10], [1, 0, 4]), snapshot: true },
  version(4, [1, 5, 8]),
  event({ kind: 'park', version: 5, code: 'gap.feed_off' }),
  event({ kind: 'resume', version: 5 }),
  event({ kind: 'gap', version: 5, toVersion: 6, code: 'gap.feed_off' }),
  version(7),
  version(9, [0, 12, 20], [1, 10, 11]),
];
const SECOND: readonly FeedEvent[] = [
  event({ kind: 'recreation', version: 10, nextTopic: `${TOPIC}.g2` }),
  event({ generation: 2, topic: `${TOPIC}.g2`, version: 1, snapshot: true, partitions: [{ partition: 0, firstOffset: 0, nextOffset: 3 }] }),
];

const at = (partition: number, offset: number): Asked => ({ kind: 'place', partition, offset });
const of = (number: number): Asked => ({ kind: 'version', version: number });

function looked(ledger: readonly FeedEvent[], asked: Asked, generation: number | null = null): VersionLookup {
  const lookup = new VersionLookup(asked, generation);
  for (const one of ledger) lookup.add(one);
  return lookup;
}

test.each<readonly [string, Asked, number]>([
  ['a snapshot', of(3), 3],
  ['a version without records', of(7), 7],
  ['the first record of a version', at(0, 12), 9],
  ['its last record', at(0, 19), 9],
  ['the only record of a partition', at(1, 10), 9],
])('%s is found', (_, asked, found) => {
  expect(looked(LEDGER, asked).found).toEqual(LEDGER.find((one) => one.kind === 'version' && one.version === found));
});

const THERE = `the ledger has versions 3 to 9 of ${FEED}`;

test.each<readonly [string, Asked, string]>([
  ['before a snapshot', of(2), `${THERE}, and 3 is a snapshot: what came before is in it`],
  ['in a gap', of(6), `version 6 is in a gap, since the changes of versions 5 to 6 cannot be had (gap.feed_off): ${THERE}`],
  ['of an older relay', of(8), `${THERE}, but not version 8: a relay that kept no ledger published it`],
  ['half published', of(10), `version 10 is not whole yet, 50 records of it are published: ${THERE}`],
  ['to come', of(11), `version 11 is not published yet: ${THERE}`],
  [
    'between two versions',
    at(0, 11),
    `offset 11 of partition 0 of ${TOPIC} is no record of a whole version: version 3 ends there at 9, version 9 begins there at 12`,
  ],
  [
    'beyond the last version',
    at(1, 11),
    `offset 11 of partition 1 of ${TOPIC} is no record of a whole version: version 9 ends there at 10`,
  ],
  [
    'in another partition',
    at(2, 0),
    `offset 0 of partition 2 of ${TOPIC} is no record of a whole version: the ledger tells of none in that partition`,
  ],
])('what is %s is not found, and the sentence says what there is', (_, asked, sentence) => {
  const lookup = looked(LEDGER, asked);
  expect(lookup.found).toBeNull();
  const position = { kind: 'changes', version: 10, records: 50, entry: 0, row: 0, plan: 'p' } as const;
  const checkpoint = { generation: 1, position: { ...position, commitTimestamp: null, responseFormat: null, idHash: null } };
  expect(lookup.whyNot(FEED, checkpoint)).toBe(sentence);
});

test('of several generations the latest one is meant, or the one that is named; the sentence names the other', () => {
  const both = [...LEDGER, ...SECOND];
  expect(looked(both, at(0, 2)).found).toMatchObject({ generation: 2, version: 1 });
  expect(looked(both, at(0, 2), 1).found).toMatchObject({ generation: 1, version: 3 });
  expect(looked(both, of(3), 1).found).toMatchObject({ generation: 1 });
  expect(looked(both, of(3)).whyNot(FEED, null)).toBe(
    `version 3 is not published yet: the ledger has versions 1 to 1 of ${FEED}; generation 1 has it: add --generation 1`,
  );
  expect(looked(both, of(1), 4).whyNot(FEED, null)).toBe(
    `the ledger tells of no whole version of ${FEED} in generation 4; generation 2 has it: add --generation 2`,
  );
  expect(looked([], of(1)).whyNot(FEED, null)).toBe(`the ledger tells of no whole version of ${FEED}`);
});

test('a version is told with all that the ledger knows of it', () => {
  const told = event({
    version: 9,
    generation: 2,
    commitTimestamp: Date.UTC(2026, 0, 1),
    rows: { insert: 3, update_preimage: 0, update_postimage: 0, delete: 2 },
    records: 7,
    deadLetters: 1,
    duplicates: 4,
    bytes: 99,
    keySchema: 'k',
    valueSchema: 'v',
    partitions: [{ partition: 5, firstOffset: 10, nextOffset: 18 }],
    checksum: null,
  });
  expect(versionLines(told)).toEqual([
    `version 9 of ${FEED}: whole in ${TOPIC}, generation 2`,
    '  committed 2026-01-01T00:00:00.000Z, published 2026-01-02T00:00:00.000Z',
    '  3 insert, 2 delete; 7 records, 99 bytes, 1 dead letters, 4 rows that another of their key follows',
    '  partition 5: first offset 10, next 18',
    '  schema v, of the key k',
    '  checksum not known: the relay that began the version kept none',
  ]);
  expect(versionLines({ ...version(7), snapshot: true })).toEqual([
    `snapshot of version 7 of ${FEED}: whole in ${TOPIC}`,
    '  published 2026-01-02T00:00:00.000Z',
    '  no rows; 0 records, 0 bytes',
    `  checksum ${'0'.repeat(32)}`,
  ]);
  expect(versionJson(told)).toEqual({ ...told, commitTimestamp: '2026-01-01T00:00:00.000Z', at: '2026-01-02T00:00:00.000Z' });
});
