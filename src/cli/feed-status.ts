/**
 * How a feed stands, as `status` tells it: by its checkpoint, or by the relay that runs it (live-status.ts).
 */
import type { Config } from '../config/config.ts';
import { patternOf } from '../model/feed-pattern.ts';
import type { FeedId } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import { remedyOf } from './exit.ts';

export interface FeedStatus {
  readonly feed: FeedId;
  readonly state:
    /** No checkpoint yet: nothing was published. */
    | 'new'
    /** It publishes, or would if a relay ran. */
    | 'running'
    | 'parked'
    | 'paused'
    /** The three that only a relay tells. */
    | 'starting'
    | 'retrying'
    | 'done';
  /** The config does not know the feed. */
  readonly isOrphan: boolean;
  readonly topic: string | null;
  readonly generation: number;
  /** Every version below it is published whole. */
  readonly nextVersion: number | null;
  /** Whether the table as it was at `nextVersion` is being published, and not yet what changes. */
  readonly isSnapshot: boolean;
  /** Records of `nextVersion` that are published already. */
  readonly recordsOfNextVersion: number;
  /** Versions known and not published, and the age of the first; null where no relay tells. */
  readonly behind: { readonly versions: number | null; readonly seconds: number | null } | null;
  /** ISO 8601; of the last transaction of the feed in this generation. */
  readonly lastCommitAt: string | null;
  readonly failure: {
    readonly code: string;
    readonly version: number | null;
    readonly message: string;
    readonly at: string;
    readonly remedy: string | null;
    /** When it tries again by itself; null where it does not, and where no relay tells. */
    readonly nextTryAt: string | null;
  } | null;
}

/** Those that the config names, in its order; then those that came by a pattern, and the orphans, in the order of their ids. */
export function statusOf(config: Config, checkpoints: ReadonlyMap<FeedId, Checkpoint>): readonly FeedStatus[] {
  const named = new Set(config.feeds.map((feed) => feed.id));
  const others = [...checkpoints]
    .filter(([feed]) => !named.has(feed))
    .map(([feed, checkpoint]) => feedStatus(feed, checkpoint, patternOf(config.patterns, feed) === null));
  return [
    ...config.feeds.map((feed) => feedStatus(feed.id, checkpoints.get(feed.id) ?? null, false)),
    ...others.filter(({ isOrphan }) => !isOrphan),
    ...others.filter(({ isOrphan }) => isOrphan),
  ];
}

/** What a person sees of a feed, `now` in milliseconds since the epoch. */
export function statusLines(row: FeedStatus, now: number): readonly string[] {
  const state = row.isOrphan ? `${row.state}, orphan (not in the config)` : row.state;
  const part = row.recordsOfNextVersion === 0 ? '' : `, ${row.recordsOfNextVersion} records of it published`;
  const version =
    row.nextVersion === null
      ? `nothing${row.generation > 1 ? ` of generation ${row.generation}` : ''} published yet`
      : `${row.isSnapshot ? 'snapshot of' : 'next'} version ${row.nextVersion}${part}`;
  const age = row.lastCommitAt === null ? '' : `, last commit ${ageText(now - Date.parse(row.lastCommitAt))} ago`;
  const topic = row.topic === null ? [] : [`  topic ${row.topic}${row.generation > 1 ? `, generation ${row.generation}` : ''}`];
  return [`${row.feed}: ${state}; ${version}${behindText(row)}${age}`, ...topic, ...failureLines(row, now)];
}

function feedStatus(feed: FeedId, checkpoint: Checkpoint | null, isOrphan: boolean): FeedStatus {
  if (checkpoint === null) {
    return {
      feed,
      state: 'new',
      isOrphan,
      topic: null,
      generation: 1,
      nextVersion: null,
      isSnapshot: false,
      recordsOfNextVersion: 0,
      behind: null,
      lastCommitAt: null,
      failure: null,
    };
  }
  const { state, position, failure } = checkpoint;
  const isNew = state === 'new';
  return {
    feed,
    state: failure === null ? state : failure.code === 'feed.paused' ? 'paused' : 'parked',
    isOrphan,
    topic: checkpoint.topic === '' ? null : checkpoint.topic,
    generation: checkpoint.generation,
    nextVersion: isNew ? null : position.version,
    isSnapshot: !isNew && position.kind === 'snapshot',
    recordsOfNextVersion: isNew ? 0 : position.records,
    behind: null,
    lastCommitAt: isNew ? null : new Date(checkpoint.at).toISOString(),
    failure:
      failure === null ? null : { ...failure, at: new Date(failure.at).toISOString(), remedy: remedyOf(failure.code), nextTryAt: null },
  };
}

function behindText({ behind }: FeedStatus): string {
  const versions = behind?.versions ?? null;
  if (versions === null) return '';
  if (versions === 0) return ', current';
  const age = behind?.seconds === null || behind === null ? '' : ` and ${ageText(behind.seconds * 1000)}`;
  return `, ${versions} version${versions === 1 ? '' : 's'}${age} behind`;
}

function failureLines({ failure }: FeedStatus, now: number): readonly string[] {
  if (failure === null) return [];
  const version = failure.version === null ? '' : ` at version ${failure.version}`;
  const next = failure.nextTryAt === null ? '' : `, tries again in ${ageText(Date.parse(failure.nextTryAt) - now)}`;
  return [`  ${failure.code}${version}: ${failure.message}${next}`, ...(failure.remedy === null ? [] : [`  → ${failure.remedy}`])];
}

function ageText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
