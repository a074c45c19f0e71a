/**
 * Brokers of one small cluster, in memory, that a producer talks to over TCP: they answer the messages of connectors/kafka/direct-messages.ts as Kafka does, keep what is
 * appended, and go wrong where they are told to. Batches are read by @platformatic/kafka's decoder.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { Reader, Writer, jsCRC32C, readRecordsBatch } from '@platformatic/kafka';
import { must } from '../../../src/lib/assert.ts';

export const APIS = {
  apiVersions: 18,
  metadata: 3,
  findCoordinator: 10,
  initProducerId: 22,
  addPartitions: 24,
  produce: 0,
  endTxn: 26,
} as const;
export type ApiName = keyof typeof APIS;

/** Instead of doing what is asked and saying so. */
export type Mishap =
  /** Refuses; in Produce and AddPartitionsToTxn the first partition alone. */
  | { readonly kind: 'refuse'; readonly code: number }
  /** Ends the connection before it does anything. */
  | { readonly kind: 'ignore' }
  /** Does it, and ends the connection without an answer. */
  | { readonly kind: 'lose' }
  /** Does it, and says nothing for ever. */
  | { readonly kind: 'hang' }
  /** Does it, answers with other bytes, and ends the connection. */
  | { readonly kind: 'mangle'; readonly change: (answer: Buffer) => Buffer }
  /** Does it, and asks to be left alone for a while. */
  | { readonly kind: 'throttle'; readonly ms: number };

export interface Asked {
  readonly api: ApiName;
  readonly version: number;
  readonly node: number;
  /** The request's own bytes, header left out. */
  readonly body: Buffer;
}

export interface Batch {
  readonly producerEpoch: number;
  readonly sequence: number;
  readonly values: readonly string[];
}

interface Log {
  leader: number;
  end: number;
  last: { readonly epoch: number; readonly sequence: number; readonly count: number; readonly offset: number } | null;
}

/** What was done, as an answer. */
type Done = (writer: Writer, throttleMs: number) => Writer;

const TOPIC = 'data';
const PRODUCER_ID = 7n;
const OUT_OF_ORDER = 45;
const INVALID_EPOCH = 47;
const INVALID_STATE = 48;
const FENCED = 90;

export class WireCluster {
  readonly asked: Asked[] = [];
  readonly committed: Batch[] = [];
  /** What happens to a request; null = nothing special. */
  mishap: (asked: Asked) => Mishap | null = () => null;
  /** The epoch of the producer that opened last. */
  epoch = -1;
  /** How many EndTxn for a commit were done. */
  commits = 0;
  readonly #transactions: 1 | 2;
  readonly #logs = new Map<string, Log>();
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #open: Batch[] = [];
  readonly #parts = new Set<string>();
  /** The last transaction's epoch, and whether it was committed. */
  #ended: { readonly epoch: number; readonly isCommit: boolean } | null = null;

  constructor(transactions: 1 | 2) {
    this.#transactions = transactions;
  }

  async start(nodes: number, partitions: number): Promise<void> {
    for (let node = 0; node < nodes; node++) {
      const server = createServer((socket) => this.#serve(socket, node));
      this.#servers.push(server);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    for (let partition = 0; partition < partitions; partition++)
      this.#logs.set(`${TOPIC}-${partition}`, { leader: partition % nodes, end: 0, last: null });
  }

  get brokers(): readonly string[] {
    return this.#servers.map((server) => `127.0.0.1:${portOf(server)}`);
  }

  /** From now on the node leads the partition. */
  move(partition: number, node: number): void {
    must(this.#logs.get(`${TOPIC}-${partition}`), 'the partition').leader = node;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #serve(socket: Socket, node: number): void {
    this.#sockets.add(socket);
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const end = 4 + rest.readInt32BE(0);
        this.#answer(socket, node, rest.subarray(4, end));
        rest = rest.subarray(end);
      }
    });
  }

  #answer(socket: Socket, node: number, frame: Buffer): void {
    const key = frame.readInt16BE(0);
    const api = must(
      apiNames().find((name) => APIS[name] === key),
      `a message of kind ${key}`,
    );
    // Kind, version, correlation id, client id, no tags.
    const body = frame.subarray(10 + Math.max(0, frame.readInt16BE(8)) + 1);
    const asked = { api, version: frame.readInt16BE(2), node, body };
    this.asked.push(asked);
    const mishap = this.mishap(asked);
    if (mishap?.kind === 'ignore') return void socket.destroy();
    const done = this.#do(asked, mishap?.kind === 'refuse' ? mishap.code : 0);
    if (mishap?.kind === 'lose') return void socket.destroy();
    if (mishap?.kind === 'hang') return;
    const writer = Writer.create().appendInt32(frame.readInt32BE(4));
    if (api !== 'apiVersions') writer.appendTaggedFields();
    const answer = done(writer, mishap?.kind === 'throttle' ? mishap.ms : 0).prependLength().buffer;
    if (mishap?.kind === 'mangle') socket.end(mishap.change(Buffer.from(answer)));
    else socket.write(answer);
  }

  #do(asked: Asked, refusal: number): Done {
    const read = Reader.from(asked.body);
    switch (asked.api) {
      case 'apiVersions':
        return (writer, throttleMs) => this.#writeVersions(writer, throttleMs, refusal);
      case 'metadata':
        return (writer, throttleMs) => this.#writeMetadata(writer, throttleMs, refusal);
      case 'findCoordinator':
        return (writer, throttleMs) => this.#writeCoordinator(writer, throttleMs, refusal);
      case 'initProducerId':
        return this.#init(read, refusal);
      case 'addPartitions':
        return this.#add(read, refusal);
      case 'produce':
        return this.#produce(read, asked.node, refusal);
      case 'endTxn':
        return this.#end(read, asked.version, refusal);
      default:
        throw new Error('no such message');
    }
  }

  #init(read: Reader, refusal: number): Done {
    read.readNullableString();
    read.readInt32();
    const producerId = read.readInt64();
    const epoch = read.readInt16();
    const code = refusal !== 0 ? refusal : producerId !== -1n && epoch !== this.epoch && epoch !== this.epoch - 1 ? FENCED : 0;
    if (code === 0) {
      this.#open = [];
      this.#parts.clear();
      this.#ended = null;
      if (producerId === -1n || epoch === this.epoch) this.epoch++;
    }
    return (writer, throttleMs) =>
      writer.appendInt32(throttleMs).appendInt16(code).appendInt64(PRODUCER_ID).appendInt16(this.epoch).appendTaggedFields();
  }

  #add(read: Reader, refusal: number): Done {
    read.readNullableString();
    read.readInt64();
    const isFenced = read.readInt16() !== this.epoch;
    const topics = read.readArray(
      () => {
        const topic = read.readNullableString() ?? '';
        const partitions = read.readArray(() => read.readInt32(), true, false);
        read.readTaggedFields();
        return { topic, partitions };
      },
      true,
      false,
    );
    const results = topics.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
    const first = refusal !== 0 ? refusal : isFenced ? INVALID_EPOCH : 0;
    if (first === 0) for (const { topic, partition } of results) this.#parts.add(`${topic}-${partition}`);
    // Where one is refused, the others are not attempted.
    const coded = results.map((result, i) => ({ ...result, code: i === 0 ? first : first === 0 ? 0 : 55 }));
    return (writer, throttleMs) =>
      writer
        .appendInt32(throttleMs)
        .appendArray([TOPIC], (w, topic) => {
          w.appendString(topic).appendArray(coded, (each, { partition, code }) => each.appendInt32(partition).appendInt16(code));
        })
        .appendTaggedFields();
  }

  #produce(read: Reader, node: number, refusal: number): Done {
    read.readNullableString();
    read.readInt16();
    read.readInt32();
    const topics = read.readArray(
      () => {
        const topic = read.readNullableString() ?? '';
        const partitions = read.readArray(
          () => {
            const result = { partition: read.readInt32(), bytes: read.readBytes() };
            read.readTaggedFields();
            return result;
          },
          true,
          false,
        );
        read.readTaggedFields();
        return { topic, partitions };
      },
      true,
      false,
    );
    const results = topics.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, bytes }, i) => ({
        topic,
        partition,
        ...this.#append(`${topic}-${partition}`, node, bytes, i === 0 ? refusal : 0),
      })),
    );
    return (writer, throttleMs) =>
      writer
        .appendArray([TOPIC], (w, topic) => {
          w.appendString(topic).appendArray(results, (each, { partition, code, offset }) => {
            each.appendInt32(partition).appendInt16(code).appendInt64(BigInt(offset)).appendInt64(-1n).appendInt64(0n);
            each.appendArray([], () => {}).appendString(null);
          });
        })
        .appendInt32(throttleMs)
        .appendTaggedFields();
  }

  #append(name: string, node: number, bytes: Buffer, refusal: number): { readonly code: number; readonly offset: number } {
    const log = this.#logs.get(name);
    const refused = (code: number): { readonly code: number; readonly offset: number } => ({ code, offset: -1 });
    if (refusal !== 0) return refused(refusal);
    if (log === undefined) return refused(3);
    if (log.leader !== node) return refused(6);
    if (this.#transactions === 1 && !this.#parts.has(name)) return refused(INVALID_STATE);
    if (bytes.readUInt32BE(17) !== jsCRC32C(bytes.subarray(21))) return refused(2);
    const batch = readRecordsBatch(Reader.from(bytes));
    const { producerEpoch: epoch, firstSequence: sequence } = batch;
    const count = batch.records.length;
    if (batch.producerId !== PRODUCER_ID || epoch !== this.epoch) return refused(INVALID_EPOCH);
    const { last } = log;
    if (last?.epoch === epoch && last.sequence === sequence && last.count === count) return { code: 0, offset: last.offset };
    const next = last?.epoch === epoch ? (last.sequence + last.count) % 2 ** 31 : 0;
    if (sequence !== next || batch.records.some((record, i) => record.offsetDelta !== i)) return refused(OUT_OF_ORDER);
    log.last = { epoch, sequence, count, offset: log.end };
    log.end += count;
    this.#parts.add(name);
    this.#open.push({ producerEpoch: epoch, sequence, values: batch.records.map(({ value }) => `${name} ${value?.toString() ?? ''}`) });
    return { code: 0, offset: log.last.offset };
  }

  #end(read: Reader, version: number, refusal: number): Done {
    read.readNullableString();
    read.readInt64();
    const epoch = read.readInt16();
    const isCommit = read.readInt8() === 1;
    const isRepeated = this.#parts.size === 0 && this.#ended?.epoch === epoch && this.#ended.isCommit === isCommit;
    let code = refusal;
    if (code === 0 && !isRepeated) code = epoch !== this.epoch ? INVALID_EPOCH : this.#parts.size === 0 ? INVALID_STATE : 0;
    if (code === 0 && !isRepeated) {
      if (isCommit) this.committed.push(...this.#open);
      if (isCommit) this.commits++;
      this.#open = [];
      this.#parts.clear();
      this.#ended = { epoch, isCommit };
      if (version >= 5) this.epoch++;
    }
    return (writer, throttleMs) => {
      writer.appendInt32(throttleMs).appendInt16(code);
      if (version >= 5) writer.appendInt64(PRODUCER_ID).appendInt16(this.epoch);
      return writer.appendTaggedFields();
    };
  }

  #writeVersions(writer: Writer, throttleMs: number, code: number): Writer {
    const level = this.#transactions;
    const features = Writer.create().appendArray(['transaction.version'], (w, name) =>
      w.appendString(name).appendInt16(level).appendInt16(level),
    ).buffer;
    return writer
      .appendInt16(code)
      .appendArray([0], (w, key) => w.appendInt16(key).appendInt16(0).appendInt16(12))
      .appendInt32(throttleMs)
      .appendUnsignedVarInt(1)
      .appendUnsignedVarInt(2)
      .appendUnsignedVarInt(features.length)
      .append(features);
  }

  #writeMetadata(writer: Writer, throttleMs: number, code: number): Writer {
    return writer
      .appendInt32(throttleMs)
      .appendArray(this.#servers, (w, server, node) =>
        w.appendInt32(node).appendString('127.0.0.1').appendInt32(portOf(server)).appendString(null),
      )
      .appendString('cluster')
      .appendInt32(0)
      .appendArray([TOPIC], (w, topic) => {
        w.appendInt16(code).appendString(topic).append(Buffer.alloc(16)).appendBoolean(false);
        w.appendArray([...this.#logs.values()], (each, { leader }, partition) => {
          each.appendInt16(0).appendInt32(partition).appendInt32(leader).appendInt32(0);
          for (let lists = 0; lists < 3; lists++) each.appendArray([leader], (one, id) => one.appendInt32(id), true, false);
        }).appendInt32(0);
      })
      .appendTaggedFields();
  }

  #writeCoordinator(writer: Writer, throttleMs: number, code: number): Writer {
    const [server] = this.#servers;
    return writer
      .appendInt32(throttleMs)
      .appendArray(['id'], (w, id) => {
        w.appendString(id)
          .appendInt32(0)
          .appendString('127.0.0.1')
          .appendInt32(portOf(must(server, 'a server')));
        w.appendInt16(code).appendString(null);
      })
      .appendTaggedFields();
  }
}

function apiNames(): readonly ApiName[] {
  return ['apiVersions', 'metadata', 'findCoordinator', 'initProducerId', 'addPartitions', 'produce', 'endTxn'];
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return address.port;
}
