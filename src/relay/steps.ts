/**
 * Listed versions → steps: the station between the provider's list and the chunks (DESIGN §2: plan → fetch → decode → shape → encode).
 *
 *   versions ─► entries in plan order ─► bytes, fetched ahead ─► segments, encoded ahead ─► rows | whole
 *
 * Fetching and encoding run ahead of the reader, over the borders of files and versions; the steps come in plan order all the same. What is in flight is bounded: bytes
 * of files by a budget that all feeds share, files being encoded by the number of workers, segments by the encoder.
 */
import { must } from '../lib/assert.ts';
import type { Release } from '../lib/semaphore.ts';
import { prefetch } from '../lib/prefetch.ts';
import { Failure } from '../model/failure.ts';
import type { ChangeFile, FileContent } from '../model/change-files.ts';
import type { PlanEntry, VersionPlan } from '../model/plan.ts';
import type { Checkpoint, Position } from '../model/position.ts';
import { startOf } from '../model/position.ts';
import type { EpochMs, Version } from '../model/version.ts';
import type { BadRecords, RecordLayout, Segment } from '../ports/encoder.ts';
import type { VersionHead, Step } from './chunk.ts';
import type { Freshness } from './freshness.ts';
import type { Line } from './line.ts';
import type { ListedVersion } from './listing.ts';
import { PASSES, bytesOf, filesOf } from './pairing.ts';
import type { Pairing } from './pairing.ts';
import { planVersions } from './prepare.ts';
import { ReadAhead } from './read-ahead.ts';
import type { PlannedVersion } from './prepare.ts';

/** Files above this size are in memory alone. */
const LONE_BYTES = 32 * 1024 * 1024;
/** Files fetched ahead of the one being encoded. */
const FETCH_AHEAD = 4;
/** Change files up to this size are kept between the two passes; larger ones are fetched twice. */
const KEPT_FILE_BYTES = 4 * 1024 * 1024;
const KEPT_BYTES = 16 * 1024 * 1024;
/** Of a version that is worked whole, files up to this size are fetched while the one before is at work. */
const AHEAD_BYTES = 16 * 1024 * 1024;

/** Keys that may have a mark in one generation: what the checkpoint keeps of them goes into each of its records. */
export const MARKS_MAX = 1000;

/** The longest records that the topics take, in bytes: the feed's own, and that of dead letters. */
export interface Lengths {
  readonly record: number;
  readonly letter: number;
}

/** One entry to be worked, or the word that its version has no more. */
type Work =
  | {
      readonly kind: 'entry';
      readonly planned: PlannedVersion;
      readonly layout: RecordLayout;
      readonly entry: PlanEntry;
      readonly index: number;
      readonly fromRow: number;
    }
  /** All entries of a version, which are worked together. */
  | {
      readonly kind: 'version';
      readonly planned: PlannedVersion;
      readonly layout: RecordLayout;
      readonly plan: VersionPlan;
      readonly pairing: Pairing;
      readonly from: { readonly step: number; readonly row: number };
    }
  | { readonly kind: 'whole'; readonly head: VersionHead };

/** `content`: of an entry. A version's files are read when the worker asks for them. */
type Fetched = Work & { readonly content: FileContent | null; readonly release: Release };
type Encoding = Work & { readonly segments: AsyncIterable<Segment> | null; readonly release: Release };

/** From `checkpoint.position` through all of `listed`. When the reader leaves, or a step fails, what runs ahead is called off and gives back what it holds. */
export async function* stepsOf(
  line: Line,
  checkpoint: Checkpoint,
  listed: readonly ListedVersion[],
  lengths: Lengths,
  freshness: Freshness,
  signal: AbortSignal,
): AsyncGenerator<Step, void> {
  const kept = new KeptFiles();
  // A file that cannot be had ends the fetching of those behind it at once; those before it are encoded and published first.
  const fetching = new AbortController();
  const going = new AbortController();
  const encodeSignal = AbortSignal.any([signal, going.signal]);
  const fetchSignal = AbortSignal.any([encodeSignal, fetching.signal]);
  const discard = ({ release }: { readonly release: Release }): void => release();
  const works = worksOf(line, checkpoint, listed, fetchSignal);
  const fetched = prefetch(works, FETCH_AHEAD, (work) => fetchWork(line, work, kept, freshness, fetchSignal), {
    abandon: () => fetching.abort(),
    discard,
  });
  const encode = (work: Fetched): Encoding => encodeWork(line, checkpoint.topic, lengths, work, freshness, encodeSignal);
  const encoding = prefetch(fetched, line.works.workers, encode, { abandon: () => going.abort(), discard });
  const marks = new Set(checkpoint.marks);
  let records = checkpoint.position.records;
  for await (const work of encoding) {
    try {
      if (work.kind === 'whole') {
        records = 0;
        freshness.encoded(work.head.version, line.works.clock.now());
        yield { kind: 'whole', head: work.head, after: startOf(work.head.version + 1) };
        continue;
      }
      for await (const made of work.segments ?? []) {
        const segment = line.works.encoder.marked(made, marks);
        addMarks(line, work.planned.head.version, marks, segment);
        const step = work.kind === 'entry' ? work.index : segment.step;
        checkSize(line, work.planned, step, segment, lengths.record);
        records += segment.records;
        yield { kind: 'rows', head: work.planned.head, segment, after: positionIn(work, records, step, segment) };
      }
    } finally {
      work.release();
    }
  }
}

async function* worksOf(
  line: Line,
  checkpoint: Checkpoint,
  listed: readonly ListedVersion[],
  signal: AbortSignal,
): AsyncGenerator<Work, void> {
  const { position } = checkpoint;
  for await (const planned of planVersions(line, checkpoint, listed, signal)) {
    const { layout, plan, pairing } = planned;
    const isResumed = planned.head.version === position.version && position.records > 0;
    if (plan !== null && layout !== null && pairing !== null) {
      const from = isResumed ? { step: position.entry, row: position.row } : { step: 0, row: 0 };
      yield { kind: 'version', planned, layout, plan, pairing, from };
    } else if (plan !== null && layout !== null) {
      for (const [index, entry] of plan.entries.entries()) {
        if (isResumed && index < position.entry) continue;
        yield { kind: 'entry', planned, layout, entry, index, fromRow: isResumed && index === position.entry ? position.row : 0 };
      }
    }
    yield { kind: 'whole', head: planned.head };
  }
}

function positionIn({ planned }: Exclude<Work, { readonly kind: 'whole' }>, records: number, entry: number, segment: Segment): Position {
  return {
    kind: planned.listed.isSnapshot ? 'snapshot' : 'changes',
    version: planned.head.version,
    records,
    entry,
    row: segment.nextRow,
    plan: must(planned.hashOf, 'the hash of a plan')(planned.pairing === null ? null : segment.passes),
    commitTimestamp: planned.head.timestamp,
    responseFormat: planned.listed.listing.responseFormat,
    idHash: planned.listed.listing.idHash,
  };
}

async function fetchWork(line: Line, work: Work, kept: KeptFiles, freshness: Freshness, signal: AbortSignal): Promise<Fetched> {
  if (work.kind === 'whole') return { ...work, content: null, release: () => {} };
  const { fetched } = line.works;
  if (work.kind === 'version') return { ...work, content: null, release: await fetched.acquire(heldBytes(line, work), signal) };
  const { version } = work.planned.listed;
  const size = sizeOf(line, work.entry.file, version);
  const release = await fetched.acquire(size > LONE_BYTES ? fetched.capacity : size, signal);
  try {
    const again = kept.take(version, work.entry);
    if (again !== null) return { ...work, content: { bytes: await again, rows: null }, release };
    const reading = readFile(line, work.planned, work.entry.file, freshness, signal);
    kept.offer(version, work.entry, reading);
    return { ...work, content: await reading, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** What is in memory of a version that is worked whole: the file at work, the next one, those that are kept, and what is known of keys. Acquired at once, so that nothing waits for more. */
function heldBytes(line: Line, { plan, pairing }: Extract<Work, { readonly kind: 'version' }>): number {
  const files = filesOf(plan);
  const largest = Math.max(...files.map((file) => sizeOf(line, file, plan.version)));
  if (largest > LONE_BYTES) return line.works.fetched.capacity;
  return largest + Math.min(largest, AHEAD_BYTES) + Math.min(bytesOf(files), KEPT_BYTES) + pairing.guessedBytes;
}

function sizeOf({ works }: Line, file: ChangeFile, version: Version): number {
  if (file.size === null || file.size <= works.memoryBytes / 4) return file.size ?? LONE_BYTES + 1;
  throw new Failure('file.too_large', `file ${file.id} of version ${version} has ${file.size} bytes, over a quarter of limits.memory`, {
    version,
  });
}

async function readFile(
  line: Line,
  { listed }: PlannedVersion,
  file: ChangeFile,
  freshness: Freshness,
  signal: AbortSignal,
): Promise<FileContent> {
  const { works, source } = line;
  const startedAt = works.clock.now();
  const content = await listed.listing.read(must(listed.changes, 'the changes of a planned version'), file, signal);
  const now = works.clock.now();
  works.telemetry.stage(source.name, 'fetch', (now - startedAt) / 1000);
  freshness.fetched(listed.version, now);
  return content;
}

function encodeWork(line: Line, topic: string, lengths: Lengths, work: Fetched, freshness: Freshness, signal: AbortSignal): Encoding {
  try {
    const segments = segmentsOf(line, topic, lengths, work, freshness, signal);
    return { ...work, segments: segments === null ? null : timed(line, segments, line.works.clock.now()) };
  } catch (error) {
    work.release();
    throw error;
  }
}

/** Tells how long the work took when its last segment has been taken. */
async function* timed({ works, source }: Line, segments: AsyncIterable<Segment>, startedAt: EpochMs): AsyncGenerator<Segment, void> {
  yield* segments;
  works.telemetry.stage(source.name, 'encode', (works.clock.now() - startedAt) / 1000);
}

function segmentsOf(
  line: Line,
  topic: string,
  lengths: Lengths,
  work: Fetched,
  freshness: Freshness,
  signal: AbortSignal,
): AsyncIterable<Segment> | null {
  if (work.kind === 'whole') return null;
  const { encoder, chunk } = line.works;
  const { version, timestamp } = work.planned.head;
  const bounds = {
    segmentRecords: chunk.records,
    segmentBytes: chunk.bytes,
    ...(line.spec.onBadRecord === 'dead-letter' ? { bad: badRecords(line, topic, lengths, version) } : {}),
  };
  if (work.kind === 'version') {
    const { planned, plan, layout, from, pairing } = work;
    const files = new ReadAhead({
      files: filesOf(plan),
      keptBytes: KEPT_BYTES,
      aheadBytes: AHEAD_BYTES,
      read: (file, end) => readFile(line, planned, file, freshness, end),
    });
    const read = (file: ChangeFile, end: AbortSignal): Promise<FileContent> => files.read(file, end);
    const { passes, memoryBytes } = pairing;
    const request = { plan, layout, passes, passesMax: Math.max(...PASSES), memoryBytes, from, keptBytes: KEPT_BYTES, read, ...bounds };
    return encoder.encodeVersion(request, signal);
  }
  if (work.content === null) return null;
  const { entry, layout, content, fromRow, planned } = work;
  return encoder.encode(
    { entry, version, timestamp, layout, ...content, isSnapshot: planned.listed.isSnapshot, fromRow, ...bounds },
    signal,
  );
}

function badRecords({ spec, works }: Line, topic: string, { record, letter }: Lengths, version: Version): BadRecords {
  // Whatever becomes of other records of the key, one of the greatest length may yet have to bear the mark.
  return { largestRecord: record - works.encoder.markBytes, largestLetter: letter, feed: spec.id, topic, version };
}

/** Records that come behind the segment have the marks of its dead letters too. */
function addMarks({ spec }: Line, version: Version, marks: Set<string>, { deadLetters }: Segment): void {
  for (const { mark } of deadLetters?.marks ?? []) marks.add(mark);
  if (marks.size <= MARKS_MAX || deadLetters === undefined) return;
  throw new Failure(
    'record.too_many_bad',
    `with version ${version} more than ${MARKS_MAX} keys of ${spec.id} have dead letters, the last one since ${deadLetters.first}`,
    { version },
  );
}

function checkSize(line: Line, planned: PlannedVersion, step: number, segment: Segment, largest: number): void {
  if (segment.largestRecord <= largest) return;
  const { version } = planned.head;
  const entries = planned.plan?.entries ?? [];
  const entry = must(entries[step % entries.length], 'the entry of a segment');
  throw new Failure(
    'record.too_large',
    `a record of version ${version}, file ${entry.file.id}, before row ${segment.nextRow} has ${segment.largestRecord} bytes, and topic of ${line.spec.id} takes ${largest}`,
    { version },
  );
}

/** Copies of small change files between their first and their second pass, which may be asked for before the first one's bytes are there. */
class KeptFiles {
  readonly #files = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();
  #bytes = 0;

  /** In the first pass: keeps a copy of what is being read, since the bytes themselves are handed to a worker. Every first pass has its second one. */
  offer(version: Version, { pass, kind, file }: PlanEntry, reading: Promise<FileContent>): void {
    const size = file.size ?? Infinity;
    if (kind !== 'cdf' || pass !== 'leaves' || size > KEPT_FILE_BYTES || this.#bytes + size > KEPT_BYTES) return;
    const copy = reading.then(({ bytes }) => bytes.slice());
    copy.catch(() => {}); // The first pass fails with it; the second one may not be asked for any more.
    this.#files.set(`${version} ${file.id}`, copy);
    this.#bytes += size;
  }

  /** In the second pass: the copy, which is no longer kept; null if there is none. */
  take(version: Version, { pass, file }: PlanEntry): Promise<Uint8Array<ArrayBuffer>> | null {
    const key = `${version} ${file.id}`;
    const copy = pass === 'arrives' ? this.#files.get(key) : undefined;
    if (copy === undefined) return null;
    this.#files.delete(key);
    this.#bytes -= file.size ?? 0;
    return copy;
  }
}
