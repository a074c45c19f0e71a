/**
 * The parsed config: what the rest of the relay works with. Units are in the names, secrets are `Secret`, paths are resolved and their files read.
 */
import { Failure } from '../model/failure.ts';
import type { FeedPattern } from '../model/feed-pattern.ts';
import type { FeedSpec } from '../model/feed.ts';
import { Secret } from '../model/secret.ts';
import { crossCheck } from './feeds.ts';
import type { ReferenceWorld } from './references.ts';
import { configSchema, partsSchema } from './schema.ts';
import type { ConfigShape } from './schema.ts';
import { isTextAt } from './schema-lookup.ts';
import { shapeProblems } from './sentences.ts';
import type { Path, Problem, YamlTree } from './yaml-tree.ts';
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
  readonly http: { readonly host: string; readonly port: number };
  readonly log: LogConfig;
  /** `file:line:column: sentence`, for whatever is allowed and probably not meant. */
  readonly warnings: readonly string[];
}

export interface KafkaConfig {
  readonly brokers: readonly string[];
  /** Null: no encryption. */
  readonly tls: TlsConfig | null;
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

/** Texts in PEM; null = what Node trusts, or no certificate of ours. */
export interface TlsConfig {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: Secret | null;
}

export interface SaslConfig {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: Secret;
}

export interface RegistryConfig {
  /** One at least, without slashes at their ends. */
  readonly urls: readonly string[];
  /** Null: it asks nobody. */
  readonly auth:
    | { readonly kind: 'basic'; readonly username: string; readonly password: Secret }
    | { readonly kind: 'bearer'; readonly token: Secret }
    | null;
  /** Null: as Node does it by itself. */
  readonly tls: TlsConfig | null;
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
  return {
    path: world.path,
    relay: shape.relay,
    kafka: {
      brokers: shape.kafka.brokers,
      tls: kafkaTls(shape.kafka.tls, files),
      sasl: shape.kafka.sasl ?? null,
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
    http: shape.http,
    log: shape.log,
    warnings: [],
  };
}

function registryConfig(shape: NonNullable<ConfigShape['registry']>, files: Files): RegistryConfig {
  const { url, auth, tls, subjects, framing, autoRegister } = shape;
  if (tls !== undefined && !url.some((address) => address.startsWith('https:')))
    files.complain(['registry', 'tls'], '`registry.tls` is of no use: no address in `registry.url` begins with https://.');
  return {
    urls: url,
    auth: registryAuth(auth),
    tls: tls === undefined ? null : tlsConfig(tls, ['registry', 'tls'], files),
    subjects,
    framing,
    autoRegister,
  };
}

function registryAuth(auth: NonNullable<ConfigShape['registry']>['auth']): RegistryConfig['auth'] {
  if (auth?.basic !== undefined) return { kind: 'basic', ...auth.basic };
  return auth?.bearer === undefined ? null : { kind: 'bearer', token: auth.bearer };
}

function kafkaTls(tls: ConfigShape['kafka']['tls'], files: Files): TlsConfig | null {
  if (tls === false) return null;
  return tls === true ? { ca: null, cert: null, key: null } : tlsConfig(tls, ['kafka', 'tls'], files);
}

function tlsConfig(tls: Certificates, path: Path, files: Files): TlsConfig {
  if ((tls.cert === undefined) !== (tls.key === undefined))
    files.complain(path, `\`${path.join('.')}\` has one of \`cert\` and \`key\`: a certificate of ours needs both.`);
  return {
    ca: tls.ca === undefined ? null : files.pem(tls.ca, [...path, 'ca']),
    cert: tls.cert === undefined ? null : files.pem(tls.cert, [...path, 'cert']),
    key: tls.key === undefined ? null : new Secret(files.pem(tls.key.reveal(), [...path, 'key'])),
  };
}

type Certificates = Exclude<ConfigShape['kafka']['tls'], boolean>;

function compactionWarning(tree: YamlTree, config: Config): readonly Problem[] {
  if (config.kafka.topics.config['cleanup.policy']?.includes('compact') !== true) return [];
  return [
    {
      place: tree.placeOf(['kafka', 'topics', 'config', 'cleanup.policy']),
      sentence: 'data topics with `cleanup.policy` compact keep only the last change of each key.',
    },
  ];
}

/** Files that values name. */
class Files {
  readonly problems: Problem[] = [];
  readonly #tree: YamlTree;
  readonly #world: ConfigWorld;

  constructor(tree: YamlTree, world: ConfigWorld) {
    this.#tree = tree;
    this.#world = world;
  }

  complain(path: Path, sentence: string): void {
    this.problems.push({ place: this.#tree.placeOf(path), sentence });
  }

  pem(value: string, path: Path): string {
    const text = value.includes('-----BEGIN') ? value : this.#read(value, path);
    if (text !== '' && !text.includes('-----BEGIN'))
      this.complain(path, 'the file is not in PEM: it has no line that begins with -----BEGIN.');
    return text;
  }

  profile(value: Secret, path: Path): Pick<SourceConfig, 'profile' | 'profilePath'> {
    const text = value.reveal().trim();
    if (text.startsWith('{')) return { profile: value, profilePath: null };
    return { profile: new Secret(this.#read(text, path)), profilePath: this.#tree.isReferred(path) ? null : text };
  }

  /** For a config whose shape is wrong somewhere: the files are looked at all the same. */
  readSoundParts(): void {
    const shape = partsSchema.safeParse(this.#tree.value);
    for (const [i, source] of (shape.data?.sources ?? []).entries())
      if (source !== null) this.profile(source.profile, ['sources', i, 'profile']);
    const tls = shape.data?.kafka?.tls;
    if (tls !== undefined) kafkaTls(tls, this);
    const registryTls = shape.data?.registry?.tls;
    if (registryTls !== undefined) tlsConfig(registryTls, ['registry', 'tls'], this);
  }

  #read(name: string, path: Path): string {
    if (this.#tree.isBroken(path)) return '';
    const shown = this.#tree.isReferred(path) ? 'that the reference names' : name;
    try {
      const text = this.#world.readFile(name);
      if (text.trim() === '') this.complain(path, `the file ${shown} is empty.`);
      return text;
    } catch (error) {
      const why = this.#tree.isReferred(path) || !(error instanceof Error) ? '' : ` (${error.message})`;
      this.complain(path, `the file ${shown} cannot be read${why}; relative paths begin at the folder of the config file.`);
      return '';
    }
  }
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
