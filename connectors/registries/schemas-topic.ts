/**
 * The schemas topics of recipients, read for whoever asks for a schema by its GUID.
 *
 * What was read is kept, and a topic is read on from where the last reading ended. A schema that is not among it may have been published a moment ago, so the topic is
 * read again before the answer is no; that reading begins after the question, and all who ask meanwhile wait for the same one. So a flood of questions for what is not
 * there costs two readings a second.
 */
import { orAbort, sleep } from '../../src/lib/abort.ts';
import { Semaphore } from '../../src/lib/semaphore.ts';
import type { Release } from '../../src/lib/semaphore.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Publisher } from '../../src/ports/publisher.ts';
import type { PublishedSchema, SchemaCatalog } from '../../src/ports/schema-registry.ts';
import { guidOf, guidText } from './guid.ts';
import { Recent } from './recent.ts';

export interface SchemasTopicOptions {
  /** The publisher's own `read`. */
  readonly read: Publisher['read'];
}

/** Of all texts that are kept, over all recipients. */
const BYTES_MAX = 32 * 1024 * 1024;
/** What an entry costs beside its text. */
const ENTRY_BYTES = 200;
const READINGS_MAX = 4;
const READING_MS = 30_000;
/** Between the beginnings of two readings of one topic. */
const PAUSE_MS = 500;
/** How old a list may be. */
const LIST_MS = 1_000;
/** Schemas of a topic that is larger than `BYTES_MAX`, found one by one. */
const RARE_MAX = 100;

export function openSchemaCatalog(options: SchemasTopicOptions): SchemaCatalog {
  return new SchemasTopics(options);
}

export function schemasTopic(recipient: string): string {
  return `${recipient}.schemas`;
}

interface Shelf {
  readonly topic: string;
  /** By GUID, in the order in which the topic holds them: of one that was published again the last counts, as after compaction. */
  readonly texts: Map<string, string>;
  bytes: number;
  /** Whether the oldest ones were dropped to keep within bounds. */
  isCut: boolean;
  /** The offset to read on from. */
  next: number;
  /** When the last reading began; -Infinity before the first. */
  readAtMs: number;
  /** The reading under way, and the one that begins after it. */
  reading: Promise<void> | null;
  queued: Promise<void> | null;
}

class SchemasTopics implements SchemaCatalog {
  readonly #read: Publisher['read'];
  /** By recipient, the one that was asked for last at the end. */
  readonly #shelves = new Map<string, Shelf>();
  readonly #places = new Semaphore(READINGS_MAX);
  readonly #rare = new Recent<string, string>(RARE_MAX);
  #bytes = 0;

  constructor({ read }: SchemasTopicOptions) {
    this.#read = read;
  }

  async find(recipient: string, guid: string, signal: AbortSignal): Promise<PublishedSchema | null> {
    const shelf = this.#shelf(recipient);
    const rare = `${recipient} ${guid}`;
    let text = shelf.texts.get(guid) ?? this.#rare.get(rare);
    if (text === undefined) {
      await orAbort(this.#again(shelf), signal);
      text = shelf.texts.get(guid);
    }
    if (text === undefined && shelf.isCut) {
      text = await this.#scan(shelf.topic, guid, signal);
      if (text !== undefined) this.#rare.set(rare, text);
    }
    return text === undefined ? null : { guid, text };
  }

  async list(recipient: string, signal: AbortSignal): Promise<readonly PublishedSchema[]> {
    const shelf = this.#shelf(recipient);
    if (performance.now() - shelf.readAtMs > LIST_MS) await orAbort(this.#again(shelf), signal);
    return [...shelf.texts].map(([guid, text]) => ({ guid, text }));
  }

  #shelf(recipient: string): Shelf {
    const shelf: Shelf = this.#shelves.get(recipient) ?? {
      topic: schemasTopic(recipient),
      texts: new Map(),
      bytes: 0,
      isCut: false,
      next: 0,
      readAtMs: -Infinity,
      reading: null,
      queued: null,
    };
    this.#shelves.delete(recipient);
    this.#shelves.set(recipient, shelf);
    return shelf;
  }

  /** A reading that begins after this call. */
  #again(shelf: Shelf): Promise<void> {
    shelf.queued ??= this.#after(shelf, shelf.reading);
    return shelf.queued;
  }

  async #after(shelf: Shelf, earlier: Promise<void> | null): Promise<void> {
    const signal = AbortSignal.timeout(READING_MS);
    // Whoever waits for the earlier one is told of its failure.
    await earlier?.catch(() => {});
    const own = shelf.queued;
    let release: Release;
    try {
      await sleep(Math.max(0, shelf.readAtMs + PAUSE_MS - performance.now()), signal);
      release = await this.#places.acquire(1, signal);
    } finally {
      shelf.queued = null;
    }
    shelf.reading = own;
    shelf.readAtMs = performance.now();
    try {
      await this.#readOn(shelf, signal);
    } finally {
      shelf.reading = null;
      release();
    }
  }

  async #readOn(shelf: Shelf, signal: AbortSignal): Promise<void> {
    for await (const [guid, text, offset] of this.#schemas(shelf.topic, shelf.next, signal)) {
      this.#drop(shelf, guid);
      if (text !== null) this.#put(shelf, guid, text);
      shelf.next = offset + 1;
    }
    this.#makeRoom(shelf);
  }

  /** The one schema, among all that the topic holds. */
  async #scan(topic: string, wanted: string, signal: AbortSignal): Promise<string | undefined> {
    const release = await this.#places.acquire(1, signal);
    try {
      for await (const [guid, text] of this.#schemas(topic, 0, signal)) if (guid === wanted && text !== null) return text;
      return undefined;
    } finally {
      release();
    }
  }

  /** A topic that does not exist holds nothing. */
  async *#schemas(
    topic: string,
    from: number,
    signal: AbortSignal,
  ): AsyncGenerator<readonly [guid: string, text: string | null, offset: number]> {
    try {
      const request = { topic, partitions: [0], untilEnd: true, from: new Map([[0, from]]) };
      for await (const { key, value, offset } of this.#read(request, signal)) {
        const guid = Buffer.from(key ?? []).toString('utf8');
        const text = value === null ? null : Buffer.from(value).toString('utf8');
        // The topic may be written to by others; a schema counts only under the GUID that its text has.
        if (text === null || guidText(guidOf(text)) === guid) yield [guid, text, offset];
      }
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'topic.missing') throw error;
    }
  }

  #put(shelf: Shelf, guid: string, text: string): void {
    shelf.texts.set(guid, text);
    this.#account(shelf, costOf(text));
  }

  #drop(shelf: Shelf, guid: string): void {
    const text = shelf.texts.get(guid);
    if (text === undefined) return;
    shelf.texts.delete(guid);
    this.#account(shelf, -costOf(text));
  }

  #account(shelf: Shelf, bytes: number): void {
    shelf.bytes += bytes;
    this.#bytes += bytes;
  }

  /** Forgets recipients that were not asked for the longest, and then the oldest schemas of this one. */
  #makeRoom(shelf: Shelf): void {
    for (const [recipient, other] of this.#shelves) {
      if (this.#bytes <= BYTES_MAX) return;
      if (other === shelf || other.reading !== null || other.queued !== null) continue;
      this.#shelves.delete(recipient);
      this.#bytes -= other.bytes;
    }
    for (const guid of shelf.texts.keys()) {
      if (this.#bytes <= BYTES_MAX) return;
      this.#drop(shelf, guid);
      shelf.isCut = true;
    }
  }
}

function costOf(text: string): number {
  return text.length + ENTRY_BYTES;
}
