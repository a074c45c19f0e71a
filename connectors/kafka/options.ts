/**
 * How to reach a Kafka cluster, in our words; each client library is told the same in its own.
 */
import { isIP } from 'node:net';
import type { Tls } from '../../src/model/certificates.ts';
import type { Telemetry } from '../../src/ports/telemetry.ts';
import type { Compression } from './compression.ts';
import type { Sasl } from './sasl.ts';

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

/** The name that the broker's certificate is asked for; TLS forbids an address there. */
export function tlsServerName(host: string): string | false {
  return isIP(host) === 0 ? host : false;
}
