/**
 * `--until-current` beside other replicas: how far they have brought the feeds whose partitions are theirs. Their checkpoints tell, read from time to time.
 *
 * A feed is done when it has passed the version that was the latest when it was first looked at here. A replica that starts looks at parked feeds again: so one counts
 * as parked when it stays so for a while. One that gets no further counts as failing after the time of retrying.
 */
import { Failure, FAILURES } from '../model/failure.ts';
import type { FailureCode } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import type { EpochMs, Version } from '../model/version.ts';
import type { Publisher } from '../ports/publisher.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { readPartitions } from './checkpoint-topic.ts';
import type { Line, Works } from './line.ts';
import type { Outcome } from './supervisor.ts';

const LOOK_MS = 1_000;
const PARKED_MS = 5_000;

export interface ElsewhereOptions {
  readonly publisher: Publisher;
  /** The checkpoint topic. */
  readonly topic: string;
  readonly checkpointPartitions: number;
  readonly works: Works;
  readonly retryTimeoutMs: number;
}

export interface FeedElsewhere {
  readonly line: Line;
  readonly partition: number;
}

interface Watched {
  /** What its checkpoint said when it moved last, and when that was seen. */
  seq: number;
  at: EpochMs;
  target: Version | null;
}

export class Elsewhere {
  readonly #options: ElsewhereOptions;
  readonly #watched = new Map<FeedId, Watched>();

  constructor(options: ElsewhereOptions) {
    this.#options = options;
  }

  /** After a while, by partition and feed: what became of those of these feeds that have come to an end. Rejects with `signal.reason`, and with `checkpoint.*`. */
  async look(feeds: readonly FeedElsewhere[], signal: AbortSignal): Promise<ReadonlyMap<number, ReadonlyMap<FeedId, Outcome>>> {
    const { publisher, topic, checkpointPartitions, works } = this.#options;
    await works.clock.sleep(LOOK_MS, signal);
    const partitions = [...new Set(feeds.map(({ partition }) => partition))];
    const texts = await orPassing(readPartitions(publisher, topic, partitions, checkpointPartitions, signal), signal);
    const outcomes = new Map<number, Map<FeedId, Outcome>>();
    for (const { line, partition } of feeds) {
      const text = texts?.get(line.spec.id);
      const outcome = await this.#judge(line, text === undefined ? null : parseCheckpoint(line.spec.id, text), signal);
      if (outcome === null) continue;
      const ofPartition = outcomes.get(partition) ?? new Map<FeedId, Outcome>();
      outcomes.set(partition, ofPartition.set(line.spec.id, outcome));
    }
    return outcomes;
  }

  async #judge({ spec, source }: Line, checkpoint: Checkpoint | null, signal: AbortSignal): Promise<Outcome | null> {
    const { works, retryTimeoutMs } = this.#options;
    const now = works.clock.now();
    const watched = this.#watched.get(spec.id) ?? { seq: -1, at: now, target: null };
    this.#watched.set(spec.id, watched);
    const seq = checkpoint?.seq ?? 0;
    if (seq !== watched.seq) {
      watched.seq = seq;
      watched.at = now;
    }
    watched.target ??= await orPassing(source.latestVersion(spec.table, signal), signal);
    const { target } = watched;
    if (checkpoint?.state === 'running' && target !== null && isPast(checkpoint, target)) return { kind: 'done' };
    if (checkpoint?.state === 'parked' && now - watched.at >= PARKED_MS) return { kind: 'parked', failure: failureOf(checkpoint) };
    if (now - watched.at < retryTimeoutMs) return null;
    const failure = new Failure(
      'feed.elsewhere',
      `${spec.id} belongs to another replica, and got no further for ${retryTimeoutMs / 1000} s`,
    );
    return { kind: 'failing', failure };
  }
}

function isPast({ position }: Checkpoint, target: Version): boolean {
  return position.kind === 'changes' && position.version > target;
}

function failureOf({ failure, feed, position }: Checkpoint): Failure {
  const code = failure?.code ?? '';
  const message = failure?.message ?? `${feed} is parked`;
  return new Failure(isCode(code) ? code : 'feed.elsewhere', message, { version: failure?.version ?? position.version });
}

function isCode(text: string): text is FailureCode {
  return Object.hasOwn(FAILURES, text);
}

/** Null for what may be otherwise the next time. */
async function orPassing<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Failure) || error.code.startsWith('checkpoint.')) throw error;
    return null;
  }
}
