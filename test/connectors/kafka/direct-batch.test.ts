import { Reader, jsCRC32C, readRecordsBatch } from '@platformatic/kafka';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32cOf } from '../../../connectors/kafka/crc32c.ts';
import { batchOf, nextSequence } from '../../../connectors/kafka/direct-batch.ts';
import type { BatchStamp } from '../../../connectors/kafka/direct-batch.ts';
import { controlBlock, cutsOf } from '../../../connectors/kafka/direct-cuts.ts';
import type { Cut } from '../../../connectors/kafka/direct-cuts.ts';
import { must } from '../../../src/lib/assert.ts';
import { blockOf } from '../../support/record-blocks.ts';
import type { MadeRecord } from '../../support/record-blocks.ts';

const STAMP = { producerId: 4_001n, epoch: 3, sequence: 17, timestamp: 1_800_000_000_000 };

function cutOf(records: readonly MadeRecord[]): Cut {
  return must([...cutsOf([blockOf(0, records)], 1_000_000)][0], 'a cut');
}

async function bytesOf(cut: Cut, stamp: BatchStamp, compression: Parameters<typeof batchOf>[2]): Promise<Buffer> {
  const { pieces, bytes } = await batchOf(cut, stamp, compression);
  const whole = Buffer.concat(pieces);
  expect(bytes).toBe(whole.length);
  return whole;
}

test('a batch is the one of the documentation, byte by byte', async () => {
  const bytes = await bytesOf(
    cutOf([
      { key: 'k', value: 'v', headers: { h: '1' } },
      { key: null, value: null },
    ]),
    STAMP,
    'none',
  );
  const hex = [
    '0000000000000000', // base offset
    '00000045', // length
    'ffffffff', // leader epoch
    '02', // magic
    'CRC',
    '0010', // transactional, not compressed
    '00000001', // last offset delta
    '000001a3185c5000000001a3185c5000', // timestamps
    '0000000000000fa1', // producer id
    '0003', // epoch
    '00000011', // sequence
    '00000002', // records
    '18000000026b02760202680231', // length 12, attributes, deltas, key, value, one header
    '0c000002010100', // length 6, offset delta 1, null, null, no header
  ].join('');
  const crc = jsCRC32C(bytes.subarray(21)).toString(16).padStart(8, '0');
  expect(bytes.toString('hex')).toBe(hex.replace('CRC', crc));
});

test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)('%s batches are read by another decoder', async (compression) => {
  const records = Array.from({ length: 300 }, (_, i) => ({ key: i % 3 === 0 ? null : `k${i}`, value: `value ${i} `.repeat(20) }));
  const bytes = await bytesOf(cutOf(records), STAMP, compression);
  expect(bytes.readUInt32BE(17)).toBe(jsCRC32C(bytes.subarray(21)));
  const batch = readRecordsBatch(Reader.from(bytes));
  expect(batch).toMatchObject({ producerId: 4_001n, producerEpoch: 3, firstSequence: 17, lastOffsetDelta: 299, magic: 2 });
  expect(batch.records.map(({ key, value }) => ({ key: key?.toString() ?? null, value: value?.toString() }))).toEqual(records);
  if (compression !== 'none') expect(bytes.length).toBeLessThan(20_000);
});

test('what compression would not make shorter stays as it is', async () => {
  const noise = Array.from({ length: 2_000 }, (_, i) => String.fromCharCode((i * 7919 * (i + 13)) % 0x7f)).join('');
  for (const value of ['short', Buffer.from(noise, 'latin1').toString('base64').slice(0, 520)]) {
    const cut = cutOf([{ key: null, value }]);
    for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
      const bytes = await bytesOf(cut, STAMP, compression);
      expect(bytes.length).toBeLessThanOrEqual(61 + cut.bytes);
    }
  }
});

test('whatever blocks come and whatever a batch may hold, the records come in order, numbered, and no batch is longer', async () => {
  const record = fc.record({ key: fc.option(fc.string({ maxLength: 4 })), value: fc.option(fc.string({ maxLength: 300 })) });
  const block = fc.array(record, { minLength: 1, maxLength: 90 });
  await fc.assert(
    fc.asyncProperty(fc.array(block, { maxLength: 12 }), fc.integer({ min: 40, max: 9_000 }), async (blocks, bytesMax) => {
      const cuts = [
        ...cutsOf(
          blocks.map((records) => blockOf(0, records)),
          bytesMax,
        ),
      ];
      const read: unknown[] = [];
      const firsts: number[] = [];
      for (const cut of cuts) {
        if (cut.count > 1) expect(cut.bytes).toBeLessThanOrEqual(bytesMax);
        firsts.push(...cut.firsts.map((first) => read.length + first));
        const batch = readRecordsBatch(Reader.from(await bytesOf(cut, STAMP, 'none')));
        expect(batch.records.map(({ offsetDelta }) => offsetDelta)).toEqual(batch.records.map((_, i) => i));
        read.push(...batch.records.map(({ key, value }) => ({ key: key?.toString() ?? null, value: value?.toString() ?? null })));
      }
      expect(read).toEqual(blocks.flat());
      let before = 0;
      expect(firsts).toEqual(blocks.map((records) => (before += records.length) - records.length));
    }),
    { numRuns: 150 },
  );
});

test('a block that fits is not copied, and small ones share a batch', () => {
  const blocks = Array.from({ length: 1_000 }, (_, i) => blockOf(0, [{ key: null, value: String(i) }]));
  const [first, ...rest] = [...cutsOf(blocks, 900_000)];
  expect(rest).toEqual([]);
  expect(first).toMatchObject({ count: 1_000, firsts: Array.from({ length: 1_000 }, (_, i) => i) });
  expect(first?.parts[0]?.buffer).toBe(blocks[0]?.bytes.buffer);
});

test('a record of the relay is framed as any other', () => {
  for (const value of [null, '', 'v', 'v'.repeat(20_000)]) {
    const { bytes, count } = controlBlock({ partition: 3, key: '\0claim', value });
    expect({ bytes: Buffer.from(bytes).toString('hex'), count }).toEqual({
      bytes: Buffer.from(blockOf(3, [{ key: '\0claim', value }]).bytes).toString('hex'),
      count: 1,
    });
  }
});

test('blocks that lie about their records are a bug', () => {
  const block = blockOf(0, [
    { key: 'k', value: 'v' },
    { key: 'k', value: 'w' },
  ]);
  expect(() => [...cutsOf([{ ...block, count: 3 }], 10)]).toThrow('bug: a block that says 3 records holds 2');
  expect(() => [...cutsOf([{ ...block, count: 0 }], 10)]).toThrow('bug: a block holds records');
  expect(() => [...cutsOf([{ ...block, bytes: block.bytes.slice(0, -1) }], 10)]).toThrow('bug');
});

test('sequences go on at 0 behind the largest of 31 bits', () => {
  expect([nextSequence(0, 5), nextSequence(2 ** 31 - 3, 2), nextSequence(2 ** 31 - 3, 3), nextSequence(2 ** 31 - 3, 10)]).toEqual([
    5,
    2 ** 31 - 1,
    0,
    7,
  ]);
});

test('the checksum of pieces is that of the whole', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 6 }), (arrays) => {
      const pieces = arrays.map((array) => Buffer.from(array));
      expect(crc32cOf(pieces)).toBe(jsCRC32C(Buffer.concat(pieces)));
    }),
  );
  // The check value of the catalogues.
  expect(crc32cOf([Buffer.from('1234'), Buffer.from('56789')])).toBe(0xe3069283);
});
