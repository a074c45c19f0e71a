/**
 * Records of `{recipient}.commits`: few, and so encoded by avsc.
 */
import { readFileSync } from 'node:fs';
import avsc from 'avsc';
import { assert } from '../lib/assert.ts';
import type { FeedEvent } from '../model/feed-event.ts';
import type { RecordBlock } from '../ports/encoder.ts';
import { isSchema } from './avro-reader.ts';
import { recordBytes } from './single-record.ts';

const SCHEMA: unknown = JSON.parse(readFileSync(new URL('../../schemas/commits.avsc', import.meta.url), 'utf8'));
assert(isSchema(SCHEMA), 'schemas/commits.avsc is an object');
const TYPE = avsc.Type.forSchema(SCHEMA, { wrapUnions: false });

/** The schema of the records, as consumers get it: compact JSON. */
export const EVENT_SCHEMA = JSON.stringify(SCHEMA);

/** One record for the topic's only partition: the feed's id as key, `prefix` and the event as value. */
export function encodeEvent(event: FeedEvent, prefix: Uint8Array): RecordBlock {
  const value = Buffer.concat([prefix, TYPE.toBuffer(event)]);
  return { partition: 0, count: 1, bytes: recordBytes({ key: Buffer.from(event.feed, 'utf8'), value, headers: [] }, 0) };
}
