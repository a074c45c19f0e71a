/**
 * Which topics a feed has, for who watches them.
 */
import type { Checkpoint } from '../model/position.ts';
import { serialise } from './checkpoint.ts';
import { commitsTopic } from './ledger.ts';
import type { Line } from './line.ts';
import { deadLettersTopic } from './own-topics.ts';
import type { ClaimedPartition } from './partition.ts';
import type { WatchedTopic } from './settings.ts';
import type { HeldFeed } from './watch.ts';

/** Without its data topic while it has none. */
export function topicsOf({ spec, works }: Line, checkpoint: Checkpoint | null): readonly WatchedTopic[] {
  const { recipient, envelope, key } = spec;
  const hasTopic = checkpoint !== null && checkpoint.topic !== '';
  return [
    ...(hasTopic
      ? [{ role: 'data' as const, topic: checkpoint.topic, envelope, isKeyed: key.length > 0, partitions: checkpoint.partitions }]
      : []),
    ...works.registry.topics(recipient).map(({ topic }) => ({ role: 'schemas' as const, topic })),
    { role: 'commits', topic: commitsTopic(recipient) },
    ...(spec.onBadRecord === 'dead-letter' ? [{ role: 'dead-letters' as const, topic: deadLettersTopic(recipient) }] : []),
  ];
}

export function heldFeed(line: Line, partition: ClaimedPartition): HeldFeed {
  const last = (): Checkpoint | null => partition.checkpoint(line.spec.id);
  return {
    checkpointPartition: partition.place.partition,
    topics: () => topicsOf(line, last()),
    checkpointBytes: () => {
      const checkpoint = last();
      return checkpoint === null ? 0 : Buffer.byteLength(serialise(checkpoint));
    },
  };
}
