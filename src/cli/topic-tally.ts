/**
 * Versions counted in the topic, as a consumer reads it: what stands where the ledger says.
 */
import { rowReader } from '../codec/avro-reader.ts';
import type { JsonCell, JsonRow } from '../codec/avro-reader.ts';
import { BodyHash } from '../codec/body-hash.ts';
import { must } from '../lib/assert.ts';
import { CHANGE_TYPES } from '../model/column-batch.ts';
import type { ChangeType } from '../model/column-batch.ts';
import type { FeedEvent } from '../model/feed-event.ts';
import type { EnvelopeKind, FeedSpec } from '../model/feed.ts';
import type { Version } from '../model/version.ts';
import type { Publisher, ReadRecord } from '../ports/publisher.ts';
import type { SchemaRegistry } from '../ports/schema-registry.ts';
import { Counting } from './tally.ts';
import type { Tally } from './tally.ts';

export interface TopicReading {
  readonly publisher: Publisher;
  readonly registry: SchemaRegistry;
  readonly spec: FeedSpec;
}

/** Of each version the records between its offsets. The versions are of one topic, in order. Rejects with `record.unreadable` and `kafka.*`. */
export async function topicTallies(
  { publisher, registry, spec }: TopicReading,
  topic: string,
  versions: readonly FeedEvent[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Version, Tally>> {
  const counting = new Map(versions.map(({ version }) => [version, new Counting()]));
  const places = placesOf(versions, counting);
  const reader = new RowReader(registry, spec);
  const open = new Set(places.keys());
  const from = new Map([...places].map(([partition, [first]]) => [partition, first?.firstOffset ?? 0]));
  const records = places.size === 0 ? [] : publisher.read({ topic, partitions: [...places.keys()], untilEnd: true, from }, signal);
  for await (const record of records) {
    const place = placeOf(places.get(record.partition) ?? [], record.offset);
    if (place !== null) await reader.count(record, place, signal);
    if (record.offset + 1 >= (places.get(record.partition)?.at(-1)?.nextOffset ?? 0)) open.delete(record.partition);
    if (open.size === 0) break;
  }
  return new Map([...counting].map(([version, one]) => [version, one.tally(spec.envelope !== 'upsert')]));
}

interface Place {
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly counting: Counting;
}

/** By partition, in the order of offsets. */
function placesOf(versions: readonly FeedEvent[], counting: ReadonlyMap<Version, Counting>): ReadonlyMap<number, Place[]> {
  const places = new Map<number, Place[]>();
  for (const { version, partitions } of versions) {
    for (const { partition, firstOffset, nextOffset } of partitions) {
      const own = places.get(partition) ?? [];
      own.push({ firstOffset, nextOffset, counting: must(counting.get(version), 'the counting of a version') });
      places.set(partition, own);
    }
  }
  return places;
}

/** Drops the places before the offset: records come in order. */
function placeOf(places: Place[], offset: number): Counting | null {
  while (places.length > 1 && (places[0]?.nextOffset ?? 0) <= offset) places.shift();
  const [place] = places;
  return place === undefined || offset < place.firstOffset || offset >= place.nextOffset ? null : place.counting;
}

/** Schemas of one topic: a new one comes with each change of the table. */
const READERS_MAX = 200;

class RowReader {
  readonly #registry: SchemaRegistry;
  readonly #recipient: string;
  readonly #envelope: EnvelopeKind;
  readonly #readers = new Map<string, (body: Uint8Array) => JsonRow>();
  readonly #hash = new BodyHash();

  constructor(registry: SchemaRegistry, { recipient, envelope }: FeedSpec) {
    this.#registry = registry;
    this.#recipient = recipient;
    this.#envelope = envelope;
  }

  async count({ key, value }: ReadRecord, counting: Counting, signal: AbortSignal): Promise<void> {
    const payload = value ?? key ?? new Uint8Array(0);
    const { text, body } = await this.#registry.resolve(this.#recipient, payload, signal);
    this.#hash.add(0, body.length);
    counting.records(1, this.#hash.sum(body));
    if (value === null || this.#envelope === 'upsert') return;
    for (const type of changesOf(this.#row(text, body))) counting.rows(type, 1);
  }

  #row(text: string, body: Uint8Array): JsonRow {
    if (!this.#readers.has(text)) {
      if (this.#readers.size >= READERS_MAX) this.#readers.clear();
      this.#readers.set(text, rowReader(text));
    }
    return must(this.#readers.get(text), 'the reader of a schema')(body);
  }
}

/** What the record says of its rows: in the envelope `change` by itself, in Debezium's by its source; an update there is both images. */
function changesOf({ _change_type: own, op, source }: JsonRow): readonly ChangeType[] {
  if (op === 'u') return ['update_preimage', 'update_postimage'];
  const named = own ?? changeTypeIn(source);
  return CHANGE_TYPES.filter((type) => type === named);
}

function changeTypeIn(source: JsonCell | undefined): JsonCell | undefined {
  return typeof source === 'object' && source !== null && 'change_type' in source ? source.change_type : undefined;
}
