/**
 * Checkpoints as Kafka has them now, read without a claim: for looking at. What is written goes through a claim (checkpoint.ts).
 */
import type { Config } from '../config/config.ts';
import { Failure } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import type { Publisher } from '../ports/publisher.ts';
import { checkpointPartition, parseCheckpoint } from '../relay/checkpoint.ts';
import { checkpointTopic } from '../relay/checkpoint-topic.ts';

/** The latest checkpoint of every feed that has one, in the order of their ids; none where the topic does not exist yet. Rejects with `checkpoint.*`. */
export function readCheckpoints(config: Config, publisher: Publisher, signal: AbortSignal): Promise<ReadonlyMap<FeedId, Checkpoint>> {
  return readFrom(config, publisher, null, signal);
}

/** The latest checkpoint of one feed, or null. */
export async function readCheckpoint(config: Config, publisher: Publisher, feed: FeedId, signal: AbortSignal): Promise<Checkpoint | null> {
  const partition = checkpointPartition(feed, config.relay.checkpointPartitions);
  return (await readFrom(config, publisher, [partition], signal)).get(feed) ?? null;
}

async function readFrom(
  config: Config,
  publisher: Publisher,
  partitions: readonly number[] | null,
  signal: AbortSignal,
): Promise<ReadonlyMap<FeedId, Checkpoint>> {
  const topic = checkpointTopic(config.relay.name);
  const state = await publisher.admin.describe(topic, signal);
  if (state === null) return new Map();
  const { checkpointPartitions } = config.relay;
  if (state.partitions !== checkpointPartitions) {
    throw new Failure(
      'checkpoint.partitions',
      `topic ${topic} has ${state.partitions} partitions, and relay.checkpointPartitions is ${checkpointPartitions}`,
    );
  }
  const latest = new Map<string, string>();
  for await (const { key, value } of publisher.read({ topic, partitions, untilEnd: true }, signal)) {
    if (key === null) continue;
    const feed = Buffer.from(key).toString('utf8');
    if (feed.startsWith('\0')) continue;
    if (value === null) latest.delete(feed);
    else latest.set(feed, Buffer.from(value).toString('utf8'));
  }
  return new Map([...latest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([feed, text]) => [feed, parseCheckpoint(feed, text)]));
}
