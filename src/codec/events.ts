/**
 * Records of `{recipient}.commits`: few, and so encoded by avsc.
 */
import { readFileSync } from 'node:fs';
import avsc from 'avsc';
import { assert } from '../lib/assert.ts';
import type { FeedEvent } from '../model/feed-event.ts';
import type { RecordBlock } from '../ports/encoder.ts';
import { isSchema } from './avro-reader.ts';
import { unsignedLength, writeUnsigned } from './varint.ts';

const SCHEMA: unknown = JSON.parse(readFileSync(new URL('../../schemas/commits.avsc', import.meta.url), 'utf8'));
assert(isSchema(SCHEMA), 'schemas/commits.avsc is an object');
const TYPE = avsc.Type.forSchema(SCHEMA, { wrapUnions: false });

/** The schema of the records, as consumers get it: compact JSON. */
export const EVENT_SCHEMA = JSON.stringify(SCHEMA);

/** One record for the topic's only partition: the feed's id as key, `prefix` and the event as value. */
export function encodeEvent(event: FeedEvent, prefix: Uint8Array): RecordBlock {
  return singleRecord(Buffer.from(event.feed, 'utf8'), Buffer.concat([prefix, TYPE.toBuffer(event)]));
}

/** In the framing of src/codec/segments.ts. */
function singleRecord(key: Uint8Array, value: Uint8Array): RecordBlock {
  const body = Buffer.concat([Uint8Array.of(0, 0, 0), sized(key), sized(value), Uint8Array.of(0)]);
  return { partition: 0, count: 1, bytes: new Uint8Array(sized(body)) };
}

/** The bytes behind their length as a zigzag varint. */
function sized(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(unsignedLength(bytes.length << 1));
  writeUnsigned(bytes.length << 1, length, 0);
  return Buffer.concat([length, bytes]);
}
