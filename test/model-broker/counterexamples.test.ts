/**
 * What random schedules have found, by name.
 */
import { expect, test } from 'vitest';
import { live } from './adventure.ts';
import type { Adventure } from './adventure.ts';
import type { MemoryFile, MemoryTable } from './memory-table.ts';

const NOTHING = { adds: [], removes: [], changes: [] };
const CALM: Omit<Adventure, 'tables'> = {
  start: { kind: 'version', version: 0 },
  isKeyed: false,
  isGroup: false,
  chunkRecords: 1,
  seed: 0,
  revealed: Infinity,
  events: [],
  astray: [],
};
const FINE = { faults: [], outcomes: ['done'] };

test("the ledger's schema is published though the first transaction of a claim completes no version", async () => {
  const orders = tableOf([{ ...NOTHING, adds: [inserts('a', 4)] }]);
  expect(await live({ ...CALM, tables: [orders] })).toMatchObject(FINE);
});

test('a claim that arrives when its relay has long ended opens a transaction, which the coordinator gives up', async () => {
  const astray = [
    { nth: 49, mishap: 'unsent' },
    { nth: 51, mishap: 'late-40000' },
  ] as const;
  const adventure = { ...CALM, tables: [tableOf([NOTHING])], start: { kind: 'snapshot' }, isGroup: true, revealed: 1, astray } as const;
  expect(await live(adventure)).toMatchObject(FINE);
});

function tableOf(versions: MemoryTable['versions']): MemoryTable {
  return { name: { share: 'acme', schema: 'sales', table: 'orders' }, tableId: 'orders-1', versions };
}

function inserts(id: string, count: number): MemoryFile {
  return { id, rows: Array.from({ length: count }, (_, i) => ({ id: i, change: 'insert' })) };
}
