/**
 * A topic as a read_committed consumer sees it, without a group.
 *
 * The broker sends everything up to the last stable offset and names the aborted transactions among it: a producer's records are skipped from the offset where
 * its aborted transaction begins to the abort marker that ends it. Markers are records to nobody.
 */
import { sleep } from '../../src/lib/abort.ts';
import { backoffMs } from '../../src/lib/backoff.ts';
import { Failure } from '../../src/model/failure.ts';
import type { ReadRecord } from '../../src/ports/publisher.ts';
import type { BrokerAddress } from './connections.ts';
import { CODES, failureOf, isTransient, reasonOf } from './kafka-failure.ts';
import type { Attempt } from './kafka-failure.ts';
import type { FetchedPartition, TopicMetadata, Wire } from './wire.ts';

/** What one answer said of one partition. */
export interface ReadStep {
  readonly partition: number;
  /** In offset order; empty where the answer held none that are committed. */
  readonly records: readonly ReadRecord[];
  /** Everything below is read. */
  readonly next: number;
  /** What cannot be read yet, because a transaction is open, is between the two. */
  readonly stable: number;
  readonly end: number;
}

const BACKOFF = { firstMs: 50, maxMs: 1_000 };
/** How long brokers may fail in a row before the reader gives up. */
const PATIENCE_MS = 60_000;

const IS_CONTROL = 0b10_0000;
const IS_TRANSACTIONAL = 0b1_0000;
const IS_LOG_APPEND_TIME = 0b1000;
const ABORT_MARKER = 0;

/**
 * Reads on from `from` (partition → offset) until the caller leaves the iteration or `signal` aborts. Follows leaders, and goes on at the log's start where
 * records were deleted before they were read. Rejects with `topic.missing`, `kafka.unauthorized`, `kafka.unreachable` after a minute without any answer.
 */
export async function* readCommitted(
  wire: Wire,
  topic: string,
  from: ReadonlyMap<number, number>,
  waitMs: number,
  signal: AbortSignal,
): AsyncGenerator<ReadStep> {
  const positions = new Map(from);
  let metadata = await topicOrFail(wire, topic, signal);
  for (;;) {
    const leaders = byLeader(metadata, [...positions.keys()]);
    const answers = await patiently(
      { doing: `reading ${topic}`, topic: { name: topic, right: 'Read' } },
      async (times) => {
        if (times > 0) metadata = await topicOrFail(wire, topic, signal);
        const asked = times > 0 ? byLeader(metadata, [...positions.keys()]) : leaders;
        try {
          const replies = await Promise.all(
            asked.map(([leader, partitions]) => wire.fetch(leader, topic, pick(positions, partitions), waitMs, signal)),
          );
          return replies.flat();
        } catch (error) {
          if (reasonOf(error).code !== CODES.offsetOutOfRange) throw error;
          const starts = await offsetsOf(wire, topic, metadata, 'start', signal);
          const behind = [...positions].filter(([partition, position]) => position < (starts.get(partition) ?? 0));
          if (behind.length === 0)
            throw new Failure(
              'kafka.rejected',
              `reading ${topic}: it ends before what was read already: it was created anew, or lost records`,
            );
          for (const [partition] of behind) positions.set(partition, starts.get(partition) ?? 0);
          return [];
        }
      },
      signal,
    );
    for (const answer of answers) {
      const step = committedOf(answer, positions.get(answer.partitionIndex) ?? 0);
      positions.set(step.partition, step.next);
      yield step;
    }
  }
}

/** Where a topic's partitions begin and end, each by partition. */
export interface TopicBounds {
  readonly partitions: number;
  readonly starts: ReadonlyMap<number, number>;
  readonly ends: ReadonlyMap<number, number>;
}

/** The ends count what is open and aborted (read_uncommitted). Rejects as `readCommitted` does. */
export async function boundsOf(wire: Wire, topic: string, signal: AbortSignal): Promise<TopicBounds> {
  const ask = async (): Promise<TopicBounds> => {
    const metadata = await wire.topic(topic, signal);
    if (metadata === null) throw new Failure('topic.missing', `there is no topic ${topic}`);
    const starts = await offsetsOf(wire, topic, metadata, 'start', signal);
    return { partitions: metadata.partitions.length, starts, ends: await offsetsOf(wire, topic, metadata, 'end', signal) };
  };
  return patiently({ doing: `asking for the offsets of ${topic}`, topic: { name: topic, right: 'Describe' } }, ask, signal);
}

async function offsetsOf(
  wire: Wire,
  topic: string,
  metadata: TopicMetadata,
  kind: 'start' | 'end',
  signal: AbortSignal,
): Promise<ReadonlyMap<number, number>> {
  const leaders = byLeader(
    metadata,
    metadata.partitions.map((_, partition) => partition),
  );
  const answers = await Promise.all(leaders.map(([leader, partitions]) => wire.offsets(leader, topic, partitions, kind, signal)));
  return new Map(answers.flatMap((answer) => [...answer]));
}

/** Repeats what brokers in trouble refuse, with backoff, for a minute; then rejects with what was refused last. `ask` is told how often it was asked before. */
async function patiently<T>(attempt: Attempt, ask: (times: number) => Promise<T>, signal: AbortSignal): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (let times = 0; ; times++) {
    try {
      return await ask(times);
    } catch (error) {
      signal.throwIfAborted();
      if (!isTransient(error) || performance.now() > until) throw failureOf(error, attempt);
    }
    await sleep(backoffMs(BACKOFF, times, 0, Math.random), signal);
  }
}

/** Null = no such topic. Rejects with `kafka.unauthorized`, `kafka.unreachable`. */
export async function lookFor(wire: Wire, topic: string, signal: AbortSignal): Promise<TopicMetadata | null> {
  return patiently({ doing: `looking for ${topic}`, topic: { name: topic, right: 'Describe' } }, () => wire.topic(topic, signal), signal);
}

async function topicOrFail(wire: Wire, topic: string, signal: AbortSignal): Promise<TopicMetadata> {
  const metadata = await lookFor(wire, topic, signal);
  if (metadata === null) throw new Failure('topic.missing', `there is no topic ${topic}`);
  return metadata;
}

function byLeader(metadata: TopicMetadata, partitions: readonly number[]): readonly (readonly [BrokerAddress, readonly number[]])[] {
  const groups = new Map<string, { readonly leader: BrokerAddress; readonly partitions: number[] }>();
  for (const partition of partitions) {
    const leader = metadata.partitions[partition]?.leader;
    if (leader === undefined)
      throw new Failure('kafka.rejected', `the topic has ${metadata.partitions.length} partitions: there is no partition ${partition}`);
    const name = `${leader.host}:${leader.port}`;
    const group = groups.get(name) ?? { leader, partitions: [] };
    group.partitions.push(partition);
    groups.set(name, group);
  }
  return [...groups.values()].map((group) => [group.leader, group.partitions]);
}

function pick(positions: ReadonlyMap<number, number>, partitions: readonly number[]): ReadonlyMap<number, number> {
  return new Map(partitions.map((partition) => [partition, positions.get(partition) ?? 0]));
}

function committedOf(answer: FetchedPartition, position: number): ReadStep {
  const aborted = (answer.abortedTransactions ?? []).toSorted((a, b) => Number(a.firstOffset - b.firstOffset));
  const aborting = new Set<bigint>();
  const records: ReadRecord[] = [];
  let next = position;
  let begun = 0;
  for (const batch of answer.records ?? []) {
    const last = Number(batch.firstOffset) + batch.lastOffsetDelta;
    for (let one = aborted[begun]; one !== undefined && Number(one.firstOffset) <= last; one = aborted[begun]) {
      aborting.add(one.producerId);
      begun++;
    }
    next = Math.max(next, last + 1);
    if ((batch.attributes & IS_CONTROL) !== 0) {
      if (batch.records[0]?.key?.readInt16BE(2) === ABORT_MARKER) aborting.delete(batch.producerId);
      continue;
    }
    if ((batch.attributes & IS_TRANSACTIONAL) !== 0 && aborting.has(batch.producerId)) continue;
    const isLogAppendTime = (batch.attributes & IS_LOG_APPEND_TIME) !== 0;
    for (const record of batch.records) {
      const offset = Number(batch.firstOffset) + record.offsetDelta;
      // A batch comes whole even where reading begins in its middle.
      if (offset < position) continue;
      const headers = record.headers.map(([name, value]): [string, string] => [
        name?.toString('utf8') ?? '',
        value?.toString('utf8') ?? '',
      ]);
      records.push({
        partition: answer.partitionIndex,
        offset,
        timestamp: Number(isLogAppendTime ? batch.maxTimestamp : batch.firstTimestamp + record.timestampDelta),
        key: record.key,
        value: record.value,
        headers: Object.fromEntries(headers),
      });
    }
  }
  return { partition: answer.partitionIndex, records, next, stable: Number(answer.lastStableOffset), end: Number(answer.highWatermark) };
}
