/**
 * Brings batches to the leaders of their partitions.
 *
 * It goes in rounds. A round takes the batch that is next in each partition and sends each leader those that are its own, in one request; the leaders work side by side.
 * Then partition by partition: what the leader has appended is done with; what it refused in the words of THE LIST (direct-retry.ts), or did not answer at all, stays next,
 * and goes in the following round, the same bytes under the same sequence, to whoever is the leader then. Any other refusal ends everything. A partition has one batch
 * in flight, so batches cannot overtake one another, and the broker recognises a repetition. What counts is the answer for the partition, never that for the broker: kafkajs
 * keeps results by broker, and loses records when a partition moves between two of them (tulios/kafkajs#1303).
 */
import type { Connection } from '@platformatic/kafka';
import { sleep } from '../../src/lib/abort.ts';
import { must } from '../../src/lib/assert.ts';
import { backoffMs } from '../../src/lib/backoff.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Batch } from './direct-batch.ts';
import type { DirectCluster } from './direct-cluster.ts';
import type { Lane } from './direct-lane.ts';
import { produce } from './direct-messages.ts';
import type { Appended, Throttled, TopicPartition, Transactions } from './direct-messages.ts';
import { RETRY_BACKOFF, Refused, isRetried, isWrongBroker } from './direct-retry.ts';
import type { BrokerAddress } from './connections.ts';
import { CODES, failureOf } from './kafka-failure.ts';
import type { Attempt } from './kafka-failure.ts';

export interface CourierOptions {
  readonly cluster: DirectCluster;
  readonly transactionalId: string;
  /** What is being done when such a batch goes out. */
  readonly attemptOf: (place: TopicPartition, count: number) => Attempt;
  /** Is told of each trouble that is met by trying again. */
  readonly onTrouble: (error: unknown) => void;
}

/** How long a leader waits for its followers. */
const REPLICATION_MS = 5_000;
/** Of one request: a tenth of what brokers take by default (`socket.request.max.bytes`); a longer batch goes alone. */
const REQUEST_BYTES = { max: 8 * 1024 * 1024, min: 1024 * 1024 };

interface Load {
  readonly lane: Lane;
  readonly batch: Batch;
}

export class Courier {
  readonly #options: CourierOptions;
  #requestBytesMax = REQUEST_BYTES.max;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  /** Resolves when everything in the lanes is acknowledged. Goes on until `signal` aborts, and rejects with a `Failure` where trying again is of no use. */
  async deliver(lanes: readonly Lane[], transactions: Transactions, signal: AbortSignal): Promise<void> {
    let roundsInTrouble = 0;
    for (;;) {
      const loads = await heads(lanes);
      if (loads.length === 0) return;
      const troubles = await this.#round(loads, transactions, signal);
      for (const trouble of troubles) this.#options.onTrouble(trouble);
      roundsInTrouble = troubles.length === 0 ? 0 : roundsInTrouble + 1;
      if (roundsInTrouble > 0) await sleep(backoffMs(RETRY_BACKOFF, roundsInTrouble - 1, 0, Math.random), signal);
    }
  }

  /** What kept batches from being acknowledged. */
  async #round(loads: readonly Load[], transactions: Transactions, signal: AbortSignal): Promise<readonly unknown[]> {
    const { cluster } = this.#options;
    const leaderOf = ({ lane }: Load): BrokerAddress | null => cluster.leaderOf(lane.topic, lane.partition);
    const [lost] = loads.filter((load) => leaderOf(load) === null);
    if (lost !== undefined) {
      try {
        await cluster.learn(new Set(loads.map(({ lane }) => lane.topic)), signal);
      } catch (error) {
        return [this.#retried(error, lost, signal)];
      }
    }
    const answers = [...Map.groupBy(loads, leaderOf)].map(async ([leader, some]) =>
      leader === null ? [new Refused(CODES.leaderNotAvailable)] : this.#send(leader, this.#fitting(some), transactions, signal),
    );
    return (await Promise.all(answers)).flat();
  }

  /** As many as one request takes, one at least; the others wait for the next round. */
  #fitting(loads: readonly Load[]): readonly Load[] {
    let bytes = 0;
    const end = loads.findIndex(({ batch }) => (bytes += batch.bytes) > this.#requestBytesMax);
    return end === -1 ? loads : loads.slice(0, Math.max(1, end));
  }

  async #send(leader: BrokerAddress, loads: readonly Load[], transactions: Transactions, signal: AbortSignal): Promise<readonly unknown[]> {
    const { cluster, transactionalId } = this.#options;
    const batches = loads.map(({ lane: { topic, partition }, batch }) => ({ topic, partition, batch }));
    const first = must(loads[0], 'a load');
    let answered: readonly Appended[];
    try {
      const question = (connection: Connection): Promise<Throttled & { readonly partitions: readonly Appended[] }> =>
        produce[transactions].async(connection, transactionalId, REPLICATION_MS, batches);
      answered = (await cluster.ask(leader, question, signal)).partitions;
    } catch (error) {
      const trouble = this.#retried(error, first, signal);
      // A broker ends the connection, without a word, on a request longer than it takes.
      this.#requestBytesMax = Math.max(REQUEST_BYTES.min, this.#requestBytesMax / 2);
      for (const { lane } of loads) cluster.forgetLeader(lane);
      return [trouble];
    }
    return loads.flatMap((load) => this.#settle(load, answered, signal));
  }

  #settle(load: Load, answered: readonly Appended[], signal: AbortSignal): readonly unknown[] {
    const { lane, batch } = load;
    const answer = answered.find(({ topic, partition }) => topic === lane.topic && partition === lane.partition);
    if (answer?.code === 0 && answer.baseOffset >= 0) {
      lane.acknowledge(batch, answer.baseOffset);
      return [];
    }
    if (answer === undefined || answer.code === 0) {
      const { doing } = this.#options.attemptOf(lane, batch.count);
      throw new Failure('kafka.rejected', `${doing}: the broker names no offset for it`);
    }
    const refusal = this.#retried(new Refused(answer.code), load, signal);
    if (isWrongBroker(refusal)) this.#options.cluster.forgetLeader(lane);
    return [refusal];
  }

  /** The error, if it is one to try again after. */
  #retried(error: unknown, { lane, batch }: Load, signal: AbortSignal): unknown {
    signal.throwIfAborted();
    if (isRetried(error)) return error;
    throw failureOf(error, this.#options.attemptOf(lane, batch.count));
  }
}

async function heads(lanes: readonly Lane[]): Promise<readonly Load[]> {
  const loads = await Promise.all(lanes.map(async (lane) => (lane.head === null ? [] : [{ lane, batch: await lane.head }])));
  return loads.flat();
}
