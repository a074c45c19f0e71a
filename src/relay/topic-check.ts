/**
 * Whether a feed's topic is as the feed left it (DESIGN §8): the same one, not shorter than what was acknowledged, and with nobody else's records in it.
 *
 * Looked at under each claim, and hourly from then on, is what stands behind our own records. What comes in between them shows at the next commit: our records begin
 * later than they would.
 */
import { Failure } from '../model/failure.ts';
import type { Checkpoint } from '../model/position.ts';
import type { TopicAdmin, TopicState } from '../ports/publisher.ts';

/** Rejects with `topic.recreated`, `topic.lost` or `topic.foreign`. Bounded by what is behind our own next offsets. */
export async function checkTopic(admin: TopicAdmin, last: Checkpoint, state: TopicState, signal: AbortSignal): Promise<void> {
  const version = last.position.version;
  if (last.topicId !== null && state.topicId !== null && last.topicId !== state.topicId) {
    throw new Failure(
      'topic.recreated',
      `topic ${last.topic} was deleted and made again: its id is ${state.topicId}, and was ${last.topicId}`,
      { version },
    );
  }
  if (state.partitions < last.partitions) {
    throw new Failure('topic.recreated', `topic ${last.topic} has ${state.partitions} partitions, and had ${last.partitions}`, { version });
  }
  for (const [partition, { start, end }] of (await admin.offsets(last.topic, signal)).slice(0, last.partitions).entries()) {
    const ours = last.open?.nextOffsets[partition] ?? start;
    if (end < ours)
      throw new Failure('topic.lost', `partition ${partition} of ${last.topic} ends at ${end}, and ${ours} was acknowledged`, { version });
    // Markers of transactions stand behind our records, and what was aborted: only a committed record is somebody's.
    await checkFrom(admin, last, partition, Math.max(ours, start), end, signal);
  }
}

/** A stretch of a partition that our records have left out. */
export interface Stretch {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** What lies between our own records where a transaction's marker alone would be; `sent` are the records of one transaction, by partition. */
export function stretchesBetween(before: Checkpoint, after: Checkpoint, sent: ReadonlyMap<number, number>): readonly Stretch[] {
  return [...sent].flatMap(([partition, count]) => {
    const from = before.open?.nextOffsets[partition];
    const to = (after.open?.nextOffsets[partition] ?? 0) - count;
    return from === undefined || to - from <= MARKERS ? [] : [{ partition, from, to }];
  });
}

/** Rejects with `topic.foreign` where somebody else's records are in one of the stretches: what we sent and did not commit is nobody's. */
export async function checkStretches(
  admin: TopicAdmin,
  last: Checkpoint,
  stretches: readonly Stretch[],
  signal: AbortSignal,
): Promise<void> {
  for (const { partition, from, to } of stretches) await checkFrom(admin, last, partition, from, to, signal);
}

/** Of the transaction before. */
const MARKERS = 1;

async function checkFrom(
  admin: TopicAdmin,
  last: Checkpoint,
  partition: number,
  from: number,
  to: number,
  signal: AbortSignal,
): Promise<void> {
  const foreign = from >= to ? null : await admin.firstCommitted(last.topic, partition, from, signal);
  if (foreign === null || foreign >= to) return;
  throw new Failure('topic.foreign', `partition ${partition} of ${last.topic} holds a record at ${foreign} that is not the relay's`, {
    version: last.position.version,
  });
}
