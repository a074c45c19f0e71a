/** The schema of `{recipient}.commits` is read by consumers for years: what stands in it once, stays. */
import { expect, test } from 'vitest';
import { avroType } from '../../src/codec/avro-reader.ts';
import { EVENT_SCHEMA, encodeEvent } from '../../src/codec/events.ts';
import { records } from '../../src/codec/records.ts';
import type { FeedEvent } from '../../src/model/feed-event.ts';

const EVENT: FeedEvent = {
  feed: 'analytics/acme/sales.public.orders',
  source: 'acme',
  table: 'sales.public.orders',
  tableId: 'id-1',
  topic: 'analytics.sales.public.orders',
  topicId: null,
  generation: 2,
  kind: 'gap',
  version: 2 ** 40,
  toVersion: 2 ** 40 + 1,
  nextTopic: null,
  code: 'gap.feed_off',
  message: 'nothing was recorded',
  at: 1_770_000_000_000,
};

test.each<FeedEvent>([
  EVENT,
  { ...EVENT, kind: 'recreation', tableId: null, toVersion: null, nextTopic: 'g2' },
  { ...EVENT, kind: 'schema_change' },
])('a record of kind $kind is keyed by its feed and read back by the schema that stands in schemas/', (event) => {
  const [record] = records(encodeEvent(event, Uint8Array.of(1, 2, 3)));
  expect(Buffer.from(record?.key ?? []).toString()).toBe(event.feed);
  const value = Buffer.from(record?.value ?? []);
  expect([...value.subarray(0, 3)]).toEqual([1, 2, 3]);
  const { version, toVersion, at, ...rest } = event;
  const optional = (text: string | null): unknown => (text === null ? null : { string: text });
  const { tableId, topicId, nextTopic, code, message, ...plain } = rest;
  expect(JSON.parse(JSON.stringify(avroType(EVENT_SCHEMA).fromBuffer(value.subarray(3)), spelled))).toEqual({
    ...plain,
    tableId: optional(tableId),
    topicId: optional(topicId),
    nextTopic: optional(nextTopic),
    code: optional(code),
    message: optional(message),
    version: String(version),
    toVersion: toVersion === null ? null : { long: String(toVersion) },
    at: String(at),
  });
});

function spelled(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
