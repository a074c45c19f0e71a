/**
 * Looking up in a feed's ledger, read once from its beginning: a version, or the version of a record. What is kept of it is a few records, however long it is.
 */
import type { FeedEvent, Stretch } from '../model/feed-event.ts';
import type { FeedId } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import type { Version } from '../model/version.ts';

export type Asked =
  | { readonly kind: 'version'; readonly version: Version }
  /** A record of the topic. */
  | { readonly kind: 'place'; readonly partition: number; readonly offset: number };

/** In one generation, each of which has a topic of its own: the one that is named, else the latest. */
export class VersionLookup {
  readonly #asked: Asked;
  readonly #named: number | null;
  #seen: Seen = NOTHING;
  #generation: number | null = null;
  /** Another generation that has the version. */
  #elsewhere: number | null = null;

  constructor(asked: Asked, generation: number | null) {
    this.#asked = asked;
    this.#named = generation;
  }

  /** Every record of the feed, in order. */
  add(event: FeedEvent): void {
    const { generation } = event;
    if (this.#named === null ? generation !== this.#generation : this.#generation === null && generation === this.#named) {
      this.#generation = generation;
      this.#seen = NOTHING;
    }
    if (generation === this.#generation) this.#seen = seenWith(this.#seen, this.#asked, event);
    if (this.#asked.kind === 'version' && event.kind === 'version' && event.version === this.#asked.version) this.#elsewhere = generation;
  }

  /** The record of the version; null where there is none. */
  get found(): FeedEvent | null {
    return this.#seen.found;
  }

  /** Why there is none, and what there is: a sentence. `checkpoint` is the feed's own, where it has one. */
  whyNot(feed: FeedId, checkpoint: Pick<Checkpoint, 'generation' | 'position'> | null): string {
    const { first, last } = this.#seen;
    const other = this.#elsewhere === null ? '' : `; generation ${this.#elsewhere} has it: add --generation ${this.#elsewhere}`;
    if (first === null || last === null) {
      const of = this.#named === null ? '' : ` in generation ${this.#named}`;
      return `the ledger tells of no whole version of ${feed}${of}${other}`;
    }
    if (this.#asked.kind === 'place') return noRecord(this.#seen, this.#asked, last);
    const open = checkpoint?.generation === last.generation ? checkpoint.position : null;
    return `${noVersion(this.#seen.gap, this.#asked.version, first, last, open)}${other}`;
  }
}

/** What a person is told of a version. */
export function versionLines(event: FeedEvent): readonly string[] {
  const { rows, records, deadLetters, duplicates, commitTimestamp } = event;
  const committed = commitTimestamp === null ? '' : `committed ${new Date(commitTimestamp).toISOString()}, `;
  const counts = Object.entries(rows).flatMap(([type, count]) => (count === 0 ? [] : [`${count} ${type}`]));
  const facts = [
    ...(records === null ? [] : [`${records} records`]),
    `${event.bytes} bytes`,
    ...(deadLetters === null || deadLetters === 0 ? [] : [`${deadLetters} dead letters`]),
    ...(duplicates === null || duplicates === 0 ? [] : [`${duplicates} rows that another of their key follows`]),
  ];
  const generation = event.generation > 1 ? `, generation ${event.generation}` : '';
  const stretches = event.partitions.map(
    ({ partition, firstOffset, nextOffset }) => `  partition ${partition}: first offset ${firstOffset}, next ${nextOffset}`,
  );
  const key = event.keySchema === null ? '' : `, of the key ${event.keySchema}`;
  return [
    `${event.snapshot ? 'snapshot of version' : 'version'} ${event.version} of ${event.feed}: whole in ${event.topic}${generation}`,
    `  ${committed}published ${new Date(event.at).toISOString()}`,
    `  ${counts.length === 0 ? 'no rows' : counts.join(', ')}; ${facts.join(', ')}`,
    ...stretches,
    ...(event.valueSchema === null ? [] : [`  schema ${event.valueSchema}${key}`]),
    `  checksum ${event.checksum ?? 'not known: the relay that began the version kept none'}`,
  ];
}

/** For a program: the record of the ledger, times as ISO 8601. */
export function versionJson(event: FeedEvent): object {
  const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
  return { ...event, commitTimestamp: iso(event.commitTimestamp), at: iso(event.at) };
}

/** What is kept of a generation: what was asked for, and what stands around it. */
interface Seen {
  readonly found: FeedEvent | null;
  readonly first: FeedEvent | null;
  readonly last: FeedEvent | null;
  /** The gap that the version is in. */
  readonly gap: FeedEvent | null;
  /** In the record's partition, the last version before it and the first one behind it. */
  readonly before: FeedEvent | null;
  readonly after: FeedEvent | null;
}

const NOTHING: Seen = { found: null, first: null, last: null, gap: null, before: null, after: null };

function seenWith(seen: Seen, asked: Asked, event: FeedEvent): Seen {
  if (event.kind === 'gap' && asked.kind === 'version' && isWithin(event, asked.version)) return { ...seen, gap: event };
  if (event.kind !== 'version') return seen;
  const around = { ...seen, first: seen.first ?? event, last: event };
  if (asked.kind === 'version') return event.version === asked.version ? { ...around, found: event } : around;
  const stretch = stretchIn(event, asked.partition);
  if (stretch === null) return around;
  if (stretch.nextOffset <= asked.offset) return { ...around, before: event };
  return stretch.firstOffset <= asked.offset ? { ...around, found: event } : { ...around, after: seen.after ?? event };
}

function isWithin({ version: from, toVersion }: FeedEvent, version: Version): boolean {
  return version >= from && (toVersion === null || version <= toVersion);
}

function stretchIn({ partitions }: FeedEvent, partition: number): Stretch | null {
  return partitions.find((stretch) => stretch.partition === partition) ?? null;
}

function noVersion(
  gap: FeedEvent | null,
  version: Version,
  first: FeedEvent,
  last: FeedEvent,
  open: Pick<Checkpoint['position'], 'version' | 'records'> | null,
): string {
  const there = `the ledger has versions ${first.version} to ${last.version} of ${first.feed}`;
  if (gap !== null) {
    const to = gap.toVersion === null ? 'on' : `to ${gap.toVersion}`;
    return `version ${version} is in a gap, since the changes of versions ${gap.version} ${to} cannot be had (${String(gap.code)}): ${there}`;
  }
  if (version < first.version)
    return first.snapshot ? `${there}, and ${first.version} is a snapshot: what came before is in it` : `${there}, none before`;
  if (open !== null && open.version === version && open.records > 0)
    return `version ${version} is not whole yet, ${open.records} records of it are published: ${there}`;
  if (version > last.version) return `version ${version} is not published yet: ${there}`;
  return `${there}, but not version ${version}: a relay that kept no ledger published it`;
}

function noRecord({ before, after }: Seen, { partition, offset }: Asked & { readonly kind: 'place' }, { topic }: FeedEvent): string {
  const end = before === null ? null : stretchIn(before, partition);
  const start = after === null ? null : stretchIn(after, partition);
  const around = [
    ...(before === null || end === null ? [] : [`version ${before.version} ends there at ${end.nextOffset - 1}`]),
    ...(after === null || start === null ? [] : [`version ${after.version} begins there at ${start.firstOffset}`]),
  ];
  const what = `offset ${offset} of partition ${partition} of ${topic} is no record of a whole version`;
  return `${what}: ${around.length === 0 ? 'the ledger tells of none in that partition' : around.join(', ')}`;
}
