/**
 * What who watches a cluster may see of it: topics with their settings and the relay's rights on them, settings of brokers, and where open transactions begin.
 *
 * Rights are told by the brokers themselves (KIP-430): whoever may describe a thing learns what else it may do with it, and no right to read ACLs is needed. Many topics
 * are asked for at once. A broker answers for them one by one, and the library takes one refusal for a refusal of all: then they are asked for one by one.
 */
import { describeClusterV0, describeConfigsV4, describeGroupsV5, findCoordinatorV4, listOffsetsV6, metadataV12 } from '@platformatic/kafka';
import type { Connection } from '@platformatic/kafka';
import { sleep } from '../../src/lib/abort.ts';
import type { BrokerLook, ClusterLook, PartitionTail, Right, Settings, TopicLook, TransactionLook } from '../../src/ports/publisher.ts';
import type { BrokerAddress } from './connections.ts';
import { apiVersions, endTxn, findCoordinator } from './direct-messages.ts';
import type { ProducerEpoch } from './direct-messages.ts';
import { CODES, reasonOf } from './kafka-failure.ts';
import { topicIdOf } from './wire.ts';
import type { Wire } from './wire.ts';

/** Topics of one question. */
const TOPICS_MAX = 100;
const TOPIC_RESOURCE = 2;
const BROKER_RESOURCE = 4;
const GROUP_COORDINATOR = 0;
const BROKER_ENDPOINTS = 1;
const END = -1n;
const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;

/** By its code in Kafka's protocol (org.apache.kafka.common.acl.AclOperation). */
const RIGHTS: Readonly<Record<Right, number>> = {
  Read: 3,
  Write: 4,
  Create: 5,
  Delete: 6,
  Alter: 7,
  Describe: 8,
  ClusterAction: 9,
  DescribeConfigs: 10,
  AlterConfigs: 11,
  IdempotentWrite: 12,
};
const RIGHT_NAMES: readonly Right[] = [
  'Read',
  'Write',
  'Create',
  'Delete',
  'Alter',
  'Describe',
  'ClusterAction',
  'DescribeConfigs',
  'AlterConfigs',
  'IdempotentWrite',
];
/** A broker's way to say that it does not tell. */
const NOT_TOLD = -2_147_483_648;

const NO_PRODUCER: ProducerEpoch = { producerId: -1n, epoch: -1 };
/** The first question makes Kafka's own topic for transactions, where there is none yet. */
const COORDINATOR_ATTEMPTS = 10;
const COORDINATOR_WAIT_MS = 300;
const COORDINATOR_AWAY: ReadonlySet<number> = new Set([CODES.coordinatorLoading, CODES.coordinatorNotAvailable, CODES.notCoordinator]);

const HIDDEN: ReadonlySet<number> = new Set([CODES.topicUnauthorized, CODES.groupUnauthorized, CODES.clusterUnauthorized]);

/** Topics that do not exist, or have no leader at this moment, are left out. */
export async function lookAtTopics(wire: Wire, names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, TopicLook>> {
  const { seen, hidden } = await metadataOf(wire, names, true, signal);
  const settings = await settingsOf(wire, null, TOPIC_RESOURCE, [...seen.keys()], null, signal);
  const looks = [...seen].map(([topic, { topicId, partitions, topicAuthorizedOperations }]): readonly [string, TopicLook] => [
    topic,
    {
      state: {
        topic,
        topicId: topicIdOf(topicId),
        partitions: partitions.length,
        replicationFactor: partitions.find(({ partitionIndex }) => partitionIndex === 0)?.replicaNodes.length ?? 0,
      },
      settings: settings.get(topic) ?? null,
      rights: rightsOf(topicAuthorizedOperations),
    },
  ]);
  const unseen = hidden.map((topic): readonly [string, TopicLook] => [topic, { state: null, settings: null, rights: new Set() }]);
  return new Map([...looks, ...unseen]);
}

/** Settings that brokers may not show are null. */
export async function lookAtCluster(wire: Wire, keys: readonly string[], group: string, signal: AbortSignal): Promise<ClusterLook> {
  const { brokers } = await wire.ask(null, (connection) => describeClusterV0.api.async(connection, false, BROKER_ENDPOINTS), signal);
  const looks = brokers
    .toSorted((a, b) => a.brokerId - b.brokerId)
    .map(async ({ brokerId: id, host, port }): Promise<BrokerLook> => {
      const settings = await settingsOf(wire, { host, port }, BROKER_RESOURCE, [String(id)], keys, signal);
      return { id, settings: settings.get(String(id)) ?? null };
    });
  return { brokers: await Promise.all(looks), groupRights: await groupRights(wire, group, signal) };
}

/** By topic that exists and may be seen, the partitions that have a leader. */
export async function tailsOf(
  wire: Wire,
  names: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly PartitionTail[]>> {
  const { seen, brokers } = await metadataOf(wire, names, false, signal);
  const tails = new Map<string, PartitionTail[]>([...seen.keys()].map((topic) => [topic, []]));
  for (const broker of brokers) {
    const led = [...seen].flatMap(([topic, { partitions }]) => {
      const indices = partitions.filter(({ leaderId }) => leaderId === broker.nodeId).map(({ partitionIndex }) => partitionIndex);
      return indices.length === 0 ? [] : [{ topic, indices }];
    });
    if (led.length === 0) continue;
    const ends = await offsetsAt(wire, broker, led, READ_UNCOMMITTED, signal);
    const stables = await offsetsAt(wire, broker, led, READ_COMMITTED, signal);
    for (const { topic, indices } of led) {
      for (const partition of indices) {
        const place = `${topic}-${partition}`;
        const end = ends.get(place);
        const stable = stables.get(place);
        if (end !== undefined && stable !== undefined) tails.get(topic)?.push({ partition, end, stable });
      }
    }
  }
  for (const partitions of tails.values()) partitions.sort((a, b) => a.partition - b.partition);
  return tails;
}

/** Asks the coordinator to end what nobody has begun: the right is judged first, and what it is then refused for tells that it is there. */
export async function lookAtTransactions(wire: Wire, transactionalId: string, signal: AbortSignal): Promise<TransactionLook> {
  const { transactionVersion: version } = await wire.ask(null, (connection) => apiVersions.async(connection), signal);
  for (let attempt = 0; attempt < COORDINATOR_ATTEMPTS; attempt++) {
    if (attempt > 0) await sleep(COORDINATOR_WAIT_MS, signal);
    const { code, coordinator } = await wire.ask(null, (connection) => findCoordinator.async(connection, transactionalId), signal);
    if (code === CODES.transactionalIdUnauthorized) return { version, mayWrite: false };
    if (code !== 0 || coordinator === null) continue;
    const nothing = (connection: Connection): ReturnType<(typeof endTxn)[1]['async']> =>
      endTxn[1].async(connection, transactionalId, NO_PRODUCER, false);
    const told = await wire.ask(coordinator, nothing, signal);
    if (told.code === CODES.transactionalIdUnauthorized) return { version, mayWrite: false };
    if (!COORDINATOR_AWAY.has(told.code)) return { version, mayWrite: true };
  }
  return { version, mayWrite: null };
}

type Metadata = metadataV12.MetadataResponse;

interface Seen {
  readonly seen: ReadonlyMap<string, Metadata['topics'][number]>;
  /** They exist, or may: this one is not allowed to know. */
  readonly hidden: readonly string[];
  readonly brokers: Metadata['brokers'];
}

async function metadataOf(wire: Wire, names: readonly string[], withRights: boolean, signal: AbortSignal): Promise<Seen> {
  const seen = new Map<string, Metadata['topics'][number]>();
  const hidden: string[] = [];
  const brokers = new Map<number, Metadata['brokers'][number]>();
  const ask = async (some: readonly string[]): Promise<void> => {
    const answer = await wire.ask(null, (connection) => metadataV12.api.async(connection, [...some], false, withRights), signal);
    for (const broker of answer.brokers) brokers.set(broker.nodeId, broker);
    for (const topic of answer.topics) if (typeof topic.name === 'string' && topic.partitions.length > 0) seen.set(topic.name, topic);
  };
  await eachOrAll(names, ask, (name, code) => {
    if (HIDDEN.has(code)) hidden.push(name);
  });
  return { seen, hidden, brokers: [...brokers.values()] };
}

/** By resource; without those whose settings may not be read, or which are not there. */
async function settingsOf(
  wire: Wire,
  broker: BrokerAddress | null,
  resourceType: typeof TOPIC_RESOURCE | typeof BROKER_RESOURCE,
  names: readonly string[],
  keys: readonly string[] | null,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Settings>> {
  const found = new Map<string, Settings>();
  const ask = async (some: readonly string[]): Promise<void> => {
    const resources = some.map((resourceName) => ({
      resourceType,
      resourceName,
      ...(keys === null ? {} : { configurationKeys: [...keys] }),
    }));
    const question = (connection: Connection): ReturnType<typeof describeConfigsV4.api.async> =>
      describeConfigsV4.api.async(connection, resources, false, false);
    const { results } = await wire.ask(broker, question, signal);
    for (const { resourceName, configs } of results) {
      found.set(resourceName, Object.fromEntries(configs.map(({ name, value }) => [name, value ?? ''])));
    }
  };
  await eachOrAll(names, ask, () => {});
  return found;
}

/** Asks for all, a hundred at a time; where one of them is refused, for each. `refused` hears of those, with the broker's code. Rejects where no broker answers. */
async function eachOrAll(
  names: readonly string[],
  ask: (some: readonly string[]) => Promise<void>,
  refused: (name: string, code: number) => void,
): Promise<void> {
  for (let at = 0; at < names.length; at += TOPICS_MAX) {
    const some = names.slice(at, at + TOPICS_MAX);
    try {
      await ask(some);
    } catch (error) {
      if (reasonOf(error).code === null) throw error;
      for (const name of some) {
        await ask([name]).catch((own: unknown) => {
          const { code } = reasonOf(own);
          if (code === null) throw own;
          refused(name, code);
        });
      }
    }
  }
}

async function groupRights(wire: Wire, group: string, signal: AbortSignal): Promise<ReadonlySet<Right> | null> {
  try {
    const question = (connection: Connection): ReturnType<typeof findCoordinatorV4.api.async> =>
      findCoordinatorV4.api.async(connection, GROUP_COORDINATOR, [group]);
    const { coordinators } = await wire.ask(null, question, signal);
    const coordinator = coordinators[0];
    if (coordinator === undefined) return null;
    const { groups } = await wire.ask(coordinator, (connection) => describeGroupsV5.api.async(connection, [group], true), signal);
    return rightsOf(groups[0]?.authorizedOperations ?? NOT_TOLD);
  } catch (error) {
    const { code } = reasonOf(error);
    if (code === CODES.groupUnauthorized) return new Set();
    // A coordinator that loads, or a group that is not there yet: nothing can be said of rights.
    if (code !== null) return null;
    throw error;
  }
}

/** By `topic-partition`, of partitions that `leader` leads. Empty where it does not lead them any more: the next look finds who does. */
async function offsetsAt(
  wire: Wire,
  leader: BrokerAddress,
  led: readonly { readonly topic: string; readonly indices: readonly number[] }[],
  isolation: typeof READ_COMMITTED | typeof READ_UNCOMMITTED,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const topics = led.map(({ topic, indices }) => ({
    name: topic,
    partitions: indices.map((partitionIndex) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp: END })),
  }));
  const question = (connection: Connection): ReturnType<typeof listOffsetsV6.api.async> =>
    listOffsetsV6.api.async(connection, -1, isolation, topics);
  try {
    const answer = await wire.ask(leader, question, signal);
    return new Map(
      answer.topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, offset }): readonly [string, number] => [`${name}-${partitionIndex}`, Number(offset)]),
      ),
    );
  } catch (error) {
    if (reasonOf(error).code === null) throw error;
    return new Map();
  }
}

function rightsOf(bits: number): ReadonlySet<Right> | null {
  if (bits === NOT_TOLD) return null;
  return new Set(RIGHT_NAMES.filter((right) => (bits & (1 << RIGHTS[right])) !== 0));
}
