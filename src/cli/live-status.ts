/**
 * `status` by a relay that runs: its /api/status, which knows what no checkpoint says.
 */
import type { Config } from '../config/config.ts';
import { JsonMismatch, JsonObject } from '../lib/json.ts';
import type { FeedStatus } from './feed-status.ts';

export interface LiveStatus {
  /** Where it answered. */
  readonly url: string;
  readonly rows: readonly FeedStatus[];
  /** By the relay's clock, in milliseconds since the epoch. */
  readonly at: number;
  /** What it could not see, one sentence each. */
  readonly gaps: readonly string[];
}

const ANSWER_MS = 6_000;

/** Where a relay of this config would answer on this machine; null where its port is any that is free. */
export function urlOf({ http }: Config): string | null {
  if (http.port === 0) return null;
  const host = http.host === '0.0.0.0' ? '127.0.0.1' : http.host === '::' ? '::1' : http.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${http.port}`;
}

/** A sentence where no relay of this name answers, or not so that it can be understood. Rejects with `signal.reason`. */
export async function askRelay(url: string, name: string, signal: AbortSignal): Promise<LiveStatus | string> {
  const address = `${url.replace(/\/+$/, '')}/api/status`;
  try {
    const response = await fetch(address, { signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]) });
    if (!response.ok) return `${address} answered ${response.status}`;
    const document = new JsonObject(await response.json());
    const answering = document.object('relay').string('name');
    if (answering !== name) return `the relay that answers at ${url} is ${answering}, and not ${name}`;
    return {
      url,
      rows: [...document.objects('feeds').map(rowOf), ...orphansOf(document)],
      at: Date.parse(document.string('at')),
      gaps: document.strings('gaps'),
    };
  } catch (error) {
    signal.throwIfAborted();
    const isStranger = error instanceof JsonMismatch || error instanceof SyntaxError;
    return isStranger ? `what answers at ${address} is no relay that this one understands` : `no relay answers at ${url}`;
  }
}

const STATES = ['new', 'starting', 'running', 'retrying', 'parked', 'paused', 'done'] as const;

function rowOf(feed: JsonObject): FeedStatus {
  const lag = feed.object('lag');
  const failure = feed.nullable('failure', (key) => feed.object(key));
  return {
    ...kept(feed),
    state: feed.oneOf('state', STATES),
    isOrphan: false,
    behind: {
      versions: lag.nullable('versions', (key) => lag.integer(key)),
      seconds: lag.nullable('seconds', (key) => lag.number(key)),
    },
    failure:
      failure === null
        ? null
        : {
            code: failure.string('code'),
            version: failure.nullable('version', (key) => failure.integer(key)),
            message: failure.string('message'),
            at: failure.string('at'),
            remedy: failure.nullable('remedy', (key) => failure.string(key)),
            nextTryAt: failure.nullable('nextTryAt', (key) => failure.string(key)),
          },
  };
}

/** None of an older relay, which does not tell them. */
function orphansOf(document: JsonObject): readonly FeedStatus[] {
  const orphans = document.raw('orphans') === undefined ? [] : document.objects('orphans');
  return orphans.map((feed) => ({ ...kept(feed), state: feed.oneOf('state', STATES), isOrphan: true, behind: null, failure: null }));
}

/** What a checkpoint says. */
function kept(
  feed: JsonObject,
): Pick<FeedStatus, 'feed' | 'topic' | 'generation' | 'nextVersion' | 'isSnapshot' | 'recordsOfNextVersion' | 'lastCommitAt'> {
  const position = feed.nullable('position', (key) => feed.object(key));
  const topic = feed.string('topic');
  return {
    feed: feed.string('id'),
    topic: topic === '' ? null : topic,
    generation: feed.integer('generation'),
    nextVersion: position?.integer('version') ?? null,
    isSnapshot: position?.string('kind') === 'snapshot',
    recordsOfNextVersion: position?.integer('records') ?? 0,
    lastCommitAt: feed.nullable('lastCommitAt', (key) => feed.string(key)),
  };
}
