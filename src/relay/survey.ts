/**
 * Partitions that other replicas have, as Kafka tells of them: the checkpoints of their feeds, and who claimed them. For looking at alone; what is written goes through a claim.
 *
 * A look reads what came since the last one, and is shared by those who ask at the same time or shortly behind it.
 */
import type { Clock } from '../lib/clock.ts';
import type { FeedId } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import type { EpochMs } from '../model/version.ts';
import type { Others, Owner } from '../ports/feed-control.ts';
import { CLAIM_KEY } from '../ports/publisher.ts';
import type { Publisher } from '../ports/publisher.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { parseClaim } from './claim-record.ts';

export interface SurveyOptions {
  readonly publisher: Pick<Publisher, 'read'>;
  /** The checkpoint topic. */
  readonly topic: string;
  readonly clock: Clock;
}

/** A look behind another one within this time finds what that one found. */
const FRESH_MS = 2_000;

export class Survey {
  readonly #options: SurveyOptions;
  /** By partition; of those ever looked at. */
  readonly #known = new Map<number, Known>();
  #looking: Promise<void> = Promise.resolve();

  constructor(options: SurveyOptions) {
    this.#options = options;
  }

  /** Rejects as `Publisher.read` does, with `checkpoint.version`, and with `signal.reason`. */
  async look(partitions: readonly number[], signal: AbortSignal): Promise<Others> {
    const look = this.#looking.catch(() => {}).then(async () => this.#read(partitions, signal));
    this.#looking = look;
    await look;
    const known = partitions.flatMap((partition) => this.#known.get(partition) ?? []);
    return {
      checkpoints: new Map(known.flatMap(({ checkpoints }) => [...checkpoints])),
      owners: new Map(partitions.flatMap((partition) => ownerAt(partition, this.#known.get(partition)))),
    };
  }

  async #read(wanted: readonly number[], signal: AbortSignal): Promise<void> {
    const { publisher, topic, clock } = this.#options;
    const partitions = wanted.filter((partition) => (this.#known.get(partition)?.lookedAt ?? -Infinity) + FRESH_MS <= clock.now());
    if (partitions.length === 0) return;
    const from = new Map(partitions.map((partition) => [partition, this.#known.get(partition)?.next ?? 0]));
    for await (const { partition, offset, key, value } of publisher.read({ topic, partitions, untilEnd: true, from }, signal)) {
      const known = this.#at(partition);
      // The topic was made again.
      if (offset < known.next) known.checkpoints.clear();
      known.next = offset + 1;
      take(known, Buffer.from(key ?? []).toString('utf8'), value === null ? null : Buffer.from(value).toString('utf8'));
    }
    for (const partition of partitions) this.#at(partition).lookedAt = clock.now();
  }

  #at(partition: number): Known {
    const known = this.#known.get(partition) ?? { next: 0, lookedAt: -Infinity, checkpoints: new Map(), owner: null };
    this.#known.set(partition, known);
    return known;
  }
}

interface Known {
  /** The offset to go on at. */
  next: number;
  lookedAt: EpochMs;
  readonly checkpoints: Map<FeedId, Checkpoint>;
  owner: Owner | null;
}

function take(known: Known, key: string, text: string | null): void {
  if (key === CLAIM_KEY) {
    const claim = text === null ? null : parseClaim(text);
    known.owner = claim === null ? null : { name: claim.owner, http: claim.http, since: claim.at };
  } else if (!key.startsWith('\0')) {
    if (text === null) known.checkpoints.delete(key);
    else known.checkpoints.set(key, parseCheckpoint(key, text));
  }
}

function ownerAt(partition: number, known: Known | undefined): readonly (readonly [number, Owner])[] {
  const owner = known?.owner ?? null;
  return owner === null ? [] : [[partition, owner]];
}
