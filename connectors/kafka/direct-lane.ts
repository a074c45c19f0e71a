/** The batches of one partition on their way to its leader: one in flight, and the one behind it being made meanwhile. */
import type { Batch } from './direct-batch.ts';
import type { TopicPartition } from './direct-messages.ts';

export class Lane implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  /** Of the first record of each block whose batch is acknowledged. */
  readonly offsets: number[] = [];
  readonly #batches: Iterator<Promise<Batch>, void>;
  #head: Promise<Batch> | null;
  #second: Promise<Batch> | null;

  /** `batches` begins to make a batch when it is pulled. */
  constructor(place: TopicPartition, batches: Iterator<Promise<Batch>, void>) {
    this.topic = place.topic;
    this.partition = place.partition;
    this.#batches = batches;
    this.#head = this.#pull();
    this.#second = this.#pull();
  }

  /** The batch to be sent until it is acknowledged; null = all are. */
  get head(): Promise<Batch> | null {
    return this.#head;
  }

  acknowledge({ firsts }: Batch, baseOffset: number): void {
    for (const first of firsts) this.offsets.push(baseOffset + first);
    this.#head = this.#second;
    this.#second = this.#pull();
  }

  #pull(): Promise<Batch> | null {
    const next = this.#batches.next();
    if (next.done === true) return null;
    // It is awaited when its turn comes, which may be after it failed.
    next.value.catch(() => {});
    return next.value;
  }
}
