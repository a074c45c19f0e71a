/**
 * Apache Kafka for the local Java: its jars, a formatted node's `bootstrap.checkpoint`, and an archive of loaded classes that halves the time to start.
 *
 * The jars come from, in this order: the folder `KAFKA_LIBS` (the `libs/` of an unpacked Kafka 4), the cache folder, and `mvn`, which takes them from its own
 * repository or from wherever the user's settings say. The cache folder is filled once and then only read, so test runs side by side share it.
 */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CACHE, isThere, makeWhole } from '../support/whole-folder.ts';
import type { BrokerOptions, KafkaRelease } from './cluster.ts';
import { KafkaMissing } from './kafka-missing.ts';
import { fetchArtifacts } from './maven.ts';
import { freePorts } from './ports.ts';
import { answersApiVersions, poll } from './probe.ts';
import { featuresOf, loggingOf, serverProperties } from './properties.ts';
import { RELEASES } from './releases.ts';
import { run } from './run.ts';

const JAVA_OLDEST = 17;

export interface Distribution {
  readonly java: string;
  /** Folder of the jars. */
  readonly libs: string;
  readonly bootstrapCheckpoint: string;
  readonly classArchive: string;
}

/** Finds or prepares what a local broker needs. Throws `KafkaMissing` with the one sentence that says what is lacking. */
export async function findDistribution(options: Pick<BrokerOptions, 'kafka' | 'transactions'> = {}): Promise<Distribution> {
  const java = await findJava();
  const release = options.kafka ?? '4';
  const flavour: Flavour = { java, release, features: featuresOf(options) };
  const boot = flavour.features.length === 0 ? 'boot' : 'boot-transactions-1';
  const given = process.env['KAFKA_LIBS'];
  if (release === '4' && given !== undefined && given !== '') {
    if (!(await hasKafka(given))) throw new KafkaMissing(`KAFKA_LIBS is ${given}, but no kafka-clients-*.jar is in that folder`);
    const digest = createHash('sha256').update(given).digest('hex').slice(0, 12);
    return prepared(flavour, given, join(CACHE, `kafka-libs-${digest}${boot === 'boot' ? '' : `-${boot}`}`));
  }
  const cache = join(CACHE, `kafka-${RELEASES[release].version}`);
  if (!(await hasKafka(join(cache, 'lib')))) await makeWhole(cache, (folder) => fetchJars(release, folder));
  return prepared(flavour, join(cache, 'lib'), join(cache, boot));
}

interface Flavour {
  readonly java: string;
  readonly release: KafkaRelease;
  /** For `StorageTool format`. */
  readonly features: readonly string[];
}

async function findJava(): Promise<string> {
  const java = process.env['JAVA_HOME'] === undefined ? 'java' : join(process.env['JAVA_HOME'], 'bin', 'java');
  const answer = await run(java, ['-version'], process.cwd()).catch(() => null);
  if (answer === null) throw new KafkaMissing('no `java` is on the PATH and JAVA_HOME does not lead to one');
  const version = Number(/version "(\d+)/.exec(answer)?.[1] ?? 0);
  if (version < JAVA_OLDEST)
    throw new KafkaMissing(
      `Kafka needs Java ${JAVA_OLDEST} or newer, and \`${java}\` is ${version === 0 ? 'of an unknown version' : version}`,
    );
  return java;
}

async function hasKafka(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  return names.some((name) => name.startsWith('kafka-clients-'));
}

/** `kafka_2.13` leaves the log backend out, without which the broker's own complaints are lost. */
async function fetchJars(release: KafkaRelease, folder: string): Promise<void> {
  const { version, logBackend } = RELEASES[release];
  process.stderr.write(`fetching Apache Kafka ${version} with mvn (45 MB, once)\n`);
  try {
    await fetchArtifacts([`org.apache.kafka:kafka_2.13:${version}`, ...logBackend], folder);
  } catch (cause) {
    throw new KafkaMissing(`\`mvn\` could not fetch Kafka's jars (KAFKA_LIBS may name the libs/ folder of an unpacked Kafka instead)`, {
      cause,
    });
  }
}

async function prepared(flavour: Flavour, libs: string, boot: string): Promise<Distribution> {
  if (!(await isThere(boot))) await makeWhole(boot, (folder) => prepare(flavour, libs, folder));
  return { java: flavour.java, libs, bootstrapCheckpoint: join(boot, 'bootstrap.checkpoint'), classArchive: join(boot, 'classes.jsa') };
}

/** Formats a node and runs it once, so that later starts need neither the formatting JVM nor the loading of five thousand classes. */
async function prepare({ java, release, features }: Flavour, libs: string, folder: string): Promise<void> {
  const [client, controller] = await freePorts(2);
  const data = join(folder, 'data');
  const properties = join(folder, 'server.properties');
  await writeFile(
    properties,
    serverProperties({
      node: 1,
      controllers: [controller],
      client,
      secured: null,
      host: '127.0.0.1',
      listen: '127.0.0.1',
      data,
      extra: {},
    }),
  );
  const logging = loggingOf(release);
  await writeFile(join(folder, logging.file), logging.text);
  await run(
    java,
    [
      '-cp',
      join(libs, '*'),
      'kafka.tools.StorageTool',
      'format',
      '-t',
      randomBytes(16).toString('base64url'),
      '-c',
      properties,
      ...features,
    ],
    folder,
  );
  const archive = join(folder, 'classes.jsa');
  const options = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-XX:ArchiveClassesAtExit=${archive}`, logging.option(folder)];
  const broker = spawn(java, [...options, '-cp', join(libs, '*'), 'kafka.Kafka', properties], { cwd: folder, stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => broker.once('exit', () => resolve()));
  try {
    await poll(
      'the first start of Kafka',
      300_000,
      async () => broker.exitCode !== null || (await answersApiVersions('127.0.0.1', client)),
    );
  } finally {
    broker.kill('SIGTERM');
    await ended;
  }
  await cp(join(data, 'bootstrap.checkpoint'), join(folder, 'bootstrap.checkpoint'));
  await rm(data, { recursive: true });
}
