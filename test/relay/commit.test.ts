import { expect, test } from 'vitest';
import { must } from '../../src/lib/assert.ts';
import { NO_CHECKSUM } from '../../src/model/checksum.ts';
import { startOf } from '../../src/model/position.ts';
import type { Checkpoint } from '../../src/model/position.ts';
import type { Segment } from '../../src/ports/encoder.ts';
import type { TransactionalProducer } from '../../src/ports/publisher.ts';
import { NOTHING_OPEN, NO_COUNTS, newCheckpoint } from '../../src/relay/checkpoint.ts';
import type { Chunk } from '../../src/relay/chunk.ts';
import { sendChunk } from '../../src/relay/commit.ts';
import { entryOf } from '../../src/relay/ledger.ts';

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
  duplicates: 1,
  passes: 1,
  checksum: 2n ** 128n - 1n,
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

const PART = must(chunk.parts[0], 'a part');

test('the ledger of an open version says where it began and where our records end', async () => {
  const { checkpoint, entries } = await sendChunk(producerAt([11, 20]), last, chunk, [], STAMP, 'dead');
  expect([checkpoint.seq, checkpoint.position.records, checkpoint.open, entries]).toEqual([
    2,
    5,
    {
      counts: { ...NO_COUNTS, insert: 5 },
      records: 5,
      duplicates: 1,
      deadLetters: 0,
      checksum: 'ffffffffffffffffffffffffffffffff',
      bytes: 5,
      firstOffsets: { 0: 11, 4: 20 },
      nextOffsets: { 0: 14, 4: 22 },
    },
    [],
  ]);
});

test('a version that is whole is told of with all of its chunks, one without rows with none, and the next one begins anew', async () => {
  const begun = await sendChunk(producerAt([11, 20]), last, chunk, [], STAMP, 'dead');
  const rows = { schemas: { key: 'k', value: 'v' }, columns: {}, anchor: null, schemaRecords: [] };
  const rest: Chunk = {
    from: chunk.to,
    to: { ...startOf(2), records: 5 },
    parts: [
      { ...PART, head: { ...PART.head, rows }, isWhole: true },
      { head: { ...PART.head, version: 1, timestamp: null }, segments: [], isWhole: true },
      { ...PART, head: { ...PART.head, version: 2 } },
    ],
  };
  const { checkpoint, entries } = await sendChunk(producerAt([15, 30, 18, 33]), begun.checkpoint, rest, [], STAMP, 'dead');
  const nothing = { ...entryOf('version', checkpoint), version: 1, checksum: NO_CHECKSUM };
  expect(entries).toEqual([
    {
      ...nothing,
      version: 0,
      commitTimestamp: 1,
      rows: { ...NO_COUNTS, insert: 10 },
      records: 10,
      duplicates: 2,
      checksum: 'fffffffffffffffffffffffffffffffe',
      bytes: 10,
      partitions: [
        { partition: 0, firstOffset: 11, nextOffset: 18 },
        { partition: 4, firstOffset: 20, nextOffset: 32 },
      ],
    },
    nothing,
  ]);
  expect(nothing).toMatchObject({ keySchema: 'k', valueSchema: 'v', tableId: 'id', partitions: [], records: 0 });
  expect(checkpoint.open).toMatchObject({ records: 5, firstOffsets: { 0: 18, 4: 33 }, nextOffsets: { 0: 21, 4: 35 } });
});

test('of a version that a relay of before the ledger began, what that did not count is not told', async () => {
  const open = { ...NOTHING_OPEN, records: null, duplicates: null, deadLetters: null, checksum: null, counts: { ...NO_COUNTS, delete: 2 } };
  const whole = { parts: [{ ...PART, isWhole: true }], to: startOf(1) };
  const begun: Checkpoint = { ...last, position: { ...startOf(0), records: 2 }, open };
  const { entries } = await sendChunk(producerAt([11, 20]), begun, { ...whole, from: begun.position }, [], STAMP, 'dead');
  expect(entries).toEqual([
    expect.objectContaining({
      records: null,
      duplicates: null,
      deadLetters: null,
      checksum: null,
      rows: { ...NO_COUNTS, insert: 5, delete: 2 },
    }),
  ]);
  // At the beginning of a version there is nothing that it could have failed to count.
  const fresh = await sendChunk(producerAt([11, 20]), { ...last, open }, { ...whole, from: startOf(0) }, [], STAMP, 'dead');
  expect(fresh.entries).toEqual([
    expect.objectContaining({ records: 5, duplicates: 1, deadLetters: 0, rows: { ...NO_COUNTS, insert: 5 } }),
  ]);
});

test('a topic that goes on below what was acknowledged lost it: nothing is committed on top', async () => {
  await expect(sendChunk(producerAt([0, 0]), last, chunk, [], STAMP, 'dead')).rejects.toMatchObject({
    code: 'topic.lost',
    message: 'partition 0 of r.t goes on at 0, and 10 was acknowledged',
  });
});
