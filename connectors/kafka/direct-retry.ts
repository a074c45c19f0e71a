/**
 * THE LIST: after which answers the `direct` driver asks again, the same bytes under the same sequence. All of them say that nothing was done, or that it is not known
 * whether it was, in which case the broker recognises the repetition. Whatever is not in the list breaks the producer, and the partition is claimed again.
 */
import { protocolErrorsCodesById } from '@platformatic/kafka';
import { CODES, reasonOf } from './kafka-failure.ts';

const RETRIED: ReadonlySet<number> = new Set([
  // The leader is another, or there is none at the moment.
  CODES.unknownTopic,
  CODES.leaderNotAvailable,
  CODES.notLeader,
  CODES.storageError,
  CODES.fencedLeaderEpoch,
  CODES.unknownLeaderEpoch,
  // Too few replicas have it, or too few are there.
  CODES.requestTimedOut,
  CODES.networkException,
  CODES.notEnoughReplicas,
  CODES.notEnoughReplicasAfterAppend,
  // The coordinator is another, or is being started; or it still writes the markers of the transaction before.
  CODES.coordinatorLoading,
  CODES.coordinatorNotAvailable,
  CODES.notCoordinator,
  CODES.concurrentTransactions,
]);

/** What a broker answered instead of doing it. */
export class Refused extends Error {
  /** As `reasonOf` reads it, of the libraries' errors too. */
  readonly apiCode: number;
  readonly apiId: string;
  /** What it refused, where the answer says it. */
  readonly topic: string | null;

  constructor(code: number, topic: string | null = null) {
    const id = protocolErrorsCodesById[code] ?? 'an unknown error';
    super(`the broker answered ${id} (${code})`);
    this.name = 'Refused';
    this.apiCode = code;
    this.apiId = id;
    this.topic = topic;
  }
}

export function isRetried(error: unknown): boolean {
  const { kind, code } = reasonOf(error);
  return kind === 'network' || (code !== null && RETRIED.has(code));
}

/** Whether the answer tells that the broker asked is not, or not yet, the one to ask. The markers of the transaction before are a matter of milliseconds. */
export function isWrongBroker(error: unknown): boolean {
  return reasonOf(error).code !== CODES.concurrentTransactions;
}

/** Short at first: the common case are markers of the transaction before. */
export const RETRY_BACKOFF = { firstMs: 10, maxMs: 500 };
