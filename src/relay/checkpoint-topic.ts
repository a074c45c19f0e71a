/**
 * `<name>.checkpoints`, the topic that holds every position: made if it is missing, refused where it would lose or misplace checkpoints, and read as a whole.
 */
import { Failure } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import type { Publisher, TopicAdmin } from '../ports/publisher.ts';
import type { Works } from './line.ts';
import { ownCheckpoints } from './own-topics.ts';
import { checkPlace } from './partition.ts';
import { findInTopic } from './topic-settings.ts';
import { refuse } from './watch.ts';

export function checkpointTopic(name: string): string {
  return `${name}.checkpoints`;
}

/** Rejects with `checkpoint.*` or `topic.missing` where no feed can work. */
export async function ensureCheckpointTopic(
  admin: TopicAdmin,
  topic: string,
  partitions: number,
  works: Works,
  signal: AbortSignal,
): Promise<void> {
  let state = await admin.describe(topic, signal);
  if (state === null) {
    await admin.create([ownCheckpoints(topic, partitions, works.topics)], signal);
    state = await admin.describe(topic, signal);
  }
  if (state === null) throw new Failure('topic.missing', `topic ${topic} was created and cannot be seen`);
  const look = { state, settings: await admin.config(topic, signal), rights: null };
  refuse(findInTopic({ role: 'checkpoints', topic, partitions, longestBytes: 0 }, look, 0, works.watch.site));
}

/**
 * The checkpoints in these partitions of `of`, as they stand there, without a claim. Rejects with `checkpoint.partitions` where feeds were hashed over another number: partitions that no
 * feed hashes to now are not claimed, and they are the ones that would say so.
 */
export async function readPartitions(
  publisher: Pick<Publisher, 'read'>,
  topic: string,
  partitions: readonly number[],
  of: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<FeedId, string>> {
  if (partitions.length === 0) return new Map();
  const latest = new Map(partitions.map((partition) => [partition, new Map<string, string>()]));
  for await (const { partition, key, value } of publisher.read({ topic, partitions, untilEnd: true }, signal)) {
    const name = Buffer.from(key ?? []).toString('utf8');
    if (value === null) latest.get(partition)?.delete(name);
    else latest.get(partition)?.set(name, Buffer.from(value).toString('utf8'));
  }
  const checkpoints = new Map<FeedId, string>();
  for (const [partition, records] of latest) {
    for (const [key, value] of records) {
      checkPlace({ topic, partition, partitions: of }, key, value);
      if (!key.startsWith('\0')) checkpoints.set(key, value);
    }
  }
  return checkpoints;
}
