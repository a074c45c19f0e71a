/** What topics take, asked once for each topic of a producer: neither kafkajs nor a broker says in good words what is wrong with a send to a partition that is not there. */
import { Failure } from '../../src/model/failure.ts';

export interface TopicLimits {
  readonly partitions: number;
  /** `max.message.bytes`: of a whole record batch, as compressed. */
  readonly batchBytesMax: number;
}

const RECORDS_BYTES_MAX = 900_000;
/** The header of a batch is 61 bytes; compression may add a few to what it cannot make smaller. */
const BATCH_OVERHEAD_BYTES = 512;

/** How many bytes of records go into one batch. */
export function recordBytesMax({ batchBytesMax }: TopicLimits): number {
  return Math.min(RECORDS_BYTES_MAX, batchBytesMax - BATCH_OVERHEAD_BYTES);
}

export class LimitsBook {
  readonly #ask: (topic: string) => Promise<TopicLimits | null>;
  readonly #known = new Map<string, TopicLimits>();

  /** `ask` gives null for a topic that does not exist. */
  constructor(ask: (topic: string) => Promise<TopicLimits | null>) {
    this.#ask = ask;
  }

  /** Null where it has to be asked. */
  known(topic: string, partition: number): TopicLimits | null {
    const known = this.#known.get(topic);
    return known !== undefined && partition < known.partitions ? known : null;
  }

  /** Rejects with `kafka.rejected` where there is no such partition. */
  async of(topic: string, partition: number): Promise<TopicLimits> {
    const known = this.known(topic, partition);
    if (known !== null) return known;
    const limits = await this.#ask(topic);
    if (limits === null) throw new Failure('kafka.rejected', `there is no topic ${topic} to send to`);
    if (partition >= limits.partitions)
      throw new Failure('kafka.rejected', `there is no ${topic}-${partition}: the topic has ${limits.partitions} partitions`);
    this.#known.set(topic, limits);
    return limits;
  }
}
