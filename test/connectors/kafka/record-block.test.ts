import { describe, expect, test } from 'vitest';
import { batchesOf } from '../../../connectors/kafka/record-block.ts';
import type { RecordBlock } from '../../../src/ports/encoder.ts';
import { blockOf } from '../../support/record-blocks.ts';

describe('blocks of records', () => {
  test('are taken apart into views of their own bytes', () => {
    const block = blockOf(0, [
      { key: null, value: null },
      { key: '', value: 'v'.repeat(200), headers: { a: '1', b: '' } },
    ]);
    const batches = [...batchesOf([block], 1_000)];
    const messages = [
      { key: null, value: null },
      { key: Buffer.alloc(0), value: Buffer.from('v'.repeat(200)), headers: { a: Buffer.from('1'), b: Buffer.alloc(0) } },
    ];
    expect(batches).toEqual([{ messages, firsts: [0] }]);
    expect(batches[0]?.messages[1]?.value?.buffer).toBe(block.bytes.buffer);
  });

  test('are cut at record borders by bytes, in order, and a longer record stands alone', () => {
    const records = [10, 10, 500, 10, 10, 10].map((length, i) => ({ key: String(i), value: 'v'.repeat(length) }));
    expect(shown([blockOf(0, records)], 40)).toEqual([
      { keys: ['0', '1'], firsts: [0] },
      { keys: ['2'], firsts: [] },
      { keys: ['3', '4'], firsts: [] },
      { keys: ['5'], firsts: [] },
    ]);
  });

  test('are joined while they fit, and may span batches', () => {
    const [a, b, c, d] = [['0'], ['1', '2', '3', '4'], ['5'], ['6']].map((keys) =>
      blockOf(
        0,
        keys.map((key) => ({ key, value: 'v'.repeat(10) })),
      ),
    );
    expect(
      shown(
        [a, b, c, d].flatMap((block) => block ?? []),
        60,
      ),
    ).toEqual([
      { keys: ['0', '1', '2'], firsts: [0, 1] },
      { keys: ['3', '4', '5'], firsts: [2] },
      { keys: ['6'], firsts: [0] },
    ]);
    expect(shown([], 60)).toEqual([]);
  });

  test('are measured as they will be framed: a place far into a batch takes more bytes than one in a short block', () => {
    // From 60 bytes of body on, a longer place makes the length of the record longer, too.
    for (const { length, count } of [
      { length: 0, count: 12_000 },
      { length: 54, count: 2_000 },
    ]) {
      const records = Array.from({ length: count }, () => ({ key: null, value: 'v'.repeat(length) }));
      const blocks = records.map((record) => blockOf(0, [record]));
      const [full] = batchesOf(blocks, 80_000);
      const taken = full?.messages.length ?? 0;
      expect(blockOf(0, records.slice(0, taken)).bytes.length).toBeLessThanOrEqual(80_000);
      expect(blockOf(0, records.slice(0, taken + 1)).bytes.length).toBeGreaterThan(80_000);
    }
  });

  test('that lie about their records are a bug', () => {
    const block = blockOf(0, [{ key: 'k', value: 'v' }]);
    expect(() => [...batchesOf([{ ...block, count: 2 }], 1_000)]).toThrow('bug: a block that says 2 records holds 1');
    expect(() => [...batchesOf([blockOf(0, [])], 1_000)]).toThrow('bug: a block that says 0 records holds 0');
    expect(() => [...batchesOf([{ ...block, bytes: block.bytes.slice(0, -1) }], 1_000)]).toThrow('bug');
  });
});

function shown(
  blocks: readonly RecordBlock[],
  bytesMax: number,
): readonly { readonly keys: readonly unknown[]; readonly firsts: readonly number[] }[] {
  return [...batchesOf(blocks, bytesMax)].map(({ messages, firsts }) => ({ keys: messages.map(({ key }) => key?.toString()), firsts }));
}
