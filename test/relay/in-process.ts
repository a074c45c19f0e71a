/**
 * A relay in this process, on a real Kafka and a real provider: only the waits between tries are short, and every part can be wrapped by one that fails.
 */
import { randomUUID } from 'node:crypto';
import { CONNECTORS } from '../../connectors/index.ts';
import { openPool } from '../../src/codec/pool.ts';
import { sleep } from '../../src/lib/abort.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { Semaphore } from '../../src/lib/semaphore.ts';
import { Failure } from '../../src/model/failure.ts';
import type { FeedSettings } from '../../src/model/feed-pattern.ts';
import { feedId } from '../../src/model/feed.ts';
import type { EnvelopeKind, FeedId, FeedSpec, Start, OnGap, OnBadRecord, OnRecreate, OnSchemaChange } from '../../src/model/feed.ts';
import type { Checkpoint } from '../../src/model/position.ts';
import type { Encoder } from '../../src/ports/encoder.ts';
import type { FeedControl } from '../../src/ports/feed-control.ts';
import type { Membership } from '../../src/ports/membership.ts';
import type { ReadRecord as BrokerRecord, Publisher } from '../../src/ports/publisher.ts';
import type { Framing, SchemaRegistry } from '../../src/ports/schema-registry.ts';
import type { Source } from '../../src/ports/source.ts';
import type { FeedState, PublishedChunk, Telemetry } from '../../src/ports/telemetry.ts';
import { checkpointPartition, parseCheckpoint } from '../../src/relay/checkpoint.ts';
import type { ChunkLimits } from '../../src/relay/chunk.ts';
import type { DataTopics, Line, Works } from '../../src/relay/line.ts';
import { ClaimedPartition } from '../../src/relay/partition.ts';
import { checkpointTopic } from '../../src/relay/checkpoint-topic.ts';
import type { Wait } from '../../src/relay/poll.ts';
import { runRelay } from '../../src/relay/relay.ts';
import { Roster } from '../../src/relay/roster.ts';
import type { Outcome } from '../../src/relay/supervisor.ts';
import { recordReader, rowReader } from '../demo/avro-row.ts';
import type { ReadChange } from '../demo/consumer.ts';
import { uniqueName } from '../kafka/use-kafka.ts';
import { fixtureTable } from '../support/shared-tables.ts';
import { ledgerFaults } from '../support/ledger.ts';
import type { LedgerEntry } from '../support/ledger.ts';
import { decoded } from '../support/said-records.ts';
import type { ReadRecord } from '../support/said-records.ts';
import { alone } from '../support/alone.ts';
import { quiet } from '../support/quiet-telemetry.ts';
import { watchOf } from '../support/watch-of.ts';

export interface FeedToRun {
  readonly table: string;
  readonly key?: readonly string[];
  readonly envelope?: EnvelopeKind;
  readonly start?: Start;
  readonly topic?: string;
  readonly adopt?: boolean;
  readonly onGap?: OnGap;
  readonly onRecreate?: OnRecreate;
  readonly onSchemaChange?: OnSchemaChange;
  readonly onBadRecord?: OnBadRecord;
}

export interface PatternToRun {
  /** `*` and `?` in the name of the table. */
  readonly tables: string;
  /** A template. */
  readonly topic?: string;
  readonly start?: Start;
}

/** What one run does differently. */
export interface RunOptions {
  readonly feeds: readonly FeedToRun[];
  /** Tables that come by the listing of the source. */
  readonly patterns?: readonly PatternToRun[];
  /** Until the source is listed again. */
  readonly listAgain?: Wait;
  /** Until a feed is polled again. */
  readonly wait?: Wait;
  readonly onAttempted?: () => void;
  readonly onControl?: (control: FeedControl) => void;
  readonly source: Source;
  readonly publisher?: Publisher;
  /** What its claims say. */
  readonly owner?: string;
  readonly http?: string;
  readonly configHash?: string;
  /** The group of replicas; by default there is this one alone. */
  readonly membership?: Membership;
  readonly encoder?: Encoder;
  /** One that names schemas by id, in the place of the schemas topic. */
  readonly registry?: SchemaRegistry;
  /** Of a registry that does otherwise. */
  readonly framing?: Framing;
  readonly chunk?: Partial<ChunkLimits>;
  readonly topics?: Partial<DataTopics>;
  readonly checkpointPartitions?: number;
  readonly memoryBytes?: number;
  readonly retryTimeoutMs?: number;
  readonly clock?: Clock;
  /** A daemon: it ends by `stopping` alone. */
  readonly forEver?: boolean;
  readonly stopping?: AbortSignal;
  readonly telemetry?: Telemetry;
  readonly signal?: AbortSignal;
}

/** 0x01 and a GUID. */
const GUID_FRAMING = 17;

/** The least of every jitter: what is tried again is tried at once. */
export const hasty: Clock = { ...systemClock, random: () => 0 };

export class InProcess implements AsyncDisposable {
  readonly name = uniqueName('relay');
  readonly publisher: Publisher;
  readonly encoder: Encoder;
  readonly #brokers: readonly string[];

  constructor(brokers: readonly string[]) {
    this.#brokers = brokers;
    this.publisher = openPublisher(brokers);
    this.encoder = openPool({ workers: 1, workerUrl: new URL('../../src/worker.ts', import.meta.url), memoryBytes: 2 ** 29 });
  }

  /** The same Kafka and workers under another relay name: nothing is published yet. */
  another(): Relay {
    return new Relay(this.#brokers, this.publisher, this.encoder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.encoder[Symbol.asyncDispose]();
    await this.publisher[Symbol.asyncDispose]();
  }
}

export function openPublisher(brokers: readonly string[]): Publisher {
  return CONNECTORS.kafka.kafkajs.open({ ...CONNECTORS.kafka.kafkajs.defaults, brokers, clientId: 'test-relay', telemetry: quiet });
}

/** One relay name, and whatever is run under it. */
export class Relay {
  readonly name = uniqueName('relay');
  readonly recipient = `${this.name}-r`;
  readonly brokers: readonly string[];
  readonly publisher: Publisher;
  readonly #encoder: Encoder;

  constructor(brokers: readonly string[], publisher: Publisher, encoder: Encoder) {
    this.brokers = brokers;
    this.publisher = publisher;
    this.#encoder = encoder;
  }

  topic(table: string): string {
    return `${this.recipient}.${table}`;
  }

  get schemasTopic(): string {
    return `${this.recipient}.schemas`;
  }

  feed(table: string): FeedId {
    return feedId(this.recipient, 'acme', fixtureTable(table));
  }

  /** Until every feed has an outcome. What a run leaves held of the shared budgets is a leak. */
  async run(options: RunOptions): Promise<ReadonlyMap<FeedId, Outcome>> {
    const works = this.#works(options);
    const outcomes = await runRelay(
      {
        name: this.name,
        checkpointPartitions: options.checkpointPartitions ?? 1,
        publisher: options.publisher ?? this.publisher,
        membership: options.membership ?? alone,
        recipients: [this.recipient],
        lines: options.feeds.map((feed) => this.#line(this.#spec(feed), options, works)),
        lineOf: (spec) => this.#line(spec, options, works),
        rosters: this.#rosters(options, works),
        onFeeds: () => {},
        works,
        retryTimeoutMs: options.retryTimeoutMs ?? 60_000,
        owner: options.owner ?? 'test',
        http: options.http ?? null,
        nonce: randomUUID,
        configHash: options.configHash ?? 'test',
        onAttempted: options.onAttempted ?? (() => {}),
        onControl: options.onControl ?? (() => {}),
      },
      options.signal ?? new AbortController().signal,
    );
    if (works.fetched.used + works.atWork.used > 0)
      throw new Error(`bytes ${works.fetched.used}, feeds ${works.atWork.used} are still held`);
    return outcomes;
  }

  /** The outcome of each table, as a person is told it. */
  async outcomes(options: RunOptions): Promise<Readonly<Record<string, string>>> {
    const outcomes = await this.run(options);
    return Object.fromEntries(options.feeds.map(({ table }) => [table, textOf(outcomes.get(this.feed(table)))]));
  }

  #spec(feed: FeedToRun): FeedSpec {
    return {
      id: this.feed(feed.table),
      recipient: this.recipient,
      source: 'acme',
      table: fixtureTable(feed.table),
      topic: feed.topic ?? this.topic(feed.table),
      ...settingsOf(feed),
    };
  }

  #rosters({ patterns = [], feeds, source, listAgain, retryTimeoutMs }: RunOptions, works: Works): readonly Roster[] {
    if (patterns.length === 0) return [];
    return [
      new Roster({
        source,
        patterns: patterns.map(({ tables, topic, start }) => ({
          recipient: this.recipient,
          source: 'acme',
          tables: fixtureTable(tables),
          topicTemplate: topic ?? '{recipient}.{table}',
          settings: settingsOf({ start: start ?? { kind: 'earliest' } }),
        })),
        exact: new Set(feeds.map(({ table }) => this.feed(table))),
        wait: listAgain ?? ((signal) => sleep(20, signal)),
        works,
        retryTimeoutMs: retryTimeoutMs ?? 60_000,
      }),
    ];
  }

  #line(spec: FeedSpec, { source, wait }: RunOptions, works: Works): Line {
    return { spec, source, wait: wait ?? ((signal) => sleep(20, signal)), share: new Semaphore(4), works };
  }

  #works(options: RunOptions): Works {
    const publisher = options.publisher ?? this.publisher;
    const clock = options.clock ?? hasty;
    const telemetry = options.telemetry ?? quiet;
    const stopping = options.stopping ?? new AbortController().signal;
    let stoppedAt = 0;
    stopping.addEventListener('abort', () => (stoppedAt = Date.now()));
    return {
      encoder: options.encoder ?? this.#encoder,
      registry: options.registry ?? CONNECTORS.registries.topic.open({ read: (request, signal) => publisher.read(request, signal) }),
      framing: options.framing ?? (options.registry === undefined ? 'guid' : 'id'),
      admin: publisher.admin,
      watch: watchOf({
        admin: publisher.admin,
        telemetry,
        // Its looks are none of a feed's waits, which tests count and shorten.
        clock: systemClock,
        name: this.name,
        brokers: this.brokers,
        checkpointPartitions: options.checkpointPartitions ?? 1,
      }),
      topics: { create: true, partitions: 2, replicationFactor: -1, config: {}, ...options.topics },
      chunk: { records: 1_000, bytes: 2 ** 20, timeMs: 2_000, ...options.chunk },
      workers: 1,
      memoryBytes: options.memoryBytes ?? 2 ** 29,
      atWork: new Semaphore(4),
      fetched: new Semaphore(2 ** 26),
      telemetry,
      clock,
      relay: 'cdf-relay/test',
      untilCurrent: options.forEver !== true,
      stopping,
      stoppingSince: () => stoppedAt,
    };
  }

  /** Every checkpoint of a feed that was committed, in order. */
  async checkpoints(table: string): Promise<readonly Checkpoint[]> {
    const feed = this.feed(table);
    const found: Checkpoint[] = [];
    for await (const { key, value } of this.#read(checkpointTopic(this.name))) {
      const name = Buffer.from(key ?? []).toString('utf8');
      if (name === feed && value !== null) found.push(parseCheckpoint(feed, Buffer.from(value).toString('utf8')));
    }
    return found;
  }

  /** The last one. */
  async checkpoint(table: string): Promise<Checkpoint> {
    const last = (await this.checkpoints(table)).at(-1);
    if (last === undefined) throw new Error(`${table} has no checkpoint`);
    return last;
  }

  /** The value of a key of the checkpoint topic, as it stands there. */
  async read(key: string): Promise<string | null> {
    let found: string | null = null;
    for await (const record of this.#read(checkpointTopic(this.name))) {
      if (Buffer.from(record.key ?? []).toString('utf8') === key) found = Buffer.from(record.value ?? []).toString('utf8');
    }
    return found;
  }

  /** Puts any text under any key of the checkpoint topic, through a claim. */
  async write(partition: number, key: string, value: string): Promise<void> {
    const topic = checkpointTopic(this.name);
    const request = { transactionalId: `${this.name}.${partition}`, topic, partition, claimValue: randomUUID() };
    const { producer } = await this.publisher.claim(request, AbortSignal.timeout(240_000));
    await producer.begin();
    await producer.sendControl([{ topic, partition, key, value }]);
    await producer.commit(20_000);
    await producer.close();
  }

  /** What an operator's command writes: a claim, and one checkpoint on top of the last. */
  async operate(table: string, change: (last: Checkpoint, relay: string, at: number) => Checkpoint): Promise<void> {
    for (let left = 20; ; left--) {
      try {
        await this.#operateOnce(table, change);
        return;
      } catch (error) {
        // A relay that runs may claim again between our claim and our write.
        if (left === 0 || !(error instanceof Failure) || error.code !== 'kafka.fenced') throw error;
      }
    }
  }

  async #operateOnce(table: string, change: (last: Checkpoint, relay: string, at: number) => Checkpoint): Promise<void> {
    const feed = this.feed(table);
    const place = { topic: checkpointTopic(this.name), partition: checkpointPartition(feed, 1), partitions: 1 };
    const signal = AbortSignal.timeout(240_000);
    const claim = await this.publisher.claim(
      { transactionalId: `${this.name}.${place.partition}`, topic: place.topic, partition: place.partition, claimValue: randomUUID() },
      signal,
    );
    try {
      const partition = new ClaimedPartition(place, claim, hasty, quiet);
      const last = partition.checkpoint(feed);
      if (last === null) throw new Error(`${table} has no checkpoint`);
      await partition.transact(feed, () => Promise.resolve(change(last, 'operator', Date.now())), signal);
    } finally {
      await claim.producer.close();
    }
  }

  /** Committed changes of a topic: read by the wire, which is not the library that wrote them, and decoded by the demo's reader. */
  async changes(topic: string): Promise<readonly ReadChange[]> {
    const readers = new Map<string, ReturnType<typeof rowReader>>();
    for await (const { key, value } of this.#read(this.schemasTopic)) {
      const text = Buffer.from(value ?? []).toString('utf8');
      if (!text.includes('"name":"Key"')) readers.set(Buffer.from(key ?? []).toString('utf8'), rowReader(text));
    }
    const changes: ReadChange[] = [];
    for await (const { partition, offset, value } of this.#read(topic)) {
      const bytes = Buffer.from(value ?? []);
      const guid = bytes.toString('hex', 1, 17).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
      const reader = readers.get(guid);
      if (reader === undefined) throw new Error(`a record of ${topic} names schema ${guid}, which is not on ${this.schemasTopic}`);
      changes.push({ topic, partition, offset: String(offset), ...reader(bytes.subarray(17)) });
    }
    return changes;
  }

  /** Committed records of a topic of any envelope, keys and values by the demo's reader. */
  async records(topic: string): Promise<readonly ReadRecord[]> {
    const readers = new Map<string, ReturnType<typeof recordReader>>();
    for await (const { key, value } of this.#read(this.schemasTopic)) {
      readers.set(Buffer.from(key ?? []).toString('utf8'), recordReader(Buffer.from(value ?? []).toString('utf8')));
    }
    const records: ReadRecord[] = [];
    for await (const { partition, offset, key, value } of this.#read(topic)) {
      const read = (bytes: Uint8Array | null): ReadRecord['value'] => (bytes === null ? null : decoded(bytes, readers));
      records.push({ partition, offset, key: read(key), value: read(value) });
    }
    return records;
  }

  /** The headers of each record of a topic, as JSON. */
  async headers(topic: string): Promise<readonly string[]> {
    const headers: string[] = [];
    for await (const record of this.#read(topic)) headers.push(JSON.stringify(record.headers));
    return headers;
  }

  /** What `{recipient}.commits` says of all feeds; of versions that are whole, and of feeds that are parked and go on, too. */
  async ledger(table: string | null = null): Promise<readonly LedgerEntry[]> {
    const entries = (await this.changes(`${this.recipient}.commits`)).map(({ columns }) => columns);
    return table === null ? entries : entries.filter(({ feed }) => feed === this.feed(table));
  }

  /** What happened beside the rows and concerns those who read a topic. */
  async events(): Promise<readonly LedgerEntry[]> {
    return (await this.ledger()).filter(({ kind }) => kind === 'gap' || kind === 'recreation' || kind === 'schema_change');
  }

  /** What the ledger says of a feed and is not so, by the topics of all its generations. */
  async ledgerFaults(table: string): Promise<readonly string[]> {
    const faults: string[] = [];
    for (const [topic, entries] of Map.groupBy(await this.ledger(table), (entry) => String(entry['topic']))) {
      const records: BrokerRecord[] = [];
      for await (const record of this.#read(topic)) records.push(record);
      faults.push(...ledgerFaults(entries, records, GUID_FRAMING));
    }
    return faults;
  }

  #read(topic: string): ReturnType<Publisher['read']> {
    return this.publisher.read({ topic, partitions: null, untilEnd: true }, AbortSignal.timeout(240_000));
  }
}

/** Telemetry that remembers. */
export interface Heard {
  readonly telemetry: Telemetry;
  readonly published: PublishedChunk[];
  readonly states: (readonly [feed: FeedId, state: FeedState | 'gone'])[];
  readonly failures: (readonly [feed: FeedId, failure: Failure])[];
  readonly lags: (readonly [feed: FeedId, versions: number, at: number | null])[];
  readonly claims: string[];
  readonly listings: string[];
  readonly lines: string[];
}

export function listener(): Heard {
  const heard: Omit<Heard, 'telemetry'> = { published: [], states: [], failures: [], lags: [], claims: [], listings: [], lines: [] };
  return {
    ...heard,
    telemetry: {
      ...quiet,
      log: (level, message, fields) => void heard.lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
      published: (chunk) => void heard.published.push(chunk),
      feedState: (feed, state) => void heard.states.push([feed, state]),
      feedGone: (feed) => void heard.states.push([feed, 'gone']),
      failed: (feed, failure) => void heard.failures.push([feed, failure]),
      lag: (feed, versions, at) => void heard.lags.push([feed, versions, at]),
      claim: (outcome) => void heard.claims.push(outcome),
      listed: (source, outcome) => void heard.listings.push(`${source} ${outcome}`),
    },
  };
}

function settingsOf(feed: Omit<FeedToRun, 'table' | 'topic'>): FeedSettings {
  return {
    start: feed.start ?? { kind: 'version', version: 0 },
    key: feed.key ?? [],
    envelope: feed.envelope ?? 'change',
    adopt: feed.adopt ?? false,
    onGap: feed.onGap ?? 'park',
    onRecreate: feed.onRecreate ?? 'park',
    onSchemaChange: feed.onSchemaChange ?? 'evolve',
    onBadRecord: feed.onBadRecord ?? 'park',
  };
}

function textOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'none';
  return outcome.kind === 'parked' || outcome.kind === 'failing'
    ? `${outcome.kind} ${outcome.failure.code}: ${outcome.failure.message}`
    : outcome.kind;
}
