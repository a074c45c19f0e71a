/**
 * The topics that the relay makes where they are missing, and what each is made with: the one table, for the relay that makes them and for whoever tells a person of them
 * before.
 */
import type { FeedSpec } from '../model/feed.ts';
import type { TopicSpec } from '../ports/publisher.ts';
import type { SchemaRegistry } from '../ports/schema-registry.ts';
import { commitsTopic } from './ledger.ts';
import type { DataTopics } from './line.ts';
import type { TopicRole } from './settings.ts';

/** A topic of ours, as it is made. */
export interface OwnTopic extends TopicSpec {
  readonly role: TopicRole;
}

/** What positions are kept in; `topic` is `checkpointTopic`'s. */
export function ownCheckpoints(topic: string, partitions: number, { replicationFactor }: Pick<DataTopics, 'replicationFactor'>): OwnTopic {
  return { role: 'checkpoints', topic, partitions, replicationFactor, config: CHECKPOINT_CONFIG };
}

/** What the feed needs beside its data topic, and shares with the other feeds of its recipient. */
export function ownShared(
  { recipient, onBadRecord }: Pick<FeedSpec, 'recipient' | 'onBadRecord'>,
  registry: Pick<SchemaRegistry, 'topics'>,
  { replicationFactor }: Pick<DataTopics, 'replicationFactor'>,
): readonly OwnTopic[] {
  const schemas = registry.topics(recipient).map((one): OwnTopic => ({ role: 'schemas', ...one, replicationFactor }));
  const commits: OwnTopic = {
    role: 'commits',
    topic: commitsTopic(recipient),
    partitions: 1,
    replicationFactor,
    config: COMMITS_CONFIG,
  };
  if (onBadRecord !== 'dead-letter') return [...schemas, commits];
  const letters = { role: 'dead-letters', topic: deadLettersTopic(recipient), partitions: 1, config: DEAD_LETTERS_CONFIG } as const;
  return [...schemas, commits, { ...letters, replicationFactor }];
}

/** `topic` is that of the feed's generation. */
export function ownData({ envelope }: Pick<FeedSpec, 'envelope'>, topic: string, topics: DataTopics): OwnTopic {
  const { partitions, replicationFactor, config } = topics;
  return { role: 'data', topic, partitions, replicationFactor, config: envelope === 'upsert' ? { ...UPSERT_CONFIG, ...config } : config };
}

/** The rows of the recipient's feeds that cannot be records of their topics. */
export function deadLettersTopic(recipient: string): string {
  return `${recipient}.dead-letters`;
}

/** As notes/kafka.md §3.1 has them. */
const CHECKPOINT_CONFIG = {
  'cleanup.policy': 'compact',
  'segment.ms': '3600000',
  'segment.bytes': '16777216',
  'min.cleanable.dirty.ratio': '0.1',
  'unclean.leader.election.enable': 'false',
} as const;

/** Kept for ever: it is the ledger of what was delivered (DESIGN §6). */
const COMMITS_CONFIG = { 'cleanup.policy': 'delete', 'retention.ms': '-1' } as const;

/** Until a person has looked at it. */
const DEAD_LETTERS_CONFIG = { 'cleanup.policy': 'delete', 'retention.ms': '-1' } as const;

/** The last record of each key stays, and a tombstone long enough for a consumer that was away (DESIGN §6). */
const UPSERT_CONFIG = { 'cleanup.policy': 'compact', 'delete.retention.ms': String(7 * 86_400_000) } as const;
