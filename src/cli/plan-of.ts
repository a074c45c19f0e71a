/**
 * What `run` would do with a config, as data: topics, rights, polling, and of each feed where it begins, what waits there and its schemas.
 */
import type { Config } from '../config/config.ts';
import { Failure } from '../model/failure.ts';
import type { FeedId } from '../model/feed.ts';
import type { Checkpoint } from '../model/position.ts';
import type { Publisher } from '../ports/publisher.ts';
import type { Framing, SchemaRegistry } from '../ports/schema-registry.ts';
import { checkpointTopic } from '../relay/checkpoint-topic.ts';
import { inspectTopics } from '../relay/inspection.ts';
import { ownCheckpoints, ownData, ownShared } from '../relay/own-topics.ts';
import type { OwnTopic } from '../relay/own-topics.ts';
import { effectiveIntervalMs } from '../relay/poll.ts';
import type { Beginning, Waiting } from '../relay/prospect.ts';
import { neededRights } from '../relay/rights.ts';
import type { NeededRight } from '../relay/rights.ts';
import { framingOf, inspectionOf } from './assemble.ts';
import { ledgerRequest, schemaRequests } from './doctor-registry.ts';
import { distinct, watchedOf } from './doctor-kafka.ts';
import { answerTo } from './doctor-source.ts';
import { pollOf } from './lines.ts';
import type { FeedOutlook, SourceFeeds } from './outlook.ts';

export interface Plan {
  readonly topics: readonly PlannedTopic[];
  readonly rights: readonly NeededRight[];
  readonly sources: readonly PlannedSource[];
  readonly feeds: readonly PlannedFeed[];
  /** The ledger's, of each recipient. */
  readonly ledgers: readonly PlannedSchema[];
}

export interface PlannedTopic extends OwnTopic {
  /** Null: Kafka was not asked, or does not tell. */
  readonly exists: boolean | null;
  /** What is wrong with the settings of one that exists. */
  readonly remarks: readonly string[];
}

export interface PlannedSource {
  readonly source: string;
  readonly feeds: number;
  /** Null: by a cron pattern. */
  readonly pollMs: number | null;
  readonly cron: string | null;
  /** Of all its feeds, while nothing is new: one question a feed and poll. Null: by a cron pattern. */
  readonly requestsPerSecond: number | null;
}

export interface PlannedFeed {
  readonly feed: FeedId;
  readonly topic: string;
  readonly generation: number;
  readonly latest: { readonly version: number; readonly at: number | null } | null;
  readonly beginning: Beginning | null;
  readonly waiting: Waiting | null;
  readonly schemas: readonly PlannedSchema[];
  readonly failures: readonly PlannedFailure[];
}

export interface PlannedFailure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  /** What the config says to do, so that the feed goes on. Null: it stops. */
  readonly answer: string | null;
}

export interface PlannedSchema {
  readonly topic: string;
  readonly part: 'key' | 'value';
  readonly framing: Framing;
  /** Null: there are no subjects. */
  readonly subject: string | null;
  /** GUID or id. Null: it would be given when it is registered. */
  readonly name: string | null;
  readonly text: string;
}

export interface PlanParts {
  readonly config: Config;
  readonly publisher: Publisher;
  /** Whether brokers answer. */
  readonly isReached: boolean;
  readonly registry: SchemaRegistry;
  readonly checkpoints: ReadonlyMap<FeedId, Checkpoint>;
  readonly outlooks: readonly FeedOutlook[];
  readonly sources: ReadonlyMap<string, SourceFeeds>;
}

/** Rejects as `TopicAdmin.look` does where Kafka is reached. */
export async function planOf(parts: PlanParts, signal: AbortSignal): Promise<Plan> {
  const { config, outlooks, sources } = parts;
  const topics = await plannedTopics(parts, signal);
  const feeds: PlannedFeed[] = [];
  for (const outlook of outlooks) feeds.push(await plannedFeed(parts, outlook, signal));
  const ledgers: PlannedSchema[] = [];
  for (const recipient of new Set(outlooks.map(({ spec }) => spec.recipient)))
    ledgers.push(...(await plannedSchemas(parts, [ledgerRequest(recipient)], signal)).schemas);
  const checkpoints = topics.find(({ role }) => role === 'checkpoints');
  const rights = neededRights({
    name: config.relay.name,
    recipients: [...new Set(outlooks.map(({ spec }) => spec.recipient))],
    topics: topics.flatMap(({ role, topic }) => (role === 'data' ? [topic] : [])),
    makesCheckpoints: config.kafka.topics.create && checkpoints?.exists !== true,
    makesTopics: config.kafka.topics.create,
  });
  const planned = config.sources.flatMap((source): readonly PlannedSource[] => {
    const found = sources.get(source.name);
    if (found === undefined) return [];
    const poll = pollOf(source);
    if (poll.kind === 'cron') {
      const cron = `${poll.pattern}, ${poll.timezone}`;
      return [{ source: source.name, feeds: found.count, pollMs: null, cron, requestsPerSecond: null }];
    }
    const pollMs = effectiveIntervalMs(poll, found.count);
    return [{ source: source.name, feeds: found.count, pollMs, cron: null, requestsPerSecond: (found.count * 1000) / pollMs }];
  });
  return { topics, rights, sources: planned, feeds, ledgers };
}

async function plannedTopics(
  { config, publisher, isReached, registry, outlooks }: PlanParts,
  signal: AbortSignal,
): Promise<readonly PlannedTopic[]> {
  const { topics } = config.kafka;
  const checkpoints = ownCheckpoints(checkpointTopic(config.relay.name), config.relay.checkpointPartitions, topics);
  const shared = distinct([checkpoints, ...outlooks.flatMap(({ spec }) => ownShared(spec, registry, topics))]);
  const data = outlooks.map(({ spec, last, prospect }) => ({ feed: { spec, last }, own: ownData(spec, prospect.topic, topics) }));
  const all = [...shared.map((own) => ({ own, feed: null })), ...data];
  if (!isReached) return all.map(({ own }) => ({ ...own, exists: null, remarks: [] }));
  const inspection = inspectionOf(config, publisher);
  const watched = all.map(({ own, feed }) => watchedOf(own, feed));
  const { brokers } = await publisher.admin.reach(signal);
  const { seen, findings } = await inspectTopics(inspection, watched, brokers, signal);
  return all.map(({ own }) => {
    const look = seen.get(own.topic);
    const remarks = findings.filter(({ subject }) => subject === own.topic).map(({ text }) => text);
    const state = look?.state ?? null;
    const made = state === null ? own : { ...own, partitions: state.partitions, replicationFactor: state.replicationFactor };
    return { ...made, exists: look === undefined ? false : state === null ? null : true, remarks };
  });
}

async function plannedFeed(parts: PlanParts, outlook: FeedOutlook, signal: AbortSignal): Promise<PlannedFeed> {
  const { spec, prospect } = outlook;
  const { topic, generation, latest, beginning, waiting } = prospect;
  const { schemas, failures } = await plannedSchemas(parts, schemaRequests(outlook), signal);
  const all = [...prospect.failures, ...failures].map(({ code, message, remedy }) => ({
    code,
    message,
    remedy,
    answer: answerTo(spec, code),
  }));
  return { feed: spec.id, topic, generation, latest, beginning, waiting, schemas, failures: all };
}

async function plannedSchemas(
  { config, registry }: PlanParts,
  requests: ReturnType<typeof schemaRequests>,
  signal: AbortSignal,
): Promise<{ readonly schemas: readonly PlannedSchema[]; readonly failures: readonly Failure[] }> {
  const framing = framingOf(config);
  const schemas: PlannedSchema[] = [];
  const failures: Failure[] = [];
  for (const request of requests) {
    const { topic, part, text } = request;
    const own = { topic, part, framing, text };
    try {
      schemas.push({ ...own, ...(await registry.foresee(request, signal)) });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures.push(error);
      schemas.push({ ...own, subject: null, name: null });
    }
  }
  return { schemas, failures };
}
