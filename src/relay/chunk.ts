/**
 * What goes into one Kafka transaction.
 *
 *   steps:   rows rows rows |whole| rows |whole| rows rows rows rows rows rows rows …
 *   chunks:  [──────── versions 7, 8 ───────────][─ part of 9 ─][─ part of 9 ─]…
 *
 * Steps come in plan order: the rows of a version, then the word that it is whole. A version that fits a chunk is never split; whole versions are gathered until
 * the chunk is full, older than `timeMs`, or nothing more is at hand. A version that does not fit is cut between two segments. Every chunk says which position
 * it starts from and which one it leads to, so that it is published only on top of what it was made for.
 */
import { assert } from '../lib/assert.ts';
import type { Clock } from '../lib/clock.ts';
import type { Segment } from '../ports/encoder.ts';
import type { Anchor, ChangeCounts, KnownColumn, Position, SchemaNames } from '../model/position.ts';
import type { EpochMs, Version } from '../model/version.ts';
import type { ControlRecord } from '../ports/publisher.ts';

/** What holds for all rows of a version. */
export interface VersionHead {
  readonly version: Version;
  readonly timestamp: EpochMs | null;
  readonly tableId: string;
  /** Null for a version without rows: it changes nothing that the checkpoint keeps but the position. */
  readonly rows: {
    readonly schemas: SchemaNames;
    readonly columns: Readonly<Record<string, KnownColumn>>;
    /** Null: a snapshot, which says nothing of the history. */
    readonly anchor: Anchor | null;
    /** Schemas to be published before the first of these rows. */
    readonly schemaRecords: readonly ControlRecord[];
  } | null;
}

export type Step =
  /** Some rows of a version; `after` is the position behind them. */
  | { readonly kind: 'rows'; readonly head: VersionHead; readonly segment: Segment; readonly after: Position }
  /** The version is complete; `after` is the beginning of the next. */
  | { readonly kind: 'whole'; readonly head: VersionHead; readonly after: Position };

/** The part of a version that a chunk holds: all of it, its beginning, its middle or its end. */
export interface ChunkPart {
  readonly head: VersionHead;
  readonly segments: readonly Segment[];
  readonly isWhole: boolean;
}

export interface Chunk {
  readonly from: Position;
  readonly to: Position;
  readonly parts: readonly ChunkPart[];
}

export interface ChunkLimits {
  readonly records: number;
  readonly bytes: number;
  readonly timeMs: number;
}

/** A part that may still grow: nobody has seen it. */
interface OpenPart extends ChunkPart {
  readonly segments: Segment[];
}

interface Gathered {
  readonly parts: OpenPart[];
  to: Position;
  records: number;
  bytes: number;
}

export async function* gather(steps: AsyncIterable<Step>, start: Position, limits: ChunkLimits, clock: Clock): AsyncGenerator<Chunk, void> {
  let from = start;
  let whole = nothing(start);
  let open = nothing(start);
  let since = clock.now();

  const fits = (gathered: Gathered, segment: Segment): boolean =>
    gathered.records + segment.records <= limits.records && gathered.bytes + segment.bytes <= limits.bytes;
  const cut = (gathered: Gathered): Chunk => {
    const chunk: Chunk = { from, to: gathered.to, parts: gathered.parts };
    from = gathered.to;
    since = clock.now();
    return chunk;
  };

  try {
    for await (const step of steps) {
      if (step.kind === 'rows') {
        if (whole.parts.length > 0 && !fits(together(whole, open), step.segment)) {
          yield cut(whole);
          whole = nothing(from);
        }
        if (open.records > 0 && !fits(open, step.segment)) {
          yield cut(open);
          open = nothing(from);
        }
        addRows(open, step);
      } else {
        addWhole(open, step);
        whole = together(whole, open);
        open = nothing(whole.to);
        if (whole.records >= limits.records || whole.bytes >= limits.bytes || clock.now() - since >= limits.timeMs) {
          yield cut(whole);
          whole = nothing(from);
        }
      }
    }
  } catch (error) {
    // The versions before the one that fails are good, and would never be published if they were lost with it each time.
    if (whole.parts.length > 0) yield cut(whole);
    throw error;
  }
  assert(open.parts.length === 0, 'the steps end in the middle of a version');
  if (whole.parts.length > 0) yield cut(whole);
}

/** Change counts of several segments. */
export function countsOf(segments: readonly Segment[], before: ChangeCounts): ChangeCounts {
  const sum = { ...before };
  for (const { counts } of segments) {
    sum.insert += counts.insert;
    sum.update_preimage += counts.update_preimage;
    sum.update_postimage += counts.update_postimage;
    sum.delete += counts.delete;
  }
  return sum;
}

function nothing(at: Position): Gathered {
  return { parts: [], to: at, records: 0, bytes: 0 };
}

function together(first: Gathered, second: Gathered): Gathered {
  if (second.parts.length === 0) return first;
  return {
    parts: [...first.parts, ...second.parts],
    to: second.to,
    records: first.records + second.records,
    bytes: first.bytes + second.bytes,
  };
}

function addRows(open: Gathered, step: Step & { readonly kind: 'rows' }): void {
  const last = open.parts.at(-1);
  assert(last === undefined || last.head.version === step.head.version, 'rows of two versions that are not whole');
  if (last === undefined) open.parts.push({ head: step.head, segments: [step.segment], isWhole: false });
  else last.segments.push(step.segment);
  open.to = step.after;
  open.records += step.segment.records;
  open.bytes += step.segment.bytes;
}

function addWhole(open: Gathered, step: Step & { readonly kind: 'whole' }): void {
  const last = open.parts.pop();
  open.parts.push({ head: step.head, segments: last?.segments ?? [], isWhole: true });
  open.to = step.after;
}
