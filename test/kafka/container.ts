/**
 * Kafka's own image, where a Docker engine answers. The node is set up by the same `server.properties` as on the local Java, so tests see one Kafka.
 * One node only: three that find each other need a network of their own, which the local Java gives for nothing.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Broker, BrokerOptions } from './cluster.ts';
import { issuedTo, makeCertificates } from './certificates.ts';
import { freePorts } from './ports.ts';
import { brokersKnown, poll } from './probe.ts';
import { featuresOf, loggingOf, serverProperties, tokenOption } from './properties.ts';
import { RELEASES } from './releases.ts';

const READY_MS = 300_000;
const CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qg';

/** Null where no engine answers, or where the options ask for more than one node. */
export async function startContainer(options: BrokerOptions): Promise<Broker | null> {
  if ((options.nodes ?? 1) !== 1) return null;
  const { GenericContainer, getContainerRuntimeClient } = await import('testcontainers');
  const engine = await getContainerRuntimeClient().catch(() => null);
  if (engine === null) return null;
  const release = options.kafka ?? '4';
  const image = `apache/kafka:${RELEASES[release].version}`;
  const logging = loggingOf(release);
  const host = engine.info.containerRuntime.host;
  const [client, controller, secured, mutual] = await freePorts(4);
  const users = options.users ?? null;
  const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-kafka-'));
  const certificates = users === null ? null : await makeCertificates(folder);
  const keystore = certificates === null ? null : await readFile(certificates.keystore, 'utf8');
  const issued = certificates === null ? {} : await issuedTo(Object.keys(users ?? {}), certificates);
  const jwks = options.jwks === undefined ? null : '/tmp/jwks.json';
  await rm(folder, { recursive: true, force: true });

  const properties = serverProperties({
    node: 1,
    controllers: [controller],
    client,
    secured:
      users === null ? null : { port: secured, mutual, keystore: '/tmp/keystore.pem', truststore: '/tmp/truststore.pem', users, jwks },
    host,
    listen: '0.0.0.0',
    data: '/tmp/data',
    extra: options.properties ?? {},
  });
  const scram = Object.entries(users ?? {}).flatMap(([name, password]) =>
    ['256', '512'].map((bits) => `--add-scram 'SCRAM-SHA-${bits}=[name=${name},password=${password}]'`),
  );
  const format = `/opt/kafka/bin/kafka-storage.sh format --ignore-formatted -t ${CLUSTER_ID} -c /tmp/server.properties ${[...featuresOf(options), ...scram].join(' ')}`;
  const files = [
    { content: properties, target: '/tmp/server.properties', mode: 0o644 },
    { content: logging.text, target: `/tmp/${logging.file}`, mode: 0o644 },
    ...(keystore === null ? [] : [{ content: keystore, target: '/tmp/keystore.pem', mode: 0o644 }]),
    ...(certificates === null ? [] : [{ content: certificates.ca, target: '/tmp/truststore.pem', mode: 0o644 }]),
    ...(jwks === null ? [] : [{ content: options.jwks ?? '', target: jwks, mode: 0o644 }]),
  ];
  const container = await new GenericContainer(image)
    .withExposedPorts(...[client, ...(users === null ? [] : [secured, mutual])].map((port) => ({ container: port, host: port })))
    .withEnvironment({
      KAFKA_HEAP_OPTS: '-Xms64m -Xmx512m',
      KAFKA_LOG4J_OPTS: logging.option('/tmp'),
      ...(jwks === null ? {} : { KAFKA_OPTS: tokenOption(jwks) }),
    })
    .withCopyContentToContainer(files)
    .withEntrypoint(['/bin/sh', '-c'])
    .withCommand([`${format} && exec /opt/kafka/bin/kafka-server-start.sh /tmp/server.properties`])
    .start();
  const serves = (): Promise<void> =>
    poll('the start of Kafka in a container', READY_MS, async () => (await brokersKnown(host, client)) === 1);
  let running = true;
  const stop = async (): Promise<void> => {
    if (!running) return;
    running = false;
    await container.stop();
  };
  try {
    await serves();
  } catch (error) {
    await stop();
    throw error;
  }
  const handle = engine.container.getById(container.getId());
  return {
    origin: `the image ${image}`,
    brokers: [`${host}:${client}`],
    secured: certificates === null ? null : { brokers: [`${host}:${secured}`], mutual: [`${host}:${mutual}`], ca: certificates.ca, issued },
    kill: async () => {
      await handle.kill({ signal: 'SIGKILL' });
    },
    shut: async () => {
      await handle.stop();
    },
    freeze: () => handle.pause(),
    thaw: () => handle.unpause(),
    restart: async () => {
      await container.restart();
      await serves();
    },
    stop,
  };
}
