/** A schemas topic in memory: what is published to it is read from it. */
import type { ControlRecord, ReadRecord, ReadRequest } from '../../../src/ports/publisher.ts';

export class MemoryTopic {
  readonly records: ControlRecord[] = [];
  /** Each reading, as `<topic> from <offset>`. */
  readonly reads: string[] = [];
  /** Runs at the end of each reading, before it ends. */
  atEnd: () => Promise<void> = async () => {};

  readonly read = (request: ReadRequest): AsyncGenerator<ReadRecord> => this.#read(request);

  async *#read({ topic, from }: ReadRequest): AsyncGenerator<ReadRecord> {
    const begin = from?.get(0) ?? 0;
    this.reads.push(`${topic} from ${begin}`);
    for (const [offset, { key, value, ...record }] of this.records.entries()) {
      if (record.topic !== topic || offset < begin) continue;
      yield {
        partition: record.partition,
        offset,
        timestamp: 0,
        key: Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
        headers: {},
      };
    }
    await this.atEnd();
  }
}
