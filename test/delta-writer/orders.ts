/**
 * The rows of the written tables. A row is a pure function of the seed, its id and its revision (how often it has been written), so a table of millions of rows
 * is remembered as two numbers a row, and what a reader must find is known without keeping it.
 */
import type { DataType, TableSchema } from '../../src/model/table-schema.ts';
import { mix } from './random.ts';

/** What a cell holds, by column; the units are those of the Delta type. Null is SQL's null. */
export interface OrderCells {
  readonly customer: string | null;
  readonly status: string | null;
  /** decimal(18,2): the unscaled value as a high signed and a low unsigned word. */
  readonly amount: Int64 | null;
  readonly qty: number | null;
  readonly price: number | null;
  /** timestamp: microseconds since the epoch. */
  readonly ts: Int64 | null;
  /** date: days since the epoch. */
  readonly day: number | null;
  readonly flag: boolean | null;
  readonly s1: string | null;
  readonly s2: string | null;
}

/** high · 2³² + low. */
export interface Int64 {
  readonly high: number;
  readonly low: number;
}

/** Delta's own spelling of the schema, in column order. `id` is the key and never null. */
export const ORDER_COLUMNS = [
  { name: 'id', type: 'long' },
  { name: 'customer', type: 'string' },
  { name: 'status', type: 'string' },
  { name: 'amount', type: 'decimal(18,2)' },
  { name: 'qty', type: 'integer' },
  { name: 'price', type: 'double' },
  { name: 'ts', type: 'timestamp' },
  { name: 'day', type: 'date' },
  { name: 'flag', type: 'boolean' },
  { name: 's1', type: 'string' },
  { name: 's2', type: 'string' },
] as const;

/** The same as the relay's model has it. */
export function orderSchema(): TableSchema {
  const columns = ORDER_COLUMNS.map(({ name, type }) => ({ name, type: dataType(type), nullable: true, comment: null, physical: null }));
  return { columns, partitionColumns: [], mapping: 'none' };
}

function dataType(text: (typeof ORDER_COLUMNS)[number]['type']): DataType {
  return text === 'decimal(18,2)' ? { kind: 'decimal', precision: 18, scale: 2 } : { kind: text };
}

/** The row `id` as it was written the `revision`-th time. Customer and day stay what they were at first; the others change. */
export function orderCells(seed: number, id: number, revision: number): OrderCells {
  const hash = (column: number): number => mix(seed, id, revision, column);
  return {
    customer: customer(mix(seed, id, 0, 1)),
    status: isNull(hash(2), 2) ? null : pick(STATUSES, hash(2)),
    amount: isNull(hash(3), 3) ? null : amount(hash(3), hash(103)),
    qty: isNull(hash(4), 5) ? null : hash(4) % 64 === 0 ? hash(104) | 0 : hash(104) % 1000,
    price: isNull(hash(5), 2) ? null : price(hash(5), hash(105)),
    ts: isNull(hash(6), 2) ? null : split(1_500_000_000_000_000 - (hash(6) % 64 === 0 ? 4e15 : 0) + hash(106) * 65_536 + (hash(6) >>> 16)),
    day: day(mix(seed, id, 0, 7)),
    flag: isNull(hash(8), 2) ? null : (hash(8) & 1) === 1,
    s1: isNull(hash(9), 3) ? null : words(hash(9), 1 + (hash(109) % 3)),
    s2: isNull(hash(10), 5) ? null : hash(10) % 16 === 0 ? pick(ODD_TEXTS, hash(110)) : words(hash(110), 1 + (hash(10) % 4)),
  };
}

const STATUSES = ['new', 'paid', 'packed', 'shipped', 'delivered', 'returned', 'cancelled'] as const;

const WORDS = [
  'amber',
  'birch',
  'cedar',
  'delta',
  'ember',
  'fjord',
  'grove',
  'harbor',
  'indigo',
  'juniper',
  'kelp',
  'lumen',
  'meadow',
  'nectar',
  'onyx',
  'prairie',
] as const;

const NAMES = ['Åsa', 'Zoë', 'İpek', '李雷', 'Ольга', 'José'] as const;

const ODD_TEXTS = ['', ' ', 'null', 'a"b\\c', 'tab\tnew\nline', 'naïve café', '💧 drop', '\u0000', '0', '𝒟elta'] as const;

/** Taken from other bits than the value is. */
function isNull(hash: number, percent: number): boolean {
  return (hash >>> 8) % 100 < percent;
}

function pick<T>(values: readonly [T, ...T[]], hash: number): T {
  return values[hash % values.length] ?? values[0];
}

function customer(hash: number): string | null {
  if (isNull(hash, 3)) return null;
  const name = hash % 50 === 0 ? pick(NAMES, hash >>> 6) : pick(WORDS, hash >>> 4);
  return `${name}-${hash.toString(36)}`;
}

/** Mostly small sums, now and then up to 16 digits before the point, half of those below zero. */
function amount(kind: number, hash: number): Int64 {
  return kind % 16 === 0 ? { high: (hash | 0) >> 6, low: kind } : { high: 0, low: hash >>> 8 };
}

function price(kind: number, hash: number): number {
  if (kind % 512 === 0) return pick([NaN, -0, Infinity, -Infinity, 5e-324, 1.7976931348623157e308], hash);
  return hash / 128;
}

function day(hash: number): number | null {
  if (isNull(hash, 3)) return null;
  return hash % 64 === 0 ? (hash % 3_000_000) - 700_000 : hash % 20_000;
}

function words(hash: number, count: number): string {
  let text: string = pick(WORDS, hash);
  for (let word = 1; word < count; word++) text += ` ${pick(WORDS, hash >>> (4 * word))}`;
  return text;
}

function split(value: number): Int64 {
  const high = Math.floor(value / 2 ** 32);
  return { high, low: value - high * 2 ** 32 };
}
