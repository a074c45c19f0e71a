/**
 * The transaction coordinator of one transactional id. What it answers in the words of THE LIST is asked again, of whoever is the coordinator then, until the caller's
 * signal ends it; everything else rejects.
 */
import type { Connection } from '@platformatic/kafka';
import { sleep } from '../../src/lib/abort.ts';
import { backoffMs } from '../../src/lib/backoff.ts';
import type { DirectCluster } from './direct-cluster.ts';
import { addPartitions, apiVersions, endTxn, initProducerId } from './direct-messages.ts';
import type { Outcome, ProducerEpoch, TopicPartition, Transactions } from './direct-messages.ts';
import { RETRY_BACKOFF, Refused, isRetried, isWrongBroker } from './direct-retry.ts';
import { CODES } from './kafka-failure.ts';

export interface CoordinatorOptions {
  readonly cluster: DirectCluster;
  readonly transactionalId: string;
  /** After this the coordinator aborts a transaction by itself. */
  readonly transactionTimeoutMs: number;
  /** Is told of each trouble that is met by trying again. */
  readonly onTrouble: (error: unknown) => void;
}

/** `transaction.version` from which on every transaction has an epoch of its own. */
const OWN_EPOCHS = 2;

export class DirectCoordinator {
  readonly #options: CoordinatorOptions;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
  }

  /** Which version of transactions the cluster has finalised. */
  async transactions(signal: AbortSignal): Promise<Transactions> {
    const { answer } = await this.#ask((connection) => apiVersions.async(connection), signal);
    return answer.transactionVersion >= OWN_EPOCHS ? 2 : 1;
  }

  /**
   * A new epoch. With null whoever has the id is fenced, and a transaction of it settled: the coordinator answers once that is done. With the epoch of our own it is
   * given only if nobody else has claimed the id since.
   */
  async newEpoch(before: ProducerEpoch | null, signal: AbortSignal): Promise<ProducerEpoch> {
    const { transactionalId, transactionTimeoutMs } = this.#options;
    const { answer } = await this.#ask(
      (connection) => initProducerId.async(connection, transactionalId, transactionTimeoutMs, before),
      signal,
    );
    return answer.given;
  }

  /** Makes partitions part of the transaction: in transactions of version 1 alone. Rejects with the refusal of one of them. */
  async add(partitions: readonly TopicPartition[], epoch: ProducerEpoch, signal: AbortSignal): Promise<void> {
    const { transactionalId } = this.#options;
    await this.#ask(async (connection) => {
      const { throttleMs, partitions: answered } = await addPartitions.async(connection, transactionalId, epoch, partitions);
      const isAdded = partitions.every((one) =>
        answered.some(({ topic, partition, code }) => code === 0 && topic === one.topic && partition === one.partition),
      );
      // Where one is refused, the others are not even tried.
      const refused = answered.find(({ code }) => code !== 0 && code !== CODES.operationNotAttempted);
      if (!isAdded) throw new Refused(refused?.code ?? CODES.operationNotAttempted, refused?.topic);
      return { throttleMs, code: 0 };
    }, signal);
  }

  /**
   * Ends the transaction; `next` = the epoch of the next one, null if it stays. `isInDoubt`: it was asked more than once, and a copy of the question may still be on its
   * way.
   */
  async end(
    isCommit: boolean,
    epoch: ProducerEpoch,
    transactions: Transactions,
    signal: AbortSignal,
  ): Promise<{ readonly next: ProducerEpoch | null; readonly isInDoubt: boolean }> {
    const { transactionalId } = this.#options;
    const { answer, times } = await this.#ask(
      (connection) => endTxn[transactions].async(connection, transactionalId, epoch, isCommit),
      signal,
    );
    return { next: answer.next, isInDoubt: times > 1 };
  }

  async #ask<T extends Outcome>(
    question: (connection: Connection) => Promise<T>,
    signal: AbortSignal,
  ): Promise<{ readonly answer: T; readonly times: number }> {
    const { cluster, transactionalId, onTrouble } = this.#options;
    for (let times = 1; ; times++) {
      try {
        const answer = await cluster.ask(await cluster.coordinator(transactionalId, signal), question, signal);
        if (answer.code === 0) return { answer, times };
        throw new Refused(answer.code);
      } catch (error) {
        signal.throwIfAborted();
        if (!isRetried(error)) throw error;
        onTrouble(error);
        if (isWrongBroker(error)) cluster.forgetCoordinator();
      }
      await sleep(backoffMs(RETRY_BACKOFF, times - 1, 0, Math.random), signal);
    }
  }
}
