/**
 * A chunk → one Kafka transaction: the rows, the schemas they need, the ledger's word of each version that is whole, and the checkpoint that says so, or nothing (DESIGN §8).
 */
import { assert } from '../lib/assert.ts';
import { checksumWith } from '../model/checksum.ts';
import { Failure } from '../model/failure.ts';
import type { Checkpoint, OpenVersion, Position } from '../model/position.ts';
import type { EpochMs } from '../model/version.ts';
import type { DeadLetters, RecordBlock, Segment } from '../ports/encoder.ts';
import type { ControlRecord, TransactionalProducer } from '../ports/publisher.ts';
import { NOTHING_OPEN } from './checkpoint.ts';
import { countsOf } from './chunk.ts';
import type { Chunk, ChunkPart } from './chunk.ts';
import { entryOf } from './ledger.ts';
import type { Entry, Published } from './ledger.ts';

/** Sends the chunk's rows, schemas and, to the topic of that name, dead letters; returns the checkpoint behind them, and what the ledger is to say of the versions that are whole then. Called inside a transaction, on top of `last`. Rejects with `topic.lost` too. */
export async function sendChunk(
  producer: TransactionalProducer,
  last: Checkpoint,
  chunk: Chunk,
  schemaRecords: readonly ControlRecord[],
  stamp: { readonly relay: string; readonly at: EpochMs },
  deadLetters: string,
): Promise<Published> {
  assert(isSame(chunk.from, last.position), `a chunk from ${JSON.stringify(chunk.from)} on top of ${JSON.stringify(last.position)}`);
  const blocks = chunk.parts.map((part) => part.segments.flatMap((segment) => segment.blocks));
  const all = blocks.flat();
  const offsets = all.length === 0 ? [] : await producer.send(last.topic, all);
  assert(offsets.length === all.length, `${offsets.length} offsets for ${all.length} blocks`);
  const letters = chunk.parts.flatMap((part) => part.segments.flatMap((segment) => segment.deadLetters ?? []));
  if (letters.length > 0) {
    await producer.send(
      deadLetters,
      letters.map(({ block }) => block),
    );
  }
  if (schemaRecords.length > 0) await producer.sendControl(schemaRecords);

  let next: Checkpoint = {
    ...last,
    seq: last.seq + 1,
    position: chunk.to,
    ...marksBehind(last, letters),
    state: 'running',
    failure: null,
    relay: stamp.relay,
    at: stamp.at,
  };
  const entries: Entry[] = [];
  let open = openAt(last);
  let at = 0;
  for (const [i, part] of chunk.parts.entries()) {
    const sent = blocks[i] ?? [];
    open = ledgerBehind(last.topic, open, part, sent, offsets.slice(at, at + sent.length));
    at += sent.length;
    next = behind(next, part);
    if (!part.isWhole) continue;
    entries.push(versionEntry(next, part, open, chunk.from));
    open = { ...NOTHING_OPEN, nextOffsets: open.nextOffsets };
  }
  return { checkpoint: { ...next, open }, entries };
}

function marksBehind({ marks = [] }: Checkpoint, letters: readonly DeadLetters[]): Pick<Checkpoint, 'marks'> {
  const more = letters.flatMap((letter) => letter.marks.map(({ mark }) => mark));
  return more.length === 0 ? {} : { marks: [...new Set([...marks, ...more])].toSorted() };
}

/** What the version in hand has so far. */
function openAt({ open, position }: Checkpoint): OpenVersion {
  // A version that is not begun has nothing, whatever the relay that wrote the checkpoint knew to count.
  if (open === null || position.records === 0) return { ...NOTHING_OPEN, nextOffsets: open?.nextOffsets ?? {} };
  return open;
}

/** The checkpoint behind one part, but for the ledger: what the version's head fixes. */
function behind(before: Checkpoint, { head, isWhole }: ChunkPart): Checkpoint {
  if (head.rows === null) return { ...before, tableId: head.tableId };
  const { schemas, columns, anchor } = head.rows;
  return { ...before, tableId: head.tableId, schemas, columns, anchor: isWhole ? (anchor ?? before.anchor) : before.anchor };
}

/** `checkpoint` is the one behind the version, and `from` the position before the chunk. */
function versionEntry(checkpoint: Checkpoint, { head }: ChunkPart, open: OpenVersion, from: Position): Entry {
  const { counts, records, duplicates, deadLetters, checksum, bytes, firstOffsets, nextOffsets } = open;
  return {
    ...entryOf('version', checkpoint),
    version: head.version,
    commitTimestamp: head.timestamp,
    snapshot: from.kind === 'snapshot' && from.version === head.version,
    rows: counts,
    records,
    duplicates,
    deadLetters,
    checksum,
    bytes,
    partitions: Object.entries(firstOffsets).map(([partition, firstOffset]) => ({
      partition: Number(partition),
      firstOffset,
      nextOffset: nextOffsets[partition] ?? firstOffset,
    })),
  };
}

function ledgerBehind(
  topic: string,
  before: OpenVersion,
  { head, segments }: ChunkPart,
  blocks: readonly RecordBlock[],
  offsets: readonly number[],
): OpenVersion {
  const firstOffsets: Record<string, number> = { ...before.firstOffsets };
  const nextOffsets: Record<string, number> = { ...before.nextOffsets };
  for (const [i, block] of blocks.entries()) {
    const offset = offsets[i];
    assert(offset !== undefined, 'a block without an offset');
    const expected = nextOffsets[block.partition] ?? 0;
    if (offset < expected) {
      // The topic was made again, or lost its end, under a running claim: what we published before is gone, and the checkpoint must not say otherwise.
      throw new Failure('topic.lost', `partition ${block.partition} of ${topic} goes on at ${offset}, and ${expected} was acknowledged`, {
        version: head.version,
      });
    }
    firstOffsets[block.partition] ??= offset;
    nextOffsets[block.partition] = offset + block.count;
  }
  const sum = (before: number | null, of: (segment: Segment) => number): number | null =>
    before === null ? null : segments.reduce((all, segment) => all + of(segment), before);
  return {
    counts: countsOf(segments, before.counts),
    records: sum(before.records, (segment) => segment.blocks.reduce((all, { count }) => all + count, 0)),
    duplicates: sum(before.duplicates, (segment) => segment.duplicates),
    deadLetters: sum(before.deadLetters, ({ deadLetters }) => deadLetters?.block.count ?? 0),
    checksum: before.checksum === null ? null : segments.reduce((text, segment) => checksumWith(text, segment.checksum), before.checksum),
    bytes: segments.reduce((all, segment) => all + segment.bytes, before.bytes),
    firstOffsets,
    nextOffsets,
  };
}

function isSame(a: Position, b: Position): boolean {
  return (
    a.kind === b.kind && a.version === b.version && a.records === b.records && a.entry === b.entry && a.row === b.row && a.plan === b.plan
  );
}
