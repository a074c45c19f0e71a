/**
 * The whole line, as users run it: `serve` → the relay → one broker, each a process of its own; and the kafkajs driver alone with the same records, in turns, so
 * that both meet the same machine.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { openKafkajs } from '../../connectors/kafka/kafkajs-driver.ts';
import { KAFKA_DEFAULTS } from '../../connectors/kafka/options.ts';
import { writeHistory } from '../delta-writer/history.ts';
import type { BigVersion, WrittenHistory } from '../delta-writer/history.ts';
import { quietKafka } from '../demo/consumer.ts';
import type { Broker } from '../kafka/cluster.ts';
import { startCommand, startScript } from '../processes/child.ts';
import type { Child } from '../processes/child.ts';
import { quiet } from '../support/quiet-telemetry.ts';
import { watch } from './watch.ts';
import type { Measured } from './watch.ts';

const DRIVER = fileURLToPath(new URL('kafka-driver.ts', import.meta.url));
const CREATED_AT = Date.parse('2026-01-01T00:00:00Z');

export interface Round {
  readonly relay: Measured;
  readonly driver: Measured;
  /** Of one record, framing included. */
  readonly bytesPerRecord: number;
}

/** Half the rows are inserts in data files, half are updates in change files. */
export async function rounds(
  broker: Broker,
  rows: number,
  count: number,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<readonly Round[]> {
  const half = Math.round(rows / 2);
  await using bench = await openBench(
    broker,
    [
      { version: 1, kind: 'insert', rows: half, files: files(half) },
      { version: 2, kind: 'update', rows: half, files: files(half) },
    ],
    signal,
  );
  const found: Round[] = [];
  for (let round = 1; round <= count; round++) {
    say(`round ${round} of ${count}: the relay …`);
    const relay = await bench.relay(`relay${round}`, 'earliest', bench.history.rows);
    say(`round ${round} of ${count}: the driver alone …`);
    found.push({ relay, ...(await bench.driver(`driver${round}`)) });
  }
  return found;
}

export const ENVELOPES = ['change', 'debezium', 'upsert'] as const;
export type EnvelopeName = (typeof ENVELOPES)[number];

/** The relay on one version of `rows` rows, the images of updates, in change files of up to 32 MiB, which it reads several times. */
export async function* largeVersion(
  broker: Broker,
  rows: number,
  envelopes: readonly EnvelopeName[],
  say: (text: string) => void,
  signal: AbortSignal,
): AsyncGenerator<{ readonly envelope: EnvelopeName; readonly measured: Measured }, void> {
  say('writing the table …');
  await using bench = await openBench(
    broker,
    [
      { version: 1, kind: 'insert', rows: Math.round(rows * 0.6), files: files(rows * 0.6) },
      { version: 2, kind: 'update', rows, files: files(rows) },
    ],
    signal,
  );
  for (const envelope of envelopes) {
    say(`the relay, ${envelope} …`);
    // Two images in one record, or the later one alone.
    const images = envelope === 'change' ? 1 : 2;
    const measured = await bench.relay(`large-${envelope}`, '{version: 2}', rows / images, envelope);
    const { rowsPerSecond, cpuMicrosPerRow } = measured;
    const cpu = cpuMicrosPerRow === null ? null : cpuMicrosPerRow / images;
    yield { envelope, measured: { ...measured, rowsPerSecond: rowsPerSecond * images, cpuMicrosPerRow: cpu } };
  }
}

/** Rows of a file: just under 32 MiB. */
function files(rows: number): number {
  return Math.ceil(rows / 640_000);
}

interface Bench extends AsyncDisposable {
  readonly history: WrittenHistory;
  relay(name: string, start: string, records: number, envelope?: EnvelopeName): Promise<Measured>;
  driver(name: string): Promise<Omit<Round, 'relay'>>;
}

const Published = z.object({ records: z.number(), bytes: z.number() });

async function openBench(broker: Broker, bigVersions: readonly BigVersion[], signal: AbortSignal): Promise<Bench> {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-bench-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const prefix = `bench-${process.pid.toString(36)}${Date.now().toString(36)}`;
  const { admin } = opened.use(openKafkajs({ ...KAFKA_DEFAULTS, brokers: broker.brokers, clientId: 'bench', telemetry: quiet }));
  // Any other Kafka ends with the benchmark.
  if ((process.env['KAFKA_BROKERS'] ?? '') !== '') opened.defer(() => deleteTopics(broker, prefix));
  const history = await writeHistory(join(folder, 'tables', 'orders'), {
    seed: 1,
    versions: bigVersions.length + 1,
    rowsPerVersion: { least: 1, most: 1 },
    bigVersions,
    expected: 'nothing',
    createdAt: CREATED_AT,
  });
  const profile = join(folder, 'bench.share');
  const provider = startCommand(['serve', join(folder, 'tables'), '--profile-out', profile]);
  opened.defer(async () => void (await provider.stop()));
  await provider.firstLine(signal);

  const watched = async (child: Child, topic: string, rows: number): Promise<Measured> => {
    try {
      return await watch({ child, admin, topic, rows, others: { provider: provider.pid } }, signal);
    } finally {
      // Whoever interrupts does not wait for transactions to end.
      await (signal.aborted ? child.kill() : child.stop());
    }
  };
  const kept = opened.move();
  return {
    history,
    async relay(name, start, records, envelope = 'change') {
      const config = join(folder, `${name}.yaml`);
      await writeFile(config, configText(broker, `${prefix}-${name}`, profile, `${start}, envelope: ${envelope}`));
      return watched(startCommand(['run', '-c', config, '--until-current']), `${prefix}-${name}-team.local.default.orders`, records);
    },
    async driver(name) {
      const child = startScript(DRIVER, ['kafkajs', 'zstd', history.tableFolder, broker.brokers.join(','), `${prefix}-${name}`]);
      const driver = await watched(child, `${prefix}-${name}`, history.rows);
      const { records, bytes } = Published.parse(JSON.parse(child.stdout));
      if (records !== history.rows) throw new Error(`the driver sent ${records} records, the table's feed has ${history.rows}`);
      return { driver, bytesPerRecord: bytes / records };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function configText(broker: Broker, name: string, profile: string, feed: string): string {
  return [
    `relay: {name: ${name}}`,
    `kafka: {brokers: ${JSON.stringify(broker.brokers)}}`,
    `sources: [{name: bench, profile: ${JSON.stringify(profile)}, poll: 1s, requestsPerSecond: 100}]`,
    `recipients: [{name: ${name}-team, tables: [{table: local.default.orders, start: ${feed}, key: [id]}]}]`,
    'http: {host: 127.0.0.1, port: 0}',
    '',
  ].join('\n');
}

async function deleteTopics(broker: Broker, prefix: string): Promise<void> {
  const admin = quietKafka(broker.brokers, 'bench').admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  } finally {
    await admin.disconnect();
  }
}
