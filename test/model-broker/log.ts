/**
 * One partition: what was appended, in order, and where a read_committed reader has to stop.
 *
 *   offset   0        1        2        3        4        5
 *            record   marker   record   record   record
 *            of t1    of t1    of t2    of t3    of t2       t2 and t3 are open
 *                              ▲ stable: the first record of an open transaction   ▲ end
 */
import type { ReadRecord } from '../../src/ports/publisher.ts';

export interface Transaction {
  /** Over all producers. */
  readonly serial: number;
  readonly logs: Set<Log>;
  state:
    /** Records may be added. */
    | 'open'
    /** What becomes of it is decided and kept by the coordinator; its markers are on the way. */
    | 'committing'
    | 'aborting'
    /** All markers are written. */
    | 'committed'
    | 'aborted';
}

export interface LoggedRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Entry {
  /** Null: the record was sent without a transaction. */
  readonly transaction: Transaction | null;
  /** Null: the marker that ends the transaction here. */
  readonly record: LoggedRecord | null;
  readonly timestamp: number;
  /** Taken out by compaction. */
  isGone: boolean;
}

export class Log {
  /** Everything ever appended, by offset: what retention or compaction has taken out is kept for who judges a test. */
  readonly entries: Entry[] = [];
  /** The first offset that retention has left. */
  start = 0;
  /** Transactions without a marker here, by the offset of their first record. */
  readonly #open = new Map<Transaction, number>();

  get end(): number {
    return this.entries.length;
  }

  /** The last stable offset. */
  get stable(): number {
    return Math.min(this.end, ...this.#open.values());
  }

  /** Whether a transaction is decided, and its marker is still to come. */
  get isSettling(): boolean {
    return [...this.#open.keys()].some(({ state }) => state !== 'open');
  }

  append(transaction: Transaction | null, record: LoggedRecord, timestamp: number): number {
    const offset = this.end;
    if (transaction !== null) {
      transaction.logs.add(this);
      if (!this.#open.has(transaction)) this.#open.set(transaction, offset);
    }
    this.entries.push({ transaction, record, timestamp, isGone: false });
    return offset;
  }

  mark(transaction: Transaction, timestamp: number): void {
    this.#open.delete(transaction);
    this.entries.push({ transaction, record: null, timestamp, isGone: false });
  }

  /** What a read_committed reader gets from `from` on, of at most so many offsets. `next`: everything below is read. */
  committed(partition: number, from: number, offsetsMax = Infinity): { readonly records: readonly ReadRecord[]; readonly next: number } {
    const begin = Math.max(from, this.start);
    const next = Math.max(begin, Math.min(this.stable, begin + offsetsMax));
    const records = this.entries.slice(begin, next).flatMap((entry, i): readonly ReadRecord[] => {
      if (entry.record === null || entry.isGone || !isCommitted(entry)) return [];
      return [{ partition, offset: begin + i, timestamp: entry.timestamp, ...entry.record }];
    });
    return { records, next };
  }

  /** Leaves the last committed record of each key, below what is stable. */
  compact(): void {
    const seen = new Set<string>();
    for (let offset = this.stable - 1; offset >= 0; offset--) {
      const entry = this.entries[offset];
      if (entry === undefined || entry.record === null) continue;
      const key = Buffer.from(entry.record.key ?? []).toString('utf8');
      entry.isGone = !isCommitted(entry) || seen.has(key);
      if (isCommitted(entry)) seen.add(key);
    }
  }
}

/** Of an entry below what is stable, whose transaction is decided. */
function isCommitted({ transaction }: Entry): boolean {
  return transaction === null || transaction.state === 'committing' || transaction.state === 'committed';
}
