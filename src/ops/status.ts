/**
 * `/api/status`: every feed of the relay on one page, whichever replica is asked (schemas/openapi.json describes it).
 *
 *   here        what this replica knows by itself, to the moment
 *   elsewhere   what the checkpoint topic says, of the last commit; and on top of that what the replica that claimed the feed says, where it answers (peers.ts)
 *
 * All sentences are the relay's own: messages of failures hold no secret. Times are ISO 8601.
 */
import { FAILURES } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import type { ChangeCounts, Checkpoint, ParkedBy } from '../model/position.ts';
import { tableText } from '../model/version.ts';
import type { EpochMs } from '../model/version.ts';
import type { FeedControl, FeedView, Others } from '../ports/feed-control.ts';
import type { FeedState } from '../ports/telemetry.ts';
import type { Board, LiveFeed } from './board.ts';

export interface StatusDocument {
  readonly relay: { readonly name: string; readonly version: string };
  readonly at: string;
  /** The one that answers. */
  readonly replica: { readonly name: string; readonly http: string | null; readonly startedAt: string };
  readonly ready: { readonly isReady: boolean; readonly because: string | null };
  readonly actions: 'on' | 'off';
  readonly sources: readonly SourceStatus[];
  /** In the order of their ids. */
  readonly feeds: readonly (FeedStatus | PeerStatus)[];
  /** Checkpoints of feeds that the config does not know, in the order of their ids; with `?own` none. */
  readonly orphans: readonly OrphanStatus[];
  /** What could not be seen, one sentence each: of feeds of other replicas. */
  readonly gaps: readonly string[];
}

export interface SourceStatus {
  readonly name: string;
  /** Null: by cron. */
  readonly pollSeconds: number | null;
  readonly credentialExpiresAt: string | null;
}

export interface FeedStatus {
  readonly id: FeedId;
  readonly recipient: string;
  readonly source: string;
  readonly table: string;
  readonly topic: string;
  readonly generation: number;
  readonly state:
    | FeedState
    /** No replica has claimed it yet. */
    | 'new';
  /** `live`: as it is. `checkpoint`: as it was at its last commit, for the replica that has it does not answer. */
  readonly seen: 'live' | 'checkpoint';
  readonly since: string | null;
  /** Null before the first commit. */
  readonly position: { readonly kind: 'snapshot' | 'changes'; readonly version: number; readonly records: number } | null;
  readonly snapshotShare: number | null;
  readonly latestVersion: number | null;
  readonly lag: { readonly versions: number | null; readonly seconds: number | null };
  readonly rowsPerSecond: number | null;
  readonly lastCommitAt: string | null;
  readonly failure: FailureStatus | null;
  /** Of the checkpoint topic. */
  readonly partition: number;
  /** The replica that has it. */
  readonly owner: string | null;
}

export interface FailureStatus {
  readonly code: string;
  readonly version: number | null;
  readonly message: string;
  readonly remedy: string | null;
  readonly at: string;
  readonly nextTryAt: string | null;
}

/** What is kept of a feed that the config does not know: nothing is published of it. */
export interface OrphanStatus extends Pick<FeedStatus, 'id' | 'topic' | 'generation' | 'position' | 'lastCommitAt'> {
  readonly state: KeptState;
}

/** A feed as another replica tells of it: of the same description, by the release that runs there. */
export type PeerStatus = Readonly<Record<string, unknown>> & { readonly id: FeedId };

export interface FeedDetail {
  readonly feed: FeedStatus | PeerStatus;
  /** Transactions of rows since the feed runs where it does, the latest first; 20 at most. */
  readonly commits: readonly CommitStatus[];
}

export interface CommitStatus {
  readonly at: string;
  /** The next version behind it. */
  readonly nextVersion: number;
  /** Versions that it made whole. */
  readonly versions: number;
  readonly rows: ChangeCounts;
  readonly deadLetters: number;
  readonly bytes: number;
}

export interface StatusWorld {
  readonly relay: StatusDocument['relay'];
  readonly replica: { readonly name: string; readonly http: string | null; readonly startedAt: EpochMs };
  readonly sources: readonly string[];
  readonly board: Board;
  readonly now: () => EpochMs;
}

/** Feeds that this replica has, and the others as their checkpoints have them. */
export function feedStatus(world: StatusWorld, view: FeedView, others: Others | null): FeedStatus {
  const { spec, partition, here } = view;
  const live = here === null ? null : world.board.feed(spec.id);
  const checkpoint = here === null ? (others?.checkpoints.get(spec.id) ?? null) : here.checkpoint;
  const begun = checkpoint === null || checkpoint.state === 'new' ? null : checkpoint;
  const lagVersions = live?.lagVersions ?? null;
  return {
    id: spec.id,
    recipient: spec.recipient,
    source: spec.source,
    table: tableText(spec.table),
    topic: begun === null ? spec.topic : begun.topic,
    generation: checkpoint?.generation ?? 1,
    state: here === null ? keptState(checkpoint) : (live?.state ?? 'starting'),
    seen: here === null ? 'checkpoint' : 'live',
    since: live === null ? null : isoOf(live.since),
    position: begun === null ? null : positionStatus(begun.position),
    snapshotShare: begun?.position.kind === 'snapshot' ? (live?.snapshotShare ?? null) : null,
    latestVersion: begun === null || lagVersions === null ? null : begun.position.version - 1 + lagVersions,
    lag: { versions: lagVersions, seconds: live?.lagSeconds ?? null },
    rowsPerSecond: live === null ? null : Math.round(live.rowsPerSecond * 10) / 10,
    lastCommitAt: begun === null ? null : isoOf(begun.at),
    failure: failureStatus(
      live?.failure ?? here?.claimFailure ?? null,
      live?.state ?? null,
      checkpoint?.failure ?? null,
      here?.nextTryAt ?? null,
    ),
    partition,
    owner: here === null ? (others?.owners.get(partition)?.name ?? null) : world.replica.name,
  };
}

export function orphansOf(control: FeedControl | null, others: Others | null): readonly OrphanStatus[] {
  const kept = new Map([...(control?.orphans ?? []), ...(others?.checkpoints ?? [])]);
  return [...kept.values()]
    .filter(({ feed }) => control?.isKnown(feed) === false)
    .toSorted((a, b) => (a.feed < b.feed ? -1 : 1))
    .map((checkpoint) => {
      const { feed: id, topic, generation, position, at } = checkpoint;
      const isNew = checkpoint.state === 'new';
      return {
        id,
        state: keptState(checkpoint),
        topic,
        generation,
        position: isNew ? null : positionStatus(position),
        lastCommitAt: isNew ? null : isoOf(at),
      };
    });
}

function positionStatus({ kind, version, records }: Checkpoint['position']): FeedStatus['position'] {
  return { kind, version, records };
}

export function commitsOf(world: StatusWorld, id: FeedId): readonly CommitStatus[] {
  return (world.board.feed(id)?.commits ?? []).map(({ at, position, versions, rows, deadLetters, bytes }) => ({
    at: isoOf(at),
    nextVersion: position,
    versions,
    rows,
    deadLetters,
    bytes,
  }));
}

export function sourcesOf({ sources, board }: StatusWorld): readonly SourceStatus[] {
  return sources.map((name) => {
    const { pollSeconds, credentialExpiresAt } = board.source(name);
    return { name, pollSeconds, credentialExpiresAt: credentialExpiresAt === null ? null : isoOf(credentialExpiresAt) };
  });
}

/** The feeds that the answer is about: those of this replica alone, or all. */
export function viewsOf(control: FeedControl | null, isOwn: boolean): readonly FeedView[] {
  const views = control?.feeds() ?? [];
  return views.filter(({ here }) => here !== null || !isOwn).toSorted((a, b) => (a.spec.id < b.spec.id ? -1 : 1));
}

export function isoOf(at: EpochMs): string {
  return new Date(at).toISOString();
}

type KeptState = 'new' | 'running' | 'parked' | 'paused';

function keptState(checkpoint: Checkpoint | null): KeptState {
  if (checkpoint?.failure?.code === 'feed.paused') return 'paused';
  if (checkpoint !== null && checkpoint.failure !== null) return 'parked';
  return checkpoint === null || checkpoint.state === 'new' ? 'new' : 'running';
}

/** `failed` is what happened here; `parkedBy` what the checkpoint keeps, which holds until the feed has gone on. */
function failureStatus(
  failed: LiveFeed['failure'],
  state: FeedState | null,
  parkedBy: ParkedBy | null,
  nextTryAt: EpochMs | null,
): FailureStatus | null {
  const next = nextTryAt === null ? null : isoOf(nextTryAt);
  if (failed !== null) {
    const { code, version, message, remedy } = failed.failure;
    return { code, version, message, remedy, at: isoOf(failed.at), nextTryAt: next };
  }
  const isOver = state !== null && state !== 'parked' && state !== 'paused';
  if (parkedBy === null || isOver) return null;
  const { code, version, message, at } = parkedBy;
  return { code, version, message, remedy: remedyOf(code), at: isoOf(at), nextTryAt: next };
}

function remedyOf(code: string): string | null {
  return Object.entries(FAILURES).find(([known]) => known === code)?.[1].remedy ?? null;
}
