/**
 * From a config to the parts that a command works with: the one place where the command line chooses implementations.
 */
import { dirname, resolve } from 'node:path';
import type { Profile } from '../../connectors/sources/delta-sharing/profile.ts';
import { CONNECTORS } from '../../connectors/index.ts';
import type { Config, SaslConfig, SourceConfig } from '../config/config.ts';
import { systemClock } from '../lib/clock.ts';
import { Failure } from '../model/failure.ts';
import { registryPages } from '../ops/registry-pages.ts';
import type { RegistryPages } from '../ops/registry-pages.ts';
import { checkpointTopic } from '../relay/checkpoint-topic.ts';
import type { ClusterInspection } from '../relay/inspection.ts';
import { isCronPattern } from '../relay/poll.ts';
import type { Site } from '../relay/settings.ts';
import { KafkaWatch } from '../relay/watch.ts';
import type { Membership } from '../ports/membership.ts';
import type { Publisher } from '../ports/publisher.ts';
import type { Framing, SchemaRegistry } from '../ports/schema-registry.ts';
import type { Source } from '../ports/source.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { RELAY } from './product.ts';

/** How long a call to a provider tries again in place; what lasts longer is the feed's backoff. */
const IN_PLACE_MS = 30_000;

/** Throws `config.invalid` for a source that would never be polled: the config's own check reads the pattern, not the calendar. */
export function checkSchedules(config: Config): void {
  for (const { name, poll } of config.sources) {
    if (poll.kind === 'interval' || isCronPattern(poll.pattern)) continue;
    throw new Failure(
      'config.invalid',
      `${config.path}: the cron pattern \`${poll.pattern}\` of source ${name} never comes due: no month has such a day.`,
    );
  }
}

/** Opens no connection yet. `reachTimeoutMs`: how long brokers are waited for; left out, as long as `run` waits. */
export function assembleKafka(config: Config, telemetry: Telemetry, patience: { readonly reachTimeoutMs?: number } = {}): Publisher {
  const { brokers, tls, sasl, compression, driver } = config.kafka;
  const { open, defaults } = CONNECTORS.kafka[driver];
  return open({ ...defaults, brokers, tls, sasl: openSasl(sasl), compression, clientId: config.relay.name, telemetry, ...patience });
}

/** Looks at nothing yet. */
export function assembleWatch(config: Config, publisher: Publisher, telemetry: Telemetry): KafkaWatch {
  return new KafkaWatch({
    ...inspectionOf(config, publisher),
    telemetry,
    clock: systemClock,
    checkpoints: checkpointTopic(config.relay.name),
    checkpointPartitions: config.relay.checkpointPartitions,
  });
}

/** What is looked at in Kafka, and what it is to fit. */
export function inspectionOf({ kafka, relay }: Config, { admin }: Publisher): ClusterInspection {
  const { transactionTimeoutMs } = CONNECTORS.kafka.kafkajs.defaults;
  return {
    admin,
    site: siteIn({ kafka }),
    group: `${relay.name}.relay`,
    transactionTimeoutMs,
    sessionTimeoutMs: CONNECTORS.membership.defaults.sessionMs,
  };
}

/** For commands that a person can paste. */
export function siteIn({ kafka }: Pick<Config, 'kafka'>): Site {
  return { brokers: kafka.brokers, principal: principalOf(kafka.sasl) };
}

/** Joins nothing yet. */
export function assembleMembership(config: Config, telemetry: Telemetry): Membership {
  const { brokers, tls, sasl } = config.kafka;
  const { open, defaults } = CONNECTORS.membership;
  return open({ ...defaults, brokers, tls, sasl: openSasl(sasl), clientId: config.relay.name, telemetry });
}

export function assembleRegistry(config: Config, publisher: Publisher, telemetry: Telemetry): SchemaRegistry {
  const { topic, confluent } = CONNECTORS.registries;
  if (config.registry === null) return topic.open({ read: (request, signal) => publisher.read(request, signal) });
  return confluent.open({ ...confluent.defaults, ...config.registry, telemetry });
}

/** What consumers are given instead of a registry; null where the config names one. */
export function assembleRegistryPages(config: Config, publisher: Publisher): RegistryPages | null {
  if (config.registry !== null) return null;
  const schemas = CONNECTORS.registries.topic.openCatalog({ read: (request, signal) => publisher.read(request, signal) });
  return registryPages({ recipients: config.recipients, schemas });
}

/** How records name their schema under this config. */
export function framingOf({ registry }: Config): Framing {
  if (registry === null) return 'guid';
  return registry.framing === 'id' ? 'id' : 'registry-guid';
}

/** Reads the profile of a source without touching the network. Rejects with `profile.*` where it cannot be used. */
export async function readSourceProfile(source: SourceConfig, config: Config): Promise<Profile> {
  const { parseProfile, readProfile } = CONNECTORS.sources['delta-sharing'];
  if (source.profilePath === null) return parseProfile(source.profile.reveal(), `the profile of source ${source.name}`);
  return readProfile(resolve(dirname(config.path), source.profilePath), `profile ${source.profilePath}`);
}

/** Rejects with `profile.*` for a profile that cannot be used. */
export async function assembleSource(source: SourceConfig, config: Config, telemetry: Telemetry): Promise<Source> {
  return CONNECTORS.sources['delta-sharing'].open({
    name: source.name,
    profile: await readSourceProfile(source, config),
    retryTimeoutMs: Math.min(IN_PLACE_MS, config.limits.retryTimeoutMs),
    telemetry,
    clock: systemClock,
    userAgent: RELAY,
    memoryBytes: config.limits.memoryBytes,
    requestsPerSecond: source.requestsPerSecond,
    allowHosts: source.allowHosts,
    tls: source.tls,
    partitionTimeZone: source.partitionTimeZone,
  });
}

function openSasl(sasl: SaslConfig | null): ReturnType<typeof CONNECTORS.sasl.open> | null {
  return sasl === null ? null : CONNECTORS.sasl.open(sasl);
}

/** Null where the brokers take it out of a certificate or a token. */
function principalOf(sasl: SaslConfig | null): string | null {
  return sasl !== null && 'username' in sasl ? `User:${sasl.username}` : null;
}
