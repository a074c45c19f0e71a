/** What is asked of a Kafka for tests, and what is given: by whichever way it was had (broker.ts). */

import type { Issued } from './certificates.ts';

/** Releases that tests run on. */
export type KafkaRelease = '4' | '3.9';

export interface BrokerOptions {
  readonly nodes?: 1 | 3;
  /** 4 unless said. */
  readonly kafka?: KafkaRelease;
  /** 1 = a Kafka 4 formatted with `transaction.version=0`: transactions as before KIP-890, which are all that 3.9 has. */
  readonly transactions?: 1 | 2;
  /**
   * Users by name with their passwords: asks for a listener with TLS and SASL (PLAIN, SCRAM-SHA-256 and -512), another with TLS that asks for certificates, and ACLs on
   * both. `admin` may do all, also by a certificate of that name.
   */
  readonly users?: Readonly<Record<string, string>>;
  /** Beside users: the listener with SASL takes tokens (OAUTHBEARER) that are signed by a key of this JSON Web Key Set, for the audience `kafka`. */
  readonly jwks?: string;
  /** Lines of `server.properties` beyond our own. */
  readonly properties?: Readonly<Record<string, string>>;
  /** A broker that nobody else uses and that may be killed: `KAFKA_BROKERS` will not do. */
  readonly own?: boolean;
  /** For one test run: its data is kept in memory where the system has room for files there. Kafka waits for its disk at every topic that is made. */
  readonly brief?: boolean;
}

export interface Secured {
  /** With SASL. */
  readonly brokers: readonly string[];
  /** With certificates. */
  readonly mutual: readonly string[];
  /** PEM of the authority of both. */
  readonly ca: string;
  /** Certificates that it signed for users. */
  readonly issued: Readonly<Record<string, Issued>>;
}

export interface Broker {
  /** For people: where this Kafka came from. */
  readonly origin: string;
  /** `host:port` of each node's plain listener. */
  readonly brokers: readonly string[];
  /** The listeners with TLS; null unless users were asked for. */
  readonly secured: Secured | null;
  /** Ends a node at once (SIGKILL); nodes count from 1. */
  kill(node: number): Promise<void>;
  /** Ends a node in order (SIGTERM): it hands over what it leads. */
  shut(node: number): Promise<void>;
  /** A node that does nothing for a while and closes no connection (SIGSTOP, SIGCONT). */
  freeze(node: number): Promise<void>;
  thaw(node: number): Promise<void>;
  /** Starts a node again over its data, after `kill`, `shut` or a stop of its own, and waits until it serves. */
  restart(node: number): Promise<void>;
  /** Ends all nodes and removes their data. A second call does nothing. */
  stop(): Promise<void>;
}
