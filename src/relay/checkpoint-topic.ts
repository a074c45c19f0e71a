/**
 * `<name>.checkpoints`, the topic that holds every position: made if it is missing, refused where it would lose or misplace checkpoints, and read as a whole.
 */
import { Failure } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import type { Publisher, TopicAdmin, TopicState } from '../ports/publisher.ts';
import type { Works } from './line.ts';
import { checkPlace } from './partition.ts';

/** Its settings (notes/kafka.md §3.1). */
const CHECKPOINT_CONFIG = {
  'cleanup.policy': 'compact',
  'segment.ms': '3600000',
  'segment.bytes': '16777216',
  'min.cleanable.dirty.ratio': '0.1',
  'unclean.leader.election.enable': 'false',
} as const;

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
 * The checkpoints in these partitions of `of`, as they stand there, without a claim. Rejects with `checkpoint.partitions` where feeds were hashed over another number: partitions that no
 * feed hashes to now are not claimed, and they are the ones that would say so.
 */
export async function readPartitions(
  publisher: Publisher,
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
