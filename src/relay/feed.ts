/**
 * THE LINE. Read this first: it is what the relay does for one table and one recipient, under one claim.
 *
 *   open ─► poll ─► list ─► plan ─► fetch ─► decode, encode ─► gather ─► transaction ─► poll …
 *           latest  what     in      bytes    worker threads   chunks    rows + position,
 *           version changed  order                                       or nothing
 *
 * The checkpoint is the only state. It is what Kafka gave back when the partition was claimed, and it moves only when a transaction is confirmed; everything else is made
 * anew from it. So a crash anywhere loses work, never a row: whoever claims next goes on from the last confirmed position, and what was sent beyond it was never
 * committed.
 *
 * A feed begins with a snapshot, unless its config says otherwise: the rows of the table as it was at one version go down the same line as if they had all been
 * inserted by it. What the feed's own policies answer for, a gap or a table that was made again, is overcome here (gap.ts), and the feed opens anew on top of that.
 * Any other failure ends the run; what becomes of the feed then is the supervisor's to say.
 */
import { assert, must } from '../lib/assert.ts';
import { prefetch } from '../lib/prefetch.ts';
import type { Release } from '../lib/semaphore.ts';
import { Failure } from '../model/failure.ts';
import type { FailureCode } from '../model/failure.ts';
import type { Checkpoint } from '../model/position.ts';
import { tableText } from '../model/version.ts';
import type { Version } from '../model/version.ts';
import type { TransactionalProducer } from '../ports/publisher.ts';
import type { ListedAs } from '../ports/source.ts';
import { gather } from './chunk.ts';
import type { Chunk } from './chunk.ts';
import { sendChunk } from './commit.ts';
import { Freshness } from './freshness.ts';
import { overcome } from './gap.ts';
import { transactAlone, transactTold } from './ledger.ts';
import type { Published } from './ledger.ts';
import type { Line } from './line.ts';
import { checkTableId, listVersions, requireSameTable } from './listing.ts';
import type { ListedVersion } from './listing.ts';
import { checkAnchor, openFeed } from './open.ts';
import { deadLettersTopic } from './own-topics.ts';
import type { ClaimedPartition } from './partition.ts';
import { stepsOf } from './steps.ts';
import type { Lengths } from './steps.ts';
import { tellLag, tellPublished } from './telling.ts';
import type { Teller } from './telling.ts';
import { checkStretches, checkTopic, stretchesBetween } from './topic-check.ts';
import type { Stretch } from './topic-check.ts';
import { topicsOf } from './watched-topics.ts';
import type { Window } from './window.ts';

/** While the relay stops, a version in hand is finished if that takes less. */
const STOP_VERSION_MS = 20_000;
/** How often a feed asks whether its history is still told as it was, and its topic still as the feed left it. */
const ANCHOR_MS = 3_600_000;
/** Of one version, so that one that is published in many transactions between another writer's keeps no list without end. */
const STRETCHES_MAX = 64;
/** How a provider answers to versions of a table that is no longer there under its name. */
const LIKE_ANOTHER_TABLE: readonly FailureCode[] = ['gap.history_gone', 'gap.unanswered', 'start.beyond'];
/** What a record batch adds to the records themselves, generously (RecordBatch v2 header: 61 bytes). */
const BATCH_OVERHEAD_BYTES = 512;

/** What is kept over a feed's runs. */
export interface Course {
  /** Found at first contact with the generation's table. `version`: how far `--until-current` goes. */
  target: { readonly generation: number; readonly version: Version; readonly freshness: Freshness } | null;
  readonly window: Window;
}

/**
 * Publishes until the target is reached (`--until-current`) or the relay stops. Rejects with the `Failure` that ended the run, or with `signal.reason`.
 */
export async function runFeed(line: Line, partition: ClaimedPartition, course: Course, signal: AbortSignal): Promise<void> {
  const asking = AbortSignal.any([signal, line.works.stopping]);
  for (;;) {
    const checkpoint = await opened(line, partition, asking, signal);
    if (checkpoint === null) continue;
    const run: Run = {
      line,
      partition,
      course,
      checkpoint,
      schemasOut: new Set(),
      lengths: { record: 0, letter: 0 },
      toldDead: null,
      stretches: [],
      signal,
      asking,
    };
    try {
      return await publish(run);
    } catch (error) {
      if (!(error instanceof Failure) || partition.lost.aborted) throw error;
      await overcome(run, error);
    }
  }
}

/** Null: another table stands in the place of the feed's own, and the feed is to begin again. */
async function opened(line: Line, partition: ClaimedPartition, asking: AbortSignal, signal: AbortSignal): Promise<Checkpoint | null> {
  try {
    return await openFeed(line, partition, asking, signal);
  } catch (error) {
    const checkpoint = partition.checkpoint(line.spec.id);
    if (!(error instanceof Failure) || error.code !== 'table.recreated' || checkpoint === null || partition.lost.aborted) throw error;
    await overcome({ line, partition, checkpoint, asking, signal }, error);
    return null;
  }
}

async function publish(run: Run): Promise<void> {
  const { line, course, asking } = run;
  const { works, spec } = line;
  run.lengths = await lengthsOf(run);
  await works.watch.opened(topicsOf(line, run.checkpoint), asking);
  works.telemetry.feedState(spec.id, 'running');
  for (;;) {
    const latest = await poll(run);
    await checkHistory(run, latest);
    const { generation } = run.checkpoint;
    if (course.target?.generation !== generation)
      course.target = { generation, version: targetOf(run, latest), freshness: new Freshness() };
    course.target.freshness.polled(latest, works.clock.now());
    const target = course.target.version;
    const end = works.untilCurrent ? Math.min(latest, target) : latest;
    while (run.checkpoint.position.version <= end && !works.stopping.aborted) await publishNext(run, end);
    await settle(run);
    if (works.stopping.aborted || (works.untilCurrent && run.checkpoint.position.version > target)) return;
    works.telemetry.lag(spec.id, 0, null);
    await line.wait(asking);
  }
}

function freshnessOf({ course }: Run): Freshness {
  return must(course.target, 'the first contact of a feed that publishes').freshness;
}

/** A snapshot is of a version that was there once: where a lower one is told, a replica lags. */
function targetOf({ checkpoint: { position } }: Run, latest: Version): Version {
  return position.kind === 'snapshot' ? Math.max(latest, position.version) : latest;
}

interface Run extends Teller {
  readonly partition: ClaimedPartition;
  readonly course: Course;
  /** As last confirmed by Kafka, or as opened on top of that. */
  checkpoint: Checkpoint;
  /** Names of the schemas that were published and confirmed under this claim. */
  readonly schemasOut: Set<string>;
  lengths: Lengths;
  /** Of the topic, between our own records, not looked at yet. */
  readonly stretches: Stretch[];
  readonly signal: AbortSignal;
  /** As `signal`, and aborts when the relay is to stop: for what is asked with nothing in hand. */
  readonly asking: AbortSignal;
}

/** The provider's latest version. A lower one than before is a stale replica, unless the table is another. */
async function poll(run: Run): Promise<Version> {
  const { line, checkpoint, asking } = run;
  const { telemetry } = line.works;
  const { version } = checkpoint.position;
  let latest;
  try {
    latest = await line.source.latestVersion(line.spec.table, asking);
  } catch (error) {
    asking.throwIfAborted();
    telemetry.polled(line.source.name, 'failed');
    throw error;
  }
  telemetry.polled(line.source.name, latest >= version ? 'advanced' : 'unchanged');
  telemetry.lag(line.spec.id, Math.max(0, latest - version + 1), null);
  if (latest < version - 1) {
    run.partition.doubt(line.spec.id);
    await checkSameTable(run, `its latest version is ${latest}, and ${version - 1} was published`);
  }
  return latest;
}

/** Now and then, and once the provider has told a lower version than before and the versions are back: they may be others. */
async function checkHistory(run: Run, latest: Version): Promise<void> {
  const { line, partition, checkpoint, asking } = run;
  const checkedAt = partition.checkedAt(line.spec.id) ?? -Infinity;
  if (latest < checkpoint.position.version - 1 || line.works.clock.now() - checkedAt < ANCHOR_MS) return;
  await checkAnchor(line, checkpoint, asking);
  const state = await line.works.admin.describe(checkpoint.topic, asking);
  if (state === null) {
    // Opened anew, the feed finds another topic in its place, or none that it may make.
    partition.doubt(line.spec.id);
    throw new Failure('topic.missing', `topic ${checkpoint.topic} of ${line.spec.id} does not exist any more`);
  }
  await checkTopic(line.works.admin, checkpoint, state, asking);
  partition.checked(line.spec.id);
}

async function checkSameTable({ line, checkpoint, asking }: Run, sign: string): Promise<void> {
  await requireSameTable(line.source, line.spec.table, checkpoint, sign, asking);
}

/** Publishes the next versions, up to `end` or a window. */
async function publishNext(run: Run, end: Version): Promise<void> {
  const { line, signal } = run;
  const { works } = line;
  const listed = await list(run, end);
  tellLag(run, listed, end);

  const release = await takePlace(line, run.asking);
  const leaving = new AbortController();
  const scope = AbortSignal.any([signal, leaving.signal]);
  try {
    const steps = stepsOf(line, run.checkpoint, listed, run.lengths, freshnessOf(run), scope);
    const chunks = gather(steps, run.checkpoint.position, works.chunk, works.clock);
    // The next chunk is prepared while this one commits.
    for await (const chunk of prefetch(chunks, 1, (made) => made, { abandon: () => leaving.abort(), discard: () => {} })) {
      if (chunk.from.records === 0 && chunk.to.records > 0) await prove(run, listed, chunk.to.version);
      await commit(run, chunk, listed);
      tellLag(run, listed, end);
      if (mayStop(run)) break;
    }
  } finally {
    release();
  }
}

/** A place among the feeds at work, within the share of its source. */
async function takePlace({ share, works }: Line, signal: AbortSignal): Promise<Release> {
  const fromShare = await share.acquire(1, signal);
  try {
    const fromAll = await works.atWork.acquire(1, signal);
    return () => {
      fromAll();
      fromShare();
    };
  } catch (error) {
    fromShare();
    throw error;
  }
}

/** Before the first rows of a version that takes several transactions: a file that is gone must not be met in its middle. */
async function prove(run: Run, listed: readonly ListedVersion[], version: Version): Promise<void> {
  const { changes, listing } = must(
    listed.find((one) => one.version === version),
    'the listing of a version in hand',
  );
  if (changes !== null) await listing.prove(changes, run.asking);
}

async function list(run: Run, end: Version): Promise<readonly ListedVersion[]> {
  const { line, course, checkpoint, asking } = run;
  const { spec, source, works } = line;
  const { kind, version, records, responseFormat, idHash } = checkpoint.position;
  // A version that is half published is asked for alone, and just as it was: its ids and their order must be the same.
  const isOpen = records > 0;
  const listedAs = isOpen ? { responseFormat: must(responseFormat, 'the response format of an open version'), idHash } : null;
  const to = isOpen || kind === 'snapshot' ? version : Math.min(end, version + course.window.versions - 1);
  const startedAt = works.clock.now();
  try {
    const listed =
      kind === 'snapshot'
        ? await listSnapshot(run, listedAs)
        : await listVersions(source, { table: spec.table, from: version, to, listedAs }, asking);
    const answered = must(listed[0], 'a listed version').listing.to - version + 1;
    if (!isOpen) course.window.answered(to - version + 1, answered);
    await checkTableId(source, spec.table, checkpoint.tableId, listed, asking);
    const { retentionMs = null } = must(listed[0], 'a listed version').listing;
    // A snapshot's files are those that the table still has, however long ago it was written.
    works.telemetry.retention(spec.id, kind === 'snapshot' ? null : retentionMs);
    works.telemetry.stage(source.name, 'list', (works.clock.now() - startedAt) / 1000);
    return listed;
  } catch (error) {
    course.window.failed(error);
    // After a table was recreated some servers refuse its old versions, or break at them, for an hour: its metadata tells (notes/sharing-server.md §2.5).
    if (error instanceof Failure && LIKE_ANOTHER_TABLE.includes(error.code)) await checkSameTable(run, error.message);
    if (error instanceof Failure && error.code === 'start.beyond') {
      throw new Failure(
        'provider.unavailable',
        `a stale replica of the provider does not have version ${version} of ${tableText(spec.table)} yet`,
        { cause: error },
      );
    }
    throw error;
  }
}

/** The table at the position's version, as if that version had inserted all of it. */
async function listSnapshot(run: Run, listedAs: ListedAs | null): Promise<readonly ListedVersion[]> {
  const { line, checkpoint, asking } = run;
  const { version, commitTimestamp } = checkpoint.position;
  const listing = await line.source.snapshot(line.spec.table, { version, listedAs }, asking);
  const changes = must(listing.versions[0], 'the version of a snapshot');
  assert(changes.version === version, `a snapshot of version ${changes.version}, not ${version}`);
  return [{ version, tableId: listing.tableId, changes: { ...changes, timestamp: commitTimestamp }, listing, isSnapshot: true }];
}

async function commit(run: Run, chunk: Chunk, listed: readonly ListedVersion[]): Promise<void> {
  const { line, partition, signal } = run;
  const { spec, works } = line;
  const before = run.checkpoint;
  const fresh = chunk.parts
    .flatMap((part) => part.head.rows?.schemaRecords ?? [])
    .filter(({ topic, key }) => !run.schemasOut.has(`${topic} ${key}`));
  const schemaRecords = [...new Map(fresh.map((record) => [`${record.topic} ${record.key}`, record])).entries()];
  const startedAt = works.clock.now();
  const records = schemaRecords.map(([, record]) => record);
  const letters = deadLettersTopic(spec.recipient);
  const stamp = { relay: works.relay, at: works.clock.now() };
  const body = (producer: TransactionalProducer): Promise<Published> => sendChunk(producer, before, chunk, records, stamp, letters);
  run.checkpoint = await transactTold(line, partition, body, signal, signal);
  for (const [name] of schemaRecords) run.schemasOut.add(name);
  run.stretches.push(...stretchesBetween(before, run.checkpoint, sentOf(chunk)).slice(0, STRETCHES_MAX - run.stretches.length));
  works.telemetry.stage(line.source.name, 'commit', (works.clock.now() - startedAt) / 1000);
  tellPublished(run, chunk, listed, freshnessOf(run));
  await checkBetween(run);
}

/** Only where a version is whole: a person can then have the feed go on behind what somebody else wrote. */
async function checkBetween(run: Run): Promise<void> {
  if (run.stretches.length === 0 || run.checkpoint.position.records > 0) return;
  await checkStretches(run.line.works.admin, run.checkpoint, run.stretches.splice(0), run.signal);
}

function sentOf(chunk: Chunk): ReadonlyMap<number, number> {
  const sent = new Map<number, number>();
  for (const { partition, count } of chunk.parts.flatMap((part) => part.segments.flatMap((segment) => segment.blocks))) {
    sent.set(partition, (sent.get(partition) ?? 0) + count);
  }
  return sent;
}

/** While the relay stops: after the version in hand, or after the chunk if the version takes too long. */
function mayStop(run: Run): boolean {
  const { stopping, stoppingSince, clock } = run.line.works;
  if (!stopping.aborted) return false;
  return run.checkpoint.position.records === 0 || clock.now() - stoppingSince() > STOP_VERSION_MS;
}

/** With nothing left to publish: a feed that was parked or whose contract was accepted says in its checkpoint that it runs. */
async function settle(run: Run): Promise<void> {
  const { line, partition, checkpoint, signal } = run;
  const committed = partition.checkpoint(line.spec.id);
  if (committed === null || committed === checkpoint || committed.seq !== checkpoint.seq) return;
  const next: Checkpoint = { ...checkpoint, seq: checkpoint.seq + 1, relay: line.works.relay, at: line.works.clock.now() };
  run.checkpoint = await transactAlone(line, partition, next, signal, signal);
}

async function lengthsOf(run: Run): Promise<Lengths> {
  const { recipient, onBadRecord } = run.line.spec;
  const record = await recordMax(run, run.checkpoint.topic);
  return { record, letter: onBadRecord === 'dead-letter' ? await recordMax(run, deadLettersTopic(recipient)) : 0 };
}

/** The longest record that the topic takes, in bytes. */
async function recordMax(run: Run, topic: string): Promise<number> {
  const config = await run.line.works.admin.config(topic, run.signal);
  const bytes = Number(config['max.message.bytes']);
  return Number.isFinite(bytes) ? bytes - BATCH_OVERHEAD_BYTES : Infinity;
}
