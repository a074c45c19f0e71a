/**
 * Fail the n-th request, for every n (DESIGN §3.1): whichever request to Kafka or to the provider goes astray, and however, the relay goes on by itself, and every row is
 * there once, in order, with a true checkpoint behind it; with one relay, and with two of them that take the partition from one another.
 */
import { expect, test } from 'vitest';
import { live } from './adventure.ts';
import type { Adventure, Event } from './adventure.ts';
import { MISHAPS } from './lossy-network.ts';
import type { Mishap } from './lossy-network.ts';
import type { MemoryFile, MemoryTable } from './memory-table.ts';

const NOTHING = { adds: [], removes: [], changes: [] };

/** One version is larger than a chunk, and one has no rows. */
const ORDERS: MemoryTable = {
  name: { share: 'acme', schema: 'sales', table: 'orders' },
  tableId: 'orders-1',
  versions: [
    { ...NOTHING, adds: [inserts('a', 1, 2)] },
    NOTHING,
    { ...NOTHING, adds: [inserts('b', 10, 4)] },
    {
      ...NOTHING,
      changes: [
        {
          id: 'c',
          rows: [
            { id: 10, change: 'update_postimage' },
            { id: 10, change: 'update_preimage' },
            { id: 1, change: 'delete' },
          ],
        },
      ],
    },
  ],
};
const ADVENTURE: Adventure = {
  tables: [ORDERS],
  start: { kind: 'version', version: 0 },
  isKeyed: true,
  isGroup: false,
  chunkRecords: 3,
  seed: 0,
  revealed: Infinity,
  events: [],
  astray: [],
};
const SECOND: Event = { at: 0, what: { kind: 'second' } };

async function faultsOf(events: readonly Event[], mishap: Mishap, nth: number): Promise<readonly string[]> {
  const { faults } = await live({ ...ADVENTURE, events, astray: [{ nth, mishap }] });
  return faults.map((fault) => `request ${nth} ${mishap}: ${fault}`);
}

/** With two relays those that leave most in doubt; all of them with `STEPS=all`, as in `npm run test:steps`. */
const DOUBTFUL = process.env['STEPS'] === 'all' ? MISHAPS : (['lost', 'silently-lost', 'late-3000'] as const);

test.each([
  ['one relay', [], MISHAPS],
  ['two relays', [SECOND], DOUBTFUL],
] as const)(
  'whichever request of %s goes astray, and however, every row is published once',
  { timeout: 600_000 },
  async (_, events, ways) => {
    const { faults: none, requests } = await live({ ...ADVENTURE, events });
    expect(none).toEqual([]);

    const faults: string[] = [];
    for (const mishap of ways) for (let nth = 1; nth <= requests; nth++) faults.push(...(await faultsOf(events, mishap, nth)));
    expect(faults).toEqual([]);
  },
);

function inserts(id: string, from: number, count: number): MemoryFile {
  return { id, rows: Array.from({ length: count }, (_, i) => ({ id: from + i, change: 'insert' })) };
}
