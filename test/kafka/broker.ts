/**
 * A real Kafka for tests, the demo and benchmarks, by one of three ways, in this order:
 *   1. the cluster that `KAFKA_BROKERS` names, as it is;
 *   2. a container, where a Docker engine answers;
 *   3. Apache Kafka on the local Java (distribution.ts).
 * Its topics are nobody's: whoever shares a broker uses topic names of its own.
 */
import { startContainer } from './container.ts';
import { KafkaMissing } from './kafka-missing.ts';
import { startLocal } from './local.ts';

export interface BrokerOptions {
  readonly nodes?: 1 | 3;
  /** Users by name with their passwords: asks for a listener with TLS and SASL (PLAIN, SCRAM-SHA-256 and -512), and for ACLs on it. `admin` may do all. */
  readonly users?: Readonly<Record<string, string>>;
  /** Lines of `server.properties` beyond our own. */
  readonly properties?: Readonly<Record<string, string>>;
  /** A broker that nobody else uses and that may be killed: `KAFKA_BROKERS` will not do. */
  readonly own?: boolean;
}

export interface Broker {
  /** For people: where this Kafka came from. */
  readonly origin: string;
  /** `host:port` of each node's plain listener. */
  readonly brokers: readonly string[];
  /** The listener with TLS and SASL: its address and the PEM of its authority; null unless users were asked for. */
  readonly secured: { readonly brokers: readonly string[]; readonly ca: string } | null;
  /** Ends a node at once (SIGKILL); nodes count from 1. */
  kill(node: number): Promise<void>;
  /** Starts a node again over its data, after `kill` or a stop of its own, and waits until it serves. */
  restart(node: number): Promise<void>;
  /** Ends all nodes and removes their data. A second call does nothing. */
  stop(): Promise<void>;
}

/** Starts a broker and waits until it serves. Throws `KafkaMissing` where no way leads to one. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const given = process.env['KAFKA_BROKERS'];
  if (given !== undefined && given !== '' && isPlain(options)) return existing(given.split(',').map((text) => text.trim()));
  const container = await startContainer(options);
  if (container !== null) return container;
  try {
    return await startLocal(options);
  } catch (error) {
    if (!(error instanceof KafkaMissing)) throw error;
    const ways = 'set KAFKA_BROKERS to a running cluster, start a Docker engine, or install Java 17 or newer and Maven';
    throw new KafkaMissing(`No Kafka can be had here (no Docker engine answers; ${error.message}): ${ways}.`, { cause: error });
  }
}

function isPlain(options: BrokerOptions): boolean {
  return options.own !== true && options.users === undefined && options.properties === undefined && (options.nodes ?? 1) === 1;
}

function existing(brokers: readonly string[]): Broker {
  const refuse = async (): Promise<void> => {
    throw new Error('the cluster of KAFKA_BROKERS is not ours to kill');
  };
  return {
    origin: `the cluster of KAFKA_BROKERS, ${brokers.join(', ')}`,
    brokers,
    secured: null,
    kill: refuse,
    restart: refuse,
    stop: async () => {},
  };
}
