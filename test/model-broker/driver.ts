/**
 * The driver over the model broker: what is asked of a real one (src/ports/publisher.ts), in the fewest words. It takes the same exam.
 */
import { assert, must } from '../../src/lib/assert.ts';
import { orAbort } from '../../src/lib/abort.ts';
import { records as recordsOf } from '../../src/codec/records.ts';
import { Failure } from '../../src/model/failure.ts';
import type { RecordBlock } from '../../src/ports/encoder.ts';
import { CLAIM_KEY } from '../../src/ports/publisher.ts';
import type {
  Claim,
  ClaimRequest,
  ControlRecord,
  Publisher,
  ReadRecord,
  ReadRequest,
  TopicAdmin,
  TransactionalProducer,
} from '../../src/ports/publisher.ts';
import { adminOf } from './admin.ts';
import type { ModelBroker, Session } from './broker.ts';
import { CALL_MS, Calls, OPEN_MS } from './calls.ts';
import type { CallOptions } from './calls.ts';
import type { Log, LoggedRecord } from './log.ts';

export interface DriverOptions extends CallOptions {
  readonly broker: ModelBroker;
  readonly transactionTimeoutMs: number;
  readonly claimTimeoutMs: number;
}

const FETCH_MS = 100;
/** Offsets of one answer. */
const FETCH_MAX = 32;
/** A read up to the end waits so long for transactions that it finds open. */
const SETTLE_MS = 2_000;

export class ModelPublisher implements Publisher {
  readonly admin: TopicAdmin;
  readonly #options: DriverOptions;
  readonly #calls: Calls;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#calls = new Calls(options);
    this.admin = adminOf(options.broker, this.#calls);
  }

  async claim(request: ClaimRequest, signal: AbortSignal): Promise<Claim> {
    signal.throwIfAborted();
    const { broker, transactionTimeoutMs } = this.#options;
    const { transactionalId, topic, partition, claimValue } = request;
    const session = await orAbort(
      this.#calls.make('init', OPEN_MS, () => broker.initProducer(transactionalId, transactionTimeoutMs)),
      signal,
    );
    const producer = new ModelProducer(broker, this.#calls, session);
    await producer.begin();
    const offset = await orAbort(producer.append(topic, partition, [controlRecord(CLAIM_KEY, claimValue)]), signal);
    await orAbort(producer.commit(CALL_MS), signal);
    const latest = await this.#latestUpTo(request, offset, signal);
    if (latest.get(CLAIM_KEY) !== claimValue) throw new Failure('kafka.fenced', `another claim of ${topic}-${partition} followed ours`);
    return { producer, records: latest };
  }

  async *read({ topic, partitions, untilEnd, from }: ReadRequest, signal: AbortSignal): AsyncGenerator<ReadRecord> {
    const { broker, clock } = this.#options;
    const logs = await orAbort(
      this.#calls.make('bounds', CALL_MS, () => broker.logs(topic).map((log) => ({ log, start: log.start, end: log.end }))),
      signal,
    );
    const settledBy = clock.now() + SETTLE_MS;
    const left = new Map<number, { readonly log: Log; readonly end: number; next: number }>();
    for (const [partition, { log, start, end }] of logs.entries()) {
      const asked = from?.get(partition) ?? start;
      const next = asked > end ? start : Math.max(start, asked);
      if (partitions?.includes(partition) !== false && (!untilEnd || next < end)) left.set(partition, { log, end, next });
    }
    while (left.size > 0) {
      let gotOn = false;
      for (const [partition, place] of left) {
        const fetched = await orAbort(
          this.#calls.make('fetch', CALL_MS, () => place.log.committed(partition, place.next)),
          signal,
        );
        for (const record of fetched.records) if (!untilEnd || record.offset < place.end) yield record;
        gotOn ||= fetched.next > place.next;
        place.next = fetched.next;
        const isOver = place.next >= place.end || (!place.log.isSettling && clock.now() > settledBy);
        if (untilEnd && isOver) left.delete(partition);
      }
      if (!gotOn && left.size > 0) await clock.sleep(FETCH_MS, signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** The latest value of each key, read until `offset` is passed. */
  async #latestUpTo({ topic, partition }: ClaimRequest, offset: number, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const { broker, clock, claimTimeoutMs } = this.#options;
    const latest = new Map<string, string>();
    let next = 0;
    let until = clock.now() + claimTimeoutMs;
    while (next <= offset) {
      const fetched = await orAbort(
        this.#calls.make('fetch', CALL_MS, () =>
          must(broker.logs(topic)[partition], `${topic}-${partition}`).committed(partition, next, FETCH_MAX),
        ),
        signal,
      );
      for (const { key, value } of fetched.records) {
        const name = Buffer.from(key ?? []).toString('utf8');
        if (value === null) latest.delete(name);
        else latest.set(name, Buffer.from(value).toString('utf8'));
      }
      if (fetched.next > next) until = clock.now() + claimTimeoutMs;
      else if (clock.now() > until) throw new Failure('kafka.stuck', `${topic}-${partition} can be read up to offset ${next} only`);
      else await clock.sleep(FETCH_MS, signal);
      next = fetched.next;
    }
    return latest;
  }
}

class ModelProducer implements TransactionalProducer {
  readonly #broker: ModelBroker;
  readonly #calls: Calls;
  readonly #session: Session;
  #state: 'ready' | 'begun' | 'busy' | 'broken' | 'closed' = 'ready';

  constructor(broker: ModelBroker, calls: Calls, session: Session) {
    this.#broker = broker;
    this.#calls = calls;
    this.#session = session;
  }

  async begin(): Promise<void> {
    await this.#exclusively('ready', 'begun', async () => {});
  }

  async send(topic: string, blocks: readonly RecordBlock[]): Promise<readonly number[]> {
    const offsets = new Map<RecordBlock, number>();
    for (const [partition, ofPartition] of Map.groupBy(blocks, (block) => block.partition)) {
      let offset = await this.append(topic, partition, ofPartition.flatMap(loggedRecords));
      for (const block of ofPartition) {
        offsets.set(block, offset);
        offset += block.count;
      }
    }
    return blocks.map((block) => must(offsets.get(block), 'the offset of a block'));
  }

  async sendControl(records: readonly ControlRecord[]): Promise<void> {
    for (const { topic, partition, key, value } of records) await this.append(topic, partition, [controlRecord(key, value)]);
  }

  /** The offset of the first record. */
  async append(topic: string, partition: number, records: readonly LoggedRecord[]): Promise<number> {
    const produce = (): number => this.#broker.produce(this.#session, topic, partition, records);
    return this.#exclusively('begun', 'begun', () => this.#calls.make('produce', CALL_MS, produce));
  }

  async commit(deadlineMs: number): Promise<void> {
    await this.#exclusively('begun', 'ready', () => this.#end('committing', deadlineMs));
  }

  async abort(deadlineMs: number): Promise<void> {
    await this.#exclusively('begun', 'ready', () => this.#end('aborting', deadlineMs));
  }

  async close(): Promise<void> {
    this.#state = 'closed';
  }

  async #end(as: 'committing' | 'aborting', deadlineMs: number): Promise<void> {
    await this.#calls.make(as, deadlineMs, () => this.#broker.end(this.#session, as), 'kafka.unknown');
  }

  /** One call at a time, only in the state where it is legal; any rejection breaks the producer. */
  async #exclusively<T>(from: 'ready' | 'begun', to: 'ready' | 'begun', call: () => Promise<T>): Promise<T> {
    assert(this.#state === from, `the producer is ${this.#state}, not ${from}`);
    this.#state = 'busy';
    try {
      const result = await call();
      this.#become(to);
      return result;
    } catch (error) {
      this.#become('broken');
      throw error;
    }
  }

  #become(state: 'ready' | 'begun' | 'broken'): void {
    if (this.#state !== 'closed') this.#state = state;
  }
}

function controlRecord(key: string, value: string | null): LoggedRecord {
  return { key: Buffer.from(key), value: value === null ? null : Buffer.from(value), headers: {} };
}

function loggedRecords(block: RecordBlock): readonly LoggedRecord[] {
  return [...recordsOf(block)].map(({ key, value, headers }) => ({
    key,
    value,
    headers: Object.fromEntries(headers.map((header) => [header.key, Buffer.from(header.value ?? []).toString('utf8')])),
  }));
}
