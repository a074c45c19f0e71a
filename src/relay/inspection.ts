/**
 * One look at the cluster and at topics of ours, and what is wrong with them: for the relay while it runs, and for whatever tells a person before it does.
 */
import type { ClusterLook, TopicAdmin, TopicLook } from '../ports/publisher.ts';
import { BROKER_SETTINGS, GROUP_TOPIC, TRANSACTION_TOPIC, findInCluster } from './broker-settings.ts';
import type { ClusterNeeds } from './broker-settings.ts';
import type { Finding, Site, WatchedTopic } from './settings.ts';
import { findInTopic } from './topic-settings.ts';

export interface TopicInspection {
  readonly admin: TopicAdmin;
  readonly site: Site;
}

export interface ClusterInspection extends TopicInspection, ClusterNeeds {}

/** Rejects as `TopicAdmin.look` does. */
export async function inspectCluster(
  { admin, site, ...needs }: ClusterInspection,
  signal: AbortSignal,
): Promise<{ readonly look: ClusterLook; readonly brokersAlive: number; readonly findings: readonly Finding[] }> {
  const look = await admin.lookAtCluster(BROKER_SETTINGS, needs.group, signal);
  const internal = await admin.look([TRANSACTION_TOPIC, GROUP_TOPIC], signal);
  return { look, brokersAlive: look.brokers.length, findings: findInCluster(look, internal, needs, site) };
}

/** Topics that do not exist are not among `seen`. Rejects as `TopicAdmin.look` does. */
export async function inspectTopics(
  { admin, site }: TopicInspection,
  topics: readonly WatchedTopic[],
  brokersAlive: number,
  signal: AbortSignal,
): Promise<{ readonly seen: ReadonlyMap<string, TopicLook>; readonly findings: readonly Finding[] }> {
  const seen = await admin.look(
    topics.map(({ topic }) => topic),
    signal,
  );
  const findings = topics.flatMap((watched) => {
    const look = seen.get(watched.topic);
    return look === undefined ? [] : findInTopic(watched, look, brokersAlive, site);
  });
  return { seen, findings };
}
