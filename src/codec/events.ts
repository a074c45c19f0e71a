/**
 * Records of `{recipient}.commits`: few beside the rows, and so encoded by avsc.
 */
import { readFileSync } from 'node:fs';
import avsc from 'avsc';
import { assert } from '../lib/assert.ts';
import type { FeedEvent } from '../model/feed-event.ts';
import type { RecordBlock } from '../ports/encoder.ts';
import { isSchema } from './avro-reader.ts';
import { BLOCK_BYTES_MAX, BlockBuffer } from './block-buffer.ts';
import { recordBytes } from './single-record.ts';

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
