/**
 * `verify`: the share and the topic, counted again and compared with the ledger, version by version.
 *
 *   share ─► source, plan, codec ─► tally ──┐
 *                                           ├─ the ledger's record of the version
 *   topic ─► records of its offsets ─► tally ┘
 *
 * The ledger is read from its beginning, some hundred versions at a time: what is kept does not grow with it. What cannot be compared is said, and is no difference.
 */
import { openPool } from '../codec/pool.ts';
import { loadConfig } from '../config/load.ts';
import { must } from '../lib/assert.ts';
import { Failure } from '../model/failure.ts';
import type { FeedEvent } from '../model/feed-event.ts';
import type { FeedSpec } from '../model/feed.ts';
import { parseArguments } from './arguments.ts';
import { assembleRegistry, assembleSource } from './assemble.ts';
import { askedFeeds, findFeed } from './find-feed.ts';
import { openKafkaSession } from './kafka-session.ts';
import type { KafkaSession } from './kafka-session.ts';
import { ledgerOf } from './ledger-records.ts';
import { plain, print, tell } from './output.ts';
import { shareTallies } from './share-tally.ts';
import type { ShareReading } from './share-tally.ts';
import { Findings, differences } from './tally.ts';
import { topicTallies } from './topic-tally.ts';
import type { TopicReading } from './topic-tally.ts';

/** Versions compared at one time. */
const AT_ONCE = 500;

export async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseArguments('verify', argv);
  const config = loadConfig(options.required('config'));
  const asked = askedFeeds('verify', config, options);
  await using session = await openKafkaSession(config, signal);
  const { spec, checkpoint } = await findFeed('verify', session, asked, signal);
  if (checkpoint === null || checkpoint.topic === '')
    throw new Failure('feed.not_begun', `${spec.id} has not begun: there is nothing to compare`);
  await using opened = new AsyncDisposableStack();
  const { topic, generation, position } = checkpoint;
  const sides = await openSides(session, spec, topic, opened, signal);
  const findings = new Findings();
  let window: FeedEvent[] = [];
  const work = async (): Promise<void> => {
    for (const line of await compare(sides, window, findings, signal)) await print(plain(line), signal);
    window = [];
  };
  for await (const event of ledgerOf(session, spec, signal)) {
    if (event.generation !== generation) continue;
    const hole = findings.follow(event);
    if (hole !== null) await print(hole, signal);
    if (event.kind === 'version') window.push(event);
    if (window.length >= AT_ONCE) await work();
  }
  await work();
  for (const line of findings.summary(spec.id, topic)) await print(plain(line), signal);
  if (position.records > 0) tell(`Version ${position.version} is not whole: the ${position.records} records of it are not compared.`);
  return findings.differing === 0 ? 0 : 1;
}

interface Sides {
  readonly share: ShareReading;
  readonly reading: TopicReading;
  readonly topic: string;
  /** Older records of a key go from it. */
  readonly isCompacted: boolean;
  /** By partition, where the topic begins. */
  readonly starts: readonly number[];
}

async function openSides(
  { config, publisher, telemetry }: KafkaSession,
  spec: FeedSpec,
  topic: string,
  opened: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Sides> {
  const named = must(
    config.sources.find(({ name }) => name === spec.source),
    'the source of a feed',
  );
  const source = opened.use(await assembleSource(named, config, telemetry));
  const { memoryBytes } = config.limits;
  const encoder = opened.use(openPool({ workers: 1, workerUrl: new URL('../worker.ts', import.meta.url), memoryBytes }));
  const policy = (await publisher.admin.config(topic, signal))['cleanup.policy'] ?? '';
  const starts = (await publisher.admin.offsets(topic, signal)).map(({ start }) => start);
  const reading = { publisher, registry: assembleRegistry(config, publisher, telemetry), spec };
  return { share: { source, encoder, spec, memoryBytes }, reading, topic, isCompacted: policy.includes('compact'), starts };
}

/** A line for each version that differs. */
async function compare(sides: Sides, versions: readonly FeedEvent[], findings: Findings, signal: AbortSignal): Promise<readonly string[]> {
  const { share, reading, topic, isCompacted, starts } = sides;
  const inTopic = isCompacted ? null : await topicTallies(reading, topic, versions, signal);
  // What the rows of dead letters would have been as records is not known here.
  const isAsked = ({ deadLetters }: FeedEvent): boolean => deadLetters === 0 || deadLetters === null;
  const inShare = await shareTallies(share, versions.filter(isAsked), signal);
  return versions.flatMap((event) => {
    const found: string[] = [];
    const { version } = event;
    const isDeleted = event.partitions.some(({ partition, firstOffset }) => firstOffset < (starts[partition] ?? 0));
    if (inTopic === null) findings.skip(version, 'with the topic', 'it is compacted, and older records of a key are gone');
    else if (isDeleted) findings.skip(version, 'with the topic', 'records of it were deleted by age or size');
    else found.push(...differences(event, must(inTopic.get(version), 'the tally of a version'), 'the topic'));
    const there = inShare.get(version);
    if (there === undefined) findings.skip(version, 'with the share', 'it has dead letters');
    else if (there instanceof Failure) findings.skip(version, 'with the share', there.code, there.message);
    else found.push(...differences(event, there, 'the share'));
    return findings.compared(event, found);
  });
}
