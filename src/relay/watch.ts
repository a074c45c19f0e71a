/**
 * What the relay looks at in Kafka besides its work, so that a person hears of it before it costs rows: the settings of our topics and of the brokers, our rights on
 * them, and transactions of anybody that hang in our topics.
 *
 *   at start          checkpoint topic, brokers
 *   a feed opens      its topics
 *   every minute      ends against last stable offsets; whether the checkpoint topic has grown
 *   every hour        everything again
 *
 * Only the topics of feeds that this replica holds are looked at. What is wrong is said once, with the command that mends it, and again when it comes back. A look that
 * fails says nothing: who works on the topic meets the same trouble and tells it.
 */
import type { Clock } from '../lib/clock.ts';
import { Failure } from '../model/failure.ts';
import type { EpochMs } from '../model/version.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { inspectCluster, inspectTopics } from './inspection.ts';
import type { ClusterInspection } from './inspection.ts';
import type { Finding, Severity, Site, WatchedTopic } from './settings.ts';
import { Standstill } from './standstill.ts';
import type { OpenTransaction } from './standstill.ts';

const TAILS_MS = 60_000;
const SETTINGS_MS = 3_600_000;
/** Four times what our own transactions may take: whatever is open for longer is not at work. */
const HANGING_MS = 120_000;

export interface WatchOptions extends ClusterInspection {
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  /** `<relay.name>.checkpoints`. */
  readonly checkpoints: string;
  readonly checkpointPartitions: number;
}

/** A feed that this replica holds, as it is when it is asked. */
export interface HeldFeed {
  readonly checkpointPartition: number;
  topics(): readonly WatchedTopic[];
  checkpointBytes(): number;
}

const LEVELS: Readonly<Record<Severity, 'error' | 'warn' | 'info'>> = { refuse: 'error', warn: 'warn', note: 'info' };

export class KafkaWatch {
  readonly #options: WatchOptions;
  readonly #held = new Set<HeldFeed>();
  readonly #standstill = new Standstill();
  /** By topic, when its settings were looked at. Bounded by the topics of the feeds held. */
  readonly #lookedAt = new Map<string, EpochMs>();
  /** By subject and rule, what was said and still holds. */
  readonly #said = new Map<string, Finding>();
  #hanging: ReadonlySet<string> = new Set();
  #measured: ReadonlySet<string> = new Set();
  #brokersAlive = Infinity;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  get site(): Site {
    return this.#options.site;
  }

  /** The feed is watched until the function that is given back is called. */
  hold(feed: HeldFeed): () => void {
    this.#held.add(feed);
    return () => void this.#held.delete(feed);
  }

  /** Before anything is claimed, with the checkpoint topic in place. Rejects with the failure that a finding is, or with `signal.reason`. */
  async begin(signal: AbortSignal): Promise<void> {
    await this.#quietly(async () => {
      await this.#lookAtCluster(signal);
      return this.#lookAtTopics([this.#checkpointTopic()], signal);
    }, signal);
  }

  /** A feed has opened: its topics are looked at, unless they were within the hour. Rejects as `begin` does. */
  async opened(topics: readonly WatchedTopic[], signal: AbortSignal): Promise<void> {
    const since = this.#options.clock.now() - SETTINGS_MS;
    const fresh = topics.filter(({ topic }) => (this.#lookedAt.get(topic) ?? -Infinity) <= since);
    if (fresh.length > 0) await this.#quietly(() => this.#lookAtTopics(fresh, signal), signal);
  }

  /** While feeds run. Rejects with the failure that a finding is, or with `signal.reason`. */
  async keep(signal: AbortSignal): Promise<never> {
    const { clock } = this.#options;
    const jittered = (ms: number): number => ms * (0.9 + 0.2 * clock.random());
    let settingsDue = clock.now() + jittered(SETTINGS_MS);
    for (;;) {
      await clock.sleep(jittered(TAILS_MS), signal);
      await this.#quietly(() => this.#lookAtTails(signal), signal);
      if (clock.now() < settingsDue) continue;
      settingsDue = clock.now() + jittered(SETTINGS_MS);
      await this.#quietly(() => this.#lookAtAll(signal), signal);
    }
  }

  async #lookAtAll(signal: AbortSignal): Promise<readonly Finding[]> {
    const topics = [this.#checkpointTopic(), ...this.#heldTopics()];
    const known = new Set(['brokers', ...topics.map(({ topic }) => topic)]);
    for (const topic of this.#lookedAt.keys()) if (!known.has(topic)) this.#lookedAt.delete(topic);
    for (const [key, { subject }] of this.#said) if (!known.has(subject)) this.#said.delete(key);
    await this.#lookAtCluster(signal);
    return this.#lookAtTopics(topics, signal);
  }

  async #lookAtCluster(signal: AbortSignal): Promise<void> {
    const { brokersAlive, findings } = await inspectCluster(this.#options, signal);
    this.#brokersAlive = brokersAlive;
    this.#say(new Set(['brokers']), findings);
  }

  /** Says what is new, and gives back all that is wrong. */
  async #lookAtTopics(topics: readonly WatchedTopic[], signal: AbortSignal): Promise<readonly Finding[]> {
    const { clock } = this.#options;
    const { seen, findings } = await inspectTopics(this.#options, topics, this.#brokersAlive, signal);
    for (const topic of seen.keys()) this.#lookedAt.set(topic, clock.now());
    this.#say(new Set(seen.keys()), findings);
    return findings;
  }

  async #lookAtTails(signal: AbortSignal): Promise<readonly Finding[]> {
    const { admin, clock, checkpoints, checkpointPartitions } = this.#options;
    const partitions = new Set([...this.#held].map(({ checkpointPartition }) => checkpointPartition));
    const tails = new Map(await admin.tails([checkpoints, ...this.#heldTopics().map(({ topic }) => topic)], signal));
    const own = tails.get(checkpoints) ?? [];
    tails.set(
      checkpoints,
      own.filter(({ partition }) => partitions.has(partition)),
    );
    this.#tellHanging(new Set(tails.keys()), this.#standstill.look(tails, clock.now()));
    // Feeds would hash elsewhere under another number: the look at its settings finds the words for it.
    return own.length > checkpointPartitions ? this.#lookAtTopics([this.#checkpointTopic()], signal) : [];
  }

  #tellHanging(topics: ReadonlySet<string>, open: readonly OpenTransaction[]): void {
    const { telemetry, site } = this.#options;
    for (const topic of topics) {
      const longestMs = Math.max(0, ...open.filter((one) => one.topic === topic).map(({ openMs }) => openMs));
      telemetry.hangingTransaction(topic, longestMs / 1000);
    }
    for (const topic of this.#measured) if (!topics.has(topic)) telemetry.hangingTransaction(topic, null);
    this.#measured = topics;

    const hanging = open.filter(({ openMs }) => openMs >= HANGING_MS);
    for (const { topic, partition, stable, end, openMs, name } of hanging) {
      if (this.#hanging.has(name)) continue;
      const tool = `kafka-transactions.sh --bootstrap-server ${site.brokers.join(',')}`;
      telemetry.log(
        'error',
        `a transaction that begins at offset ${stable} of ${topic}-${partition} has been open for ${Math.round(openMs / 1000)} s, and whoever reads committed records waits there: ` +
          `see whose it is by ${tool} find-hanging --topic ${topic} --partition ${partition}, and if nobody is at work on it end it by ` +
          `${tool} abort --topic ${topic} --partition ${partition} --start-offset ${stable}`,
        { topic, partition, stable, end },
      );
    }
    this.#hanging = new Set(hanging.map(({ name }) => name));
  }

  /** What was said of `subjects` and does not hold any more is forgotten. */
  #say(subjects: ReadonlySet<string>, findings: readonly Finding[]): void {
    const holding = new Map(findings.map((finding) => [`${finding.subject} ${finding.rule}`, finding]));
    for (const [key, { subject }] of this.#said) if (subjects.has(subject) && !holding.has(key)) this.#said.delete(key);
    for (const [key, finding] of holding) {
      const isKnown = this.#said.has(key);
      this.#said.set(key, finding);
      if (!isKnown) this.#options.telemetry.log(LEVELS[finding.severity], finding.text, { rule: finding.rule });
    }
  }

  #checkpointTopic(): WatchedTopic {
    const { checkpoints, checkpointPartitions } = this.#options;
    const longestBytes = Math.max(0, ...[...this.#held].map((feed) => feed.checkpointBytes()));
    return { role: 'checkpoints', topic: checkpoints, partitions: checkpointPartitions, longestBytes };
  }

  /** Each once: recipients share theirs. */
  #heldTopics(): readonly WatchedTopic[] {
    const topics = [...this.#held].flatMap((feed) => feed.topics());
    return [...new Map(topics.map((watched) => [watched.topic, watched])).values()];
  }

  async #quietly(look: () => Promise<readonly Finding[]>, signal: AbortSignal): Promise<void> {
    let findings: readonly Finding[] = [];
    try {
      findings = await look();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Failure)) throw error;
      this.#options.telemetry.log('debug', 'a look at Kafka failed', { code: error.code, error: error.message });
    }
    refuse(findings);
  }
}

/** Throws the failure that one of them is, if one is. */
export function refuse(findings: readonly Finding[]): void {
  for (const { code, text } of findings) if (code !== null) throw new Failure(code, text);
}
