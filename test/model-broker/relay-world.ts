/**
 * A world of its own: a broker, a provider with tables, and relays that come and go, all of it in memory and in the order that a test decides.
 */
import { PLAIN_FEED } from '../support/plain-feed.ts';
import { openTopicRegistry } from '../../connectors/registries/topic.ts';
import { Semaphore } from '../../src/lib/semaphore.ts';
import type { Failure } from '../../src/model/failure.ts';
import type { FeedId, FeedSpec, Start } from '../../src/model/feed.ts';
import { feedId } from '../../src/model/feed.ts';
import type { FeedControl } from '../../src/ports/feed-control.ts';
import type { Telemetry } from '../../src/ports/telemetry.ts';
import type { Line, Works } from '../../src/relay/line.ts';
import { runRelay } from '../../src/relay/relay.ts';
import type { Outcome } from '../../src/relay/supervisor.ts';
import { alone } from '../support/alone.ts';
import { quiet } from '../support/quiet-telemetry.ts';
import { watchOf } from '../support/watch-of.ts';
import { ModelBroker } from './broker.ts';
import { ModelPublisher } from './driver.ts';
import { encoderHere, remembering } from './encoder-here.ts';
import { ModelGroup } from './group.ts';
import { impatient, lossyNetwork } from './lossy-network.ts';
import type { Mishap } from './lossy-network.ts';
import { MemorySource } from './memory-source.ts';
import type { MemoryTable } from './memory-table.ts';
import type { Choose, Owner } from './scheduler.ts';
import { Scheduler } from './scheduler.ts';

const NAME = 'relay';
const RECIPIENT = 'reader';
export const CHECKPOINTS = `${NAME}.checkpoints`;
export const SCHEMAS = `${RECIPIENT}.schemas`;
export const COMMITS = `${RECIPIENT}.commits`;
/** There is one checkpoint partition. */
export const TRANSACTIONAL_ID = `${NAME}.0`;
/** As the real ones: the coordinator gives up after the relay has. */
const TRANSACTION_MS = 30_000;
const CLAIM_MS = 30_000;
const POLL_MS = 10_000;

export interface WorldOptions {
  readonly tables: readonly MemoryTable[];
  readonly start: Start;
  /** Records go to two partitions by their key, or all to one. */
  readonly isKeyed: boolean;
  readonly chunkRecords: number;
  /** A group gives the partition to one process at a time; otherwise each of them believes that it is its own. */
  readonly isGroup: boolean;
  /** Which of several messages goes first. */
  readonly choose: Choose;
  /** In [0, 1): for jitters. */
  readonly random: () => number;
  /** What becomes of the next request of a relay. */
  readonly mishap: (what: string) => Mishap | null;
  /** Is told each step. */
  readonly trace: ((line: string) => void) | null;
}

export interface Process extends Owner {
  /** When its relay has ended. */
  ended: ReadonlyMap<FeedId, Outcome> | Error | null;
  readonly stopping: AbortController;
  /** Null before its relay has begun. */
  control: FeedControl | null;
}

/** One for all worlds, whose files are alike. */
const encoder = remembering(encoderHere());

export class RelayWorld {
  readonly scheduler: Scheduler;
  readonly broker: ModelBroker;
  readonly group: ModelGroup;
  readonly processes: Process[] = [];
  /** Mistakes that relays found themselves to have made. */
  readonly bugs: Failure[] = [];
  /** How many versions of each table are to be seen. */
  revealed = Infinity;
  readonly #options: WorldOptions;
  #nonces = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.scheduler = new Scheduler(options.choose, options.trace);
    this.group = new ModelGroup(this.scheduler);
    this.broker = new ModelBroker({
      clock: this.scheduler.clockOf(null, options.random),
      later: (what, work) => this.scheduler.later(what, null, work),
    });
  }

  get specs(): readonly FeedSpec[] {
    return this.#options.tables.map(({ name }) => specOf(name, this.#options));
  }

  /** Those that run, frozen ones too. */
  get running(): readonly Process[] {
    return this.processes.filter(({ state, ended }) => state !== 'killed' && ended === null);
  }

  /** Another relay of the one config begins to run until it is current. */
  start(): Process {
    const { random, tables, mishap, chunkRecords } = this.#options;
    const process: Process = { state: 'alive', ended: null, stopping: new AbortController(), control: null };
    this.processes.push(process);
    const clock = this.scheduler.clockOf(process, random);
    const { broker } = this;
    const network = lossyNetwork(this.scheduler, process, mishap);
    const publisher = new ModelPublisher({ broker, network, clock, transactionTimeoutMs: TRANSACTION_MS, claimTimeoutMs: CLAIM_MS });
    const provider = lossyNetwork(this.scheduler, process, (what) => impatient(mishap(what)));
    const source = new MemorySource(tables, provider, ({ versions }) => Math.min(versions.length, this.revealed));
    const telemetry = this.#telemetry();
    let stoppedAt = 0;
    process.stopping.signal.addEventListener('abort', () => (stoppedAt = clock.now()));
    const works: Works = {
      encoder,
      registry: openTopicRegistry({ read: (request, signal) => publisher.read(request, signal) }),
      framing: 'guid',
      admin: publisher.admin,
      watch: watchOf({ admin: publisher.admin, telemetry, clock, name: NAME, brokers: [], checkpointPartitions: 1 }),
      topics: { create: true, partitions: 2, replicationFactor: -1, config: {} },
      chunk: { records: chunkRecords, bytes: 2 ** 20, timeMs: 2_000 },
      workers: 1,
      memoryBytes: 2 ** 29,
      atWork: new Semaphore(4),
      fetched: new Semaphore(2 ** 26),
      telemetry,
      clock,
      relay: 'cdf-relay/test',
      untilCurrent: true,
      stopping: process.stopping.signal,
      stoppingSince: () => stoppedAt,
    };
    const line = (spec: FeedSpec): Line => ({
      spec,
      source,
      wait: (signal) => clock.sleep(POLL_MS, signal),
      share: new Semaphore(4),
      works,
    });
    runRelay(
      {
        name: NAME,
        checkpointPartitions: 1,
        publisher,
        membership: this.#options.isGroup ? this.group.membershipOf(process) : alone,
        recipients: [RECIPIENT],
        lines: this.specs.map(line),
        lineOf: line,
        rosters: [],
        onFeeds: () => {},
        works,
        retryTimeoutMs: Infinity,
        owner: `process ${this.processes.length}`,
        http: null,
        nonce: () => String(this.#nonces++),
        configHash: 'test',
        onAttempted: () => {},
        onControl: (control) => (process.control = control),
      },
      new AbortController().signal,
    ).then(
      (outcomes) => (process.ended = outcomes),
      (error: unknown) => (process.ended = error instanceof Error ? error : new Error(String(error))),
    );
    return process;
  }

  #telemetry(): Telemetry {
    return { ...quiet, failed: (_, failure) => void (failure.code === 'relay.bug' && this.bugs.push(failure)) };
  }
}

function specOf(table: MemoryTable['name'], { start, isKeyed }: WorldOptions): FeedSpec {
  return {
    id: feedId(RECIPIENT, 'acme', table),
    recipient: RECIPIENT,
    source: 'acme',
    table,
    topic: `${RECIPIENT}.${table.table}`,
    start,
    ...PLAIN_FEED,
    key: isKeyed ? ['id'] : [],
  };
}
