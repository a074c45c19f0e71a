/**
 * The parsed config: what the rest of the relay works with. Units are in the names, secrets are `Secret`, paths are resolved and their files read.
 */
import { must } from '../lib/assert.ts';
import { Failure } from '../model/failure.ts';
import type { FeedPattern } from '../model/feed-pattern.ts';
import type { FeedSpec } from '../model/feed.ts';
import type { Tls } from '../model/certificates.ts';
import type { Secret } from '../model/secret.ts';
import { crossCheck } from './feeds.ts';
import { Files } from './files.ts';
import type { LiveFiles } from './live-files.ts';
import type { ReferenceWorld } from './references.ts';
import { configSchema } from './schema.ts';
import type { ConfigShape } from './schema.ts';
import { isTextAt } from './schema-lookup.ts';
import { shapeProblems } from './sentences.ts';
import type { Problem, YamlTree } from './yaml-tree.ts';
import { readYaml } from './yaml-tree.ts';

export interface Config {
  /** Of the file, as it was given. */
  readonly path: string;
  readonly relay: { readonly name: string; readonly checkpointPartitions: number };
  readonly kafka: KafkaConfig;
  /** Null: schemas travel on each recipient's schemas topic. */
  readonly registry: RegistryConfig | null;
  readonly sources: readonly SourceConfig[];
  readonly recipients: readonly string[];
  /** Of the entries that name a table, in the order of the file. */
  readonly feeds: readonly FeedSpec[];
  /** The entries that name tables by a pattern, in the order of the file. */
  readonly patterns: readonly FeedPattern[];
  readonly limits: Limits;
  readonly http: HttpConfig;
  readonly log: LogConfig;
  /** Where secrets and certificates stand that are taken up when they change. */
  readonly files: LiveFiles;
  /** `file:line:column: sentence`, for whatever is allowed and probably not meant. */
  readonly warnings: readonly string[];
}

export interface KafkaConfig {
  readonly brokers: readonly string[];
  /** Null: no encryption. */
  readonly tls: Tls | null;
  readonly sasl: SaslConfig | null;
  readonly compression: 'zstd' | 'gzip' | 'lz4' | 'snappy' | 'none';
  readonly driver: 'kafkajs' | 'direct';
  readonly topics: {
    readonly create: boolean;
    readonly partitions: number;
    readonly replicationFactor: number;
    readonly config: Readonly<Record<string, string>>;
  };
}

export type SaslConfig =
  | { readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; readonly username: string; readonly password: Secret }
  | {
      readonly mechanism: 'oauthbearer';
      readonly tokenEndpoint: string;
      readonly clientId: string;
      readonly clientSecret: Secret;
      readonly scope: string | null;
      readonly extensions: Readonly<Record<string, string>>;
      /** For the token endpoint; null: as Node does it by itself. */
      readonly tls: Tls | null;
    }
  | { readonly mechanism: 'aws-msk-iam'; readonly region: string };

export interface RegistryConfig {
  /** One at least, without slashes at their ends. */
  readonly urls: readonly string[];
  /** Null: it asks nobody. */
  readonly auth:
    | { readonly kind: 'basic'; readonly username: string; readonly password: Secret }
    | { readonly kind: 'bearer'; readonly token: Secret }
    | null;
  /** Null: as Node does it by itself. */
  readonly tls: Tls | null;
  readonly subjects: 'topic' | 'record' | 'topic-record';
  readonly framing: 'id' | 'guid';
  readonly autoRegister: boolean;
}

export interface SourceConfig {
  readonly name: string;
  /** The profile's JSON text. */
  readonly profile: Secret;
  /** The file it was read from, as the config spells it; null where the config held the text. */
  readonly profilePath: string | null;
  /** Null: as Node does it by itself. */
  readonly tls: Tls | null;
  readonly poll: PollSchedule;
  /** The budget of all its feeds together. */
  readonly requestsPerSecond: number;
  /** Host names, addresses and blocks outside the open Internet that the provider may point to. */
  readonly allowHosts: readonly string[];
  /** IANA name: of timestamps of partitions that the provider writes without a zone. */
  readonly partitionTimeZone: string;
}

export type PollSchedule =
  | { readonly kind: 'interval'; readonly intervalMs: number }
  | { readonly kind: 'cron'; readonly pattern: string; readonly timezone: string };

export interface Limits {
  readonly memoryBytes: number;
  readonly workers: number;
  readonly chunkRecords: number;
  readonly chunkBytes: number;
  readonly chunkTimeMs: number;
  readonly retryTimeoutMs: number;
}

export interface HttpConfig {
  readonly host: string;
  readonly port: number;
  /** Null: the HTTP port takes no orders. */
  readonly adminToken: Secret | null;
}

export interface LogConfig {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'json' | 'pretty';
}

/** What the file is read in: everything outside its text, so that parsing is pure. */
export interface ConfigWorld extends ReferenceWorld {
  /** How the file is called in messages. */
  readonly path: string;
  /** For `workers: auto`. */
  readonly cores: number;
}

/** Throws `Failure` `config.invalid`, whose message has a line `file:line:column: sentence` for each thing wrong, in the order of the file. */
export function parseConfig(text: string, world: ConfigWorld): Config {
  const tree = readYaml(text, { world, isText: isTextAt });
  if (tree.value === undefined) throw invalid(tree.problems, world);
  const shape = configSchema.safeParse(tree.value);
  const { feeds, patterns, problems, warnings } = crossCheck(tree);
  const all = [...tree.problems, ...(shape.success ? [] : shapeProblems(tree, shape.error.issues)), ...problems];
  const files = new Files(tree, world);
  const config = shape.success ? build(shape.data, { feeds, patterns, files, world }) : null;
  if (config === null) files.readSoundParts();
  all.push(...files.problems);
  if (config === null || all.length > 0) throw invalid(all, world);
  return { ...config, warnings: lines([...warnings, ...compactionWarning(tree, config)], world) };
}

const ADMIN_TOKEN_MIN = 16;

interface Parts {
  readonly feeds: readonly FeedSpec[];
  readonly patterns: readonly FeedPattern[];
  readonly files: Files;
  readonly world: ConfigWorld;
}

function build(shape: ConfigShape, { feeds, patterns, files, world }: Parts): Config {
  const { limits } = shape;
  if (limits.chunkBytes > limits.memory / 8)
    files.complain(
      ['limits', 'chunkBytes'],
      '`limits.chunkBytes` must be an eighth of `limits.memory` at most: chunks are prepared in memory.',
    );
  const { adminToken } = shape.http;
  return {
    path: world.path,
    relay: shape.relay,
    kafka: {
      brokers: shape.kafka.brokers,
      tls: files.kafkaTls(shape.kafka.tls),
      sasl: saslConfig(shape.kafka.sasl, files),
      compression: shape.kafka.compression,
      driver: shape.kafka.driver,
      topics: {
        ...shape.kafka.topics,
        config: Object.fromEntries(Object.entries(shape.kafka.topics.config).map(([key, value]) => [key, String(value)])),
      },
    },
    registry: shape.registry === undefined ? null : registryConfig(shape.registry, files),
    sources: shape.sources.map((source, i) => ({
      name: source.name,
      ...files.profile(source.profile, ['sources', i, 'profile']),
      tls: source.tls === undefined ? null : files.tls(source.tls, ['sources', i, 'tls']),
      poll:
        typeof source.poll === 'number'
          ? { kind: 'interval', intervalMs: source.poll }
          : { kind: 'cron', pattern: source.poll.cron, timezone: source.poll.timezone },
      requestsPerSecond: source.requestsPerSecond,
      allowHosts: source.allowHosts,
      partitionTimeZone: source.partitionTimeZone,
    })),
    recipients: shape.recipients.map((recipient) => recipient.name),
    feeds,
    patterns,
    limits: {
      memoryBytes: limits.memory,
      workers: limits.workers === 'auto' ? Math.max(1, world.cores - 1) : limits.workers,
      chunkRecords: limits.chunkRecords,
      chunkBytes: limits.chunkBytes,
      chunkTimeMs: limits.chunkTime,
      retryTimeoutMs: limits.retryTimeout,
    },
    http: { ...shape.http, adminToken: adminToken === undefined ? null : files.secret(adminToken, ['http', 'adminToken'], guessable) },
    log: shape.log,
    files: files.live,
    warnings: [],
  };
}

function guessable(token: string): string | null {
  if (token.length >= ADMIN_TOKEN_MIN) return null;
  return `is shorter than ${ADMIN_TOKEN_MIN} characters, and can be guessed: \`openssl rand -hex 32\` makes one`;
}

function registryConfig(shape: NonNullable<ConfigShape['registry']>, files: Files): RegistryConfig {
  const { url, auth, tls, subjects, framing, autoRegister } = shape;
  if (tls !== undefined && !url.some((address) => address.startsWith('https:')))
    files.complain(['registry', 'tls'], '`registry.tls` is of no use: no address in `registry.url` begins with https://.');
  return {
    urls: url,
    auth: registryAuth(auth, files),
    tls: tls === undefined ? null : files.tls(tls, ['registry', 'tls']),
    subjects,
    framing,
    autoRegister,
  };
}

function registryAuth(auth: NonNullable<ConfigShape['registry']>['auth'], files: Files): RegistryConfig['auth'] {
  const path = ['registry', 'auth'];
  if (auth?.basic !== undefined) {
    const { username, password } = auth.basic;
    return { kind: 'basic', username, password: files.secret(password, [...path, 'basic', 'password']) };
  }
  return auth?.bearer === undefined ? null : { kind: 'bearer', token: files.secret(auth.bearer, [...path, 'bearer']) };
}

/** The schema has seen to it that a mechanism has its keys. */
function saslConfig(sasl: ConfigShape['kafka']['sasl'], files: Files): SaslConfig | null {
  if (sasl === undefined) return null;
  const path = ['kafka', 'sasl'];
  switch (sasl.mechanism) {
    case 'oauthbearer':
      return {
        mechanism: sasl.mechanism,
        tokenEndpoint: must(sasl.tokenEndpoint, 'the token endpoint'),
        clientId: must(sasl.clientId, 'the client'),
        clientSecret: files.secret(must(sasl.clientSecret, 'the client secret'), [...path, 'clientSecret']),
        scope: sasl.scope ?? null,
        extensions: sasl.extensions ?? {},
        tls: sasl.tls === undefined ? null : files.tls(sasl.tls, [...path, 'tls']),
      };
    case 'aws-msk-iam':
      return { mechanism: sasl.mechanism, region: must(sasl.region, 'the region') };
    default:
      return {
        mechanism: sasl.mechanism,
        username: must(sasl.username, 'the user name'),
        password: files.secret(must(sasl.password, 'the password'), [...path, 'password']),
      };
  }
}

function compactionWarning(tree: YamlTree, config: Config): readonly Problem[] {
  if (config.kafka.topics.config['cleanup.policy']?.includes('compact') !== true) return [];
  return [
    {
      place: tree.placeOf(['kafka', 'topics', 'config', 'cleanup.policy']),
      sentence: 'data topics with `cleanup.policy` compact keep only the last change of each key.',
    },
  ];
}

function invalid(problems: readonly Problem[], world: ConfigWorld): Failure {
  return new Failure('config.invalid', lines(problems, world).join('\n'));
}

function lines(problems: readonly Problem[], world: ConfigWorld): readonly string[] {
  const sorted = problems.toSorted((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
  return [...new Set(sorted.map(({ place, sentence }) => `${world.path}:${place.line}:${place.column}: ${onOneLine(sentence)}`))];
}

/** Sentences quote what people wrote, and that may hold line feeds and codes that a terminal obeys. */
function onOneLine(sentence: string): string {
  return sentence.replaceAll(/[\s\p{Cc}]+/gu, ' ');
}
