/**
 * A provider and a relay as processes of their own, on a real Kafka: what the system tests play on.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONNECTORS } from '../../connectors/index.ts';
import { must } from '../../src/lib/assert.ts';
import type { Checkpoint } from '../../src/model/position.ts';
import { parseCheckpoint } from '../../src/relay/checkpoint.ts';
import { checkpointTopic } from '../../src/relay/checkpoint-topic.ts';
import { uniqueName } from '../kafka/use-kafka.ts';
import { freePorts } from '../kafka/ports.ts';
import { poll } from '../kafka/probe.ts';
import { startCommand } from '../processes/child.ts';
import type { Child } from '../processes/child.ts';
import { quiet } from '../support/quiet-telemetry.ts';

export interface StageOptions {
  readonly brokers: readonly string[];
  /** Of Delta tables. */
  readonly folder: string;
  readonly tables: readonly {
    readonly name: string;
    readonly key?: readonly string[];
    readonly start?: string;
    readonly onSchemaChange?: string;
    readonly envelope?: string;
  }[];
  /** Lines of `limits`. */
  readonly limits?: Readonly<Record<string, string | number>>;
  /** The config's `kafka`, as YAML; the brokers alone unless said. */
  readonly kafka?: string;
  /** 0 for a config that several relays run under at once: each listens somewhere, and nobody asks them. */
  readonly port?: 0;
  /** Lines at the config's top level. */
  readonly more?: readonly string[];
  /** Starts another provider than `serve`: over `folder`, writing its profile to the path, and printing a line when it listens. */
  readonly provider?: (folder: string, profilePath: string) => Child;
}

export class Stage implements AsyncDisposable {
  readonly name: string;
  readonly configPath: string;
  readonly provider: Child;
  readonly #folder: string;
  readonly #brokers: readonly string[];
  #port = 0;
  readonly #relays: Child[] = [];

  private constructor(name: string, folder: string, brokers: readonly string[], provider: Child) {
    this.name = name;
    this.#brokers = brokers;
    this.#folder = folder;
    this.configPath = join(folder, 'relay.yaml');
    this.provider = provider;
  }

  static async open(options: StageOptions): Promise<Stage> {
    const name = uniqueName('system');
    const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-system-'));
    const start =
      options.provider ?? ((tables, profilePath) => startCommand(['serve', tables, '--profile-out', profilePath, '--port', '0']));
    const provider = start(options.folder, join(folder, 'partner.share'));
    const stage = new Stage(name, folder, options.brokers, provider);
    await provider.firstLine(AbortSignal.timeout(240_000));
    await stage.writeConfig(options);
    return stage;
  }

  async writeConfig(options: Omit<StageOptions, 'folder'>): Promise<void> {
    this.#port = options.port ?? must((await freePorts(1))[0], 'a free port');
    const tables = options.tables.map(({ name, key, start, onSchemaChange = 'evolve', envelope = 'change' }) => {
      const keyText = key === undefined ? '' : `, key: [${key.join(', ')}]`;
      return `      - {table: local.default.${name}, start: ${start ?? 'earliest'}, onSchemaChange: ${onSchemaChange}, envelope: ${envelope}${keyText}}`;
    });
    const limits = Object.entries({ retryTimeout: '30s', ...options.limits }).map(([key, value]) => `${key}: ${value}`);
    const lines = [
      `relay: {name: ${this.name}, checkpointPartitions: 4}`,
      `kafka: ${options.kafka ?? `{brokers: ${JSON.stringify(options.brokers)}}`}`,
      'sources: [{name: partner, profile: ./partner.share, poll: 1s, requestsPerSecond: 100}]',
      `limits: {${limits.join(', ')}}`,
      `http: {host: 127.0.0.1, port: ${this.#port}}`,
      ...(options.more ?? []),
      'recipients:',
      `  - name: ${this.recipient}`,
      '    tables:',
      ...tables,
      '',
    ];
    await writeFile(this.configPath, lines.join('\n'));
  }

  get recipient(): string {
    return `${this.name}-r`;
  }

  topic(table: string): string {
    return `${this.recipient}.local.default.${table}`;
  }

  get schemasTopic(): string {
    return `${this.recipient}.schemas`;
  }

  /** Of the running relay. */
  get httpUrl(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Until the running relay answers on its port. */
  async isServing(): Promise<void> {
    await poll('the HTTP port of the relay', 240_000, async () => (await fetch(`${this.httpUrl}/livez`).catch(() => null))?.ok === true);
  }

  /** Transactions that the running relay has committed so far; 0 while it does not answer. */
  async transactions(): Promise<number> {
    const response = await fetch(`${this.httpUrl}/metrics`).catch(() => null);
    const text = (await response?.text().catch(() => null)) ?? '';
    return Number(/^cdf_relay_transactions_total\{outcome="committed"\} (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  /** Whether the checkpoint of some feed stands in the middle of a version. */
  async isInsideVersion(): Promise<boolean> {
    return (await this.#checkpoints()).some(({ position }) => position.records > 0);
  }

  /** The version that the feed of a table goes on with; null before its first checkpoint. */
  async nextOf(table: string): Promise<number | null> {
    return (await this.#checkpoints()).find(({ topic }) => topic === this.topic(table))?.position.version ?? null;
  }

  /** The version that the feed of a table began with. */
  async startOf(table: string): Promise<number> {
    const found = (await this.#checkpoints()).find(({ topic }) => topic === this.topic(table));
    return must(found, `the checkpoint of ${table}`).start.version;
  }

  /** The last one of each feed. */
  async #checkpoints(): Promise<readonly Checkpoint[]> {
    await using kafka = CONNECTORS.kafka.kafkajs.open({
      ...CONNECTORS.kafka.kafkajs.defaults,
      brokers: this.#brokers,
      clientId: 'stage',
      telemetry: quiet,
    });
    const latest = new Map<string, string>();
    const signal = AbortSignal.timeout(240_000);
    const topic = checkpointTopic(this.name);
    if ((await kafka.admin.describe(topic, signal)) === null) return [];
    for await (const { key, value } of kafka.read({ topic, partitions: null, untilEnd: true }, signal)) {
      const feed = new TextDecoder().decode(key ?? undefined);
      if (!feed.startsWith('\0')) latest.set(feed, new TextDecoder().decode(value ?? undefined));
    }
    return [...latest].map(([feed, value]) => parseCheckpoint(feed, value));
  }

  startRelay(...options: readonly string[]): Child {
    const relay = startCommand(['run', '-c', this.configPath, ...options]);
    this.#relays.push(relay);
    return relay;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const relay of this.#relays) await relay.kill();
    await this.provider.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
