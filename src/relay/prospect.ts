/**
 * What a feed would meet if it were taken up now, found without a claim and without a change to anything: the same questions as at its start, in the same words.
 *
 *   metadata ─► columns, key, Avro ─► where it begins or goes on ─► what waits there ─► the first byte of a file
 *
 * Each step tells its own failure, so that a person hears of all of them at once; what follows from a failure is left out.
 */
import { must } from '../lib/assert.ts';
import { Failure } from '../model/failure.ts';
import type { FailureCode } from '../model/failure.ts';
import type { FeedSpec } from '../model/feed.ts';
import type { Checkpoint, Position } from '../model/position.ts';
import type { TableSchema } from '../model/table-schema.ts';
import { tableText } from '../model/version.ts';
import type { EpochMs, Version } from '../model/version.ts';
import type { ChangeListing, TableMetadata } from '../ports/source.ts';
import { raisedStart, topicOf } from './checkpoint.ts';
import { evolve } from './evolve.ts';
import { narrowed } from './listing.ts';
import { checkAnchor, checkContract, checkHeld } from './open.ts';
import type { ContractLine } from './open.ts';
import { schemaTexts } from './schema-texts.ts';
import type { SchemaLine, SchemaTexts } from './schema-texts.ts';
import { NOT_READABLE, refusal, resolveStart, startText } from './start.ts';

/** As much of a line as a look takes. */
export type ProspectLine = ContractLine & SchemaLine;

export interface Prospect {
  readonly generation: number;
  /** Of the generation. */
  readonly topic: string;
  /** Null: it cannot be read. */
  readonly latest: LatestVersion | null;
  /** Of the latest version. Null: it cannot be had, or published. */
  readonly schemas: SchemaTexts | null;
  /** Null: the feed would not begin. */
  readonly beginning: Beginning | null;
  /** Null: not known. */
  readonly waiting: Waiting | null;
  /** The id of a file whose first byte was fetched; null where there was none to fetch, or it could not be. */
  readonly fetched: string | null;
  /** In the order in which they were met; each would park the feed, or make it wait. */
  readonly failures: readonly Failure[];
}

export interface LatestVersion {
  readonly version: Version;
  /** Null: the provider does not say. */
  readonly at: EpochMs | null;
}

export interface Beginning {
  readonly kind:
    /** Nothing is published yet. */
    | 'starts'
    /** By its checkpoint. */
    | 'goes-on';
  /** What was asked for, as the config spells it. */
  readonly asked: string;
  readonly position: Position;
}

export interface Waiting {
  readonly versions: number;
  readonly files: number;
  /** Null: of one of the files the provider does not say it. */
  readonly bytes: number | null;
  /** By the statistics of the files. Null: one of them has none. */
  readonly rows: number | null;
  /** Versions behind the last one that was listed; 0 = all was. */
  readonly unlisted: number;
}

/** Versions listed in one go: more is known by its number alone. */
const RANGE = 1_000;

/** Rejects with `signal.reason` alone. `now` in milliseconds since the epoch. */
export async function lookAhead(line: ProspectLine, last: Checkpoint | null, now: EpochMs, signal: AbortSignal): Promise<Prospect> {
  const { spec, source } = line;
  const failures: Failure[] = [];
  const attempt = async <T>(step: () => Promise<T> | T): Promise<T | null> => {
    try {
      return await step();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Failure)) throw error;
      if (!failures.some(({ code, message }) => code === error.code && message === error.message)) failures.push(error);
      return null;
    }
  };
  const blind = unseen(spec, last);
  const { generation, topic } = blind;

  const metadata = await attempt(() => source.metadata(spec.table, null, signal));
  if (metadata === null) return { ...blind, failures };
  const version = metadata.version ?? (await attempt(() => source.latestVersion(spec.table, signal)));
  if (version === null) return { ...blind, failures };
  const schemas = await attempt(() => ahead(line, last, metadata, version));
  const beginning = await attempt(() => begin(line, last, topic, now, signal));
  const from = beginning?.position ?? null;
  const listings = from === null ? null : await attempt(() => list(line, from, version, failures, signal));
  for (const schema of new Set((listings ?? []).flatMap(schemasOf))) await attempt(() => schemaTexts(line, schema, version));
  const fetched = listings === null ? null : await attempt(() => fetchOne(listings, signal));
  const at = (listings ?? []).flatMap(({ versions }) => versions).find((one) => one.version === version)?.timestamp ?? null;
  return {
    generation,
    topic,
    latest: { version, at },
    schemas,
    beginning,
    waiting: from === null || listings === null ? null : waitingIn(from, version, listings),
    fetched,
    failures,
  };
}

/** Of a feed whose provider is not asked. */
export function unseen({ topic }: FeedSpec, last: Checkpoint | null): Prospect {
  const generation = last?.generation ?? 1;
  const nothing = { latest: null, schemas: null, beginning: null, waiting: null, fetched: null, failures: [] };
  return { generation, topic: topicOf(topic, generation), ...nothing };
}

function ahead(line: ProspectLine, last: Checkpoint | null, { schema }: TableMetadata, version: Version): SchemaTexts {
  const texts = schemaTexts(line, schema, version);
  evolve(last?.columns ?? null, schema, version, line.spec.onSchemaChange);
  return texts;
}

async function begin(line: ProspectLine, last: Checkpoint | null, topic: string, now: EpochMs, signal: AbortSignal): Promise<Beginning> {
  const { spec, source } = line;
  checkHeld(last);
  if (last === null || last.state === 'new') {
    const start = (last === null ? null : raisedStart(last)) ?? spec.start;
    const { position } = await resolveStart(source, spec.table, start, now, signal);
    return { kind: 'starts', asked: startText(start), position };
  }
  if (last.columns !== null) checkContract(line, last, topic);
  await checkAnchor(line, last, signal);
  return { kind: 'goes-on', asked: last.start.asked, position: last.position };
}

/** What is to be published, and behind it the latest version, to see whether it tells its changes; a gap among the versions goes to `failures`. */
async function list(
  { spec, source }: ProspectLine,
  position: Position,
  latest: Version,
  failures: Failure[],
  signal: AbortSignal,
): Promise<readonly ChangeListing[]> {
  const { table } = spec;
  const { version, responseFormat, idHash } = position;
  const listedAs = responseFormat === null ? null : { responseFormat, idHash };
  const listings: ChangeListing[] = [];
  if (position.kind === 'snapshot') listings.push(await source.snapshot(table, { version, listedAs }, signal));
  const from = position.kind === 'snapshot' ? version + 1 : version;
  if (from <= latest) {
    const to = Math.min(latest, from + RANGE - 1);
    try {
      const listing = await narrowed(source, { table, from, to, listedAs: position.kind === 'snapshot' ? null : listedAs }, signal);
      listings.push(listing);
      if (listing.to < to) {
        const gap = await refusal(source, table, listing.to + 1, 'quick', signal);
        if (gap !== null) failures.push(gap);
        return listings;
      }
      if (to === latest) return listings;
    } catch (error) {
      if (!(error instanceof Failure) || !NOT_READABLE.includes(error.code)) throw error;
      failures.push(error);
      return listings;
    }
  }
  // The start was found by asking the same.
  if (position.kind === 'snapshot') return listings;
  const off = await refusal(source, table, latest, 'quick', signal);
  if (off?.code === 'gap.feed_off')
    failures.push(
      new Failure('start.none', `${tableText(table)} records no changes at its latest version ${latest}, so none would follow`, {
        version: latest,
        cause: off,
      }),
    );
  else if (off !== null) failures.push(off);
  else listings.push(await source.changes(table, { from: latest, to: latest, listedAs: null }, signal));
  return listings;
}

/** Failures that `onGap` answers for. */
export const GAPS: readonly FailureCode[] = ['gap.feed_off', 'gap.history_gone', 'gap.unanswered', 'gap.file_gone'];

function schemasOf(listing: ChangeListing): readonly TableSchema[] {
  return listing.versions.flatMap(({ files, schema }) => (files.length > 0 ? [schema] : []));
}

async function fetchOne(listings: readonly ChangeListing[], signal: AbortSignal): Promise<string | null> {
  for (const listing of listings) {
    const version = listing.versions.find(({ files }) => files.length > 0);
    if (version === undefined) continue;
    const file = must(version.files[0], 'a file');
    await listing.prove({ ...version, files: [file] }, signal);
    return file.id;
  }
  return null;
}

function waitingIn(position: Position, latest: Version, listings: readonly ChangeListing[]): Waiting {
  const isDue = ({ versions: [first] }: ChangeListing): boolean => first === undefined || first.version >= position.version;
  const due = listings.filter(isDue);
  const files = due.flatMap(({ versions }) => versions.filter((one) => one.version >= position.version)).flatMap((one) => one.files);
  const listedTo = Math.max(position.version - 1, ...due.map(({ to }) => to));
  return {
    versions: Math.max(0, latest - position.version + 1),
    files: files.length,
    bytes: sumOf(files.map(({ size }) => size)),
    rows: sumOf(files.map(({ records }) => records ?? null)),
    unlisted: Math.max(0, latest - listedTo),
  };
}

function sumOf(numbers: readonly (number | null)[]): number | null {
  let sum = 0;
  for (const number of numbers) {
    if (number === null) return null;
    sum += number;
  }
  return sum;
}
