/**
 * Versions counted in the share: asked for, read and encoded anew, by the relay's own source, plan and codec, as if they were to be published again.
 */
import { must } from '../lib/assert.ts';
import { CHANGE_TYPES } from '../model/column-batch.ts';
import { Failure } from '../model/failure.ts';
import type { FeedEvent } from '../model/feed-event.ts';
import type { FeedSpec } from '../model/feed.ts';
import type { Version } from '../model/version.ts';
import type { Encoder, Envelope, RecordLayout, Segment } from '../ports/encoder.ts';
import type { Source } from '../ports/source.ts';
import { listVersions } from '../relay/listing.ts';
import type { ListedVersion } from '../relay/listing.ts';
import { planOf } from '../relay/order.ts';
import { PASSES, pairingOf } from '../relay/pairing.ts';
import { Counting } from './tally.ts';
import type { Tally } from './tally.ts';

export interface ShareReading {
  readonly source: Source;
  readonly encoder: Encoder;
  readonly spec: FeedSpec;
  readonly memoryBytes: number;
}

/** Versions asked for at once. */
const RANGE = 100;
const SEGMENT = { segmentRecords: 10_000, segmentBytes: 2 ** 22 };

/** Each version counted, or why it cannot be: the provider no longer gives it, or not what it gave. Rejects where the provider fails by itself. */
export async function shareTallies(
  reading: ShareReading,
  versions: readonly FeedEvent[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Version, Tally | Failure>> {
  const tallies = new Map<Version, Tally | Failure>();
  for (const [i, event] of versions.entries()) {
    if (tallies.has(event.version)) continue;
    try {
      for (const listed of await list(reading, event, versions.slice(i), signal))
        tallies.set(listed.version, await count(reading, listed, signal));
    } catch (error) {
      if (!(error instanceof Failure) || error.disposition === 'retry') throw error;
      // What was counted of the range stays: the first one that is not is the one that failed.
      const failed = versions.find(({ version }) => version >= event.version && !tallies.has(version)) ?? event;
      tallies.set(failed.version, error);
    }
  }
  return tallies;
}

/** The version and those that follow it without a hole, as far as the provider gives them in one go. */
async function list(
  { source, spec }: ShareReading,
  event: FeedEvent,
  rest: readonly FeedEvent[],
  signal: AbortSignal,
): Promise<readonly ListedVersion[]> {
  const { version, commitTimestamp } = event;
  if (event.snapshot) {
    const listing = await source.snapshot(spec.table, { version, listedAs: null }, signal);
    const changes = must(listing.versions[0], 'the version of a snapshot');
    return [{ version, tableId: listing.tableId, changes: { ...changes, timestamp: commitTimestamp }, listing, isSnapshot: true }];
  }
  const together = rest.slice(0, RANGE).filter((one, i) => one.version === version + i && !one.snapshot);
  const to = together.at(-1)?.version ?? version;
  return listVersions(source, { table: spec.table, from: version, to, listedAs: null }, signal);
}

async function count(reading: ShareReading, listed: ListedVersion, signal: AbortSignal): Promise<Tally> {
  const counting = new Counting();
  for await (const { blocks, counts, checksum } of segmentsOf(reading, listed, signal)) {
    for (const type of CHANGE_TYPES) counting.rows(type, counts[type]);
    counting.records(
      blocks.reduce((sum, block) => sum + block.count, 0),
      checksum,
    );
  }
  return counting.tally(true);
}

async function* segmentsOf(
  { encoder, spec, memoryBytes }: ShareReading,
  listed: ListedVersion,
  signal: AbortSignal,
): AsyncGenerator<Segment, void> {
  const { version, changes, listing, isSnapshot } = listed;
  if (changes === null || changes.files.length === 0) return;
  const layout = layoutOf(spec, listed, changes.schema);
  const plan = planOf(changes, isSnapshot);
  const pairing = pairingOf(plan, layout, memoryBytes);
  if (pairing !== null) {
    const { passes, memoryBytes: ofKeys } = pairing;
    const from = { step: 0, row: 0 };
    const read: Parameters<Encoder['encodeVersion']>[0]['read'] = (file, end) => listing.read(changes, file, end);
    yield* encoder.encodeVersion(
      { plan, layout, passes, passesMax: Math.max(...PASSES), memoryBytes: ofKeys, from, keptBytes: 0, read, ...SEGMENT },
      signal,
    );
    return;
  }
  for (const entry of plan.entries) {
    const content = await listing.read(changes, entry.file, signal);
    yield* encoder.encode({ entry, version, timestamp: changes.timestamp, layout, ...content, isSnapshot, fromRow: 0, ...SEGMENT }, signal);
  }
}

/** Framing and partitions are not part of what is counted. */
function layoutOf(spec: FeedSpec, { tableId, version }: ListedVersion, schema: RecordLayout['schema']): RecordLayout {
  const envelope: Envelope =
    spec.envelope === 'debezium' ? { kind: spec.envelope, recipient: spec.recipient, tableId } : { kind: spec.envelope };
  const key = spec.key.map((name) => {
    const column = schema.columns.find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (column === undefined)
      throw new Failure('policy.column', `version ${version} has no column ${name}, which is part of the key`, { version });
    return column.name;
  });
  const none = new Uint8Array(0);
  return {
    envelope,
    schema,
    table: spec.table,
    key,
    prefixes: { key: key.length === 0 ? null : none, value: none },
    partitions: 1,
    unkeyedPartition: 0,
  };
}
