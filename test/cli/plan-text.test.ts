import { expect, test } from 'vitest';
import { startOf } from '../../src/model/position.ts';
import type { PlannedFeed } from '../../src/cli/plan-of.ts';
import { planLines, planSummary } from '../../src/cli/plan-text.ts';

const FEED: PlannedFeed = {
  feed: 'r/acme/s.d.t',
  topic: 'r.s.d.t',
  generation: 1,
  latest: { version: 9, at: null },
  beginning: null,
  waiting: { versions: 7, files: 1, bytes: 10, rows: null, unlisted: 4 },
  schemas: [],
  failures: [],
};

test('what the config has an answer to is told with it; what stops the feed, with its remedy', () => {
  const failure = { code: 'gap.feed_off', message: 'version 6 has no changes', remedy: 'Set `onGap: skip`.' };
  const failures = [
    { ...failure, answer: 'by `onGap: skip` the feed goes on behind it' },
    { ...failure, answer: null },
  ];
  const lines = planLines({ topics: [], rights: [], sources: [], feeds: [{ ...FEED, failures }], ledgers: [] });
  expect(lines.slice(lines.indexOf('Feeds') + 1)).toEqual([
    '  r/acme/s.d.t → r.s.d.t',
    '    latest   version 9',
    '    waiting  rows of unknown number in 1 file, 10 B, of 7 versions (the last 4 not looked at)',
    '    meets    version 6 has no changes; by `onGap: skip` the feed goes on behind it',
    '    stopped  version 6 has no changes',
    '             → Set `onGap: skip`.',
  ]);
});

test('a plan ends with what becomes of the feeds', () => {
  const data = { role: 'data', topic: 't', partitions: 6, replicationFactor: 3, config: {}, remarks: [] } as const;
  const position = { ...startOf(3) };
  const starts = { ...FEED, beginning: { kind: 'starts', asked: 'earliest', position } } as const;
  const goesOn = { ...FEED, beginning: { kind: 'goes-on', asked: 'earliest', position } } as const;
  const failure = { code: 'gap.feed_off', message: 'version 6 has no changes', remedy: 'Set `onGap: skip`.', answer: null };
  const plan = {
    topics: [
      { ...data, exists: false },
      { ...data, exists: true },
      { ...data, exists: null },
    ],
    rights: [],
    sources: [],
    ledgers: [],
  };
  expect([
    planSummary({ ...plan, feeds: [starts, { ...goesOn, failures: [failure] }, goesOn, goesOn, FEED] }),
    planSummary({ ...plan, topics: [], feeds: [] }),
  ]).toEqual([
    'Nothing was changed: 1 topic is to be made; of 5 feeds 1 starts, 2 go on, 1 is stopped, 1 could not be looked at.',
    'Nothing was changed: 0 topics are to be made.',
  ]);
});
