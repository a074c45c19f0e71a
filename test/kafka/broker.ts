/**
 * A real Kafka for tests, the demo and benchmarks, by one of three ways, in this order:
 *   1. the cluster that `KAFKA_BROKERS` names, as it is;
 *   2. a container, where a Docker engine answers;
 *   3. Apache Kafka on the local Java (distribution.ts).
 * Its topics are nobody's: whoever shares a broker uses topic names of its own.
 */
import type { Broker, BrokerOptions } from './cluster.ts';
import { startContainer } from './container.ts';
import { KafkaMissing } from './kafka-missing.ts';
import { startLocal } from './local.ts';

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
  const { own = false, users, properties, nodes = 1, kafka, transactions } = options;
  return !own && nodes === 1 && [users, properties, kafka, transactions].every((asked) => asked === undefined);
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
    shut: refuse,
    freeze: refuse,
    thaw: refuse,
    restart: refuse,
    stop: async () => {},
  };
}
