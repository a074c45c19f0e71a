/**
 * The relay: claims the checkpoint partitions that its feeds hash to, and runs the feeds of each under its claim.
 *
 *   config ─► feeds ─► by checkpoint partition ─► claim ─► supervise each feed
 *                                                   ▲            │ claim lost
 *                                                   └────────────┘
 *
 * A claim that is lost is made again with backoff: claiming fences whoever held the partition, settles its transaction, and reads what is true.
 */
import { backoffMs } from '../lib/backoff.ts';
import { Failure } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import type { Publisher, TopicAdmin, TopicState } from '../ports/publisher.ts';
import { checkpointPartition } from './checkpoint.ts';
import type { Line, Works } from './line.ts';
import { ClaimedPartition, checkPlace } from './partition.ts';
import type { PartitionPlace } from './partition.ts';
import { newMemory, supervise } from './supervisor.ts';
import type { FeedMemory, Outcome } from './supervisor.ts';

const RECLAIM = { firstMs: 500, maxMs: 30_000 };
/** Fences in a row that mean more than one slow hand-over. */
const FENCES_ALARM = 5;

/** Settings of `<name>.checkpoints` (notes/kafka.md §3.1). */
const CHECKPOINT_CONFIG = {
  'cleanup.policy': 'compact',
  'segment.ms': '3600000',
  'segment.bytes': '16777216',
  'min.cleanable.dirty.ratio': '0.1',
  'unclean.leader.election.enable': 'false',
} as const;

export interface RelayOptions {
  readonly name: string;
  readonly checkpointPartitions: number;
  readonly publisher: Publisher;
  readonly lines: readonly Line[];
  readonly works: Works;
  readonly retryTimeoutMs: number;
  /** Goes into claim records: how a second deployment under the same name is recognised. */
  readonly owner: string;
  readonly nonce: () => string;
  /** Hash of the config, without its secrets: whether two claims come from one config. */
  readonly configHash: string;
  /** Called when every partition was claimed, or tried to be, for the first time. */
  readonly onAttempted: () => void;
}

export function checkpointTopic(name: string): string {
  return `${name}.checkpoints`;
}

/**
 * Runs all feeds until each has an outcome (`--until-current`), or the relay is stopped. Rejects with `checkpoint.*` or `kafka.*` failures of disposition
 * `environment` that no feed can work under, or with `signal.reason`.
 */
export async function runRelay(options: RelayOptions, signal: AbortSignal): Promise<ReadonlyMap<FeedId, Outcome>> {
  const { name, checkpointPartitions, publisher, works } = options;
  const topic = checkpointTopic(name);
  await ensureCheckpointTopic(publisher.admin, topic, checkpointPartitions, works, signal);
  const byPartition = Map.groupBy(options.lines, (line) => checkpointPartition(line.spec.id, checkpointPartitions));
  await checkIdle(publisher, topic, checkpointPartitions, new Set(byPartition.keys()), signal);
  const outcomes = new Map<FeedId, Outcome>();
  const leaving = new AbortController();
  const scope = AbortSignal.any([signal, leaving.signal]);
  let unattempted = byPartition.size;
  const attempted = (): void => {
    unattempted--;
    if (unattempted === 0) options.onAttempted();
  };
  const held = [...byPartition].map(async ([partition, lines]) => {
    try {
      await hold(options, { topic, partition, partitions: checkpointPartitions }, lines, { outcomes, attempted }, scope);
    } catch (error) {
      leaving.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(held);
  signal.throwIfAborted();
  leaving.signal.throwIfAborted();
  return outcomes;
}

interface Progress {
  readonly outcomes: Map<FeedId, Outcome>;
  /** To be called once, after the first claim or the first failure to claim. */
  readonly attempted: () => void;
}

/** Holds one checkpoint partition until all of its feeds have an outcome. */
async function hold(
  options: RelayOptions,
  place: PartitionPlace,
  lines: readonly Line[],
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { works } = options;
  const { outcomes } = progress;
  let attempted: (() => void) | null = progress.attempted;
  const onAttempt = (): void => {
    attempted?.();
    attempted = null;
  };
  const memories = new Map(lines.map((line) => [line.spec.id, newMemory()]));
  let lostInARow = 0;
  let fences = 0;
  let wasHeld = false;
  while (lines.some((line) => !outcomes.has(line.spec.id)) && !works.stopping.aborted) {
    const claimedAt = works.clock.now();
    try {
      const partition = await claim(options, place, signal);
      wasHeld = true;
      onAttempt();
      await holdOnce(options, partition, lines, memories, outcomes, signal);
      return;
    } catch (error) {
      onAttempt();
      signal.throwIfAborted();
      // A right that is taken away while the relay runs may come back; one that was never there is for a person to give.
      if (error instanceof Failure && error.disposition === 'environment' && (!wasHeld || error.code.startsWith('checkpoint.')))
        throw error;
      for (const { spec } of lines) if (!outcomes.has(spec.id)) works.telemetry.feedState(spec.id, 'retrying');
      const code = error instanceof Failure ? error.code : 'relay.bug';
      const message = error instanceof Error ? error.message : String(error);
      lostInARow = works.clock.now() - claimedAt > RECLAIM.maxMs ? 0 : lostInARow + 1;
      fences = code === 'kafka.fenced' ? fences + 1 : 0;
      works.telemetry.log(fences >= FENCES_ALARM || lostInARow > 3 ? 'error' : 'warn', 'claim lost, claiming again', {
        partition: place.partition,
        code,
        error: message,
      });
      const stopping = AbortSignal.any([signal, works.stopping]);
      await works.clock
        .sleep(
          backoffMs(RECLAIM, lostInARow, 50, () => works.clock.random()),
          stopping,
        )
        .catch(() => {});
      if (isOverdue(options, memories, lines, outcomes, error)) return;
    }
  }
}

/** Runs the feeds of a claimed partition that have no outcome yet, until each has one or the claim is lost. */
async function holdOnce(
  options: RelayOptions,
  partition: ClaimedPartition,
  lines: readonly Line[],
  memories: ReadonlyMap<FeedId, FeedMemory>,
  outcomes: Map<FeedId, Outcome>,
  signal: AbortSignal,
): Promise<void> {
  const { works, retryTimeoutMs } = options;
  const ended = new AbortController();
  const scope = AbortSignal.any([signal, partition.lost]);
  const keptAlive = partition.keepAlive(AbortSignal.any([scope, ended.signal])).catch(() => {}); // Whatever ends it is seen in `lost`.
  try {
    const runs = lines
      .filter((line) => !outcomes.has(line.spec.id))
      .map(async (line) => {
        const memory = memories.get(line.spec.id) ?? newMemory();
        outcomes.set(line.spec.id, await supervise(line, partition, memory, retryTimeoutMs, scope));
      });
    for (const orphan of partition.feeds.filter((feed) => !lines.some((line) => line.spec.id === feed))) {
      works.telemetry.log('info', 'checkpoint of a feed that the config does not know', { feed: orphan });
    }
    const settled = await Promise.allSettled(runs);
    signal.throwIfAborted();
    partition.lost.throwIfAborted();
    for (const run of settled) if (run.status === 'rejected') throw run.reason;
  } finally {
    ended.abort();
    await keptAlive;
    await partition.close();
  }
}

async function claim(options: RelayOptions, place: PartitionPlace, signal: AbortSignal): Promise<ClaimedPartition> {
  const { name, publisher, works, owner, nonce, configHash } = options;
  const claimed = await publisher.claim(
    {
      transactionalId: `${name}.${place.partition}`,
      topic: place.topic,
      partition: place.partition,
      claimValue: JSON.stringify({ nonce: nonce(), owner, config: configHash, at: works.clock.now() }),
    },
    signal,
  );
  try {
    const partition = new ClaimedPartition(place, claimed, works.clock, works.telemetry);
    await partition.writeMeta(claimed.records, signal);
    return partition;
  } catch (error) {
    await claimed.producer.close();
    throw error;
  }
}

/** With `--until-current`, feeds that could not even be claimed for `retryTimeoutMs` are given up as failing. */
function isOverdue(
  options: RelayOptions,
  memories: ReadonlyMap<FeedId, FeedMemory>,
  lines: readonly Line[],
  outcomes: Map<FeedId, Outcome>,
  error: unknown,
): boolean {
  const { works, retryTimeoutMs } = options;
  if (!works.untilCurrent) return false;
  const now = works.clock.now();
  for (const line of lines) {
    const memory = memories.get(line.spec.id);
    if (memory === undefined || outcomes.has(line.spec.id)) continue;
    memory.failingSince ??= now;
    if (now - memory.failingSince < retryTimeoutMs) continue;
    const failure = error instanceof Failure ? error : new Failure('relay.bug', String(error), { cause: error });
    outcomes.set(line.spec.id, { kind: 'failing', failure });
  }
  return lines.every((line) => outcomes.has(line.spec.id));
}

async function ensureCheckpointTopic(
  admin: TopicAdmin,
  topic: string,
  partitions: number,
  works: Works,
  signal: AbortSignal,
): Promise<void> {
  let state = await admin.describe(topic, signal);
  if (state === null) {
    await admin.create([{ topic, partitions, replicationFactor: works.topics.replicationFactor, config: CHECKPOINT_CONFIG }], signal);
    state = await admin.describe(topic, signal);
  }
  if (state === null) throw new Failure('topic.missing', `topic ${topic} was created and cannot be seen`);
  if (state.partitions !== partitions) {
    throw new Failure(
      'checkpoint.partitions',
      `topic ${topic} has ${state.partitions} partitions, and relay.checkpointPartitions is ${partitions}`,
    );
  }
  const config = await admin.config(topic, signal);
  if (config['cleanup.policy'] !== 'compact') {
    throw new Failure(
      'checkpoint.settings',
      `topic ${topic} has cleanup.policy ${String(config['cleanup.policy'])}, which would delete checkpoints: ` +
        `kafka-configs.sh --alter --topic ${topic} --add-config cleanup.policy=compact`,
    );
  }
  warnWeak(state, config, works);
}

/**
 * Partitions that no feed hashes to now are not claimed: if the number of partitions was changed, they are the ones that say so, and hold the feeds' checkpoints.
 */
async function checkIdle(
  publisher: Publisher,
  topic: string,
  partitions: number,
  claimed: ReadonlySet<number>,
  signal: AbortSignal,
): Promise<void> {
  const idle = Array.from({ length: partitions }, (_, partition) => partition).filter((partition) => !claimed.has(partition));
  if (idle.length === 0) return;
  const latest = new Map(idle.map((partition) => [partition, new Map<string, string>()]));
  for await (const { partition, key, value } of publisher.read({ topic, partitions: idle, untilEnd: true }, signal)) {
    const name = Buffer.from(key ?? []).toString('utf8');
    if (value === null) latest.get(partition)?.delete(name);
    else latest.get(partition)?.set(name, Buffer.from(value).toString('utf8'));
  }
  for (const [partition, records] of latest) for (const [key, value] of records) checkPlace({ topic, partition, partitions }, key, value);
}

/** The guarantee holds as long as Kafka keeps what it acknowledged; these settings decide how well it does. */
function warnWeak(state: TopicState, config: Readonly<Record<string, string>>, works: Works): void {
  const minInSync = Number(config['min.insync.replicas'] ?? 1);
  if (state.replicationFactor >= 3 && minInSync >= 2) return;
  works.telemetry.log('warn', 'a broker that fails can lose acknowledged records: use replication 3 and min.insync.replicas 2', {
    topic: state.topic,
    replicationFactor: state.replicationFactor,
    minInSyncReplicas: minInSync,
  });
}
