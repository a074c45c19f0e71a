/** The schema of `{recipient}.commits` is read by consumers for years: what stands in it once, stays. */
import { expect, test } from 'vitest';
import { EVENT_SCHEMA, encodeEvents } from '../../src/codec/events.ts';
import { records } from '../../src/codec/records.ts';
import type { FeedEvent } from '../../src/model/feed-event.ts';
import { recordReader } from '../demo/avro-row.ts';

const EVENT: FeedEvent = {
  feed: 'analytics/acme/sales.public.orders',
  source: 'acme',
  table: 'sales.public.orders',
  tableId: 'id-1',
  topic: 'analytics.sales.public.orders',
  topicId: null,
  generation: 2,
  kind: 'version',
  version: 2 ** 40,
  toVersion: null,
  commitTimestamp: 1_760_000_000_000,
  snapshot: false,
  rows: { insert: 1, update_preimage: 2, update_postimage: 3, delete: 4 },
  records: 11,
  duplicates: 5,
  deadLetters: 6,
  bytes: 2 ** 33,
  keySchema: '1b671a64-40d5-891e-99b0-da01ff1f3341',
  valueSchema: '7',
  partitions: [
    { partition: 0, firstOffset: 7, nextOffset: 12 },
    { partition: 5, firstOffset: 2 ** 41, nextOffset: 2 ** 41 + 5 },
  ],
  checksum: '00112233445566778899aabbccddeeff',
  nextTopic: null,
  code: null,
  message: null,
  at: 1_770_000_000_000,
};

const PREFIX = Uint8Array.of(1, 2, 3);

test.each<FeedEvent>([
  EVENT,
  { ...EVENT, commitTimestamp: null, snapshot: true, records: null, duplicates: null, deadLetters: null, checksum: null, partitions: [] },
  { ...EVENT, kind: 'gap', toVersion: 2 ** 40 + 1, code: 'gap.feed_off', message: 'nothing was recorded' },
  { ...EVENT, kind: 'recreation', tableId: null, nextTopic: 'g2' },
  { ...EVENT, kind: 'schema_change', topicId: 'AAECAwQFBgcICQoLDA0ODw', keySchema: null, valueSchema: null },
  { ...EVENT, kind: 'park' },
  { ...EVENT, kind: 'resume' },
])('a record of kind $kind is keyed by its feed and read back by the schema that stands in schemas/', (event) => {
  const [block] = encodeEvents([event], PREFIX);
  if (block === undefined) throw new Error('there is no block');
  const [record] = records(block);
  expect(Buffer.from(record?.key ?? []).toString()).toBe(event.feed);
  const value = Buffer.from(record?.value ?? []);
  expect(value.subarray(0, 3)).toEqual(Buffer.from(PREFIX));
  expect(recordReader(EVENT_SCHEMA)(value.subarray(3))).toEqual(JSON.parse(JSON.stringify(event, longAsText)));
});

/** To the reader longs are texts, but for times. */
function longAsText(name: string, value: unknown): unknown {
  const isNumber = ['generation', 'partition', 'commitTimestamp', 'at'].includes(name);
  return typeof value === 'number' && !isNumber ? String(value) : value;
}

test('thousands of records go out in few blocks, none of which is too long for a request, in order', () => {
  const events = Array.from({ length: 5_000 }, (_, version) => ({ ...EVENT, version }));
  const blocks = [...encodeEvents(events, PREFIX)];
  expect([blocks.length, Math.max(...blocks.map(({ bytes }) => bytes.length)) <= 900_000]).toEqual([2, true]);
  const read = recordReader(EVENT_SCHEMA);
  const versions = blocks.flatMap((block) =>
    [...records(block)].map(({ value }) => Number(read((value ?? PREFIX).subarray(3))['version'])),
  );
  expect(versions).toEqual(events.map(({ version }) => version));
});
