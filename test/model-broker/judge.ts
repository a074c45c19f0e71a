/**
 * Whether a feed is what it must be, by everything that was ever committed: each transaction that holds a checkpoint holds just the rows between the checkpoint before
 * and this one, and no row is anywhere else. What follows: nothing lost, nothing doubled, and positions that are true.
 */
import { must } from '../../src/lib/assert.ts';
import type { ChangeType } from '../../src/model/column-batch.ts';
import type { FeedSpec } from '../../src/model/feed.ts';
import type { Checkpoint, Position } from '../../src/model/position.ts';
import type { Version } from '../../src/model/version.ts';
import { parseCheckpoint } from '../../src/relay/checkpoint.ts';
import type { ReadRecord } from '../../src/ports/publisher.ts';
import { recordReader } from '../demo/avro-row.ts';
import { ledgerFaults } from '../support/ledger.ts';
import type { Entry, Log, Transaction } from './log.ts';
import { liveFiles, toldFiles } from './memory-table.ts';
import type { MemoryRow, MemoryTable, ToldFile } from './memory-table.ts';

export interface Evidence {
  readonly spec: FeedSpec;
  readonly table: MemoryTable;
  /** The checkpoint partition. */
  readonly checkpoints: Log;
  /** Of the feed's topic, of those that were deleted too; each has its partitions. */
  readonly topics: readonly (readonly Log[])[];
  /** The only partitions of the recipient's schemas and of its ledger. */
  readonly schemas: Log;
  readonly commits: Log;
}

export interface Verdict {
  /** One sentence each. */
  readonly faults: readonly string[];
  /** The last one. */
  readonly checkpoint: Checkpoint | null;
}

export function judge(evidence: Evidence): Verdict {
  const { spec, table } = evidence;
  const faults: string[] = [];
  const checkpoints = committedCheckpoints(evidence);
  const rows = rowsByTransaction(evidence);
  // One that was parked before it began has no position yet.
  const begun = checkpoints.find(({ checkpoint }) => checkpoint.state !== 'new')?.checkpoint;
  const expected = begun === undefined ? [] : expectedRows(table, begun.position);
  let before = 0;
  for (const [i, { checkpoint, transaction }] of checkpoints.entries()) {
    if (checkpoint.seq !== i + 1) faults.push(`checkpoint ${i + 1} of ${spec.id} has the number ${checkpoint.seq}`);
    const after = checkpoint.state === 'new' ? 0 : rowsBefore(expected, checkpoint.position);
    const wanted = expected.slice(before, after).map(({ text }) => text);
    const found = rows.get(transaction) ?? [];
    rows.delete(transaction);
    const inOrder = found.every((ofPartition) => isInOrder(ofPartition, wanted));
    const got = found.flat();
    if (!inOrder || got.toSorted().join() !== wanted.toSorted().join())
      faults.push(
        `checkpoint ${checkpoint.seq} of ${spec.id} stands behind ${wanted.join()}, and its transaction holds ${got.join(' and ')}`,
      );
    before = Math.max(before, after);
  }
  for (const [transaction, found] of rows) faults.push(`transaction ${transaction.serial} holds ${found.flat().join()} and no checkpoint`);
  return { faults, checkpoint: checkpoints.at(-1)?.checkpoint ?? null };
}

/** What is wrong with the ledger of a feed that stands between two versions, and whose topic is the one it began with. */
export function judgeLedger({ spec, topics, schemas, commits }: Evidence): readonly string[] {
  const ours = (log: Log, partition: number): readonly ReadRecord[] =>
    log.entries.flatMap((entry, offset) => {
      const { record, transaction, timestamp } = entry;
      return record !== null && transaction !== null && isCommitted(entry) ? [{ partition, offset, timestamp, ...record }] : [];
    });
  const entries = ours(commits, 0).map(({ value }) => readerOf(value ?? EMPTY, schemas)((value ?? EMPTY).subarray(FRAMING)));
  const records = topics.flat().flatMap(ours);
  return ledgerFaults(
    entries.filter(({ feed }) => feed === spec.id),
    records,
    FRAMING,
  );
}

/** 0x01 and a GUID. */
const FRAMING = 17;
const EMPTY = new Uint8Array(0);

interface ExpectedRow {
  readonly version: Version;
  readonly text: string;
}

const LEAVES: readonly ChangeType[] = ['delete', 'update_preimage'];

/** From where the feed began to the table's end, in the order of DESIGN §7: what leaves by file, then what arrives by file. */
function expectedRows(table: MemoryTable, start: Position): readonly ExpectedRow[] {
  const isSnapshot = start.kind === 'snapshot';
  const snapshot = isSnapshot ? rowsOf(start.version, liveFiles(table, start.version)) : [];
  const from = isSnapshot ? start.version + 1 : start.version;
  return [...snapshot, ...table.versions.slice(from).flatMap((version, i) => rowsOf(from + i, toldFiles(version)))];
}

function rowsOf(version: Version, files: readonly ToldFile[]): readonly ExpectedRow[] {
  const byId = files.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const changes = byId.flatMap(({ kind, rows }) => rows.map((row): MemoryRow => ({ ...row, change: changeOf(kind, row) })));
  const leaves = changes.filter(({ change }) => LEAVES.includes(change));
  const arrives = changes.filter(({ change }) => !LEAVES.includes(change));
  return [...leaves, ...arrives].map(({ id, change }) => ({ version, text: rowText(version, change, id) }));
}

function changeOf(kind: ToldFile['kind'], { change }: MemoryRow): ChangeType {
  return kind === 'cdf' ? change : kind === 'add' ? 'insert' : 'delete';
}

function rowText(version: Version, change: string, id: unknown): string {
  return `${version} ${change} ${String(id)}`;
}

/** How many of the rows are published at a position. */
function rowsBefore(expected: readonly ExpectedRow[], position: Position): number {
  const whole = position.kind === 'snapshot' ? [] : expected.filter(({ version }) => version < position.version);
  return whole.length + position.records;
}

function isInOrder(found: readonly string[], wanted: readonly string[]): boolean {
  let at = -1;
  for (const text of found) {
    const next = wanted.indexOf(text, at + 1);
    if (next === -1) return false;
    at = next;
  }
  return true;
}

function committedCheckpoints({
  checkpoints,
  spec,
}: Evidence): readonly { readonly checkpoint: Checkpoint; readonly transaction: Transaction }[] {
  return checkpoints.entries.flatMap((entry) => {
    const { record, transaction } = entry;
    if (record === null || transaction === null || !isCommitted(entry) || textOf(record.key) !== spec.id) return [];
    return [{ checkpoint: parseCheckpoint(spec.id, textOf(record.value)), transaction }];
  });
}

/** The committed rows of each transaction, partition by partition. Records without a transaction are somebody else's. */
function rowsByTransaction({ topics, schemas }: Evidence): Map<Transaction, (readonly string[])[]> {
  const rows = new Map<Transaction, (readonly string[])[]>();
  for (const log of topics.flat()) {
    const ours = log.entries.filter((entry) => entry.record !== null && entry.transaction !== null && isCommitted(entry));
    for (const [transaction, entries] of Map.groupBy(ours, (entry) => must(entry.transaction, 'the transaction'))) {
      const ofPartition = entries.map(({ record }) => readRow(record?.value ?? EMPTY, schemas));
      rows.set(transaction, [...(rows.get(transaction) ?? []), ofPartition]);
    }
  }
  return rows;
}

const readers = new Map<string, ReturnType<typeof recordReader>>();

function readRow(value: Uint8Array, schemas: Log): string {
  const { _commit_version: version, _change_type: type, id } = readerOf(value, schemas)(value.subarray(FRAMING));
  return rowText(Number(version), String(type), id);
}

/** By the schema that the record names, which a consumer must be able to find. */
function readerOf(value: Uint8Array, schemas: Log): ReturnType<typeof recordReader> {
  const guid = Buffer.from(value.subarray(1, FRAMING)).toString('hex');
  const known = readers.get(guid);
  const entry = schemas.entries.find((one) => isCommitted(one) && textOf(one.record?.key ?? null).replaceAll('-', '') === guid);
  const text = textOf(must(entry, 'the schema of a committed record').record?.value ?? null);
  const reader = known ?? recordReader(text);
  readers.set(guid, reader);
  return reader;
}

function isCommitted({ transaction }: Entry): boolean {
  return transaction === null || transaction.state === 'committed' || transaction.state === 'committing';
}

function textOf(bytes: Uint8Array | null): string {
  return Buffer.from(bytes ?? []).toString('utf8');
}
