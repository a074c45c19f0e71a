/** Apache Kafka on the local Java: one process a node, ended by its process id and never left behind. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, open, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Broker, BrokerOptions } from './cluster.ts';
import { issuedTo, makeCertificates } from './certificates.ts';
import { findDistribution } from './distribution.ts';
import type { Distribution } from './distribution.ts';
import { freePorts } from './ports.ts';
import { brokersKnown, poll } from './probe.ts';
import { featuresOf, loggingOf, serverProperties, tokenOption } from './properties.ts';
import { RELEASES } from './releases.ts';
import { run } from './run.ts';

const HOST = '127.0.0.1';
const READY_MS = 300_000;
const STOP_MS = 10_000;
/** Of Linux. */
const MEMORY_FILES = '/dev/shm';
/** Several times what the tests leave on their brokers. */
const MEMORY_LEAST = 2 ** 31;

interface Node {
  readonly folder: string;
  readonly client: number;
  process: ChildProcess | null;
}

export async function startLocal(options: BrokerOptions): Promise<Broker> {
  const distribution = await findDistribution(options);
  const folder = await mkdtemp(join(await placeOf(options), 'cdf-relay-kafka-'));
  const count = options.nodes ?? 1;
  const heapMb = count === 1 ? 512 : 256;
  const ports = await freePorts(count * 4);
  const controllers = ports.slice(count, 2 * count);
  const clusterId = randomBytes(16).toString('base64url');
  const users = options.users ?? null;
  const certificates = users === null ? null : await makeCertificates(folder);
  const issued = certificates === null ? {} : await issuedTo(Object.keys(users ?? {}), certificates);
  const jwks = options.jwks === undefined ? null : join(folder, 'jwks.json');
  if (jwks !== null) await writeFile(jwks, options.jwks ?? '');
  const logging = loggingOf(options.kafka ?? '4');
  await writeFile(join(folder, logging.file), logging.text);

  const nodes: readonly Node[] = await Promise.all(
    ports.slice(0, count).map(async (client, index) => {
      const node = index + 1;
      const home = join(folder, `node-${node}`);
      const data = join(home, 'data');
      await mkdir(data, { recursive: true });
      const secured =
        users === null || certificates === null
          ? null
          : { ...certificates, port: securedPort(index), mutual: mutualPort(index), users, jwks };
      const properties = { node, controllers, client, secured, host: HOST, listen: HOST, data, extra: options.properties ?? {} };
      await writeFile(join(home, 'server.properties'), serverProperties(properties));
      await format(distribution, home, node, clusterId, users, featuresOf(options));
      return { folder: home, client, process: null };
    }),
  );
  const killAll = (): void => {
    for (const node of nodes) node.process?.kill('SIGKILL');
  };
  process.once('exit', killAll);

  const start = (node: Node): Promise<void> =>
    startNode(distribution, [logging.option(folder), ...(jwks === null ? [] : [tokenOption(jwks)])], node, heapMb);
  const serves = (node: Node): Promise<void> =>
    poll('the start of Kafka', READY_MS, async () => {
      if (node.process?.exitCode !== null)
        throw new Error(`Kafka ended while it started: ${(await readFile(join(node.folder, 'log'), 'utf8')).slice(-2000)}`);
      return (await brokersKnown(HOST, node.client)) >= nodes.filter(isRunning).length;
    });
  const at = (node: number): Node => {
    const found = nodes[node - 1];
    if (found === undefined) throw new Error(`no node ${node} among ${count}`);
    return found;
  };
  const stop = async (): Promise<void> => {
    // Their data goes with them, so nothing is gained by an orderly shutdown, which three nodes at once draw out over seconds.
    await Promise.all(nodes.map((node) => end(node, 'SIGKILL')));
    process.removeListener('exit', killAll);
    await rm(folder, { recursive: true, force: true });
  };

  function securedPort(index: number): number {
    return ports[2 * count + index] ?? 0;
  }

  function mutualPort(index: number): number {
    return ports[3 * count + index] ?? 0;
  }

  try {
    await Promise.all(nodes.map((node) => start(node)));
    await Promise.all(nodes.map((node) => serves(node)));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    origin: `Apache Kafka ${RELEASES[options.kafka ?? '4'].version} on the local Java`,
    brokers: nodes.map((node) => `${HOST}:${node.client}`),
    secured:
      certificates === null
        ? null
        : {
            brokers: nodes.map((_, index) => `${HOST}:${securedPort(index)}`),
            mutual: nodes.map((_, index) => `${HOST}:${mutualPort(index)}`),
            ca: certificates.ca,
            issued,
          },
    kill: (node) => end(at(node), 'SIGKILL'),
    shut: (node) => end(at(node), 'SIGTERM'),
    freeze: async (node) => void at(node).process?.kill('SIGSTOP'),
    thaw: async (node) => void at(node).process?.kill('SIGCONT'),
    restart: async (node) => {
      await end(at(node), 'SIGTERM');
      await start(at(node));
      await serves(at(node));
    },
    stop,
  };
}

/** Of a broker's folder. Containers often have little memory for files, or none. */
async function placeOf({ brief = false }: BrokerOptions): Promise<string> {
  const inMemory = brief ? await statfs(MEMORY_FILES).catch(() => null) : null;
  return inMemory !== null && inMemory.bavail * inMemory.bsize >= MEMORY_LEAST ? MEMORY_FILES : tmpdir();
}

/** What `StorageTool format` writes. Only users with SCRAM need the tool itself: their salted passwords are in the checkpoint. */
async function format(
  distribution: Distribution,
  home: string,
  node: number,
  clusterId: string,
  users: BrokerOptions['users'] | null,
  features: readonly string[],
): Promise<void> {
  if (users !== null && users !== undefined) {
    const scram = Object.entries(users).flatMap(([name, password]) =>
      ['256', '512'].flatMap((bits) => ['--add-scram', `SCRAM-SHA-${bits}=[name=${name},password=${password}]`]),
    );
    const tool = [
      '-cp',
      join(distribution.libs, '*'),
      'kafka.tools.StorageTool',
      'format',
      '-t',
      clusterId,
      '-c',
      'server.properties',
      ...features,
      ...scram,
    ];
    await run(distribution.java, tool, home);
    return;
  }
  const directoryId = randomBytes(16).toString('base64url');
  await writeFile(
    join(home, 'data', 'meta.properties'),
    `version=1\ncluster.id=${clusterId}\nnode.id=${node}\ndirectory.id=${directoryId}\n`,
  );
  await copyFile(distribution.bootstrapCheckpoint, join(home, 'data', 'bootstrap.checkpoint'));
}

async function startNode(distribution: Distribution, properties: readonly string[], node: Node, heapMb: number): Promise<void> {
  const log = await open(join(node.folder, 'log'), 'a');
  const options = [
    '-Xms64m',
    `-Xmx${heapMb}m`,
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Xshare:auto',
    `-XX:SharedArchiveFile=${distribution.classArchive}`,
  ];
  const args = [...options, ...properties, '-cp', join(distribution.libs, '*'), 'kafka.Kafka', 'server.properties'];
  node.process = spawn(distribution.java, args, { cwd: node.folder, stdio: ['ignore', log.fd, log.fd] });
  await log.close();
}

async function end(node: Node, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const child = node.process;
  if (child === null || !isRunning(node)) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  // A frozen process heeds nothing but SIGKILL until it goes on.
  child.kill('SIGCONT');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(late);
}

function isRunning({ process }: Node): boolean {
  return process !== null && process.exitCode === null && process.signalCode === null;
}
