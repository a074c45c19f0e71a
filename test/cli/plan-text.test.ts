import { expect, test } from 'vitest';
import type { PlannedFeed } from '../../src/cli/plan-of.ts';
import { planLines } from '../../src/cli/plan-text.ts';

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
