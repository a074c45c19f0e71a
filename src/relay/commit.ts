/**
 * A chunk → one Kafka transaction: the rows, the schemas they need, and the checkpoint that says so, or nothing (DESIGN §8).
 */
import { assert } from '../lib/assert.ts';
import { Failure } from '../model/failure.ts';
import type { Checkpoint, OpenVersion, Position } from '../model/position.ts';
import type { EpochMs } from '../model/version.ts';
import type { DeadLetters, RecordBlock } from '../ports/encoder.ts';
import type { ControlRecord, TransactionalProducer } from '../ports/publisher.ts';
import { NOTHING_OPEN } from './checkpoint.ts';
import { countsOf } from './chunk.ts';
import type { Chunk, ChunkPart } from './chunk.ts';

/** Sends the chunk's rows, schemas and, to the topic of that name, dead letters, and returns the checkpoint behind them. Called inside a transaction, on top of `last`. Rejects with `topic.lost` too. */
export async function sendChunk(
  producer: TransactionalProducer,
  last: Checkpoint,
  chunk: Chunk,
  schemaRecords: readonly ControlRecord[],
  stamp: { readonly relay: string; readonly at: EpochMs },
  deadLetters: string,
): Promise<Checkpoint> {
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
  let at = 0;
  for (const [i, part] of chunk.parts.entries()) {
    const sent = blocks[i] ?? [];
    next = behind(next, part, sent, offsets.slice(at, at + sent.length));
    at += sent.length;
  }
  return next;
}

function marksBehind({ marks = [] }: Checkpoint, letters: readonly DeadLetters[]): Pick<Checkpoint, 'marks'> {
  const more = letters.flatMap((letter) => letter.marks.map(({ mark }) => mark));
  return more.length === 0 ? {} : { marks: [...new Set([...marks, ...more])].toSorted() };
}

/** The checkpoint behind one part: what the version's head fixes, and the ledger of the version while it is open. */
function behind(before: Checkpoint, part: ChunkPart, blocks: readonly RecordBlock[], offsets: readonly number[]): Checkpoint {
  const { head } = part;
  const ledger = ledgerBehind(before, part, blocks, offsets);
  const open: OpenVersion = part.isWhole ? { ...NOTHING_OPEN, nextOffsets: ledger.nextOffsets } : ledger;
  if (head.rows === null) return { ...before, tableId: head.tableId, open };
  const { schemas, columns, anchor } = head.rows;
  return { ...before, tableId: head.tableId, schemas, columns, anchor: part.isWhole ? (anchor ?? before.anchor) : before.anchor, open };
}

function ledgerBehind(checkpoint: Checkpoint, part: ChunkPart, blocks: readonly RecordBlock[], offsets: readonly number[]): OpenVersion {
  const before = checkpoint.open ?? NOTHING_OPEN;
  const firstOffsets: Record<string, number> = { ...before.firstOffsets };
  const nextOffsets: Record<string, number> = { ...before.nextOffsets };
  for (const [i, block] of blocks.entries()) {
    const offset = offsets[i];
    assert(offset !== undefined, 'a block without an offset');
    const expected = nextOffsets[block.partition] ?? 0;
    if (offset < expected) {
      // The topic was made again, or lost its end, under a running claim: what we published before is gone, and the checkpoint must not say otherwise.
      throw new Failure(
        'topic.lost',
        `partition ${block.partition} of ${checkpoint.topic} goes on at ${offset}, and ${expected} was acknowledged`,
        {
          version: part.head.version,
        },
      );
    }
    firstOffsets[block.partition] ??= offset;
    nextOffsets[block.partition] = offset + block.count;
  }
  return {
    counts: countsOf(part.segments, before.counts),
    bytes: part.segments.reduce((sum, segment) => sum + segment.bytes, before.bytes),
    firstOffsets,
    nextOffsets,
  };
}

function isSame(a: Position, b: Position): boolean {
  return (
    a.kind === b.kind && a.version === b.version && a.records === b.records && a.entry === b.entry && a.row === b.row && a.plan === b.plan
  );
}
