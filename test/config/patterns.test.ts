/**
 * Entries that name tables by a pattern, and entries with a source of their own.
 */
import { expect, test } from 'vitest';
import type { FeedPattern } from '../../src/model/feed-pattern.ts';
import { parse, problems, SAMPLE } from './sample.ts';

const TWO_SOURCES = `relay: {name: r}
kafka: {brokers: [b:1]}
sources:
  - {name: one, profile: acme.share}
  - {name: two, profile: acme.share}
recipients:
`;

/** The sample with these entries of the one recipient. */
function tables(...entries: readonly string[]): string {
  return SAMPLE.replace(/ {6}- .*\n$/, entries.map((entry) => `      - {${entry}}\n`).join(''));
}

test('an entry with `*` or `?` is a pattern, beside the entries that name one table', () => {
  const config = parse(
    tables('table: sales.public.orders', 'table: Sales.*.?rder*, topic: "{table}.{share}.{schema}", start: earliest, key: [id]'),
  );
  expect(config.feeds.map(({ id }) => id)).toEqual(['analytics/acme/sales.public.orders']);
  const expected: FeedPattern = {
    recipient: 'analytics',
    source: 'acme',
    tables: { share: 'Sales', schema: '*', table: '?rder*' },
    topicTemplate: '{table}.{share}.{schema}',
    settings: {
      start: { kind: 'earliest' },
      key: ['id'],
      envelope: 'change',
      adopt: false,
      onGap: 'park',
      onRecreate: 'park',
      onSchemaChange: 'evolve',
      onBadRecord: 'park',
    },
  };
  expect([config.patterns, config.warnings]).toEqual([[expected], []]);
});

test('a pattern without `start` begins each table with its snapshot', () => {
  expect(parse(tables('table: "*.*.*"')).patterns.map(({ settings }) => settings.start)).toEqual([{ kind: 'snapshot' }]);
});

test.each([
  ['latest', '`latest`'],
  ['{version: 3}', 'a version'],
])('a pattern cannot start at %s', (start, told) => {
  expect(problems(tables(`table: sales.public.*, start: ${start}`))).toEqual([
    `8:40: the pattern sales.public.* cannot start at ${told}: a table that joins later would lose what it already holds; write \`snapshot\` or \`earliest\`.`,
  ]);
});

test('a pattern that stands twice is told; one that overlaps another is not', () => {
  expect(problems(tables('table: sales.public.*', 'table: Sales.PUBLIC.*, start: earliest', 'table: sales.*.*'))).toEqual([
    '9:17: recipient `analytics` already has the pattern Sales.PUBLIC.* in line 8: name it once (case does not count).',
  ]);
});

test('a topic without a part that the pattern leaves open is probably not meant', () => {
  const config = parse(tables('table: "*.public.*", topic: "{recipient}.all"', 'table: "*.p.orders", topic: "{recipient}.{share}"'));
  expect(config.warnings).toEqual([
    'relay.yaml:8:38: the topic `{recipient}.all` of the pattern *.public.* is without {share} and {table}: of tables whose topics are equal only one is published, the others park.',
  ]);
});

test.each([
  ['two parts', 'table: "sales.*"', '8:17: `recipients[0].tables[0].table` must be `share.schema.table`, not `sales.*`.'],
  ['a slash', 'table: "*.*.a/b"', '8:17: `recipients[0].tables[0].table` must be `share.schema.table`, not `*.*.a/b`.'],
  [
    'an unknown placeholder',
    'table: "*.*.*", topic: "{tabel}"',
    '8:33: `{tabel}` stands for nothing in a topic: write {recipient}, {share}, {schema} or {table}.',
  ],
])('a pattern with %s is told with its place', (_, entry, told) => {
  expect(problems(tables(entry))).toEqual([told]);
});

test('an entry may name a source of its own, and the same table of two sources is two feeds', () => {
  const config = parse(`${TWO_SOURCES}  - name: a
    source: two
    tables:
      - {table: s.p.o}
      - {table: s.p.o, source: ONE, topic: "{recipient}.one.{table}"}
      - {table: s.p.*, source: one}
  - name: b
    tables: [{table: s.p.o, source: one}]
`);
  expect([config.feeds.map(({ id }) => id), config.patterns.map(({ source }) => source), config.warnings]).toEqual([
    ['a/two/s.p.o', 'a/one/s.p.o', 'b/one/s.p.o'],
    ['one'],
    [],
  ]);
});

test('a source that is missing is told once, and only where an entry needs it', () => {
  expect(problems(`${TWO_SOURCES}  - name: a\n    tables: [{table: s.p.o}, {table: s.p.q}, {table: s.p.r, source: one}]\n`)).toEqual([
    '7:5: `source` is missing: with several sources each recipient, or each of its tables, names its own, one of one, two.',
  ]);
  expect(problems(`${TWO_SOURCES}  - name: a\n    tables: [{table: s.p.r, source: tow}]\n`)).toEqual([
    '8:37: no source is named `tow`: did you mean `two`?',
  ]);
});

test('an envelope that needs a key is refused without one, one that is less without one is warned of', () => {
  expect(problems(tables('table: s.p.o, envelope: upsert', 'table: s.p.q, envelope: upsert, key: [id]'))).toEqual([
    '8:34: `envelope: upsert` needs a `key`: each record is a row as it is now, by its key.',
  ]);
  expect(problems(tables('table: s.p.o, envelope: debezum'))).toEqual([
    '8:34: `recipients[0].tables[0].envelope` must be one of change, debezium, upsert, not `debezum`. Did you mean `debezium`?',
  ]);
  const config = parse(tables('table: "s.p.o*", envelope: debezium', 'table: s.p.q, envelope: debezium, key: [id]', 'table: s.p.r'));
  expect([config.patterns.map(({ settings }) => settings.envelope), config.feeds.map(({ envelope }) => envelope)]).toEqual([
    ['debezium'],
    ['debezium', 'change'],
  ]);
  expect(config.warnings).toEqual([
    'relay.yaml:8:37: `envelope: debezium` without a `key` cannot pair the two images of an update: it comes as a `d` and a `c`, and no delete has a tombstone.',
  ]);
});
