/** Topics: created and asked for their settings by kafkajs, looked at by the wire (topic ids, offsets by isolation level). */
import kafkajs from 'kafkajs';
import type { Admin } from 'kafkajs';
import { orAbort, sleep } from '../../src/lib/abort.ts';
import { backoffMs } from '../../src/lib/backoff.ts';
import { must } from '../../src/lib/assert.ts';
import { Failure } from '../../src/model/failure.ts';
import type {
  ClusterLook,
  PartitionTail,
  TopicAdmin,
  TopicLook,
  TopicSpec,
  TopicState,
  TransactionLook,
} from '../../src/ports/publisher.ts';
import { lookAtCluster, lookAtTopics, lookAtTransactions, tailsOf } from './cluster-look.ts';
import { boundsOf, lookFor, readCommitted } from './committed-reader.ts';
import { CODES, failureOf, isTransient, reasonOf } from './kafka-failure.ts';
import type { TopicMetadata, Wire } from './wire.ts';

export interface KafkajsAdminOptions {
  /** Not yet connected. */
  readonly admin: Admin;
  readonly wire: Wire;
  /** For reads that wait for data. */
  readonly openWire: () => Wire;
  /** For messages. */
  readonly brokers: readonly string[];
  readonly reachTimeoutMs: number;
}

const BACKOFF = { firstMs: 50, maxMs: 1_000 };
const CREATE_MS = 30_000;
const FETCH_WAIT_MS = 100;

export class KafkajsAdmin implements TopicAdmin {
  readonly #options: KafkajsAdminOptions;
  #connecting: Promise<void> | null = null;

  constructor(options: KafkajsAdminOptions) {
    this.#options = options;
  }

  async reach(signal: AbortSignal): Promise<{ readonly brokers: number }> {
    const { wire, brokers, reachTimeoutMs } = this.#options;
    const until = performance.now() + reachTimeoutMs;
    for (let attempt = 0; ; attempt++) {
      try {
        return { brokers: await wire.brokers(signal) };
      } catch (error) {
        signal.throwIfAborted();
        if (!isTransient(error) || performance.now() > until) throw failureOf(error, { doing: `connecting to ${brokers.join(', ')}` });
      }
      await sleep(backoffMs(BACKOFF, attempt, 0, Math.random), signal);
    }
  }

  async describe(topic: string, signal: AbortSignal): Promise<TopicState | null> {
    const metadata = await this.#metadata(topic, signal);
    if (metadata === null) return null;
    const { topicId, partitions } = metadata;
    return { topic, topicId, partitions: partitions.length, replicationFactor: must(partitions[0], 'the first partition').replicas };
  }

  async create(specs: readonly TopicSpec[], signal: AbortSignal): Promise<void> {
    for (const spec of specs) {
      if ((await this.#metadata(spec.topic, signal)) !== null) continue;
      await this.#create(spec, signal);
    }
  }

  async rehearse(spec: TopicSpec, signal: AbortSignal): Promise<void> {
    if ((await this.#metadata(spec.topic, signal)) === null) await this.#ask(spec, true, signal);
  }

  async config(topic: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const until = performance.now() + CREATE_MS;
    for (let attempt = 0; ; attempt++) {
      const settings = await this.#settings(topic, signal);
      if (settings !== null) return settings;
      // Brokers hear of a new topic one after the other.
      const isThere = (await this.#metadata(topic, signal)) !== null;
      if (!isThere || performance.now() > until) throw new Failure('topic.missing', `there is no topic ${topic}`);
      await sleep(backoffMs(BACKOFF, attempt, 0, Math.random), signal);
    }
  }

  async offsets(topic: string, signal: AbortSignal): Promise<readonly { readonly start: number; readonly end: number }[]> {
    const { partitions, starts, ends } = await boundsOf(this.#options.wire, topic, signal);
    return Array.from({ length: partitions }, (_, partition) => ({
      start: must(starts.get(partition), 'the start offset'),
      end: must(ends.get(partition), 'the end offset'),
    }));
  }

  async firstCommitted(topic: string, partition: number, from: number, signal: AbortSignal): Promise<number | null> {
    const bounds = (await this.offsets(topic, signal))[partition];
    if (bounds === undefined) throw new Failure('kafka.rejected', `there is no ${topic}-${partition}`);
    if (Math.max(from, bounds.start) >= bounds.end) return null;
    const wire = this.#options.openWire();
    try {
      for await (const step of readCommitted(wire, topic, new Map([[partition, Math.max(from, bounds.start)]]), FETCH_WAIT_MS, signal)) {
        const first = step.records[0];
        if (first !== undefined) return first.offset;
        if (step.next >= step.stable) return null;
      }
      return null;
    } finally {
      await wire.close();
    }
  }

  async look(topics: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, TopicLook>> {
    return orFailure('looking at topics', () => lookAtTopics(this.#options.wire, topics, signal), signal);
  }

  async lookAtCluster(settings: readonly string[], group: string, signal: AbortSignal): Promise<ClusterLook> {
    return orFailure('looking at the brokers', () => lookAtCluster(this.#options.wire, settings, group, signal), signal);
  }

  async lookAtTransactions(transactionalId: string, signal: AbortSignal): Promise<TransactionLook> {
    return orFailure('looking at transactions', () => lookAtTransactions(this.#options.wire, transactionalId, signal), signal);
  }

  async tails(topics: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, readonly PartitionTail[]>> {
    return orFailure('looking at the ends of topics', () => tailsOf(this.#options.wire, topics, signal), signal);
  }

  /** Never rejects. */
  async close(): Promise<void> {
    if (this.#connecting === null) return;
    await this.#connecting.catch(() => {});
    await this.#options.admin.disconnect().catch(() => {});
  }

  /** Null: the broker that was asked knows no such topic. */
  async #settings(topic: string, signal: AbortSignal): Promise<Readonly<Record<string, string>> | null> {
    const request = { includeSynonyms: false, resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }] };
    try {
      const admin = await this.#admin(signal);
      const { resources } = await orAbort(admin.describeConfigs(request), signal);
      const entries = must(resources[0], 'the described topic').configEntries;
      return Object.fromEntries(entries.map((entry) => [entry.configName, entry.configValue]));
    } catch (error) {
      signal.throwIfAborted();
      if (reasonOf(error).code === CODES.unknownTopic) return null;
      throw failureOf(error, { doing: `reading the settings of ${topic}`, topic: { name: topic, right: 'DescribeConfigs' } });
    }
  }

  async #metadata(topic: string, signal: AbortSignal): Promise<TopicMetadata | null> {
    return lookFor(this.#options.wire, topic, signal);
  }

  async #create(spec: TopicSpec, signal: AbortSignal): Promise<void> {
    const { topic } = spec;
    await this.#ask(spec, false, signal);
    const until = performance.now() + CREATE_MS;
    for (let attempt = 0; (await this.#metadata(topic, signal)) === null; attempt++) {
      if (performance.now() > until)
        throw new Failure('kafka.unreachable', `creating ${topic}: no broker shows it within ${CREATE_MS / 1000} s`);
      await sleep(backoffMs(BACKOFF, attempt, 0, Math.random), signal);
    }
  }

  /** `isRehearsal`: brokers judge what is asked, and do not do it. */
  async #ask({ topic, partitions, replicationFactor, config }: TopicSpec, isRehearsal: boolean, signal: AbortSignal): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    try {
      const admin = await this.#admin(signal);
      const request = admin.createTopics({
        topics: [{ topic, numPartitions: partitions, replicationFactor, configEntries }],
        validateOnly: isRehearsal,
        waitForLeaders: false,
        timeout: CREATE_MS,
      });
      // False = somebody else created it meanwhile, and then it is theirs.
      await orAbort(request, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw failureOf(error, { doing: `creating ${topic}`, topic: { name: topic, right: 'Create' } });
    }
  }

  async #admin(signal: AbortSignal): Promise<Admin> {
    this.#connecting ??= this.#options.admin.connect();
    try {
      await orAbort(this.#connecting, signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#connecting = null;
      throw error;
    }
    return this.#options.admin;
  }
}

/** Asked once: who watches looks again anyhow. */
async function orFailure<T>(doing: string, ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    signal.throwIfAborted();
    throw failureOf(error, { doing });
  }
}
