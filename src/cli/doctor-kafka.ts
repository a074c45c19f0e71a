/**
 * What `doctor` finds in Kafka: brokers, transactions, rights and topics, by the relay's own looks. Nothing is made, claimed or joined.
 */
import type { Config } from '../config/config.ts';
import { Failure } from '../model/failure.ts';
import type { FeedSpec } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import type { Publisher } from '../ports/publisher.ts';
import type { SchemaRegistry } from '../ports/schema-registry.ts';
import { checkpointTopic } from '../relay/checkpoint-topic.ts';
import { inspectCluster, inspectTopics } from '../relay/inspection.ts';
import { checkEmpty } from '../relay/open.ts';
import { ownCheckpoints, ownData, ownShared } from '../relay/own-topics.ts';
import type { OwnTopic } from '../relay/own-topics.ts';
import { grant, makeTopic } from '../relay/settings.ts';
import type { Finding, WatchedTopic } from '../relay/settings.ts';
import { checkTopic } from '../relay/topic-check.ts';
import { inspectionOf } from './assemble.ts';
import type { FeedOutlook } from './outlook.ts';
import { checked, failed, lacking, parks, pass, warn } from './report.ts';
import type { Check } from './report.ts';
import { counted, spanText } from './words.ts';

/** Without what these lines of the tables name, nothing can be claimed or joined, or no feed published. */
const FATAL: readonly string[] = ['rights', 'brokers.rights', 'brokers.transaction-timeout', 'brokers.session-timeout-most'];

/** Brokers that answered already. */
export async function checkCluster(config: Config, publisher: Publisher, signal: AbortSignal): Promise<readonly Check[]> {
  const inspection = inspectionOf(config, publisher);
  const { brokersAlive, findings } = await inspectCluster(inspection, signal);
  // No relay has such a number of a partition: nobody is fenced by a question about it.
  const transactionalId = `${config.relay.name}.doctor`;
  const { version, mayWrite } = await publisher.admin.lookAtTransactions(transactionalId, signal);
  const seconds = spanText(inspection.sessionTimeoutMs);
  return [
    pass('kafka', `${counted(brokersAlive, 'broker')} at ${config.kafka.brokers.join(', ')}, by the driver ${config.kafka.driver}`),
    ...findings.map(checkOf),
    transactionCheck(config, publisher, mayWrite, version),
    pass('kafka', `what a replica leaves that dies is taken up by another after ${seconds}, the session of group ${inspection.group}`),
  ];
}

function transactionCheck(config: Config, publisher: Publisher, mayWrite: boolean | null, version: number): Check {
  const { site } = inspectionOf(config, publisher);
  const ids = `the transactional ids ${config.relay.name}.*`;
  const spoken = version >= 2 ? 'of version 2 (KIP-890)' : 'of version 1, as before Kafka 4';
  if (mayWrite === true) return pass('kafka', `transactions are ${spoken}, and ${ids} may be used`);
  if (mayWrite === null)
    return warn('kafka', `transactions are ${spoken}; no coordinator tells whether ${ids} may be used: ask again in a minute`);
  const resource = `--transactional-id ${config.relay.name}. --resource-pattern-type prefixed`;
  return lacking('kafka', `the right Write on ${ids} is lacking: ${grant(['Write'], resource, site)}`);
}

/** The topics that all feeds share, and then, by feed, its own. */
export interface TopicChecks {
  readonly shared: readonly Check[];
  /** What is to be said of the data topic in the feed's line, or what is wrong with it. */
  readonly ofFeed: ReadonlyMap<FeedSpec, { readonly state: string; readonly checks: readonly Check[] }>;
}

export async function checkTopics(
  config: Config,
  publisher: Publisher,
  registry: SchemaRegistry,
  outlooks: readonly FeedOutlook[],
  signal: AbortSignal,
): Promise<TopicChecks> {
  const inspection = inspectionOf(config, publisher);
  const { topics } = config.kafka;
  const { brokersAlive } = await inspectCluster(inspection, signal);
  const checkpoints = ownCheckpoints(checkpointTopic(config.relay.name), config.relay.checkpointPartitions, topics);
  const shared = distinct([checkpoints, ...outlooks.flatMap(({ spec }) => ownShared(spec, registry, topics))]);
  const data = outlooks.map(({ spec, last, prospect }) => ({ spec, last, own: ownData(spec, prospect.topic, topics) }));
  const watched = [...shared.map((own) => watchedOf(own, null)), ...data.map(({ own, spec, last }) => watchedOf(own, { spec, last }))];
  const { seen, findings } = await inspectTopics(inspection, watched, brokersAlive, signal);

  const findingsOf = (own: OwnTopic): readonly Check[] => findings.filter(({ subject }) => subject === own.topic).map(checkOf);
  const lookAt = async (own: OwnTopic): Promise<{ readonly state: string; readonly checks: readonly Check[] }> => {
    const look = seen.get(own.topic);
    if (look === undefined) return toBeMade(config, publisher, own, signal);
    if (look.state === null) return { state: 'may not be seen', checks: findingsOf(own) };
    const { partitions, replicationFactor } = look.state;
    return {
      state: `exists, with ${counted(partitions, 'partition')} in ${replicationFactor === 1 ? 'one copy' : `${replicationFactor} copies`}`,
      checks: findingsOf(own),
    };
  };
  const told: Check[] = [];
  for (const own of shared) {
    const { state, checks } = await lookAt(own);
    told.push(...(checks.some(({ verdict }) => verdict === 'fail') ? [] : [pass(`topic ${own.topic}`, state)]), ...checks);
  }
  const ofFeed = new Map<FeedSpec, { readonly state: string; readonly checks: readonly Check[] }>();
  for (const { spec, last, own } of data) {
    const found = await lookAt(own);
    const left = seen.get(own.topic)?.state ?? null;
    const lines = left === null ? [] : await checked(spec.id, () => asItWasLeft({ spec, last, publisher }, left, signal), parks);
    ofFeed.set(spec, { state: found.state, checks: [...found.checks, ...lines] });
  }
  return { shared: told, ofFeed };
}

async function asItWasLeft(
  { spec, last, publisher: { admin } }: { readonly spec: FeedSpec; readonly last: Checkpoint | null; readonly publisher: Publisher },
  state: Parameters<typeof checkTopic>[2],
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const hasBegun = last !== null && last.state !== 'new';
  if (hasBegun && last.topic === state.topic) await checkTopic(admin, last, state, signal);
  else if (!hasBegun && !spec.adopt) await checkEmpty({ spec, works: { admin } }, state, signal);
  return [];
}

/** The brokers judge it as if it were made. */
async function toBeMade(
  config: Config,
  { admin }: Publisher,
  own: OwnTopic,
  signal: AbortSignal,
): Promise<{ readonly state: string; readonly checks: readonly Check[] }> {
  const about = `topic ${own.topic}`;
  const { topics } = config.kafka;
  if (!topics.create && own.role !== 'checkpoints') {
    const failure = new Failure('topic.missing', `it does not exist, and kafka.topics.create is false: ${makeTopic(own)}`);
    return { state: 'is missing', checks: [failed(about, failure)] };
  }
  const state = `would be created, ${madeWith(own)}`;
  try {
    await admin.rehearse(own, signal);
    return { state, checks: [] };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { state: 'could not be created', checks: [{ ...failed(about, error), exit: 3 }] };
  }
}

/** `with 6 partitions, in 3 copies, cleanup.policy=compact`. */
export function madeWith({ partitions, replicationFactor, config }: OwnTopic): string {
  const copies =
    replicationFactor === -1 ? "copies by the brokers' default" : `${replicationFactor} ${replicationFactor === 1 ? 'copy' : 'copies'}`;
  return [`with ${counted(partitions, 'partition')}`, copies, ...Object.entries(config).map(([name, value]) => `${name}=${value}`)].join(
    ', ',
  );
}

export function watchedOf(own: OwnTopic, feed: { readonly spec: FeedSpec; readonly last: Checkpoint | null } | null): WatchedTopic {
  const { role, topic } = own;
  if (role === 'checkpoints') return { role, topic, partitions: own.partitions, longestBytes: 0 };
  if (role !== 'data') return { role, topic };
  const partitions = feed?.last === null || feed === null || feed.last.partitions === 0 ? Infinity : feed.last.partitions;
  return { role, topic, envelope: feed?.spec.envelope ?? 'change', isKeyed: (feed?.spec.key.length ?? 0) > 0, partitions };
}

/** Recipients share theirs. */
export function distinct(topics: readonly OwnTopic[]): readonly OwnTopic[] {
  return [...new Map(topics.map((own) => [own.topic, own])).values()];
}

function checkOf({ rule, severity, code, subject, text }: Finding): Check {
  const about = subject === 'brokers' ? 'kafka' : `topic ${subject}`;
  if (code !== null) return failed(about, new Failure(code, text));
  if (FATAL.includes(rule)) return lacking(about, text);
  return severity === 'note' ? pass(about, text) : warn(about, text);
}
