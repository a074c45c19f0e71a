/** Whom to ask: which broker leads which partition, and which coordinates a transactional id. Nothing here repeats a question. */
import type { Connection } from '@platformatic/kafka';
import { orAbort, sleep } from '../../src/lib/abort.ts';
import { Connections, addressText } from './connections.ts';
import type { BrokerAddress, ConnectionOptions } from './connections.ts';
import { findCoordinator, metadata } from './direct-messages.ts';
import type { Throttled, TopicPartition } from './direct-messages.ts';
import { Refused } from './direct-retry.ts';

export class DirectCluster {
  readonly #connections: Connections;
  #brokers: ReadonlyMap<number, BrokerAddress> = new Map();
  readonly #leaders = new Map<string, Map<number, number>>();
  #coordinator: BrokerAddress | null = null;
  /** By the text of the address, on the clock of `performance`. */
  readonly #quietUntil = new Map<string, number>();

  constructor(options: ConnectionOptions) {
    this.#connections = new Connections(options);
  }

  /** Null where that is not known: `learn`. */
  leaderOf(topic: string, partition: number): BrokerAddress | null {
    return this.#brokers.get(this.#leaders.get(topic)?.get(partition) ?? -1) ?? null;
  }

  /** Asks for the leaders of the topics. A partition that has none at the moment stays without. Rejects with `Refused` of a topic that cannot be seen. */
  async learn(topics: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const answer = await this.#askAny((connection) => metadata.async(connection, [...topics]), signal);
    this.#brokers = answer.brokers;
    for (const { topic, code, leaders } of answer.topics) {
      if (code !== 0) throw new Refused(code);
      this.#leaders.set(topic, new Map(leaders));
    }
  }

  forgetLeader({ topic, partition }: TopicPartition): void {
    this.#leaders.get(topic)?.delete(partition);
  }

  async coordinator(transactionalId: string, signal: AbortSignal): Promise<BrokerAddress> {
    if (this.#coordinator !== null) return this.#coordinator;
    const { code, coordinator } = await this.#askAny((connection) => findCoordinator.async(connection, transactionalId), signal);
    if (code !== 0 || coordinator === null) throw new Refused(code);
    this.#coordinator = coordinator;
    return coordinator;
  }

  forgetCoordinator(): void {
    this.#coordinator = null;
  }

  /** Waits first for as long as the broker asked to be left alone, and no longer than for an answer: beyond that it reads nothing, and sees to it by itself. */
  async ask<T extends Throttled>(broker: BrokerAddress, question: (connection: Connection) => Promise<T>, signal: AbortSignal): Promise<T> {
    const name = addressText(broker);
    const quietMs = (this.#quietUntil.get(name) ?? 0) - performance.now();
    if (quietMs > 0) await sleep(quietMs, signal);
    const answer = await orAbort(question(await this.#connections.to(broker, signal)), signal);
    if (answer.throttleMs > 0)
      this.#quietUntil.set(name, performance.now() + Math.min(answer.throttleMs, this.#connections.requestTimeoutMs));
    return answer;
  }

  /** Requests under way reject, and nothing more is sent. */
  close(): void {
    this.#connections.close();
  }

  async #askAny<T extends Throttled>(question: (connection: Connection) => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#connections.any([...this.#brokers.values()], (broker) => this.ask(broker, question, signal), signal);
  }
}
