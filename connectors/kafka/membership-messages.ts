/**
 * What members tell each other through the group: Kafka's own consumer protocol (ConsumerProtocolSubscription version 2, ConsumerProtocolAssignment version 0), so that
 * `kafka-consumer-groups.sh --describe --members --verbose` shows who has what. What is ours alone is JSON in the user data. The broker passes all of it on unread.
 */
import { JsonMismatch, JsonObject } from '../../src/lib/json.ts';
import type { EpochMs } from '../../src/model/version.ts';

/** What a member says of itself when it joins. */
export interface Subscription {
  readonly topic: string;
  readonly owned: readonly number[];
  /** In which generation it was given them; -1 = in none. */
  readonly generation: number;
  /** Partitions that have feeds. */
  readonly busy: readonly number[];
  readonly isLeaving: boolean;
  /** Who it is, since when, and the hash of its config (src/ports/membership.ts). */
  readonly owner: string;
  readonly since: EpochMs;
  readonly config: string;
}

/** What the leader says to a member. */
export interface Word {
  readonly partitions: readonly number[];
  /** Partitions are still to move: the next round comes soon. */
  readonly isMoving: boolean;
}

const SUBSCRIPTION_VERSION = 2;
const ASSIGNMENT_VERSION = 0;

export function writeSubscription({ topic, owned, generation, busy, isLeaving, owner, since, config }: Subscription): Buffer {
  return Buffer.concat([
    int16(SUBSCRIPTION_VERSION),
    int32(1),
    string(topic),
    bytes(JSON.stringify({ busy, leaving: isLeaving, owner, since, config })),
    topicPartitions(topic, owned),
    int32(generation),
  ]);
}

/** Null for what no relay of this kind wrote. */
export function readSubscription(metadata: Uint8Array, topic: string): Subscription | null {
  return orNull(() => {
    const reader = new Cursor(metadata);
    if (reader.int16() < SUBSCRIPTION_VERSION) return null;
    reader.array(() => reader.string());
    const said = new JsonObject(JSON.parse(reader.bytes()));
    const owned = partitionsOf(reader, topic);
    return {
      topic,
      owned,
      generation: reader.int32(),
      busy: numbers(said.raw('busy')),
      isLeaving: said.raw('leaving') === true,
      owner: said.string('owner'),
      since: said.integer('since'),
      config: said.string('config'),
    };
  });
}

export function writeWord(topic: string, { partitions, isMoving }: Word): Buffer {
  return Buffer.concat([int16(ASSIGNMENT_VERSION), topicPartitions(topic, partitions), bytes(JSON.stringify({ moving: isMoving }))]);
}

/** Null for what no relay of this kind wrote. */
export function readWord(assignment: Uint8Array, topic: string): Word | null {
  // A member that joined after the leader had reckoned gets nothing at all.
  if (assignment.length === 0) return { partitions: [], isMoving: true };
  return orNull(() => {
    const reader = new Cursor(assignment);
    reader.int16();
    const partitions = partitionsOf(reader, topic);
    return { partitions, isMoving: new JsonObject(JSON.parse(reader.bytes())).raw('moving') === true };
  });
}

function partitionsOf(reader: Cursor, topic: string): readonly number[] {
  const topics = reader.array(() => ({ name: reader.string(), partitions: reader.array(() => reader.int32()) }));
  return topics.filter(({ name }) => name === topic).flatMap(({ partitions }) => partitions);
}

function numbers(raw: unknown): readonly number[] {
  return Array.isArray(raw) ? Array.from<unknown>(raw).filter(isInteger) : [];
}

function isInteger(one: unknown): one is number {
  return Number.isInteger(one);
}

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError || error instanceof JsonMismatch) return null;
    throw error;
  }
}

/** Kafka's classic encoding, read with its bounds checked: throws `RangeError` beyond the end. */
class Cursor {
  readonly #view: Buffer;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  }

  int16(): number {
    this.#at += 2;
    return this.#view.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#view.readInt32BE(this.#at - 4);
  }

  string(): string {
    return this.#text(this.int16());
  }

  bytes(): string {
    return this.#text(this.int32());
  }

  array<T>(read: () => T): readonly T[] {
    const count = this.int32();
    if (count < 0 || count > this.#view.length) throw new RangeError(`a list of ${count}`);
    return Array.from({ length: count }, read);
  }

  #text(length: number): string {
    const end = this.#at + length;
    if (length < 0 || end > this.#view.length) throw new RangeError(`a text of ${length} bytes`);
    const text = this.#view.toString('utf8', this.#at, end);
    this.#at = end;
    return text;
  }
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

function string(text: string): Buffer {
  const encoded = Buffer.from(text, 'utf8');
  return Buffer.concat([int16(encoded.length), encoded]);
}

function bytes(text: string): Buffer {
  const encoded = Buffer.from(text, 'utf8');
  return Buffer.concat([int32(encoded.length), encoded]);
}

function topicPartitions(topic: string, partitions: readonly number[]): Buffer {
  return Buffer.concat([int32(1), string(topic), int32(partitions.length), ...partitions.map(int32)]);
}
