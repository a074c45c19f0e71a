import { describe, expect, test } from 'vitest';
import { cutBlock } from '../../../connectors/kafka/record-block.ts';
import { blockOf } from '../../support/record-blocks.ts';

describe('a block of records', () => {
  test('is taken apart into views of its own bytes', () => {
    const block = blockOf(0, [
      { key: null, value: null },
      { key: '', value: 'v'.repeat(200), headers: { a: '1', b: '' } },
    ]);
    const parts = [...cutBlock(block, 1_000)];
    expect(parts).toEqual([
      [
        { key: null, value: null },
        { key: Buffer.alloc(0), value: Buffer.from('v'.repeat(200)), headers: { a: Buffer.from('1'), b: Buffer.alloc(0) } },
      ],
    ]);
    expect(parts[0]?.[1]?.value?.buffer).toBe(block.bytes.buffer);
  });

  test('is cut at record borders by bytes, in order, and a longer record stands alone', () => {
    const records = [10, 10, 500, 10, 10, 10].map((length, i) => ({ key: String(i), value: 'v'.repeat(length) }));
    const keys = [...cutBlock(blockOf(0, records), 40)].map((part) => part.map((message) => message.key?.toString()));
    expect(keys).toEqual([['0', '1'], ['2'], ['3', '4'], ['5']]);
  });

  test('that lies about its records is a bug', () => {
    const block = blockOf(0, [{ key: 'k', value: 'v' }]);
    expect(() => [...cutBlock({ ...block, count: 2 }, 1_000)]).toThrow('bug: a block that says 2 records holds 1');
    expect(() => [...cutBlock({ ...block, bytes: block.bytes.slice(0, -1) }, 1_000)]).toThrow('bug');
  });
});
