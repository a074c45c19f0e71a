/**
 * Adventures at random: tables of a few versions, whatever may befall a relay, and the order in which messages arrive.
 */
import * as fc from 'fast-check';
import { CHANGE_TYPES } from '../../src/model/column-batch.ts';
import type { ChangeType } from '../../src/model/column-batch.ts';
import type { Start } from '../../src/model/feed.ts';
import { FEED_ORDERS } from '../../src/ports/feed-control.ts';
import type { Adventure, Event, Happening } from './adventure.ts';
import { MISHAPS } from './lossy-network.ts';
import { liveFiles } from './memory-table.ts';
import type { MemoryFile, MemoryTable, MemoryVersion } from './memory-table.ts';

/** What becomes of a table in one version; the numbers choose among what is there. */
type Change =
  | { readonly kind: 'nothing' }
  /** Rows of each new file. */
  | { readonly kind: 'insert'; readonly files: readonly number[] }
  /** Each file of changes, row by row. */
  | { readonly kind: 'update'; readonly files: readonly (readonly ChangeType[])[] }
  | { readonly kind: 'delete'; readonly which: number }
  | { readonly kind: 'overwrite'; readonly rows: number };

const few = fc.integer({ min: 1, max: 3 });
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('nothing') }),
  fc.record({ kind: fc.constant('insert'), files: fc.array(few, { minLength: 1, maxLength: 2 }) }),
  fc.record({ kind: fc.constant('insert'), files: fc.array(fc.integer({ min: 4, max: 8 }), { minLength: 1, maxLength: 2 }) }),
  fc.record({
    kind: fc.constant('update'),
    files: fc.array(fc.array(fc.constantFrom(...CHANGE_TYPES), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ kind: fc.constant('delete'), which: fc.nat(3) }),
  fc.record({ kind: fc.constant('overwrite'), rows: few }),
);

function tableOf(name: string, changes: readonly Change[]): MemoryTable {
  const versions: MemoryVersion[] = [];
  for (const each of changes) versions.push(versionOf(versions, each));
  return { name: { share: 'acme', schema: 'sales', table: name }, tableId: `${name}-1`, versions };
}

function versionOf(before: readonly MemoryVersion[], what: Change): MemoryVersion {
  const version = before.length;
  const nothing = { adds: [], removes: [], changes: [] };
  const live = liveFiles({ versions: before }, version - 1);
  const file = (number: number, types: readonly ChangeType[]): MemoryFile => ({
    // Ids whose order is not that of their making.
    id: `${(version * 7 + number * 3) % 10}-${version}-${number}`,
    rows: types.map((type, i) => ({ id: version * 100 + number * 10 + i, change: type })),
  });
  const inserts = (count: number): readonly ChangeType[] => Array.from({ length: count }, () => 'insert');
  switch (what.kind) {
    case 'nothing':
      return nothing;
    case 'insert':
      return { ...nothing, adds: what.files.map((rows, number) => file(number, inserts(rows))) };
    case 'update':
      return { ...nothing, changes: what.files.map((types, number) => file(number, types)) };
    case 'delete':
      return { ...nothing, removes: live.slice(what.which, what.which + 1) };
    case 'overwrite':
      return { ...nothing, removes: live, adds: [file(0, inserts(what.rows))] };
  }
}

const tables: fc.Arbitrary<readonly MemoryTable[]> = fc
  .array(fc.array(change, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 2, size: 'max' })
  .map((all) => all.map((changes, i) => tableOf(i === 0 ? 'orders' : 'returns', changes)));

const start: fc.Arbitrary<Start> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Start>({ kind: 'version', version: 0 }) },
  { weight: 2, arbitrary: fc.constant<Start>({ kind: 'snapshot' }) },
  { weight: 1, arbitrary: fc.constant<Start>({ kind: 'earliest' }) },
  { weight: 1, arbitrary: fc.constant<Start>({ kind: 'latest' }) },
);

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Happening>({ kind: 'kill' }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('freeze'), steps: fc.nat(200) }) },
  { weight: 3, arbitrary: fc.constant<Happening>({ kind: 'second' }) },
  { weight: 3, arbitrary: fc.constant<Happening>({ kind: 'hurry' }) },
  { weight: 3, arbitrary: fc.constant<Happening>({ kind: 'move' }) },
  { weight: 3, arbitrary: fc.constant<Happening>({ kind: 'time-out' }) },
  { weight: 3, arbitrary: fc.constant<Happening>({ kind: 'reveal' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Happening>({ kind: 'stop' }, { kind: 'retention' }, { kind: 'compaction' }, { kind: 'hanging' }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('order'), order: fc.constantFrom(...FEED_ORDERS) }) },
  { weight: 1, arbitrary: fc.constantFrom<Happening>({ kind: 'intruder' }, { kind: 'recreation' }) },
);

const event: fc.Arbitrary<Event> = fc.record({ at: fc.nat(300), what: happening });
const astray = fc.record({ nth: fc.integer({ min: 1, max: 150 }), mishap: fc.constantFrom(...MISHAPS) });

export const anyAdventure: fc.Arbitrary<Adventure> = fc.record({
  tables,
  start,
  isKeyed: fc.boolean(),
  isGroup: fc.boolean(),
  chunkRecords: fc.integer({ min: 1, max: 6 }),
  seed: fc.nat(1_000_000),
  revealed: fc.integer({ min: 1, max: 6 }),
  events: fc.array(event, { maxLength: 6, size: 'max' }),
  astray: fc.array(astray, { maxLength: 4, size: 'max' }),
});
