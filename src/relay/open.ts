/**
 * A feed takes up its work under a new claim: its topic is the one it wrote to and holds nothing of others, its contract is the one it gave, and its history is the
 * one it published. What is not so parks it. A feed without a position resolves its start, and that is its first transaction.
 */
import { partitionOf } from '../lib/murmur2.ts';
import { Failure } from '../model/failure.ts';
import type { FailureCode } from '../model/failure.ts';
import type { Checkpoint } from '../model/position.ts';
import { tableText } from '../model/version.ts';
import type { TopicState } from '../ports/publisher.ts';
import { NOTHING_OPEN, newCheckpoint, raisedStart, topicOf } from './checkpoint.ts';
import { anchorOf, contractOf } from './fingerprint.ts';
import { transactAlone } from './ledger.ts';
import type { Line, Works } from './line.ts';
import { requireSameTable } from './listing.ts';
import { ownData, ownShared } from './own-topics.ts';
import type { OwnTopic } from './own-topics.ts';
import type { ClaimedPartition } from './partition.ts';
import { makeTopic } from './settings.ts';
import { resolveStart, startText } from './start.ts';
import { checkTopic } from './topic-check.ts';

/** The feed's checkpoint, running. Rejects with the `Failure` that parks it. `asking` may abort before `signal`, which ends a transaction too. */
export async function openFeed(line: Line, partition: ClaimedPartition, asking: AbortSignal, signal: AbortSignal): Promise<Checkpoint> {
  const opened = await takeUp(line, partition, asking, signal);
  if (opened.columns === null) await line.contest?.settle(line.spec.id, opened.topic, asking);
  return opened;
}

async function takeUp(line: Line, partition: ClaimedPartition, asking: AbortSignal, signal: AbortSignal): Promise<Checkpoint> {
  const { spec, source, works } = line;
  const last = partition.checkpoint(spec.id);
  const generation = last?.generation ?? 1;
  const topic = topicOf(spec.topic, generation);
  checkHeld(last);
  if (last === null || last.state === 'new') {
    await line.contest?.look(spec.id, topic, asking);
    return begin(line, partition, topic, last, asking, signal);
  }

  // Where no consumer was promised anything yet, the config's word of today counts.
  const isUnpublished = last.columns === null && !keepsContract(line, last, topic);
  if (!isUnpublished) checkContract(line, last, topic);
  const isAccepted = last.contract === null || isUnpublished;
  const isRunning = !isAccepted && last.state === 'running';
  // Under one claim nobody else moves the feed: what was found good holds for the runs that follow a passing failure.
  if (isRunning && partition.checkedAt(spec.id) !== null) return last;
  const state = await ensureTopics(line, isAccepted ? topic : last.topic, asking);
  if (!isAccepted) await checkTopic(works.admin, last, state, asking);
  else if (isUnpublished && !spec.adopt) await checkEmpty(line, state, asking);
  await checkAnchor(line, last, asking);
  partition.checked(spec.id);
  if (isRunning) return last;

  const partitions = isAccepted ? state.partitions : last.partitions;
  const contract = contractOf(spec, source.endpoint, isAccepted ? topic : last.topic, partitions, works.framing);
  // The schema named in the key is part of the contract's bytes: under a new contract it is taken from the next version.
  const schemas = isAccepted ? { key: null, value: null } : last.schemas;
  return {
    ...last,
    endpoint: source.endpoint,
    topic: state.topic,
    topicId: state.topicId,
    partitions,
    contract,
    schemas,
    open: isAccepted ? { ...NOTHING_OPEN, nextOffsets: await endsOf(line, state, asking) } : last.open,
    state: 'running',
    failure: null,
  };
}

/** The partition of a feed without a key: all its records go there. */
export function unkeyedPartition(checkpoint: Checkpoint): number {
  return partitionOf(new TextEncoder().encode(checkpoint.feed), checkpoint.partitions);
}

async function begin(
  line: Line,
  partition: ClaimedPartition,
  topic: string,
  last: Checkpoint | null,
  asking: AbortSignal,
  signal: AbortSignal,
): Promise<Checkpoint> {
  const { spec, source, works } = line;
  const state = await ensureTopics(line, topic, asking);
  const start = (last === null ? null : raisedStart(last)) ?? spec.start;
  const { position, tableId } = await resolveStart(source, spec.table, start, works.clock.now(), asking);
  if (!spec.adopt) await checkEmpty(line, state, asking);
  const at = works.clock.now();
  const first: Checkpoint = {
    ...newCheckpoint(spec.id, last?.generation ?? 1, (last?.seq ?? 0) + 1, works.relay, at),
    ...(last?.toldParked === true ? { toldParked: true } : {}),
    tableId: tableId ?? last?.tableId ?? null,
    endpoint: source.endpoint,
    topic,
    topicId: state.topicId,
    partitions: state.partitions,
    contract: contractOf(spec, source.endpoint, topic, state.partitions, works.framing),
    start: { asked: startText(start), version: position.version },
    position,
    open: { ...NOTHING_OPEN, nextOffsets: await endsOf(line, state, asking) },
    state: 'running',
  };
  works.telemetry.log('info', 'feed starts', { feed: spec.id, topic, start: first.start.asked, version: position.version });
  return transactAlone(line, partition, first, asking, signal);
}

/** What holds until a person has looked, whoever claims: records behind a lost position may still be in the topic, and somebody else's may be among ours by now. */
const HELD: readonly FailureCode[] = ['checkpoint.lost', 'topic.foreign'];

/** Whether the feed is parked so that no claim and no order but an operator's command takes it further. */
export function isHeld(last: Checkpoint | null): boolean {
  return HELD.some((held) => held === last?.failure?.code);
}

/** Throws what no claim takes further. */
export function checkHeld(last: Checkpoint | null): void {
  const failure = last?.failure ?? null;
  if (failure === null) return;
  const code = HELD.find((held) => held === failure.code);
  if (code !== undefined) throw new Failure(code, failure.message, failure.version === null ? {} : { version: failure.version });
}

function keepsContract({ spec, source, works }: ContractLine, last: Checkpoint, topic: string): boolean {
  return last.contract === null || last.contract === contractOf(spec, source.endpoint, topic, last.partitions, works.framing);
}

/** As much of a line as its contract and its history take. */
export interface ContractLine extends Pick<Line, 'spec' | 'source'> {
  readonly works: Pick<Works, 'framing'>;
}

/** Throws `contract.changed`. `topic` is that of the config, in the checkpoint's generation. */
export function checkContract(line: ContractLine, last: Checkpoint, topic: string): void {
  const { spec, source } = line;
  if (keepsContract(line, last, topic)) return;
  const differences = [
    ...(last.topic === topic ? [] : [`topic ${last.topic} became ${topic}`]),
    ...(last.endpoint === source.endpoint ? [] : [`endpoint ${last.endpoint} became ${source.endpoint}`]),
  ];
  const what = differences.length > 0 ? differences.join(', ') : 'its key or envelope changed, or how its schemas are named';
  throw new Failure('contract.changed', `${spec.id} would publish under another contract than before: ${what}`, {
    version: last.position.version,
  });
}

async function ensureTopics(line: Line, topic: string, signal: AbortSignal): Promise<TopicState> {
  const { spec, works } = line;
  for (const own of ownShared(spec, works.registry, works.topics)) await ensureTopic(line, own, signal);
  return ensureTopic(line, ownData(spec, topic, works.topics), signal);
}

async function ensureTopic(line: Line, own: OwnTopic, signal: AbortSignal): Promise<TopicState> {
  const { admin, topics } = line.works;
  const there = await admin.describe(own.topic, signal);
  if (there !== null) return there;
  if (!topics.create) throw new Failure('topic.missing', `topic ${own.topic} of ${line.spec.id} does not exist: ${makeTopic(own)}`);
  await admin.create([own], signal);
  const created = await admin.describe(own.topic, signal);
  if (created === null) throw new Failure('topic.missing', `topic ${own.topic} was created and cannot be seen`);
  return created;
}

interface EmptyWorks {
  readonly works: Pick<Works, 'admin'>;
}

/** Rejects with `topic.not_empty` where the topic holds records, of a feed that has never published to it. */
export async function checkEmpty(line: Pick<Line, 'spec'> & EmptyWorks, state: TopicState, signal: AbortSignal): Promise<void> {
  const { admin } = line.works;
  for (const [partition, { start, end }] of (await admin.offsets(state.topic, signal)).entries()) {
    if (end === start || (await admin.firstCommitted(state.topic, partition, start, signal)) === null) continue;
    throw new Failure('topic.not_empty', `topic ${state.topic} holds records, and no checkpoint says that ${line.spec.id} wrote them`);
  }
}

/** By partition, where the topic ends now: what is before it is not ours to judge. */
async function endsOf(line: Line, state: TopicState, signal: AbortSignal): Promise<Readonly<Record<string, number>>> {
  const offsets = await line.works.admin.offsets(state.topic, signal);
  return Object.fromEntries(offsets.map(({ end }, partition) => [partition, end]));
}

/** Rejects unless the last version with files is still told as it was, or not told any more; where there is none yet, unless the table is the same. */
export async function checkAnchor(line: Pick<Line, 'spec' | 'source'>, last: Checkpoint, signal: AbortSignal): Promise<void> {
  const { anchor } = last;
  if (anchor === null) return requireSameTable(line.source, line.spec.table, last, 'nothing of its history is published yet', signal);
  const { version, responseFormat, idHash } = anchor;
  let told;
  try {
    told = await line.source.changes(line.spec.table, { from: version, to: version, listedAs: { responseFormat, idHash } }, signal);
  } catch (error) {
    // Its history may have aged out, or its format no longer be offered: then nothing can be said of it.
    if (error instanceof Failure && error.disposition !== 'retry') return;
    throw error;
  }
  const changes = told.versions.find((listed) => listed.version === version);
  const now = changes === undefined ? null : anchorOf(changes, told.responseFormat, told.idHash);
  if (now?.hash === anchor.hash && now.timestamp === anchor.timestamp) return;
  if (last.tableId !== null && told.tableId !== last.tableId) {
    throw new Failure(
      'table.recreated',
      `${tableText(line.spec.table)} is another table than before: its id is ${told.tableId}, and was ${last.tableId}`,
      { version },
    );
  }
  throw new Failure(
    'history.rewritten',
    `version ${version} of ${tableText(line.spec.table)} has other files or another time than when it was published`,
    { version },
  );
}
