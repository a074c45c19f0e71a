/**
 * What is told of a feed that publishes: how far behind it is, and of each transaction what became of it.
 */
import { must } from '../lib/assert.ts';
import type { Checkpoint } from '../model/position.ts';
import type { Version } from '../model/version.ts';
import type { Segment } from '../ports/encoder.ts';
import { NO_COUNTS } from './checkpoint.ts';
import { countsOf } from './chunk.ts';
import type { Chunk } from './chunk.ts';
import type { Freshness } from './freshness.ts';
import type { Line } from './line.ts';
import type { ListedVersion } from './listing.ts';
import { deadLettersTopic } from './own-topics.ts';

/** A run of a feed, as it is told of. */
export interface Teller {
  readonly line: Line;
  readonly checkpoint: Checkpoint;
  /** The last version of whose dead letters was told. */
  toldDead: Version | null;
}

/** Versions behind are counted up to `end`; what comes later is not known yet. */
export function tellLag({ line, checkpoint }: Teller, listed: readonly ListedVersion[], end: Version): void {
  const { version } = checkpoint.position;
  const first = listed.find((one) => one.version >= version && one.changes !== null && one.changes.timestamp !== null);
  line.works.telemetry.lag(line.spec.id, end - version + 1, first?.changes?.timestamp ?? null);
}

/** After the transaction of the chunk is confirmed. `listed` is what it was taken from. */
export function tellPublished(teller: Teller, chunk: Chunk, listed: readonly ListedVersion[], freshness: Freshness): void {
  const segments = chunk.parts.flatMap((part) => part.segments);
  const sum = (of: (segment: Segment) => number): number => segments.reduce((all, segment) => all + of(segment), 0);
  teller.line.works.telemetry.published({
    feed: teller.line.spec.id,
    counts: countsOf(segments, NO_COUNTS),
    duplicates: sum(({ duplicates }) => duplicates),
    deadLetters: sum(({ deadLetters }) => deadLetters?.block.count ?? 0),
    records: sum(({ records }) => records),
    bytes: sum(({ bytes }) => bytes),
    versions: chunk.to.version - chunk.from.version,
    position: chunk.to.version,
    lastVersionAt: chunk.parts.findLast(({ isWhole }) => isWhole)?.head.timestamp ?? null,
    snapshotShare: snapshotShare(chunk, listed),
  });
  for (const { head, segments: ofPart } of chunk.parts) tellDead(teller, head.version, ofPart);
  tellFresh(teller.line, chunk, freshness);
}

/** Files whose rows are all committed, of those that hold the table; null for changes. */
function snapshotShare({ from, to }: Chunk, [first]: readonly ListedVersion[]): number | null {
  if (from.kind !== 'snapshot') return null;
  return to.kind === 'snapshot' ? to.entry / must(first?.changes, 'the files of a snapshot').files.length : 1;
}

/** Once for a version, of its first one. */
function tellDead(teller: Teller, version: Version, segments: readonly Segment[]): void {
  const first = segments.find((segment) => segment.deadLetters !== undefined)?.deadLetters;
  if (first === undefined || teller.toldDead === version) return;
  teller.toldDead = version;
  const { spec, works } = teller.line;
  works.telemetry.log('warn', `a row is not published and is a dead letter: ${first.first}`, {
    feed: spec.id,
    version,
    topic: deadLettersTopic(spec.recipient),
  });
}

function tellFresh({ source, works }: Line, { from, parts }: Chunk, freshness: Freshness): void {
  for (const { head, isWhole } of parts) {
    if (!isWhole) continue;
    const times = freshness.committed(head.version, head.timestamp, works.clock.now());
    const isSnapshot = from.kind === 'snapshot' && from.version === head.version;
    if (times !== null && head.rows !== null && !isSnapshot) works.telemetry.fresh(source.name, times);
  }
}
