import { describe } from 'vitest';
import { typeText } from '../../src/model/table-schema.ts';
import type { TableName } from '../../src/model/version.ts';
import { sourceExam } from '../contracts/source.ts';
import type { KnownTable, KnownVersion } from '../contracts/source.ts';
import { MemorySource } from './memory-source.ts';
import { SCHEMA, commitTime, toldFiles } from './memory-table.ts';
import type { MemoryFile, MemoryTable } from './memory-table.ts';
import { direct } from './network.ts';

const nothing = { adds: [], removes: [], changes: [] };

describe('a source of tables in memory', () => {
  const file = (id: string, ...ids: readonly number[]): MemoryFile => ({ id, rows: ids.map((each) => ({ id: each, change: 'insert' })) });
  const orders: MemoryTable = {
    name: named('orders'),
    tableId: 'orders-1',
    versions: [
      { ...nothing, adds: [file('a', 1, 2), file('b', 3)] },
      nothing,
      { adds: [file('c', 2)], removes: [file('a', 1, 2)], changes: [{ id: 'd', rows: [{ id: 1, change: 'delete' }] }] },
      { ...nothing, removes: [file('b', 3)] },
    ],
  };
  const five = Array.from({ length: 5 }, (_, i) => ({ ...nothing, adds: [file(`f${i}`, i)] }));
  const toggled: MemoryTable = { name: named('toggled'), tableId: 'toggled-1', versions: five, feedOff: [3] };
  const cleaned: MemoryTable = { name: named('cleaned'), tableId: 'cleaned-1', versions: five, first: 2 };
  const vacuumed: MemoryTable = { name: named('vacuumed'), tableId: 'vacuumed-1', versions: five, gone: ['f1'] };
  const tables = [orders, toggled, cleaned, vacuumed];

  sourceExam(async () => ({
    source: new MemorySource(tables, direct),
    tables: tables.map(({ name }) => `${name.share}.${name.schema}.${name.table}`),
    whole: [known(orders)],
    feedOff: { table: toggled.name, from: 1, to: 4, firstBad: 3 },
    fileGone: { table: vacuumed.name, version: 1 },
    cleaned: { table: cleaned.name, first: 2 },
    unsteady: null,
    vectors: null,
    feature: null,
    [Symbol.asyncDispose]: async () => {},
  }));
});

function named(table: string): TableName {
  return { share: 'acme', schema: 'sales', table };
}

function known({ name, tableId, versions }: MemoryTable): KnownTable {
  const columns = SCHEMA.columns.map((column) => `${column.name}:${typeText(column.type)}`).join(', ');
  const versionOf = (number: number): KnownVersion => {
    const count = { add: 0, cdf: 0, remove: 0 };
    for (const { kind } of toldFiles(versions[number] ?? nothing)) count[kind]++;
    return { timestamp: commitTime(number), files: count, columns };
  };
  return {
    name,
    tableId,
    first: 0,
    latest: versions.length - 1,
    versions: new Map(versions.map((_, number) => [number, versionOf(number)])),
  };
}
