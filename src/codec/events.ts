/**
 * Records of `{recipient}.commits`: few beside the rows, and so encoded and read by avsc.
 */
import { readFileSync } from 'node:fs';
import avsc from 'avsc';
import { assert } from '../lib/assert.ts';
import { JsonObject } from '../lib/json.ts';
import type { FeedEvent, Stretch } from '../model/feed-event.ts';
import type { RecordBlock } from '../ports/encoder.ts';
import { isSchema } from './avro-reader.ts';
import { BLOCK_BYTES_MAX, BlockBuffer } from './block-buffer.ts';
import { recordBytes } from '../lib/single-record.ts';

const SCHEMA: unknown = JSON.parse(readFileSync(new URL('../../schemas/commits.avsc', import.meta.url), 'utf8'));
assert(isSchema(SCHEMA), 'schemas/commits.avsc is an object');
const TYPE = avsc.Type.forSchema(SCHEMA, { wrapUnions: false });

/** The schema of the records, as consumers get it: compact JSON. */
export const EVENT_SCHEMA = JSON.stringify(SCHEMA);

/** Records for the topic's only partition, in order: the feed's id as key, `prefix` and the event as value. */
export function* encodeEvents(events: readonly FeedEvent[], prefix: Uint8Array): Generator<RecordBlock, void> {
  const block = new BlockBuffer(0);
  for (const event of events) {
    const record = { key: Buffer.from(event.feed, 'utf8'), value: Buffer.concat([prefix, TYPE.toBuffer(event)]), headers: [] };
    const bytes = recordBytes(record, block.count);
    if (block.length > 0 && block.length + bytes.length > BLOCK_BYTES_MAX) {
      yield block.take();
      block.append(recordBytes(record, 0), 1, false);
    } else block.append(bytes, 1, false);
  }
  if (block.count > 0) yield block.take();
}

/**
 * Reads bodies that were written by a schema of this text, of whatever relay; what that did not say is as if there were nothing of it. Null for a kind that this relay does not
 * know. The reader throws if a body is not of that schema, and this does if the schema is none of the topic's.
 */
export function eventReader(schemaText: string): (body: Uint8Array) => FeedEvent | null {
  const schema: unknown = JSON.parse(schemaText);
  assert(isSchema(schema), 'a schema is an object');
  const resolver = TYPE.createResolver(avsc.Type.forSchema(schema, { wrapUnions: false }));
  return (body) => {
    const event: unknown = TYPE.fromBuffer(Buffer.from(body.buffer, body.byteOffset, body.byteLength), resolver);
    return eventOf(new JsonObject(event));
  };
}

const KINDS = ['version', 'gap', 'recreation', 'schema_change', 'park', 'resume'] as const;

function eventOf(json: JsonObject): FeedEvent | null {
  const kind = KINDS.find((known) => known === json.string('kind'));
  if (kind === undefined) return null;
  const rows = json.object('rows');
  const text = (field: string): string | null => json.nullable(field, (name) => json.string(name));
  const number = (field: string): number | null => json.nullable(field, (name) => json.integer(name));
  return {
    feed: json.string('feed'),
    source: json.string('source'),
    table: json.string('table'),
    tableId: text('tableId'),
    topic: json.string('topic'),
    topicId: text('topicId'),
    generation: json.integer('generation'),
    kind,
    version: json.integer('version'),
    toVersion: number('toVersion'),
    commitTimestamp: number('commitTimestamp'),
    snapshot: json.raw('snapshot') === true,
    rows: {
      insert: rows.integer('insert'),
      update_preimage: rows.integer('update_preimage'),
      update_postimage: rows.integer('update_postimage'),
      delete: rows.integer('delete'),
    },
    records: number('records'),
    duplicates: number('duplicates'),
    deadLetters: number('deadLetters'),
    bytes: json.integer('bytes'),
    keySchema: text('keySchema'),
    valueSchema: text('valueSchema'),
    partitions: stretchesOf(json.raw('partitions')),
    checksum: text('checksum'),
    nextTopic: text('nextTopic'),
    code: text('code'),
    message: text('message'),
    at: json.integer('at'),
  };
}

function stretchesOf(partitions: unknown): readonly Stretch[] {
  assert(Array.isArray(partitions), 'the partitions of a version are a list');
  return partitions.map((stretch: unknown) => {
    const json = new JsonObject(stretch);
    return { partition: json.integer('partition'), firstOffset: json.integer('firstOffset'), nextOffset: json.integer('nextOffset') };
  });
}
