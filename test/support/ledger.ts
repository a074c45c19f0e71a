/**
 * What `{recipient}.commits` must say of a feed, from the records of its topics: told otherwise than the relay does it, by who reads both.
 */
import type { ReadRecord } from '../../src/ports/publisher.ts';
import { checksumOf } from './murmur3.ts';

/** A record of the ledger, as a reader gives it: longs are texts, times are numbers. */
export type LedgerEntry = Readonly<Record<string, unknown>>;

/** A version of the ledger, in numbers. */
export interface LedgerVersion {
  readonly version: number;
  readonly generation: number;
  readonly topic: string;
  readonly snapshot: boolean;
  readonly rows: Readonly<Record<string, number>>;
  readonly records: number;
  readonly deadLetters: number;
  readonly checksum: string;
  readonly partitions: readonly { readonly partition: number; readonly firstOffset: number; readonly nextOffset: number }[];
}

export function versionsOf(entries: readonly LedgerEntry[]): readonly LedgerVersion[] {
  return entries
    .filter(({ kind }) => kind === 'version')
    .map((entry) => ({
      version: Number(entry['version']),
      generation: Number(entry['generation']),
      topic: String(entry['topic']),
      snapshot: entry['snapshot'] === true,
      rows: numbersOf(entry['rows']),
      records: Number(entry['records']),
      deadLetters: Number(entry['deadLetters']),
      checksum: String(entry['checksum']),
      partitions: stretchesOf(entry['partitions']),
    }));
}

/**
 * What is wrong with the ledger of one generation, in sentences: its versions must follow each other, but for its gaps, and what each says of its records be so. `records` are all
 * that the topic holds, and `framing` the bytes before their bodies.
 */
export function ledgerFaults(entries: readonly LedgerEntry[], records: readonly ReadRecord[], framing: number): readonly string[] {
  const versions = versionsOf(entries);
  const faults: string[] = [];
  const covered = entries.flatMap((entry) => {
    const version = Number(entry['version']);
    if (entry['kind'] === 'version') return [version];
    return entry['kind'] === 'gap' && entry['toVersion'] !== null ? range(version, Number(entry['toVersion'])) : [];
  });
  const expected = range(covered[0] ?? 0, (covered[0] ?? 0) + covered.length - 1);
  if (JSON.stringify(covered) !== JSON.stringify(expected)) faults.push(`the ledger tells of versions ${covered.join(' ')}`);

  let told = 0;
  for (const { version, records: count, checksum, partitions } of versions) {
    const own = records.filter((record) =>
      partitions.some(({ partition, firstOffset, nextOffset }) => {
        return record.partition === partition && record.offset >= firstOffset && record.offset < nextOffset;
      }),
    );
    told += own.length;
    if (own.length !== count) faults.push(`version ${version} has ${own.length} records, and the ledger says ${count}`);
    const bodies = own.map(({ key, value }) => (value ?? key ?? new Uint8Array(0)).subarray(framing));
    if (checksumOf(bodies) !== checksum)
      faults.push(`version ${version} has the checksum ${checksumOf(bodies)}, and the ledger says ${checksum}`);
    const found = Map.groupBy(own, ({ partition }) => partition);
    const stretches = [...found].map(([partition, ofPartition]) => ({
      partition,
      firstOffset: Math.min(...ofPartition.map(({ offset }) => offset)),
      nextOffset: Math.max(...ofPartition.map(({ offset }) => offset)) + 1,
    }));
    const sorted = stretches.toSorted((a, b) => a.partition - b.partition);
    if (JSON.stringify(sorted) !== JSON.stringify(partitions))
      faults.push(`version ${version} is at ${JSON.stringify(sorted)}, and the ledger says ${JSON.stringify(partitions)}`);
  }
  if (told !== records.length) faults.push(`the topic has ${records.length} records, and the ledger's versions hold ${told}`);
  return faults;
}

function numbersOf(value: unknown): Readonly<Record<string, number>> {
  if (typeof value !== 'object' || value === null) throw new Error('numbers by name are an object');
  return Object.fromEntries(Object.entries(value).map(([name, number]) => [name, Number(number)]));
}

function stretchesOf(value: unknown): LedgerVersion['partitions'] {
  if (!Array.isArray(value)) throw new Error('the partitions of a version are a list');
  return value.map((stretch: unknown) => {
    const { partition = NaN, firstOffset = NaN, nextOffset = NaN } = numbersOf(stretch);
    return { partition, firstOffset, nextOffset };
  });
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}
