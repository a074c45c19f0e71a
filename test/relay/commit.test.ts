import { expect, test } from 'vitest';
import { startOf } from '../../src/model/position.ts';
import type { Checkpoint } from '../../src/model/position.ts';
import type { Segment } from '../../src/ports/encoder.ts';
import type { TransactionalProducer } from '../../src/ports/publisher.ts';
import { NOTHING_OPEN, NO_COUNTS, newCheckpoint } from '../../src/relay/checkpoint.ts';
import type { Chunk } from '../../src/relay/chunk.ts';
import { sendChunk } from '../../src/relay/commit.ts';

const STAMP = { relay: 'r', at: 7 };

/** Brokers that append at the given offsets. */
function producerAt(offsets: readonly number[]): TransactionalProducer {
  return {
    begin: async () => {},
    send: async () => offsets,
    sendControl: async () => {},
    commit: async () => {},
    abort: async () => {},
    close: async () => {},
  };
}

const segment: Segment = {
  blocks: [
    { partition: 0, count: 3, bytes: new Uint8Array(3) },
    { partition: 4, count: 2, bytes: new Uint8Array(2) },
  ],
  records: 5,
  bytes: 5,
  counts: { ...NO_COUNTS, insert: 5 },
  duplicates: 0,
  step: 0,
  nextRow: 5,
  largestRecord: 1,
};

const last: Checkpoint = {
  ...newCheckpoint('r/s/t', 1, 1, 'r', 1),
  state: 'running',
  topic: 'r.t',
  open: { ...NOTHING_OPEN, nextOffsets: { 0: 10, 4: 20 } },
};

const chunk: Chunk = {
  from: startOf(0),
  to: { ...startOf(0), records: 5 },
  parts: [{ head: { version: 0, timestamp: 1, tableId: 'id', rows: null }, segments: [segment], isWhole: false }],
};

test('the ledger of an open version says where it began and where our records end', async () => {
  const next = await sendChunk(producerAt([11, 20]), last, chunk, [], STAMP, 'dead');
  expect([next.seq, next.position.records, next.open]).toEqual([
    2,
    5,
    { counts: { ...NO_COUNTS, insert: 5 }, bytes: 5, firstOffsets: { 0: 11, 4: 20 }, nextOffsets: { 0: 14, 4: 22 } },
  ]);
});

test('a topic that goes on below what was acknowledged lost it: nothing is committed on top', async () => {
  await expect(sendChunk(producerAt([0, 0]), last, chunk, [], STAMP, 'dead')).rejects.toMatchObject({
    code: 'topic.lost',
    message: 'partition 0 of r.t goes on at 0, and 10 was acknowledged',
  });
});
