/**
 * `{recipient}.commits`, the ledger of what was published: a record for each version, in the transaction that completes it, and one for whatever else consumers must know
 * (schemas/commits.avsc, DESIGN §6).
 *
 *   transaction:   rows ─► dead letters, schemas ─► ledger ─► checkpoint ─► commit
 *
 * All feeds of a recipient write to its one partition, each by its own producer. A consumer that reads committed records sees none of it beyond the first transaction that
 * is still open, whose ever it is; so the ledger comes late in a transaction and holds the others up for milliseconds, and for 30 s (`transaction.timeout.ms`) where a relay
 * dies in them. The topics of the rows are not concerned: only the word that a version is whole comes later than the version.
 *
 * That a feed is parked is told once, and once that it goes on: `toldParked` in the checkpoint keeps what was told. Parking itself waits for nothing: where the topic is
 * missing, or the registry does not have its schema, the feed is parked without a word, which follows under the next claim.
 */
import { assert } from '../lib/assert.ts';
import { Failure } from '../model/failure.ts';
import type { FeedEvent } from '../model/feed-event.ts';
import type { Checkpoint } from '../model/position.ts';
import { tableText } from '../model/version.ts';
import type { TransactionalProducer } from '../ports/publisher.ts';
import { NO_COUNTS } from './checkpoint.ts';
import type { Line } from './line.ts';
import type { ClaimedPartition } from './partition.ts';

/** The ledger of a recipient's feeds. */
export function commitsTopic(recipient: string): string {
  return `${recipient}.commits`;
}

/** One record of the ledger, but for what is the same in all of the feed. */
export type Entry = Omit<FeedEvent, 'feed' | 'source' | 'table' | 'at'>;

/** What a transaction of a feed comes to. */
export interface Published {
  readonly checkpoint: Checkpoint;
  readonly entries: readonly Entry[];
}

/** The entry of a kind about the checkpoint's topic, at its position, with nothing published. */
export function entryOf(kind: Entry['kind'], checkpoint: Checkpoint): Entry {
  return {
    kind,
    tableId: checkpoint.tableId,
    topic: checkpoint.topic,
    topicId: checkpoint.topicId,
    generation: checkpoint.generation,
    version: checkpoint.position.version,
    toVersion: null,
    commitTimestamp: null,
    snapshot: false,
    rows: NO_COUNTS,
    records: 0,
    duplicates: 0,
    deadLetters: 0,
    bytes: 0,
    keySchema: checkpoint.schemas.key,
    valueSchema: checkpoint.schemas.value,
    partitions: [],
    checksum: null,
    nextTopic: null,
    code: null,
    message: null,
  };
}

/**
 * One transaction of a feed: what `body` sends, its entries, and the checkpoint. Resolves with the checkpoint once it is committed. Rejects as `transact` does, and
 * with `registry.*` before anything is begun. `asking` may abort before `signal`, which ends a transaction too.
 */
export async function transactTold(
  line: Line,
  partition: ClaimedPartition,
  body: (producer: TransactionalProducer) => Promise<Published>,
  asking: AbortSignal,
  signal: AbortSignal,
): Promise<Checkpoint> {
  const ledger = await openLedger(line, partition, asking);
  const committed = await partition.transact(
    line.spec.id,
    async (producer) => {
      const { checkpoint, entries } = await body(producer);
      const goesOn = checkpoint.toldParked === true && checkpoint.state === 'running';
      await ledger.send(producer, goesOn ? [resumed(checkpoint, entries), ...entries] : entries);
      return { ...(goesOn ? withoutWord(checkpoint) : checkpoint), ...ledger.known };
    },
    signal,
  );
  ledger.confirm();
  return committed;
}

/** A transaction of nothing but the checkpoint, and the word that the feed goes on where one is due. */
export async function transactAlone(
  line: Line,
  partition: ClaimedPartition,
  checkpoint: Checkpoint,
  asking: AbortSignal,
  signal: AbortSignal,
): Promise<Checkpoint> {
  const published = { checkpoint, entries: [] };
  if (checkpoint.toldParked === true) return transactTold(line, partition, () => Promise.resolve(published), asking, signal);
  return partition.transact(line.spec.id, () => Promise.resolve(checkpoint), signal);
}

/** Keeps in the checkpoint why the feed is parked, and tells of it; once each, and of feeds that have begun. `last` is null before the feed's first transaction. */
export async function transactParked(
  line: Line,
  partition: ClaimedPartition,
  parked: Checkpoint,
  last: Checkpoint | null,
  signal: AbortSignal,
): Promise<void> {
  const isKept =
    last?.state !== 'running' && last?.failure?.code === parked.failure?.code && last?.failure?.message === parked.failure?.message;
  const isSilent = parked.state === 'new' || (isKept && last?.toldParked === true);
  const ledger = isSilent ? null : await ledgerIfAny(line, partition, signal);
  if (isKept && ledger === null) return;
  if (ledger === null) {
    await partition.transact(line.spec.id, () => Promise.resolve(parked), signal);
    return;
  }
  const word = `nothing is published from version ${parked.position.version} on until a person has looked`;
  const entry = { ...entryOf('park', parked), code: parked.failure?.code ?? null, message: word };
  await partition.transact(
    line.spec.id,
    async (producer) => {
      await ledger.send(producer, [entry]);
      return { ...parked, toldParked: true, ...ledger.known };
    },
    signal,
  );
  ledger.confirm();
}

interface Ledger {
  /** Between begin and commit. */
  readonly send: (producer: TransactionalProducer, entries: readonly Entry[]) => Promise<void>;
  /** The transaction is committed. */
  readonly confirm: () => void;
  /** What the checkpoint keeps of it. */
  readonly known: Pick<Checkpoint, 'commitsSchema'>;
}

async function openLedger({ spec, works }: Line, partition: ClaimedPartition, signal: AbortSignal): Promise<Ledger> {
  const topic = commitsTopic(spec.recipient);
  const known = partition.checkpoint(spec.id)?.commitsSchema ?? null;
  const request = { recipient: spec.recipient, topic, part: 'value', text: works.encoder.eventSchema, known } as const;
  const { prefix, name, digest, records } = await works.registry.ensure(request, signal);
  const out = `${topic} ${name}`;
  let isSent = false;
  return {
    async send(producer, entries) {
      if (entries.length === 0) return;
      const own = { feed: spec.id, source: spec.source, table: tableText(spec.table), at: works.clock.now() };
      const events = entries.map((entry) => ({ ...entry, ...own }));
      if (records.length > 0 && !partition.schemasOut.has(out)) await producer.sendControl(records);
      await producer.send(topic, works.encoder.events(events, prefix));
      isSent = true;
    },
    confirm: () => void (isSent && partition.schemasOut.add(out)),
    known: digest === null ? {} : { commitsSchema: { name, digest } },
  };
}

/** Null where nothing can be told now. */
async function ledgerIfAny(line: Line, partition: ClaimedPartition, signal: AbortSignal): Promise<Ledger | null> {
  try {
    if ((await line.works.admin.describe(commitsTopic(line.spec.recipient), signal)) === null) return null;
    return await openLedger(line, partition, signal);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    line.works.telemetry.log('warn', 'consumers cannot be told yet that the feed is parked', {
      feed: line.spec.id,
      because: error.message,
    });
    return null;
  }
}

/** From the first version that the transaction tells of, or the one that it goes on in. */
function resumed(checkpoint: Checkpoint, [first]: readonly Entry[]): Entry {
  return { ...entryOf('resume', checkpoint), version: first?.version ?? checkpoint.position.version };
}

function withoutWord({ toldParked, ...checkpoint }: Checkpoint): Checkpoint {
  assert(toldParked === true, 'a word that is taken back was given');
  return checkpoint;
}
