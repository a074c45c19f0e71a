/**
 * What a version comes to, counted anew: in the topic, in the share, or as the ledger has it. And how two of these differ, for people.
 */
import { CHANGE_TYPES } from '../model/column-batch.ts';
import type { ChangeType } from '../model/column-batch.ts';
import { checksumWith, NO_CHECKSUM } from '../model/checksum.ts';
import type { FeedEvent } from '../model/feed-event.ts';
import type { FeedId } from '../model/feed.ts';
import type { ChangeCounts } from '../model/position.ts';
import type { Version } from '../model/version.ts';
import { counted } from './words.ts';

export interface Tally {
  /** Null: its records do not say what their rows are. */
  readonly rows: ChangeCounts | null;
  /** Null, as the checksum: nobody counted them. */
  readonly records: number | null;
  readonly checksum: string | null;
}

/** A tally that grows. */
export class Counting {
  readonly #rows: Record<ChangeType, number> = { insert: 0, update_preimage: 0, update_postimage: 0, delete: 0 };
  #records = 0;
  #checksum = NO_CHECKSUM;

  rows(type: ChangeType, count: number): void {
    this.#rows[type] += count;
  }

  /** More records, the bodies of which sum up to this. */
  records(count: number, sum: bigint): void {
    this.#records += count;
    this.#checksum = checksumWith(this.#checksum, sum);
  }

  tally(saysRows: boolean): Tally {
    return { rows: saysRows ? { ...this.#rows } : null, records: this.#records, checksum: this.#checksum };
  }
}

/** How the ledger's word differs from what was counted in `where`; empty = it does not, as far as both are known. */
export function differences({ rows, records, checksum }: FeedEvent, counted: Tally, where: string): readonly string[] {
  const ofRows = CHANGE_TYPES.flatMap((type) => {
    const there = counted.rows?.[type] ?? rows[type];
    return there === rows[type] ? [] : [`${where} has ${there} ${type} rows, the ledger ${rows[type]}`];
  });
  const ofRecords =
    records === null || counted.records === null || records === counted.records
      ? []
      : [`${where} has ${counted.records} records, the ledger ${records}`];
  const told = [...ofRows, ...ofRecords];
  if (told.length > 0 || checksum === null || counted.checksum === null || checksum === counted.checksum) return told;
  return [
    `${where} has as many rows and records as the ledger says, but others: their checksum is ${counted.checksum}, and was ${checksum}`,
  ];
}

/** What was found so far, in a few numbers: of what many versions have in common the first one is told. */
export class Findings {
  differing = 0;
  #versions = 0;
  #records = 0;
  #first: Version = 0;
  #next: Version | null = null;
  readonly #skipped = new Map<string, { readonly first: Version; readonly message: string; count: number }>();

  /** Every record of the ledger, in order: versions that it does not tell of are a difference, of which this is the line. */
  follow({ kind, version, toVersion }: FeedEvent): string | null {
    if (kind !== 'version' && kind !== 'gap') return null;
    const expected = this.#next;
    if (expected === null) this.#first = version;
    this.#next = (kind === 'gap' ? (toVersion ?? version) : version) + 1;
    if (expected === null || version === expected) return null;
    this.differing += 1;
    return `version ${expected}: the ledger does not tell of it, and goes on with ${version}`;
  }

  /** The version is not compared `withWhat`, since `reason`; of several the first one's message is told. */
  skip(version: Version, withWhat: string, reason: string, message = ''): void {
    const name = `not compared ${withWhat}, since ${reason}`;
    const known = this.#skipped.get(name) ?? { first: version, message, count: 0 };
    known.count += 1;
    this.#skipped.set(name, known);
  }

  /** The version's line, if it differs. */
  compared({ version, records }: FeedEvent, found: readonly string[]): readonly string[] {
    this.#versions += 1;
    this.#records += records ?? 0;
    if (found.length === 0) return [];
    this.differing += 1;
    return [`version ${version}: ${found.join('; ')}`];
  }

  summary(feed: FeedId, topic: string): readonly string[] {
    if (this.#versions === 0) return [`${feed}: no whole version in ${topic} yet`];
    const last = (this.#next ?? 1) - 1;
    const range = last === this.#first ? `${last}` : `${this.#first} to ${last}`;
    const verdict = this.differing === 0 ? 'no difference' : `${this.differing} differ`;
    return [
      `${feed}: ${counted(this.#versions, 'version')}, ${range}, ${counted(this.#records, 'record')} in ${topic}: ${verdict}`,
      ...[...this.#skipped].map(
        ([name, { count, first, message }]) => `  ${count} of them, the first one ${first}, ${name}${message === '' ? '' : `: ${message}`}`,
      ),
    ];
  }
}
