/** What each of the nine points (notes/kafka.md §6) is played on, and what it tells. */
import type { Broker, KafkaRelease } from '../../kafka/cluster.ts';
import { CONNECTORS } from '../../../connectors/index.ts';

export type DriverName = keyof typeof CONNECTORS.kafka;

export interface Arena {
  readonly brokers: readonly string[];
  readonly driver: DriverName;
  readonly seed: number;
  readonly say: (line: string) => void;
}

/** An arena whose brokers may be killed and frozen. */
export interface WildArena extends Arena {
  readonly cluster: Broker;
  readonly kafka: KafkaRelease;
}

export interface Verdict {
  /** Read back. */
  readonly records: number;
  /** Rows, in the words of `expected.jsonl`. */
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  /** A sentence each. */
  readonly disorder: readonly string[];
}

export interface PointReport extends Verdict {
  /** Of relays; for the points that are about brokers, of brokers. */
  readonly kills: number;
  /** What else was not as it must be, a sentence each. */
  readonly problems: readonly string[];
}

export function isDriver(name: string): name is DriverName {
  return Object.hasOwn(CONNECTORS.kafka, name);
}

export function isClean({ lost, doubled, disorder, problems }: PointReport): boolean {
  return lost.length + doubled.length + disorder.length + problems.length === 0;
}
