/**
 * Transactions that stay open: a partition whose last stable offset stands still below its end. Whoever reads committed records waits there, and nothing tells them.
 */
import type { EpochMs } from '../model/version.ts';
import type { PartitionTail } from '../ports/publisher.ts';

export interface OpenTransaction {
  readonly topic: string;
  readonly partition: number;
  /** Where it begins. */
  readonly stable: number;
  readonly end: number;
  /** How long it has been seen there, which is less than how long it is open. */
  readonly openMs: number;
  /** By its place in the log, so that another one in the same partition is another. */
  readonly name: string;
}

export class Standstill {
  /** By the transaction's name, when it was first seen. Bounded by the partitions of the last look. */
  #since: ReadonlyMap<string, EpochMs> = new Map();

  /** The transactions that are open in these partitions; those that the last look saw elsewhere are forgotten. */
  look(tails: ReadonlyMap<string, readonly PartitionTail[]>, now: EpochMs): readonly OpenTransaction[] {
    const open = [...tails].flatMap(([topic, partitions]) =>
      partitions
        .filter(({ stable, end }) => stable < end)
        .map(({ partition, stable, end }): OpenTransaction => {
          const name = `${topic}-${partition}@${stable}`;
          return { topic, partition, stable, end, openMs: now - (this.#since.get(name) ?? now), name };
        }),
    );
    this.#since = new Map(open.map(({ name, openMs }) => [name, now - openMs]));
    return open;
  }
}
