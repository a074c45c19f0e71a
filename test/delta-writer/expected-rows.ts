/**
 * What a reader must find, one JSON text a row, in the lossless form of the table corpus: longs, decimals and timestamps as strings of digits, NaN and the like by
 * name, dates as `YYYY-MM-DD`.
 */
import { hash as digest } from 'node:crypto';
import type { ChangeType } from '../../src/model/column-batch.ts';
import type { EpochMs, Version } from '../../src/model/version.ts';
import { orderCells } from './orders.ts';
import type { Int64 } from './orders.ts';

/** One row of the change feed, by what determines it. */
export interface ChangeKey {
  readonly type: ChangeType;
  readonly id: number;
  readonly revision: number;
}

/** The text of one row, without a line end. */
export function expectedRow(seed: number, version: Version, timestamp: EpochMs, change: ChangeKey): string {
  const cells = orderCells(seed, change.id, change.revision);
  return JSON.stringify({
    _change_type: change.type,
    _commit_version: version,
    _commit_timestamp: timestamp,
    id: String(change.id),
    customer: cells.customer,
    status: cells.status,
    amount: cells.amount === null ? null : decimalText(bigOf(cells.amount), 2),
    qty: cells.qty,
    price: cells.price === null ? null : numberForm(cells.price),
    ts: cells.ts === null ? null : String(bigOf(cells.ts)),
    day: cells.day === null ? null : dateText(cells.day),
    flag: cells.flag,
    s1: cells.s1,
    s2: cells.s2,
  });
}

/** Version by version, `delete` < `update_preimage` < `insert` < `update_postimage`, then by the text: the corpus's convention, not the feed's. */
export function inCorpusOrder(rows: readonly { readonly type: ChangeType; readonly text: string }[]): readonly string[] {
  return rows.toSorted((a, b) => RANK[a.type] - RANK[b.type] || (a.text < b.text ? -1 : a.text > b.text ? 1 : 0)).map((row) => row.text);
}

/**
 * A count and a sum that say whether two multisets of row texts are equal, whatever their order: for feeds too large to be compared row by row.
 * The sum is over the first 48 bits of each text's SHA-1, modulo 2⁴⁸.
 */
export class RowChecksum {
  #rows = 0;
  #sum = 0;

  add(text: string): void {
    this.#rows++;
    this.#sum = (this.#sum + digest('sha1', text, 'buffer').readUIntBE(0, 6)) % 2 ** 48;
  }

  /** `<rows>:<sum in hex>`. */
  toString(): string {
    return `${this.#rows}:${this.#sum.toString(16).padStart(12, '0')}`;
  }
}

const RANK = { delete: 0, update_preimage: 1, insert: 2, update_postimage: 3 } as const satisfies Record<ChangeType, number>;

function bigOf(value: Int64): bigint {
  return (BigInt(value.high) << 32n) | BigInt(value.low);
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function numberForm(value: number): number | string {
  if (Object.is(value, -0)) return '-0.0';
  return Number.isFinite(value) ? value : String(value);
}

/** Years 1 to 9999: the columns hold no others. */
function dateText(days: number): string {
  return new Date(days * 86_400_000).toISOString().slice(0, 10);
}
