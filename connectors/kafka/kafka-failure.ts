/**
 * What a client library throws → the relay's failures. Both libraries wrap the broker's answer some levels deep; the broker's own error code decides
 * (https://kafka.apache.org/protocol.html#protocol_error_codes).
 */
import { certificateProblem } from '../../src/lib/certificate-problem.ts';
import { Failure } from '../../src/model/failure.ts';
import type { FailureCode } from '../../src/model/failure.ts';

/** What was being done, and the rights that it takes: named when the broker says that one is lacking. */
export interface Attempt {
  /** `sending to orders-3 as acme-relay.5`. */
  readonly doing: string;
  readonly topic?: { readonly name: string; readonly right: 'Describe' | 'Write' | 'Read' | 'Create' | 'DescribeConfigs' };
  readonly transactionalId?: string;
  /** The consumer group. */
  readonly group?: string;
}

/** Error codes of the protocol that the connectors act upon. */
export const CODES = {
  offsetOutOfRange: 1,
  unknownTopic: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  networkException: 13,
  coordinatorLoading: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  recordListTooLarge: 18,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  illegalGeneration: 22,
  inconsistentGroupProtocol: 23,
  unknownMemberId: 25,
  invalidSessionTimeout: 26,
  rebalanceInProgress: 27,
  topicUnauthorized: 29,
  groupUnauthorized: 30,
  clusterUnauthorized: 31,
  unsupportedMechanism: 33,
  topicExists: 36,
  invalidProducerEpoch: 47,
  invalidTransactionTimeout: 50,
  concurrentTransactions: 51,
  transactionalIdUnauthorized: 53,
  operationNotAttempted: 55,
  storageError: 56,
  authenticationFailed: 58,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
  offsetNotAvailable: 78,
  memberIdRequired: 79,
  groupMaxSizeReached: 81,
  fencedInstanceId: 82,
  producerFenced: 90,
} as const;

/** What the broker or the network said, out of the layers around it. */
export interface Reason {
  readonly kind: 'answer' | 'authentication' | 'network' | 'other';
  /** Null unless `kind` is `answer`. */
  readonly code: number | null;
  readonly text: string;
}

const LAYERS_MAX = 32;
const AUTHENTICATION = new Set(['KafkaJSSASLAuthenticationError', 'AuthenticationError']);
const NETWORK = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSNoBrokerAvailableError',
  'KafkaJSGroupCoordinatorNotFound',
  'KafkaJSBrokerNotFound',
  'KafkaJSLockTimeout',
  'NetworkError',
  'TimeoutError',
  // Of @platformatic/kafka: TLS on one side only.
  'UserError',
]);

export function reasonOf(error: unknown): Reason {
  const layers = layersOf(error);
  const innermost = layers.at(-1);
  const inner = layers.find((layer) => layer instanceof Failure);
  if (inner !== undefined) {
    const kind = inner.code === 'kafka.unauthorized' ? 'authentication' : isPassing(inner) ? 'network' : 'other';
    return { kind, code: null, text: inner.message };
  }
  for (const layer of layers) {
    const code = field(layer, 'apiCode') ?? field(layer, 'code');
    if (typeof code === 'number') {
      const name = field(layer, 'apiId') ?? field(layer, 'type');
      const kind = code === CODES.authenticationFailed || code === CODES.unsupportedMechanism ? 'authentication' : 'answer';
      return { kind, code, text: `the broker answered ${typeof name === 'string' ? name : 'an error'} (${code})` };
    }
  }
  const text = innermost?.message ?? String(error);
  // The libraries wrap a refused password in a lost connection, and a lost connection in a failed authentication: the inner one is the cause.
  for (const layer of layers.toReversed()) {
    if (AUTHENTICATION.has(nameOf(layer))) return { kind: 'authentication', code: null, text };
    if (NETWORK.has(nameOf(layer)) || typeof field(layer, 'syscall') === 'string') return { kind: 'network', code: null, text };
  }
  return { kind: 'other', code: null, text };
}

export function failureOf(error: unknown, attempt: Attempt): Failure {
  if (error instanceof Failure) return error;
  // What a token or a credential was not had for, inside of what the library made of it.
  const inner = layersOf(error).find((layer) => layer instanceof Failure);
  if (inner !== undefined) return new Failure(inner.code, `${attempt.doing}: ${inner.message}`, { cause: error });
  const reason = reasonOf(error);
  const fail = (code: FailureCode, text: string): Failure => new Failure(code, `${attempt.doing}: ${text}`, { cause: error });
  switch (reason.code) {
    case CODES.invalidProducerEpoch:
    case CODES.producerFenced:
      return fail('kafka.fenced', reason.text);
    case CODES.messageTooLarge:
    case CODES.recordListTooLarge:
      return fail('record.too_large', reason.text);
    case CODES.invalidTransactionTimeout:
      return fail('kafka.transaction_timeout', 'the brokers allow no transaction to take as long as the relay asks for');
    case CODES.topicUnauthorized:
      return fail(
        'kafka.unauthorized',
        `the right ${attempt.topic?.right ?? 'Describe'} on topic ${attempt.topic?.name ?? '(unknown)'} is lacking`,
      );
    case CODES.transactionalIdUnauthorized:
      return fail(
        'kafka.unauthorized',
        `the rights Write and Describe on transactional id ${attempt.transactionalId ?? '(unknown)'} are lacking`,
      );
    case CODES.groupUnauthorized:
      return fail(
        'kafka.unauthorized',
        `the right Read on ${attempt.group === undefined ? 'the consumer group' : `group ${attempt.group}`} is lacking`,
      );
    case CODES.clusterUnauthorized:
      return fail(
        'kafka.unauthorized',
        `the right ${attempt.topic?.right === 'Create' ? 'Create' : 'IdempotentWrite'} on the cluster is lacking`,
      );
    default:
  }
  if (reason.code === CODES.unsupportedMechanism)
    return fail('kafka.unauthorized', 'the brokers do not offer the mechanism of `kafka.sasl`');
  if (reason.kind === 'authentication')
    return fail('kafka.unauthorized', 'the brokers refuse the user name or the password of `kafka.sasl`');
  const problem = certificateProblem(error);
  if (problem !== null) return fail('kafka.certificate', problem);
  return fail(reason.kind === 'network' ? 'kafka.unreachable' : 'kafka.rejected', reason.text);
}

/** Of a transaction's end that failed: whether it was committed has to be read, unless the broker refused it for certain. */
export function inDoubt(failure: Failure): Failure {
  if (failure.code === 'kafka.fenced' || failure.code === 'kafka.unauthorized') return failure;
  return new Failure('kafka.unknown', failure.message, { cause: failure.cause });
}

export function transactionalIdRefused(attempt: Attempt, cause: unknown): Failure {
  const name = attempt.transactionalId ?? '(unknown)';
  return new Failure('kafka.unauthorized', `${attempt.doing}: the rights Write and Describe on transactional id ${name} are lacking`, {
    cause,
  });
}

const TRANSIENT = new Set<number>([
  CODES.leaderNotAvailable,
  CODES.notLeader,
  CODES.requestTimedOut,
  CODES.coordinatorLoading,
  CODES.coordinatorNotAvailable,
  CODES.notCoordinator,
  CODES.storageError,
  CODES.fencedLeaderEpoch,
  CODES.unknownLeaderEpoch,
  CODES.offsetNotAvailable,
]);

/** Whether asking again, perhaps another broker, may help. */
export function isTransient(error: unknown): boolean {
  if (error instanceof Failure) return isPassing(error);
  if (certificateProblem(error) !== null) return false;
  const reason = reasonOf(error);
  return reason.kind === 'network' || (reason.code !== null && TRANSIENT.has(reason.code));
}

function isPassing({ code }: Failure): boolean {
  return code === 'kafka.unreachable' || code === 'kafka.token';
}

/** The error and everything it was caused by, outermost first. */
function layersOf(error: unknown): readonly Error[] {
  const layers: Error[] = [];
  const waiting: unknown[] = [error];
  while (waiting.length > 0 && layers.length < LAYERS_MAX) {
    const next = waiting.shift();
    if (!(next instanceof Error) || layers.includes(next)) continue;
    layers.push(next);
    waiting.push(...aggregated(next), next.cause);
  }
  return layers;
}

/** kafkajs' aggregate error is no `AggregateError`, but has its field. */
function aggregated(error: Error): readonly unknown[] {
  const errors: unknown = field(error, 'errors');
  return Array.isArray(errors) ? Array.from<unknown>(errors) : [];
}

function nameOf(error: Error): string {
  return error.name === 'Error' ? error.constructor.name : error.name;
}

function field(error: Error, name: string): unknown {
  return Reflect.get(error, name);
}
