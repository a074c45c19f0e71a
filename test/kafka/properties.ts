/** The `server.properties` of a node for tests (Kafka 3.9 and 4): KRaft, everything on one machine, short time-outs. */
import { must } from '../../src/lib/assert.ts';
import type { BrokerOptions, KafkaRelease } from './cluster.ts';

export interface NodeSettings {
  readonly node: number;
  /** Controller port of each node, by node id − 1. */
  readonly controllers: readonly number[];
  readonly client: number;
  /** The listeners with TLS. */
  readonly secured: SecuredSettings | null;
  /** What clients are told to connect to, and the address to listen on. */
  readonly host: string;
  readonly listen: string;
  readonly data: string;
  readonly extra: Readonly<Record<string, string>>;
}

export interface SecuredSettings {
  /** With SASL. */
  readonly port: number;
  /** With certificates. */
  readonly mutual: number;
  /** Paths of PEM files. */
  readonly keystore: string;
  readonly truststore: string;
  readonly users: Readonly<Record<string, string>>;
  /** Path of a JSON Web Key Set; null = no tokens. */
  readonly jwks: string | null;
}

/** What the JVM is to be told: of addresses that it asks for keys, Kafka takes those alone. */
export function tokenOption(jwks: string): string {
  return `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://${jwks}`;
}

export function serverProperties(settings: NodeSettings): string {
  const replicas = String(settings.controllers.length);
  const inSync = settings.controllers.length > 1 ? '2' : '1';
  const { host, listen, client, secured } = settings;
  const controller = must(settings.controllers[settings.node - 1], 'the controller port of the node');
  const base: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(settings.node),
    'controller.quorum.voters': settings.controllers.map((port, i) => `${i + 1}@127.0.0.1:${port}`).join(','),
    listeners: [
      `PLAINTEXT://${listen}:${client}`,
      `CONTROLLER://127.0.0.1:${controller}`,
      ...(secured === null ? [] : [`SECURED://${listen}:${secured.port}`, `MUTUAL://${listen}:${secured.mutual}`]),
    ].join(','),
    'advertised.listeners': [
      `PLAINTEXT://${host}:${client}`,
      ...(secured === null ? [] : [`SECURED://${host}:${secured.port}`, `MUTUAL://${host}:${secured.mutual}`]),
    ].join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL,MUTUAL:SSL',
    'log.dirs': settings.data,
    'auto.create.topics.enable': 'false',
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    'group.initial.rebalance.delay.ms': '0',
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500',
    'log.cleaner.dedupe.buffer.size': '2097152',
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'group.min.session.timeout.ms': '1000',
    ...(secured === null ? {} : security(secured)),
    ...settings.extra,
  };
  return Object.entries(base)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

/** On the plain listener everybody is `ANONYMOUS` and may do all; on the secured one only `admin` may, and others what ACLs grant. */
function security({ users, keystore, truststore, jwks }: SecuredSettings): Record<string, string> {
  const named = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`);
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  return {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS;User:admin;User:CN=admin',
    ...Object.fromEntries(
      ['secured', 'mutual'].flatMap((listener) => [
        [`listener.name.${listener}.ssl.keystore.type`, 'PEM'],
        [`listener.name.${listener}.ssl.keystore.location`, keystore],
      ]),
    ),
    'listener.name.mutual.ssl.truststore.type': 'PEM',
    'listener.name.mutual.ssl.truststore.location': truststore,
    'listener.name.mutual.ssl.client.auth': 'required',
    'listener.name.secured.sasl.enabled.mechanisms': `PLAIN,SCRAM-SHA-256,SCRAM-SHA-512${jwks === null ? '' : ',OAUTHBEARER'}`,
    'listener.name.secured.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${named.join(' ')};`,
    'listener.name.secured.scram-sha-256.sasl.jaas.config': scram,
    'listener.name.secured.scram-sha-512.sasl.jaas.config': scram,
    ...(jwks === null ? {} : tokens(jwks)),
  };
}

function tokens(jwks: string): Record<string, string> {
  const mechanism = 'listener.name.secured.oauthbearer';
  const oauth = 'org.apache.kafka.common.security.oauthbearer';
  return {
    [`${mechanism}.sasl.jaas.config`]: `${oauth}.OAuthBearerLoginModule required;`,
    [`${mechanism}.sasl.server.callback.handler.class`]: `${oauth}.OAuthBearerValidatorCallbackHandler`,
    [`${mechanism}.sasl.oauthbearer.jwks.endpoint.url`]: `file://${jwks}`,
    [`${mechanism}.sasl.oauthbearer.expected.audience`]: 'kafka',
  };
}

/** What `StorageTool format` is told beyond its defaults. */
export function featuresOf({ kafka = '4', transactions = 2 }: BrokerOptions): readonly string[] {
  return kafka === '4' && transactions === 1 ? ['--feature', 'transaction.version=0'] : [];
}

export interface Logging {
  readonly file: string;
  readonly text: string;
  /** For the JVM, given the file's folder. */
  readonly option: (folder: string) => string;
}

/** Warnings alone, on standard output. Kafka 3.9 logs by Log4j 1. */
export function loggingOf(release: KafkaRelease): Logging {
  return release === '4'
    ? { file: 'log4j2.properties', text: LOG4J2, option: (folder) => `-Dlog4j2.configurationFile=file:${folder}/log4j2.properties` }
    : { file: 'log4j.properties', text: LOG4J, option: (folder) => `-Dlog4j.configuration=file:${folder}/log4j.properties` };
}

const LOG4J2 = `rootLogger.level=WARN
rootLogger.appenderRefs=out
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n
`;

const LOG4J = `log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=[%d] %p %m (%c)%n
`;
