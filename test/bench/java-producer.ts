/** ProducerPerformance, the benchmark that comes with Kafka, with transactions. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openKafkajs } from '../../connectors/kafka/kafkajs-driver.ts';
import { KAFKA_DEFAULTS } from '../../connectors/kafka/options.ts';
import type { Broker } from '../kafka/cluster.ts';
import { findDistribution } from '../kafka/distribution.ts';
import { fetchArtifacts } from '../kafka/maven.ts';
import { RELEASES } from '../kafka/releases.ts';
import { useOf } from '../processes/child.ts';
import { quiet } from '../support/quiet-telemetry.ts';
import { CACHE, makeWhole } from '../support/whole-folder.ts';

export interface JavaRun {
  readonly broker: Broker;
  readonly topic: string;
  readonly records: number;
  readonly recordBytes: number;
  readonly compression: 'none' | 'zstd';
}

export interface JavaUse {
  readonly recordsPerSecond: number;
  readonly cpuMicrosPerRecord: number;
}

const PARTITIONS = 6;
const SAMPLE_MS = 20;

/** Finds or fetches it. Rejects with the sentence that says why it cannot be had. */
export async function javaProducer(): Promise<(run: JavaRun, signal: AbortSignal) => Promise<JavaUse>> {
  const { java } = await findDistribution();
  const { version } = RELEASES['4'];
  const folder = join(CACHE, `kafka-tools-${version}`);
  const names = await readdir(join(folder, 'lib')).catch(() => []);
  if (names.length === 0) await makeWhole(folder, (into) => fetchArtifacts([`org.apache.kafka:kafka-tools:${version}`], into));
  return (run, signal) => produce(java, join(folder, 'lib'), run, signal);
}

async function produce(java: string, libs: string, run: JavaRun, signal: AbortSignal): Promise<JavaUse> {
  const { broker, topic, records, recordBytes, compression } = run;
  await using publisher = openKafkajs({ ...KAFKA_DEFAULTS, brokers: broker.brokers, clientId: 'bench', telemetry: quiet });
  await publisher.admin.create([{ topic, partitions: PARTITIONS, replicationFactor: -1, config: {} }], signal);
  const settings = {
    'bootstrap.servers': broker.brokers.join(','),
    acks: 'all',
    'compression.type': compression,
    'batch.size': '900000',
    'linger.ms': '20',
    'transactional.id': topic,
  };
  const jvm = ['-Xmx512m', '-cp', join(libs, '*'), 'org.apache.kafka.tools.ProducerPerformance'];
  const load = ['--topic', topic, '--num-records', String(records), '--record-size', String(recordBytes), '--throughput', '-1'];
  const producer = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const args = [...jvm, ...load, '--transaction-duration-ms', '250', '--producer-props', ...producer];
  const child = spawn(java, args, { stdio: ['ignore', 'pipe', 'pipe'], signal });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (printed += String(text)));
  let cpuSeconds = 0;
  const sampling = setInterval(() => {
    useOf(child.pid ?? -1).then(
      (use) => (cpuSeconds = use?.cpuSeconds ?? cpuSeconds),
      () => {},
    );
  }, SAMPLE_MS);
  try {
    const [code] = await once(child, 'close');
    const rate = /records sent, ([\d.]+) records\/sec/g;
    const last = [...printed.matchAll(rate)].at(-1)?.[1];
    if (code !== 0 || last === undefined) throw new Error(`ProducerPerformance ended with ${String(code)}: ${printed.slice(-2000)}`);
    return { recordsPerSecond: Number(last), cpuMicrosPerRecord: (cpuSeconds * 1e6) / records };
  } finally {
    clearInterval(sampling);
  }
}
