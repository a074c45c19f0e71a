/**
 * Small tables behind a real provider, and relays in this process: for tests that change a table or a topic under a feed and look what becomes of it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quietKafka } from '../demo/consumer.ts';
import { shareTables } from '../support/shared-tables.ts';
import type { SharedTables } from '../support/shared-tables.ts';
import type { FaultRule } from '../../src/provider/faults.ts';
import { InProcess, listener } from './in-process.ts';
import type { FeedToRun, Relay, RunOptions } from './in-process.ts';
import { SmallTable, rowsFrom } from './small-table.ts';
import type { Columns } from './small-table.ts';

type More = Partial<Omit<RunOptions, 'feeds'>>;

export class Playground implements AsyncDisposable {
  readonly stage: InProcess;
  readonly folder: string;
  readonly shared: SharedTables;
  readonly #brokers: readonly string[];
  #tables = 0;

  private constructor(brokers: readonly string[], folder: string, shared: SharedTables) {
    this.#brokers = brokers;
    this.folder = folder;
    this.shared = shared;
    this.stage = new InProcess(brokers);
  }

  static async open(brokers: readonly string[]): Promise<Playground> {
    const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-play-'));
    await new SmallTable(folder, STEADY).commit({ adds: [rowsFrom(1, 3)] });
    return new Playground(brokers, folder, await shareTables({ folder }));
  }

  /** A table of its own name, without a version yet. */
  table(columns?: Columns): { readonly table: SmallTable; readonly name: string } {
    this.#tables++;
    const name = `t${this.#tables}`;
    return { table: new SmallTable(this.folder, name, columns), name };
  }

  /** Another provider over the same tables. */
  async sharedAlso(faults: readonly FaultRule[] = []): Promise<SharedTables> {
    return shareTables({ folder: this.folder, faults });
  }

  /** The outcome of one feed; another one on the same checkpoint partition must be done whatever becomes of it. */
  async outcome(relay: Relay, feed: FeedToRun, more: More = {}): Promise<string> {
    const outcomes = await relay.outcomes({ source: this.shared.source, ...more, feeds: [feed, { table: STEADY }] });
    if (outcomes[STEADY] !== 'done') throw new Error(`the feed beside it ended ${String(outcomes[STEADY])}`);
    return outcomes[feed.table] ?? '';
  }

  /** Runs one feed until so many transactions of rows are committed, and leaves at once. */
  async runUntilPublished(relay: Relay, feed: FeedToRun, transactions: number, more: More = {}): Promise<void> {
    const leaving = new AbortController();
    const heard = listener();
    const published: typeof heard.telemetry.published = (chunk) => {
      heard.telemetry.published(chunk);
      if (heard.published.length === transactions) leaving.abort(LEFT);
    };
    const options = { ...more, telemetry: { ...heard.telemetry, published }, signal: leaving.signal };
    await relay.run({ source: this.shared.source, ...options, feeds: [feed] }).catch((error: unknown) => {
      if (error !== LEFT) throw error;
    });
  }

  /** Versions that a topic holds, in order of reading. */
  async versions(relay: Relay, topic: string): Promise<readonly number[]> {
    return (await relay.changes(topic)).map(({ version }) => version);
  }

  /** A topic that somebody else makes; brokers tell of it. */
  async create(topic: string, partitions: number): Promise<void> {
    await this.stage.publisher.admin.create([{ topic, partitions, replicationFactor: -1, config: {} }], AbortSignal.timeout(240_000));
  }

  /** Gives a topic more partitions, and waits until brokers tell of them: the answer to the request comes before that. */
  async grow(relay: Relay, topic: string, count: number): Promise<void> {
    await this.administer(async (admin) => admin.createPartitions({ topicPartitions: [{ topic, count }] }));
    const signal = AbortSignal.timeout(240_000);
    while ((await relay.publisher.admin.describe(topic, signal))?.partitions !== count) signal.throwIfAborted();
  }

  /** What an administrator of Kafka does. */
  async administer<T>(work: (admin: ReturnType<ReturnType<typeof quietKafka>['admin']>) => Promise<T>): Promise<T> {
    const admin = quietKafka(this.#brokers, 'administrator').admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  /** A record of somebody else. */
  async intrude(topic: string, partition: number): Promise<void> {
    const producer = quietKafka(this.#brokers, 'intruder').producer({ allowAutoTopicCreation: false });
    await producer.connect();
    await producer.send({ topic, acks: -1, messages: [{ partition, key: 'k', value: 'foreign' }] });
    await producer.disconnect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stage[Symbol.asyncDispose]();
    await this.shared[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true });
  }
}

/** A table that never gives trouble. */
const STEADY = 'steady';
const LEFT = new Error('the test has seen enough');
