/**
 * From a config to the parts that a command works with: the one place where the command line chooses implementations.
 */
import { readFileSync } from 'node:fs';
import { CONNECTORS } from '../../connectors/index.ts';
import type { Config, SourceConfig } from '../config/config.ts';
import { systemClock } from '../lib/clock.ts';
import { Failure } from '../model/failure.ts';
import { isCronPattern } from '../relay/poll.ts';
import type { Publisher } from '../ports/publisher.ts';
import type { SchemaRegistry } from '../ports/schema-registry.ts';
import type { Source } from '../ports/source.ts';
import type { Telemetry } from '../ports/telemetry.ts';

/** `cdf-relay/0.1.0`: what checkpoints, brokers and providers know this process by. */
export const RELAY = `cdf-relay/${packageVersion()}`;

/** How long a call to a provider tries again in place; what lasts longer is the feed's backoff. */
const IN_PLACE_MS = 30_000;

/** A token is asked for in time, by people. */
const EXPIRES_SOON_MS = 7 * 24 * 3_600_000;

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

/** Opens no connection yet. */
export function assembleKafka(config: Config, telemetry: Telemetry): Publisher {
  const { brokers, tls, sasl, compression } = config.kafka;
  const { open, defaults } = CONNECTORS.kafka.kafkajs;
  return open({ ...defaults, brokers, tls, sasl, compression, clientId: config.relay.name, telemetry });
}

export function assembleRegistry(config: Config, publisher: Publisher): SchemaRegistry {
  const { topic, confluent } = CONNECTORS.registries;
  if (config.registry === null) return topic.open({ read: (request, signal) => publisher.read(request, signal) });
  return confluent.open({ ...confluent.defaults, url: config.registry.url, auth: config.registry.basic });
}

/** Throws `profile.*` for a profile that cannot be used. */
export function assembleSource(source: SourceConfig, config: Config, telemetry: Telemetry): Source {
  const { open, parseProfile } = CONNECTORS.sources['delta-sharing'];
  const profile = parseProfile(source.profile.reveal(), source.profilePath ?? `the profile of source ${source.name}`);
  warnExpiring(source.name, profile.expirationTime, telemetry);
  return open({
    name: source.name,
    profile,
    retryTimeoutMs: Math.min(IN_PLACE_MS, config.limits.retryTimeoutMs),
    telemetry,
    clock: systemClock,
    userAgent: RELAY,
  });
}

function warnExpiring(source: string, expirationTime: number | null, telemetry: Telemetry): void {
  if (expirationTime === null || expirationTime - Date.now() > EXPIRES_SOON_MS) return;
  const verb = expirationTime < Date.now() ? 'expired' : 'expires';
  telemetry.log(
    'warn',
    `the token of source ${source} ${verb} on ${new Date(expirationTime).toISOString()}: ask the provider for a new profile file`,
  );
}

function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : 'unknown';
}
