/**
 * `checkpoint show | accept | reset`: for operators. What changes a checkpoint goes through a claim of its partition, as the relay's own writing does: a relay that runs
 * is fenced by it, so that its next transaction fails, and it claims again and reads what was written here.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { loadConfig } from '../config/load.ts';
import { systemClock } from '../lib/clock.ts';
import { Failure } from '../model/failure.ts';
import type { FeedSpec } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import { acceptCheckpoint, checkpointPartition, resetCheckpoint, topicOf } from '../relay/checkpoint.ts';
import { claimText } from '../relay/claim-record.ts';
import { ClaimedPartition } from '../relay/partition.ts';
import { checkpointTopic } from '../relay/checkpoint-topic.ts';
import { startText } from '../relay/start.ts';
import { pausedBy } from '../relay/supervisor.ts';
import { parseArguments, wrong } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import { RELAY } from './product.ts';
import { readCheckpoints } from './checkpoints.ts';
import { askedFeeds, findFeed } from './find-feed.ts';
import type { AskedFeeds } from './find-feed.ts';
import { openKafkaSession } from './kafka-session.ts';
import type { KafkaSession } from './kafka-session.ts';
import { print, tell } from './output.ts';

const CLAIMS_MAX = 5;

export async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseArguments('checkpoint', argv);
  const action = options.positional(0);
  if (action !== 'show' && action !== 'accept' && action !== 'reset')
    throw wrong('checkpoint', `\`${action}\` is none of show, accept and reset`);
  const config = loadConfig(options.required('config'));
  const isAll = action === 'show' && options.optional('recipient') === null && options.optional('table') === null;
  const asked = isAll ? null : askedFeeds('checkpoint', config, options);
  await using session = await openKafkaSession(config, signal);
  if (asked === null) await showAll(session, signal);
  else if (action === 'show') await print(JSON.stringify((await namedCheckpoint(session, asked, signal)).checkpoint, null, 2), signal);
  else await change(session, asked, options, CHANGES[action], signal);
  return 0;
}

async function showAll({ config, publisher }: KafkaSession, signal: AbortSignal): Promise<void> {
  const all = await readCheckpoints(config, publisher, signal);
  await print(JSON.stringify([...all.values()], null, 2), signal);
}

interface Change {
  readonly next: (last: Checkpoint, relay: string, at: number) => Checkpoint;
  /** What will happen, for the person who is asked. */
  readonly plan: (spec: FeedSpec, last: Checkpoint) => readonly string[];
}

const CHANGES: Readonly<Record<'accept' | 'reset', Change>> = {
  accept: {
    next: acceptCheckpoint,
    plan: (spec, last) => [
      `${spec.id} goes on at version ${last.position.version}, in topic ${topicOf(spec.topic, last.generation)}, under the contract that the config gives now.`,
      'Consumers meet the new contract from the next record on; what stands in the topic already is taken as it is.',
    ],
  },
  reset: {
    next: resetCheckpoint,
    plan: (spec, last) => [
      `${spec.id} starts again as generation ${last.generation + 1}, in the new topic ${topicOf(spec.topic, last.generation + 1)}, from where \`start\` says (${startText(spec.start)}).`,
      `Its topic ${last.topic === '' ? topicOf(spec.topic, last.generation) : last.topic} stays as it is and gets no more records: consumers have to change over.`,
    ],
  },
};

async function change(
  session: KafkaSession,
  asked: AskedFeeds,
  options: Arguments,
  { next, plan }: Change,
  signal: AbortSignal,
): Promise<void> {
  const { spec, checkpoint } = await namedCheckpoint(session, asked, signal);
  // Refused here already where it cannot be done, before anybody is asked or fenced.
  next(checkpoint, RELAY, Date.now());
  for (const line of plan(spec, checkpoint)) tell(line);
  const { failure } = checkpoint;
  if (pausedBy(checkpoint) !== null) tell('The feed is paused, and goes on by this.');
  else tell(failure === null ? 'The feed is not parked.' : `The feed is parked: ${failure.code}: ${failure.message}`);
  await confirm(options, signal);
  const written = await claimInTurn(session, spec, next, signal);
  tell(
    `Done: checkpoint ${written.seq} of ${spec.id} is written. A relay that runs takes it up with its next transaction; restart it to have it at once.`,
  );
}

/** A relay that runs claims again as soon as it is fenced, maybe between our claim and our write: then it is our turn again. */
async function claimInTurn(session: KafkaSession, spec: FeedSpec, next: Change['next'], signal: AbortSignal): Promise<Checkpoint> {
  for (let left = CLAIMS_MAX - 1; ; left--) {
    try {
      return await claimAndWrite(session, spec, next, signal);
    } catch (error) {
      if (left === 0 || !(error instanceof Failure) || error.code !== 'kafka.fenced') throw error;
    }
  }
}

async function claimAndWrite(session: KafkaSession, spec: FeedSpec, next: Change['next'], signal: AbortSignal): Promise<Checkpoint> {
  const { config, publisher, telemetry } = session;
  const { name, checkpointPartitions: partitions } = config.relay;
  const place = { topic: checkpointTopic(name), partition: checkpointPartition(spec.id, partitions), partitions };
  const claimValue = claimText({ nonce: randomUUID(), owner: `${hostname()}/${process.pid}`, http: null, config: null, at: Date.now() });
  const claim = await publisher.claim(
    { transactionalId: `${name}.${place.partition}`, topic: place.topic, partition: place.partition, claimValue },
    signal,
  );
  try {
    const partition = new ClaimedPartition(place, claim, systemClock, telemetry);
    // Read back under the claim: a relay that ran may have gone on since it was looked at.
    const last = partition.checkpoint(spec.id);
    if (last === null) throw nothingYet(spec);
    const written = next(last, RELAY, Date.now());
    return await partition.transact(spec.id, () => Promise.resolve(written), signal);
  } finally {
    await claim.producer.close();
  }
}

async function namedCheckpoint(
  session: KafkaSession,
  asked: AskedFeeds,
  signal: AbortSignal,
): Promise<{ readonly spec: FeedSpec; readonly checkpoint: Checkpoint }> {
  const { spec, checkpoint } = await findFeed('checkpoint', session, asked, signal);
  if (checkpoint === null) throw nothingYet(spec);
  return { spec, checkpoint };
}

async function confirm(options: Arguments, signal: AbortSignal): Promise<void> {
  if (options.isSet('yes')) return;
  if (!process.stdin.isTTY) throw wrong('checkpoint', 'there is no terminal to ask at: add --yes if this is what you want');
  if (!/^y(es)?$/i.test((await ask('Do it? [y/N] ', signal)).trim())) throw new Failure('arguments.refused', 'nothing was changed');
}

/** The line that the person types; nothing where they close the terminal instead. */
async function ask(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = Promise.withResolvers<string>();
  terminal.once('close', () => closed.resolve(''));
  // In a terminal of its own readline takes Ctrl-C for itself; here it means what it means everywhere.
  terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return await Promise.race([terminal.question(question, { signal }), closed.promise]);
  } finally {
    terminal.close();
  }
}

function nothingYet(spec: FeedSpec): Failure {
  return wrong('checkpoint', `${spec.id} has no checkpoint yet: it begins when a relay runs`);
}
