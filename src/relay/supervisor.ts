/**
 * What becomes of a feed when its run fails: the one place where failures are caught (DESIGN §3.4, §7 "Parked").
 *
 *   passing            the feed tries again with backoff, for ever; with `--until-current` until `retryTimeoutMs` has passed without progress
 *   maybe damaged      what a person must act on may be one garbled answer or file: it is believed when it comes a second time
 *   a person must act  the reason goes into its checkpoint, and the feed waits: until the next claim, or ten minutes if the cause may heal by itself
 *   the claim is lost  nothing is decided here: the partition is claimed again for all of its feeds
 *   it is asked to     what people ask of the feed is carried out between two runs (orders.ts); one that is paused is as one for which a person must act, and is not tried
 *
 * The other feeds notice nothing of it.
 */
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { Failure } from '../model/failure.ts';
import type { FailureCode } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import type { Checkpoint, ParkedBy } from '../model/position.ts';
import type { EpochMs } from '../model/version.ts';
import { newCheckpoint, parkedCheckpoint } from './checkpoint.ts';
import { runFeed } from './feed.ts';
import type { Course } from './feed.ts';
import { transactAlone, transactParked } from './ledger.ts';
import type { Line } from './line.ts';
import { isHeld } from './open.ts';
import { Orders } from './orders.ts';
import type { ClaimedPartition } from './partition.ts';
import { heldFeed } from './watched-topics.ts';
import { Window } from './window.ts';

const BACKOFF = { firstMs: 1_000, maxMs: 60_000 };
const PROBE_MS = 600_000;

export type Outcome =
  /** It published up to its target. */
  | { readonly kind: 'done' }
  /** The relay stopped first. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'parked'; readonly failure: Failure }
  /** It was still failing when its time was over. */
  | { readonly kind: 'failing'; readonly failure: Failure };

/** What is remembered of a feed over its claims. */
export interface FeedMemory {
  readonly course: Course;
  /** Runs in a row that failed without a new checkpoint in between. */
  failures: number;
  failingSince: number | null;
  /** `seq` of the checkpoint that was there when it last failed. */
  failedAtSeq: number;
  /** The highest `seq` that Kafka ever confirmed to this process. */
  confirmedSeq: number;
  /** A failure that parks the feed and cost it its claim: to be kept in the checkpoint under the next one. */
  pending: Failure | null;
  /** Why the feed may not run at all: it is parked with it whenever it would. */
  readonly barred: Failure | null;
  /** It waits for a person, paused or not. */
  isParked: boolean;
  /** When it tries again, while it waits for that. */
  nextTryAt: EpochMs | null;
  readonly orders: Orders;
}

export function newMemory(barred: Failure | null, clock: Clock): FeedMemory {
  return {
    barred,
    isParked: false,
    nextTryAt: null,
    orders: new Orders(clock),
    course: { target: null, window: new Window() },
    failures: 0,
    failingSince: null,
    failedAtSeq: -1,
    confirmedSeq: 0,
    pending: null,
  };
}

/** Runs the feed under one claim until it has an outcome. Rejects when the claim is lost (with its failure) or `signal` aborts. */
export async function supervise(
  line: Line,
  partition: ClaimedPartition,
  memory: FeedMemory,
  retryTimeoutMs: number,
  signal: AbortSignal,
): Promise<Outcome> {
  const release = line.works.watch.hold(heldFeed(line, partition));
  try {
    return await superviseHeld(line, partition, memory, retryTimeoutMs, signal);
  } finally {
    release();
  }
}

async function superviseHeld(
  line: Line,
  partition: ClaimedPartition,
  memory: FeedMemory,
  retryTimeoutMs: number,
  signal: AbortSignal,
): Promise<Outcome> {
  const { works, spec } = line;
  memory.orders.attend(partition);
  forgetAfterProgress(partition, spec.id, memory);
  // A feed whose transactions fail leaves the rotation for a while: the others of its partition must not lose their claim at every turn of it.
  if (memory.failures > 0) await backOff(line, memory, 0, signal);
  for (;;) {
    const failure = await runOnce(line, partition, memory, signal);
    if (failure === 'asked') continue;
    if (failure === null) return { kind: works.stopping.aborted ? 'stopped' : 'done' };
    const outcome =
      parks(failure) && !isDoubted(failure, memory)
        ? await stayParked(line, partition, memory, failure, signal)
        : await waitAfter(line, memory, failure, retryTimeoutMs, signal);
    if (outcome !== null) return outcome;
    if (works.stopping.aborted) return { kind: 'stopped' };
  }
}

/** Null: the run ended by itself, or the relay stops. `asked`: it was ended by an order. Rejects when the claim is lost or `signal` aborts. */
async function runOnce(
  line: Line,
  partition: ClaimedPartition,
  memory: FeedMemory,
  signal: AbortSignal,
): Promise<Failure | 'asked' | null> {
  const { works, spec } = line;
  const { pending, orders } = memory;
  let running = signal;
  memory.pending = null;
  if (pending !== null) return pending;
  works.telemetry.feedState(spec.id, 'starting');
  try {
    checkConfirmed(partition, spec.id, memory);
    await obey(line, partition, memory, signal);
    if (memory.barred !== null) throw memory.barred;
    running = orders.running;
    await runFeed(line, partition, memory.course, AbortSignal.any([signal, running]));
    if (!works.stopping.aborted) works.telemetry.feedState(spec.id, 'done');
    return null;
  } catch (error) {
    memory.confirmedSeq = Math.max(memory.confirmedSeq, partition.checkpoint(spec.id)?.seq ?? 0);
    const isCulprit = partition.lostBy === spec.id;
    if (!isCulprit) signal.throwIfAborted();
    if (works.stopping.aborted && error === works.stopping.reason) return null;
    if (!isCulprit && running.aborted && !(error instanceof Failure)) return 'asked';
    const failure = asFailure(error, spec.id);
    // It has not failed.
    if (failure.code === PAUSED) return failure;
    note(partition, spec.id, memory, works.clock.now());
    works.telemetry.failed(spec.id, failure);
    if (isCulprit) {
      // The claim is lost with the transaction; that a person must act is written under the next one.
      memory.pending = parks(failure) ? failure : null;
      throw failure;
    }
    return works.stopping.aborted ? null : failure;
  }
}

const PAUSED: FailureCode = 'feed.paused';

/** What a person has paused the feed by; null where nobody has. */
export function pausedBy(checkpoint: Checkpoint | null): ParkedBy | null {
  const failure = checkpoint?.failure ?? null;
  return failure?.code === PAUSED ? failure : null;
}

/** Carries out what was asked. Throws `feed.paused` for a feed that is not to run. */
async function obey(line: Line, partition: ClaimedPartition, memory: FeedMemory, signal: AbortSignal): Promise<void> {
  const { spec } = line;
  const { orders } = memory;
  const last = partition.checkpoint(spec.id);
  const order = orders.pending;
  if (order === 'pause' && !isHeld(last)) {
    // It is carried out when the checkpoint says so.
    throw new Failure(PAUSED, pausedBy(last)?.message ?? 'a person has paused the feed');
  }
  const paused = pausedBy(last);
  if (last !== null && paused !== null && order === 'resume') {
    try {
      await lift(line, partition, last, signal);
    } catch (error) {
      // What is pending ends every wait: with the claim still there it would be tried again and again without one.
      if (!partition.lost.aborted) orders.drop();
      throw error;
    }
  } else if (paused !== null) {
    orders.drop();
    throw new Failure(PAUSED, paused.message);
  }
  if (order === 'pause') orders.drop();
  if (order === null || order === 'pause') return;
  memory.failures = 0;
  memory.failingSince = null;
  partition.doubt(spec.id);
  orders.obeyed();
}

/** The feed is not paused any more, whoever has it next; what it finds it does not take for granted. */
async function lift(line: Line, partition: ClaimedPartition, last: Checkpoint, signal: AbortSignal): Promise<void> {
  const { relay, clock } = line.works;
  const state = last.state === 'new' ? 'new' : 'running';
  const next: Checkpoint = { ...last, seq: last.seq + 1, state, failure: null, relay, at: clock.now() };
  await transactAlone(line, partition, next, signal, signal);
}

/**
 * What one damaged answer looks like as well, or a topic whose limits were lowered meanwhile and are read anew: a second look costs a second, and calling a person
 * costs more.
 */
const DOUBTED: readonly FailureCode[] = [
  'provider.malformed',
  'file.undecodable',
  'file.column',
  'file.change_type',
  'file.vector',
  'gap.history_gone',
  'gap.feed_off',
  'record.too_large',
];

function isDoubted({ code }: Failure, { failures }: FeedMemory): boolean {
  return failures < 2 && DOUBTED.includes(code);
}

function parks(failure: Failure): boolean {
  return failure.disposition === 'park' || failure.disposition === 'probe';
}

/** Until the cause is to be looked at again; or the outcome, with `--until-current`. */
async function stayParked(
  line: Line,
  partition: ClaimedPartition,
  memory: FeedMemory,
  failure: Failure,
  signal: AbortSignal,
): Promise<Outcome | null> {
  const { works, spec } = line;
  memory.isParked = true;
  try {
    await park(line, partition, failure, signal);
    // What was lost is said in the checkpoint from here on, and holds there until a person has looked.
    memory.confirmedSeq = partition.checkpoint(spec.id)?.seq ?? 0;
    if (failure.code === PAUSED && memory.orders.pending === 'pause') memory.orders.obeyed();
    if (works.untilCurrent) return { kind: 'parked', failure };
    const ms = failure.disposition === 'park' ? Infinity : PROBE_MS * (0.9 + 0.2 * works.clock.random());
    if (!BY_CREDENTIAL.includes(failure.code)) await wait(line, memory, ms, signal);
    else await untilRenewed(line, signal, async (ended) => wait(line, memory, ms, signal, ended));
    return null;
  } finally {
    memory.isParked = false;
  }
}

/** Until the feed is to try again; or the outcome, when its time is over. */
async function waitAfter(
  line: Line,
  memory: FeedMemory,
  failure: Failure,
  retryTimeoutMs: number,
  signal: AbortSignal,
): Promise<Outcome | null> {
  const { works, spec } = line;
  const failingMs = works.clock.now() - (memory.failingSince ?? works.clock.now());
  if (works.untilCurrent && failingMs >= retryTimeoutMs) return { kind: 'failing', failure };
  works.telemetry.feedState(spec.id, 'retrying');
  await backOff(line, memory, failure.retryAfterMs, signal);
  return null;
}

/** A seq below what was confirmed means that brokers lost what they acknowledged. */
function checkConfirmed(partition: ClaimedPartition, feed: FeedId, memory: FeedMemory): void {
  const seq = partition.checkpoint(feed)?.seq ?? 0;
  if (seq < memory.confirmedSeq) {
    throw new Failure('checkpoint.lost', `the checkpoint of ${feed} has the number ${seq}, and ${memory.confirmedSeq} was acknowledged`);
  }
  memory.confirmedSeq = seq;
}

/** What failed before the checkpoint that is there now is over. */
function forgetAfterProgress(partition: ClaimedPartition, feed: FeedId, memory: FeedMemory): void {
  if ((partition.checkpoint(feed)?.seq ?? 0) === memory.failedAtSeq) return;
  memory.failures = 0;
  memory.failingSince = null;
}

/** Counts failures without progress. */
function note(partition: ClaimedPartition, feed: FeedId, memory: FeedMemory, now: number): void {
  const seq = partition.checkpoint(feed)?.seq ?? 0;
  if (seq !== memory.failedAtSeq) {
    memory.failures = 0;
    memory.failingSince = now;
    memory.failedAtSeq = seq;
  }
  memory.failures++;
}

async function backOff(line: Line, memory: FeedMemory, floorMs: number, signal: AbortSignal): Promise<void> {
  const { clock } = line.works;
  await wait(
    line,
    memory,
    backoffMs(BACKOFF, memory.failures - 1, floorMs, () => clock.random()),
    signal,
  );
}

/** Ends early when the relay stops and when something is asked of the feed. */
async function wait({ works }: Line, memory: FeedMemory, ms: number, signal: AbortSignal, ended: AbortSignal = signal): Promise<void> {
  memory.nextTryAt = ms === Infinity ? null : works.clock.now() + ms;
  await works.clock.sleep(ms, AbortSignal.any([signal, ended, works.stopping, memory.orders.waking])).catch(() => {});
  memory.nextTryAt = null;
  signal.throwIfAborted();
}

/** What another profile may mend. */
const BY_CREDENTIAL: readonly FailureCode[] = ['provider.unauthorized', 'provider.forbidden'];

/** The waiting ends when the source has another credential. */
async function untilRenewed({ source }: Line, signal: AbortSignal, waiting: (ended: AbortSignal) => Promise<void>): Promise<void> {
  const over = new AbortController();
  source.credentialRenewed(AbortSignal.any([signal, over.signal])).then(
    () => over.abort(),
    () => {},
  );
  try {
    await waiting(over.signal);
  } finally {
    over.abort();
  }
}

/** Keeps the reason in the checkpoint, once: the same failure again is no news. */
async function park(line: Line, partition: ClaimedPartition, failure: Failure, signal: AbortSignal): Promise<void> {
  const { spec, works } = line;
  const last = partition.checkpoint(spec.id);
  works.telemetry.feedState(spec.id, failure.code === PAUSED ? 'paused' : 'parked');
  const at = works.clock.now();
  const base = last ?? newCheckpoint(spec.id, 1, 0, works.relay, at);
  const next = parkedCheckpoint(base, { code: failure.code, version: failure.version, message: failure.message, at }, works.relay, at);
  await transactParked(line, partition, next, last, signal);
}

/** What is not a failure of the world is a bug: it is told with its stack, and the feed tries again, since the other feeds must not fall with it. */
function asFailure(error: unknown, feed: FeedId): Failure {
  if (error instanceof Failure) return error;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Failure('relay.bug', `${feed}: ${text}`, { cause: error });
}
