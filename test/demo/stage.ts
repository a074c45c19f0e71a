/**
 * Everything the demo starts: a Kafka, a provider over real Delta tables, the relay's config. Each is stopped with the stack it was started on.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBroker } from '../kafka/broker.ts';
import { freePorts } from '../kafka/ports.ts';
import { startCommand } from '../processes/child.ts';
import type { Child } from '../processes/child.ts';
import { quietKafka } from './consumer.ts';

export const TABLES_FOLDER = fileURLToPath(new URL('../fixtures/tables', import.meta.url));

/** The tables of the demo, with their keys: written by Spark, with the rows they hold beside them. */
export const TABLES = [
  { name: 'basics', key: ['id'] },
  { name: 'merges', key: ['id'] },
  { name: 'partition_strings', key: ['id'] },
] as const;

export const REVEAL = '2s';

const CHUNK_RECORDS = 4;

export interface KafkaStage {
  readonly origin: string;
  readonly brokers: readonly string[];
  /** Begins the names of all topics and groups. */
  readonly prefix: string;
}

/** Throws `KafkaMissing`. On a cluster that stays, topics and groups have names of their own and are deleted at the end. */
export async function startKafka(stack: AsyncDisposableStack): Promise<KafkaStage> {
  const isShared = (process.env['KAFKA_BROKERS'] ?? '') !== '';
  const prefix = isShared ? `demo-${process.pid.toString(36)}${Date.now().toString(36)}` : 'demo';
  const broker = await startBroker();
  stack.defer(() => broker.stop());
  if (isShared) stack.defer(() => leaveNothing(broker.brokers, prefix));
  return { origin: broker.origin, brokers: broker.brokers, prefix };
}

export async function temporaryFolder(stack: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-demo-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface Provider {
  readonly process: Child;
  /** The credential file, as a provider would send it. */
  readonly profile: string;
}

export async function startProvider(folder: string, stack: AsyncDisposableStack, signal: AbortSignal): Promise<Provider> {
  const profile = join(folder, 'demo.share');
  const child = startCommand(['serve', TABLES_FOLDER, '--reveal', REVEAL, '--profile-out', profile, '--port', '0']);
  stack.defer(async () => void (await child.stop()));
  await child.firstLine(signal);
  return { process: child, profile };
}

export interface RelayConfig {
  readonly path: string;
  readonly text: string;
  readonly recipient: string;
  readonly metricsUrl: string;
  /** Table → topic. */
  readonly topics: ReadonlyMap<string, string>;
  readonly schemasTopic: string;
}

export async function writeConfig(folder: string, kafka: KafkaStage): Promise<RelayConfig> {
  const path = join(folder, 'relay.yaml');
  const recipient = `${kafka.prefix}-analytics`;
  const [port] = await freePorts(1);
  const tables = TABLES.map(({ name, key }) => `      - {table: local.default.${name}, start: earliest, key: [${key.join(', ')}]}`);
  const text = [
    `relay: {name: ${kafka.prefix}-relay}`,
    `kafka: {brokers: [${kafka.brokers.map((broker) => JSON.stringify(broker)).join(', ')}]}`,
    'sources:',
    '  - {name: partner, profile: ./demo.share, poll: 1s, requestsPerSecond: 100}',
    'recipients:',
    `  - name: ${recipient}`,
    '    tables:',
    ...tables,
    '# Small transactions, so that the kill falls inside a version.',
    `limits: {chunkRecords: ${CHUNK_RECORDS}}`,
    `http: {host: 127.0.0.1, port: ${port}}`,
    'log: {format: pretty}',
    '',
  ].join('\n');
  await writeFile(path, text);
  return {
    path,
    text,
    recipient,
    metricsUrl: `http://127.0.0.1:${port}/metrics`,
    topics: new Map(TABLES.map(({ name }) => [name, `${recipient}.local.default.${name}`])),
    schemasTopic: `${recipient}.schemas`,
  };
}

/** `node src/main.ts run -c relay.yaml`, as a user would. */
export function startRelay(config: RelayConfig, stack: AsyncDisposableStack): Child {
  const child = startCommand(['run', '-c', config.path]);
  stack.defer(async () => void (await child.stop()));
  return child;
}

/** As people would type it from the project's folder. */
export function shown(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith('..') ? path : near;
}

async function leaveNothing(brokers: readonly string[], prefix: string): Promise<void> {
  const admin = quietKafka(brokers, 'demo').admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${prefix}-`));
    await admin.deleteTopics({ topics });
    const { groups } = await admin.listGroups();
    const ours = groups.map(({ groupId }) => groupId).filter((group) => group.startsWith(`${prefix}-`));
    if (ours.length > 0) await admin.deleteGroups(ours);
  } finally {
    await admin.disconnect();
  }
}
