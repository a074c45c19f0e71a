/**
 * How to reach a Kafka cluster, in our words; each client library is told the same in its own.
 */
import { isIP } from 'node:net';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { SASLOptions as WireSasl } from '@platformatic/kafka';
import type { SASLOptions as KafkajsSasl } from 'kafkajs';
import type { Secret } from '../../src/model/secret.ts';
import type { Telemetry } from '../../src/ports/telemetry.ts';
import type { Compression } from './compression.ts';

export interface Tls {
  /** PEM texts; null = the authorities that Node trusts, and no certificate of our own. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: Secret | null;
}

export interface Sasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: Secret;
}

export interface KafkaOptions {
  /** `host:port`, one at least. */
  readonly brokers: readonly string[];
  /** Null = unencrypted. */
  readonly tls: Tls | null;
  /** Null = the brokers ask nobody. */
  readonly sasl: Sasl | null;
  readonly compression: Compression;
  readonly clientId: string;
  /** After this the coordinator aborts a transaction by itself. */
  readonly transactionTimeoutMs: number;
  /** How long a claim's reading, up to its own record, may go without getting on before it is `kafka.stuck`. */
  readonly claimTimeoutMs: number;
  /** How long `admin.reach` waits for a first answer. */
  readonly reachTimeoutMs: number;
  readonly telemetry: Telemetry;
}

/** What Kafka's own clients take, and what `run` uses. */
export const KAFKA_DEFAULTS = {
  tls: null,
  sasl: null,
  compression: 'zstd',
  transactionTimeoutMs: 30_000,
  claimTimeoutMs: 30_000,
  reachTimeoutMs: 60_000,
} as const;

/** For node:tls; undefined = unencrypted. */
export function tlsOptions(tls: Tls | null): TlsOptions | undefined {
  if (tls === null) return undefined;
  return {
    ...(tls.ca === null ? {} : { ca: [tls.ca] }),
    ...(tls.cert === null ? {} : { cert: tls.cert }),
    ...(tls.key === null ? {} : { key: tls.key.reveal() }),
  };
}

/** The name that the broker's certificate is asked for; TLS forbids an address there. */
export function tlsServerName(host: string): string | false {
  return isIP(host) === 0 ? host : false;
}

export function kafkajsSasl(sasl: Sasl): KafkajsSasl {
  return { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password.reveal() };
}

const WIRE_MECHANISMS = { plain: 'PLAIN', 'scram-sha-256': 'SCRAM-SHA-256', 'scram-sha-512': 'SCRAM-SHA-512' } as const;

export function wireSasl(sasl: Sasl): WireSasl {
  return { mechanism: WIRE_MECHANISMS[sasl.mechanism], username: sasl.username, password: sasl.password.reveal() };
}
