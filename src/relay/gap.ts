/**
 * What becomes of a feed whose next versions cannot be had: by its policies `onGap` and `onRecreate` (DESIGN §4):
 *
 *   park       a person decides; the failure says which versions are concerned
 *   skip       the feed goes on behind them, and a `gap` on `{recipient}.commits` says so in the same transaction
 *   snapshot   a new generation begins in a new topic from a snapshot, and a record on `{recipient}.commits` in the same transaction says where
 *
 * and of a feed whose schema breaks its consumers by `onSchemaChange`: with `new-topic` a new generation begins with just that version.
 *
 * Nothing is skipped, no topic left, and no person called on one answer: the first missing version must be refused three times alike while the provider answers otherwise,
 * and a file be gone from a new listing too; what is skipped must end in a version that answers, and another table must be told of three times. In the middle of a version
 * nothing is skipped at all. A snapshot of which no row is published yet is simply taken anew at a later version.
 */
import { unreachable } from '../lib/assert.ts';
import { Failure } from '../model/failure.ts';
import type { FailureCode } from '../model/failure.ts';
import { startOf } from '../model/position.ts';
import type { Checkpoint } from '../model/position.ts';
import { tableText } from '../model/version.ts';
import type { Version } from '../model/version.ts';
import { NOTHING_OPEN, nextGeneration, topicOf } from './checkpoint.ts';
import type { RaisedStart } from './checkpoint.ts';
import { entryOf, transactAlone, transactTold } from './ledger.ts';
import type { Line } from './line.ts';
import type { ClaimedPartition } from './partition.ts';
import { earliest, refusal, resolveStart, staysRefused } from './start.ts';

const GAPS: readonly FailureCode[] = ['gap.feed_off', 'gap.history_gone', 'gap.unanswered', 'gap.file_gone'];
/** What consumers of the topic would read wrong, or find in another partition. */
const BREAKING: readonly FailureCode[] = ['schema.breaking', 'key.changed'];
/** Why the rest of a snapshot cannot be had. */
const SNAPSHOT_LOST: readonly FailureCode[] = [...GAPS, 'snapshot.moved', 'table.recreated', 'provider.refused'];
/** How often another table must be told of in its place, alike. */
const RECREATED_ASKED = 3;
/** Versions looked at one by one for the end of a stretch without a feed, which may go on and off. */
const FEED_OFF_MAX = 10_000;
/** The same where the end only makes the message clearer. */
const FEED_OFF_TOLD = 100;

export interface Troubled {
  readonly line: Line;
  readonly partition: ClaimedPartition;
  /** As last confirmed. */
  readonly checkpoint: Checkpoint;
  readonly asking: AbortSignal;
  readonly signal: AbortSignal;
}

/**
 * Resolves when the feed can go on: behind the gap, or in a new generation. Rejects with `failure` itself, or with what says more, when it cannot.
 */
export async function overcome(troubled: Troubled, failure: Failure): Promise<void> {
  const { line, checkpoint } = troubled;
  const { onGap, onRecreate, onSchemaChange } = line.spec;
  const { position } = checkpoint;
  if (BREAKING.includes(failure.code) && onSchemaChange === 'new-topic') return cut(troubled, failure);
  const isSnapshot = position.kind === 'snapshot';
  if (isSnapshot && position.records === 0 && SNAPSHOT_LOST.includes(failure.code)) return beginAnew(troubled, failure);
  if (failure.code === 'table.recreated') {
    if (onRecreate !== 'snapshot') throw failure;
    await confirmRecreated(troubled, failure);
    return beginWithSnapshot(troubled, 'recreation', failure);
  }
  if (!(isSnapshot ? SNAPSHOT_LOST : GAPS).includes(failure.code)) throw failure;
  if (onGap === 'snapshot') {
    await confirmMissing(troubled, failure);
    return beginWithSnapshot(troubled, 'gap', failure);
  }
  if (onGap === 'skip' && !isSnapshot && position.records === 0) return skip(troubled, failure);
  await confirmParking(troubled, failure);
  throw isSnapshot ? failure : await told(troubled, failure);
}

/** What consumers are told of. */
interface Happening {
  readonly kind: 'gap' | 'recreation' | 'schema_change';
  readonly toVersion: Version | null;
  readonly nextTopic: string | null;
}

/** The snapshot at a later version: of the one that the checkpoint names no row is published. */
async function beginAnew({ line, partition, checkpoint, asking, signal }: Troubled, failure: Failure): Promise<void> {
  const { spec, source, works } = line;
  const { position, tableId } = await resolveStart(source, spec.table, { kind: 'snapshot' }, works.clock.now(), asking);
  // At the same version it would fail in the same way.
  if (position.version === checkpoint.position.version && tableId === checkpoint.tableId) {
    await confirmParking({ line, partition, checkpoint, asking, signal }, failure);
    throw failure;
  }
  works.telemetry.log('info', 'snapshot is taken at a later version', {
    feed: spec.id,
    version: position.version,
    instead: checkpoint.position.version,
    because: failure.message,
  });
  const next: Checkpoint = {
    ...checkpoint,
    seq: checkpoint.seq + 1,
    tableId,
    start: { ...checkpoint.start, version: position.version },
    position,
    relay: works.relay,
    at: works.clock.now(),
  };
  await transactAlone(line, partition, next, asking, signal);
}

async function skip(troubled: Troubled, failure: Failure): Promise<void> {
  const { line, checkpoint } = troubled;
  const { spec } = line;
  const from = checkpoint.position.version;
  await confirmMissing(troubled, failure);
  const to = await lastMissing(troubled, failure, FEED_OFF_MAX);
  if (to === null) {
    throw new Failure('gap.open', `no version of ${tableText(spec.table)} from ${from} on gives its changes: ${failure.message}`, {
      version: from,
      cause: failure,
    });
  }
  if (to < from) throw passing(troubled, failure);
  line.works.telemetry.log('warn', 'gap skipped', { feed: spec.id, from, to, code: failure.code, because: failure.message });
  await publishEvent(troubled, { kind: 'gap', toVersion: to, nextTopic: null }, failure, (at) => ({
    ...checkpoint,
    seq: checkpoint.seq + 1,
    position: startOf(to + 1),
    open: { ...NOTHING_OPEN, nextOffsets: checkpoint.open?.nextOffsets ?? {} },
    state: 'running',
    failure: null,
    relay: line.works.relay,
    at,
  }));
}

async function beginWithSnapshot(troubled: Troubled, kind: Happening['kind'], failure: Failure): Promise<void> {
  const { source, spec, works } = troubled.line;
  // What would be refused at once is refused before the old topic is left.
  await resolveStart(source, spec.table, { kind: 'snapshot' }, works.clock.now(), troubled.asking);
  await raiseGeneration(troubled, kind, { kind: 'snapshot' }, failure);
}

/** The new generation begins with the very version that breaks, of which nothing is published yet. */
async function cut(troubled: Troubled, failure: Failure): Promise<void> {
  const { version, records } = troubled.checkpoint.position;
  if (records > 0 || failure.version !== version) throw failure;
  await raiseGeneration(troubled, 'schema_change', { kind: 'version', version }, failure);
}

async function raiseGeneration(troubled: Troubled, kind: Happening['kind'], start: RaisedStart, failure: Failure): Promise<void> {
  const { line, checkpoint } = troubled;
  const { spec, works } = line;
  const nextTopic = topicOf(spec.topic, checkpoint.generation + 1);
  works.telemetry.log('warn', 'feed goes on in a new topic', {
    feed: spec.id,
    topic: nextTopic,
    start: start.kind,
    code: failure.code,
    because: failure.message,
  });
  await publishEvent(troubled, { kind, toVersion: null, nextTopic }, failure, (at) => nextGeneration(checkpoint, start, works.relay, at));
}

/** One transaction: the word to consumers, and the checkpoint behind it. */
async function publishEvent(
  { line, partition, checkpoint, asking, signal }: Troubled,
  event: Happening,
  failure: Failure,
  next: (at: number) => Checkpoint,
): Promise<void> {
  const entry = {
    ...entryOf(event.kind, checkpoint),
    ...event,
    code: failure.code,
    message: sentenceOf(event, checkpoint.position.version),
  };
  const published = { checkpoint: next(line.works.clock.now()), entries: [entry] };
  await transactTold(line, partition, () => Promise.resolve(published), asking, signal);
}

/** For those who read the topic. What the provider said stays in the log: it may name hosts and files, which are not for them. */
function sentenceOf({ kind, toVersion }: Happening, from: Version): string {
  switch (kind) {
    case 'gap':
      return `the changes of ${versionsText(from, toVersion)} cannot be had`;
    case 'recreation':
      return 'the table was dropped and made again';
    case 'schema_change':
      return `from version ${from} on the schema is one that readers of this topic would read wrong`;
    default:
      return unreachable(kind);
  }
}

/** Rejects if what is missing is there after all: a version is asked for three times; a file, or the rest of a snapshot, is looked for in a new listing. */
async function confirmMissing(troubled: Troubled, failure: Failure): Promise<void> {
  const { line, checkpoint, asking } = troubled;
  const { source, spec } = line;
  const { kind, version } = checkpoint.position;
  if (kind === 'changes' && failure.code !== 'gap.file_gone') {
    if (await staysRefused(source, spec.table, { version, answers: null }, asking)) return;
    throw passing(troubled, failure);
  }
  try {
    const listing =
      kind === 'snapshot'
        ? await source.snapshot(spec.table, { version, listedAs: null }, asking)
        : await source.changes(spec.table, { from: version, to: version, listedAs: null }, asking);
    for (const changes of listing.versions) await listing.prove(changes, asking);
  } catch (error) {
    if (error instanceof Failure && SNAPSHOT_LOST.includes(error.code)) return;
    throw error;
  }
  throw passing(troubled, failure);
}

/** No person is called for what passes: what would wait for one is asked for again. What is asked for again by itself need not be. */
async function confirmParking(troubled: Troubled, failure: Failure): Promise<void> {
  if (GAPS.includes(failure.code) && failure.disposition === 'park') await confirmMissing(troubled, failure);
}

/** Rejects if a replica still knows the table, or does again: each of those behind a balancer is to have heard of the new one. */
async function confirmRecreated(troubled: Troubled, failure: Failure): Promise<void> {
  const { line, checkpoint, asking } = troubled;
  for (let i = 0; i < RECREATED_ASKED; i++) {
    const { tableId } = await line.source.metadata(line.spec.table, null, asking);
    if (tableId === checkpoint.tableId) throw passing(troubled, failure);
  }
}

function passing({ line, checkpoint }: Troubled, failure: Failure): Failure {
  return new Failure(
    'provider.unavailable',
    `version ${checkpoint.position.version} of ${tableText(line.spec.table)} was refused, and asked again it is not: ${failure.message}`,
    { cause: failure },
  );
}

/** The last version of the gap; null where none behind it gives its changes, as far as it was looked. */
async function lastMissing({ line, checkpoint, asking }: Troubled, failure: Failure, versionsMax: number): Promise<Version | null> {
  const { source, spec } = line;
  const from = checkpoint.position.version;
  if (failure.code === 'gap.file_gone') return from;
  const latest = await source.latestVersion(spec.table, asking);
  if (latest <= from) return null;
  if (failure.code !== 'gap.feed_off') {
    const next = await earliest(source, spec.table, from, latest, asking).catch(noneToNull);
    return next === null ? null : next - 1;
  }
  line.works.telemetry.log('info', 'looking for the end of a gap, version by version', { feed: spec.id, from, latest });
  for (let version = from + 1; version <= Math.min(latest, from + versionsMax); version++) {
    if ((await refusal(source, spec.table, version, 'quick', asking)) === null) return version - 1;
  }
  return null;
}

function noneToNull(error: unknown): null {
  if (error instanceof Failure && error.code === 'start.none') return null;
  throw error;
}

/** The failure with the versions that are missing. */
async function told(troubled: Troubled, failure: Failure): Promise<Failure> {
  const { line, checkpoint } = troubled;
  const from = checkpoint.position.version;
  const to = await lastMissing(troubled, failure, FEED_OFF_TOLD).catch((error: unknown) => {
    if (error instanceof Failure) return null;
    throw error;
  });
  if (to !== null && to < from) return failure;
  const table = tableText(line.spec.table);
  return new Failure(failure.code, `the changes of ${versionsText(from, to)} of ${table} cannot be had: ${failure.message}`, {
    version: from,
    ...(to === null ? {} : { toVersion: to }),
    cause: failure,
  });
}

function versionsText(from: Version, to: Version | null): string {
  if (to === null) return `the versions from ${from} on`;
  return to === from ? `version ${from}` : `versions ${from} to ${to}`;
}
