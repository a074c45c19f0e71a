import { expect, test } from 'vitest';
import { PLAIN_FEED } from '../support/plain-feed.ts';
import { feedsOf, patternOf, patternText } from '../../src/model/feed-pattern.ts';
import type { FeedPattern } from '../../src/model/feed-pattern.ts';
import { parseTableName } from '../../src/model/version.ts';
import type { TableName } from '../../src/model/version.ts';

function table(text: string): TableName {
  const name = parseTableName(text);
  if (name === null) throw new Error(text);
  return name;
}

function pattern(text: string, recipient = 'r'): FeedPattern {
  const settings = {
    start: { kind: 'snapshot' },
    ...PLAIN_FEED,
  } as const;
  return { recipient, source: 'Acme', tables: table(text), topicTemplate: '{recipient}.{table}', settings };
}

test('each table that a pattern matches is a feed, spelled as it was listed, in the order of ids', () => {
  const feeds = feedsOf([pattern('*.*.*')], new Set(), ['s.p.zeta', 'S.P.Alpha', 'a.b.c.d'].map(table));
  expect(feeds.map(({ spec }) => [spec.id, spec.topic, spec.table.share])).toEqual([
    ['r/acme/a.b.c.d', 'r.d', 'a.b'],
    ['r/acme/s.p.alpha', 'r.Alpha', 'S'],
    ['r/acme/s.p.zeta', 'r.zeta', 's'],
  ]);
});

test('an entry that names the table wins over patterns, in any case', () => {
  const feeds = feedsOf([pattern('s.p.*')], new Set(['r/acme/s.p.orders']), [table('S.P.Orders'), table('s.p.o')]);
  expect(feeds.map(({ spec }) => spec.id)).toEqual(['r/acme/s.p.o']);
});

test('of two patterns of one recipient the first in the file has the table, and the others are named; another recipient has it too', () => {
  const [first, second, other] = [pattern('s.p.o*'), pattern('s.*.*'), pattern('*.*.orders', 'q')];
  const feeds = feedsOf([first, second, other], new Set(), [table('s.p.orders')]);
  expect(feeds.map(({ spec, pattern: owner, others }) => [spec.id, patternText(owner), others.map(patternText)])).toEqual([
    ['q/acme/s.p.orders', 'q/acme/*.*.orders', []],
    ['r/acme/s.p.orders', 'r/acme/s.p.o*', ['r/acme/s.*.*']],
  ]);
});

test('trap 40: names that differ by case alone are one table, whatever the order they are listed in', () => {
  const [lower, upper] = [table('s.p.orders'), table('S.P.Orders')];
  const topics = [
    [lower, upper],
    [upper, lower],
  ].map((listed) => feedsOf([pattern('*.*.*')], new Set(), listed).map(({ spec }) => [spec.id, spec.topic]));
  expect(topics).toEqual([[['r/acme/s.p.orders', 'r.Orders']], [['r/acme/s.p.orders', 'r.Orders']]]);
});

test('a name that the protocol does not allow is no feed: it could have the id of another table', () => {
  const listed = [
    { share: 's', schema: 'p', table: 'a.b' },
    { share: 's', schema: 'p', table: 'x y' },
    { share: 's/t', schema: 'p', table: 'o' },
    table('s.p.ok'),
  ];
  expect(feedsOf([pattern('*.*.*')], new Set(), listed).map(({ spec }) => spec.id)).toEqual(['r/acme/s.p.ok']);
});

test('the pattern of a feed is found by its id alone', () => {
  const patterns = [pattern('s.p.O*'), pattern('*.*.*', 'q')];
  const found = ['r/acme/s.p.orders', 'q/acme/a.b.c.d', 'r/acme/s.p.x', 'r/beta/s.p.orders', 'nonsense'].map((id) =>
    patternOf(patterns, id),
  );
  expect(found.map((each) => (each === null ? null : patternText(each)))).toEqual(['r/acme/s.p.o*', 'q/acme/*.*.*', null, null, null]);
});
