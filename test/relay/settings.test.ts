/**
 * What is found wrong with topics, brokers and rights: every rule once, each with the command that mends it, and nothing where all is well.
 */
import { describe, expect, test } from 'vitest';
import type { BrokerLook, ClusterLook, Right, Settings, TopicLook } from '../../src/ports/publisher.ts';
import { BROKER_RULES, BROKER_SETTINGS, GROUP_TOPIC, TRANSACTION_TOPIC, findInCluster } from '../../src/relay/broker-settings.ts';
import type { Finding, WatchedTopic } from '../../src/relay/settings.ts';
import { TOPIC_RULES, findInTopic } from '../../src/relay/topic-settings.ts';

const SITE = { brokers: ['k1:9092', 'k2:9092'], principal: 'User:relay' };
const AT = '--bootstrap-server k1:9092,k2:9092';

const CHECKPOINTS = { role: 'checkpoints', topic: 'a.checkpoints', partitions: 32, longestBytes: 9_000 } as const;
const CHANGES = { role: 'data', topic: 'r.t', envelope: 'change', isKeyed: true, partitions: 6 } as const;
const UNKEYED = { ...CHANGES, isKeyed: false } as const;
const UPSERT = { ...CHANGES, envelope: 'upsert' } as const;
const DEBEZIUM = { ...CHANGES, envelope: 'debezium' } as const;
const SCHEMAS = { role: 'schemas', topic: 'r.schemas' } as const;
const COMMITS = { role: 'commits', topic: 'r.commits' } as const;
const LETTERS = { role: 'dead-letters', topic: 'r.dead-letters' } as const;

/** What Kafka gives a topic that nothing is said of, on a cluster that is set up well. */
const SOUND: Settings = {
  'cleanup.policy': 'delete',
  'retention.ms': '604800000',
  'delete.retention.ms': '86400000',
  'min.insync.replicas': '2',
  'unclean.leader.election.enable': 'false',
  'segment.ms': '3600000',
  'segment.bytes': '16777216',
  'min.cleanable.dirty.ratio': '0.1',
  'max.message.bytes': '1048588',
  'message.timestamp.type': 'CreateTime',
  'message.timestamp.after.max.ms': '3600000',
};
const RIGHTS: ReadonlySet<Right> = new Set(['Read', 'Write', 'Describe', 'DescribeConfigs']);

interface Seen {
  readonly partitions?: number;
  readonly copies?: number;
  readonly settings?: Settings | null;
  readonly rights?: readonly Right[] | null;
}

/** As it is to be, but for what is said. */
function looking(watched: WatchedTopic, { partitions, copies = 3, settings = {}, rights }: Seen = {}): TopicLook {
  const isCompacted =
    watched.role === 'checkpoints' || watched.role === 'schemas' || (watched.role === 'data' && watched.envelope === 'upsert');
  const own = watched.role === 'checkpoints' || watched.role === 'data' ? watched.partitions : 1;
  const policy = isCompacted ? { 'cleanup.policy': 'compact' } : watched.role === 'data' ? {} : { 'retention.ms': '-1' };
  return {
    state: { topic: watched.topic, topicId: null, partitions: partitions ?? own, replicationFactor: copies },
    settings: settings === null ? null : { ...SOUND, ...policy, ...settings },
    rights: rights === undefined ? RIGHTS : rights === null ? null : new Set(rights),
  };
}

type Case = readonly [rule: string, watched: WatchedTopic, seen: Seen, text: string];

const alter = (topic: string, setting: string): string => `kafka-configs.sh --alter --topic ${topic} --add-config ${setting} ${AT}`;

const CASES: readonly Case[] = [
  [
    'checkpoints.partitions',
    CHECKPOINTS,
    { partitions: 33 },
    'topic a.checkpoints has 33 partitions, and relay.checkpointPartitions is 32',
  ],
  [
    'checkpoints.partitions',
    CHECKPOINTS,
    { partitions: 31, settings: null },
    'topic a.checkpoints has 31 partitions, and relay.checkpointPartitions is 32',
  ],
  [
    'checkpoints.cleanup',
    CHECKPOINTS,
    { settings: { 'cleanup.policy': 'compact,delete' } },
    `topic a.checkpoints has cleanup.policy compact,delete, which would delete checkpoints: ${alter('a.checkpoints', 'cleanup.policy=compact')}`,
  ],
  [
    'checkpoints.segments',
    CHECKPOINTS,
    { settings: { 'segment.ms': '604800000', 'min.cleanable.dirty.ratio': '0.9' } },
    `each claim reads a.checkpoints, which is compacted late and grows long: ${alter('a.checkpoints', 'segment.ms=3600000,min.cleanable.dirty.ratio=0.1')}`,
  ],
  [
    'checkpoints.length',
    { ...CHECKPOINTS, longestBytes: 600_000 },
    {},
    `checkpoints that grow will not fit into a.checkpoints, which takes records of 1048588 bytes: ${alter('a.checkpoints', 'max.message.bytes=1200000')}`,
  ],
  [
    'schemas.cleanup',
    SCHEMAS,
    { settings: { 'cleanup.policy': 'delete' } },
    `the topic deletes schemas, without which its records cannot be read: ${alter('r.schemas', 'cleanup.policy=compact')}`,
  ],
  [
    'single-partition',
    SCHEMAS,
    { partitions: 6 },
    'topic r.schemas has 6 partitions and is to have one: its records are read in the order in which they were written, which several partitions do not keep',
  ],
  [
    'data.partitions',
    CHANGES,
    { partitions: 7 },
    'topic r.t has 7 partitions, and its feed goes on with the 6 that it had: keys stay where they are',
  ],
  [
    'data.upsert',
    UPSERT,
    { settings: { 'cleanup.policy': 'delete' } },
    `the topic of an upsert feed deletes rows: ${alter('r.t', 'cleanup.policy=compact')}`,
  ],
  [
    'data.compacted',
    CHANGES,
    { settings: { 'cleanup.policy': 'compact' } },
    `the topic is compacted and loses all changes of a key but the last: ${alter('r.t', 'cleanup.policy=delete')}`,
  ],
  [
    'data.compacted',
    UNKEYED,
    { settings: { 'cleanup.policy': 'compact,delete' } },
    `the topic is compacted and refuses records without a key, which are all that this feed has: ${alter('r.t', 'cleanup.policy=delete')}`,
  ],
  [
    'data.tombstones',
    UPSERT,
    { settings: { 'delete.retention.ms': '1000' } },
    `a consumer that is away for longer than 1 s misses deletes: ${alter('r.t', 'delete.retention.ms=604800000')}`,
  ],
  [
    'data.retention',
    CHANGES,
    { settings: { 'retention.ms': '5400000' } },
    `rows leave the topic after 1.5 h: a consumer that is away for longer misses them: ${alter('r.t', 'retention.ms=604800000')}`,
  ],
  [
    'commits.retention',
    COMMITS,
    { settings: { 'retention.ms': '604800000' } },
    `the ledger of what was delivered forgets after 7 d: ${alter('r.commits', 'retention.ms=-1')}`,
  ],
  [
    'commits.retention',
    COMMITS,
    { settings: { 'cleanup.policy': 'compact' } },
    `the ledger of what was delivered is compacted, and keeps the last line of each feed alone: ${alter('r.commits', 'cleanup.policy=delete')}`,
  ],
  [
    'dead-letters.retention',
    LETTERS,
    { settings: { 'retention.ms': '86400000' } },
    `dead letters leave the topic after 1 d, whether somebody looked or not: ${alter('r.dead-letters', 'retention.ms=-1')}`,
  ],
  [
    'dead-letters.retention',
    LETTERS,
    { settings: { 'cleanup.policy': 'compact' } },
    `the dead letters are compacted, and refused where they have no key: ${alter('r.dead-letters', 'cleanup.policy=delete')}`,
  ],
  [
    'replication',
    CHANGES,
    { copies: 1, settings: { 'min.insync.replicas': '1' } },
    'a broker that fails can lose acknowledged records of r.t: of each partition there are 1 copies, and 3 are wanted; ' +
      `write them into grow.json and run kafka-reassign-partitions.sh --execute --reassignment-json-file grow.json ${AT}`,
  ],
  [
    'min-in-sync',
    COMMITS,
    { settings: { 'min.insync.replicas': '1' } },
    `a broker that fails can lose acknowledged records of r.commits: ${alter('r.commits', 'min.insync.replicas=2')}`,
  ],
  [
    'min-in-sync',
    COMMITS,
    { settings: { 'min.insync.replicas': '3' } },
    `no record can be written to r.commits while one of its 3 copies is away, since min.insync.replicas is 3: ${alter('r.commits', 'min.insync.replicas=2')}`,
  ],
  [
    'unclean-election',
    CHANGES,
    { settings: { 'unclean.leader.election.enable': 'true' } },
    `a copy that is behind may become the leader of r.t and lose acknowledged records: ${alter('r.t', 'unclean.leader.election.enable=false')}`,
  ],
  [
    'length',
    SCHEMAS,
    { settings: { 'max.message.bytes': '10000' } },
    `r.schemas takes records of 10000 bytes at most, and a longer one is a bad record, which onBadRecord answers for: ${alter('r.schemas', 'max.message.bytes=1048588')}`,
  ],
  [
    'timestamps',
    CHANGES,
    { settings: { 'message.timestamp.after.max.ms': '1000' } },
    `r.t refuses records of a clock that is 1 s ahead: ${alter('r.t', 'message.timestamp.after.max.ms=3600000')}`,
  ],
  [
    'rights',
    CHANGES,
    { rights: ['Describe', 'DescribeConfigs'] },
    `on topic r.t the rights Read, Write are lacking: kafka-acls.sh --add --allow-principal User:relay --operation Read --operation Write --topic r.t ${AT}`,
  ],
  [
    'hidden',
    CHANGES,
    { settings: null, rights: ['Read', 'Write', 'Describe'] },
    `the settings of topic r.t may not be read, and were not checked: kafka-acls.sh --add --allow-principal User:relay --operation DescribeConfigs --topic r.t ${AT}`,
  ],
];

describe('the settings of a topic', () => {
  test.each(CASES)('%s of %o', (rule, watched, seen, text) => {
    const isRefused = rule === 'checkpoints.partitions' || rule === 'checkpoints.cleanup';
    const code = rule === 'checkpoints.partitions' ? 'checkpoint.partitions' : 'checkpoint.settings';
    const expected: Finding = {
      rule,
      severity: isRefused ? 'refuse' : 'warn',
      code: isRefused ? code : null,
      subject: watched.topic,
      text,
    };
    const found = findInTopic(watched, looking(watched, seen), 3, SITE);
    // With hidden settings other rules are silent, and say so.
    expect(found.filter((one) => one.rule === rule)).toEqual([expected]);
    expect(found.filter((one) => one.rule !== rule && one.rule !== 'hidden')).toEqual([]);
  });

  test('are sound where nothing is found', () => {
    for (const watched of [CHECKPOINTS, CHANGES, UNKEYED, UPSERT, DEBEZIUM, SCHEMAS, COMMITS, LETTERS]) {
      expect(findInTopic(watched, looking(watched), 3, SITE)).toEqual([]);
      expect(findInTopic(watched, looking(watched, { rights: null }), 3, SITE)).toEqual([]);
    }
    const compacted = looking(DEBEZIUM, { settings: { 'cleanup.policy': 'compact' } });
    expect(findInTopic(DEBEZIUM, compacted, 3, SITE)).toEqual([]);
    const stamped = looking(CHANGES, { settings: { 'message.timestamp.type': 'LogAppendTime', 'message.timestamp.after.max.ms': '1' } });
    expect(findInTopic(CHANGES, stamped, 3, SITE)).toEqual([]);
  });

  test('ask for no more copies than there are brokers', () => {
    const one = looking(CHANGES, { copies: 1, settings: { 'min.insync.replicas': '1' } });
    expect(findInTopic(CHANGES, one, 1, SITE)).toEqual([]);
  });

  test('of a topic that may not be described are not judged, and the right is asked for', () => {
    const found = findInTopic(COMMITS, { state: null, settings: null, rights: new Set() }, 3, SITE);
    expect(found.map(({ rule, text }) => [rule, text])).toEqual([
      [
        'rights',
        `on topic r.commits the rights Write, Describe are lacking: kafka-acls.sh --add --allow-principal User:relay --operation Write --operation Describe --topic r.commits ${AT}`,
      ],
    ]);
  });

  test('have a case for each rule', () => {
    expect([...new Set(CASES.map(([rule]) => rule))].toSorted()).toEqual(TOPIC_RULES.toSorted());
  });
});

const NEEDS = { transactionTimeoutMs: 30_000, sessionTimeoutMs: 6_000, group: 'a.relay' };
const SOUND_BROKER: Settings = {
  'transaction.max.timeout.ms': '900000',
  'transactional.id.expiration.ms': '604800000',
  'group.min.session.timeout.ms': '6000',
  'group.max.session.timeout.ms': '1800000',
  'transaction.state.log.replication.factor': '3',
  'transaction.state.log.min.isr': '2',
  'offsets.topic.replication.factor': '3',
  'auto.create.topics.enable': 'false',
};

function cluster(
  first: Settings | null = {},
  brokers = 3,
  groupRights: ClusterLook['groupRights'] = new Set<Right>(['Read']),
): ClusterLook {
  const others = Array.from({ length: brokers - 1 }, (_, i): BrokerLook => ({ id: i + 2, settings: SOUND_BROKER }));
  return { brokers: [{ id: 1, settings: first === null ? null : { ...SOUND_BROKER, ...first } }, ...others], groupRights };
}

const found = (look: ClusterLook, internal: ReadonlyMap<string, TopicLook> = new Map()): readonly (readonly [string, string, string])[] =>
  findInCluster(look, internal, NEEDS, SITE).map(({ rule, severity, text }) => [rule, severity, text] as const);

const NOTES: readonly string[] = ['topics-by-asking', 'hidden'];

const BROKER_CASES: readonly (readonly [rule: string, look: ClusterLook, text: string])[] = [
  [
    'transaction-timeout',
    cluster({ 'transaction.max.timeout.ms': '20000' }),
    'brokers end transactions after 20000 ms and the relay asks for 30000 ms, so no partition can be claimed: set transaction.max.timeout.ms=900000; in server.properties of broker 1, and restart it',
  ],
  [
    'transactional-id-expiration',
    cluster({ 'transactional.id.expiration.ms': '60000' }),
    'brokers forget a producer after 60000 ms without a transaction, and each time its feeds are claimed anew: set transactional.id.expiration.ms=604800000; in server.properties of broker 1, and restart it',
  ],
  [
    'session-timeout-least',
    cluster({ 'group.min.session.timeout.ms': '30000' }),
    'brokers take no session shorter than 30000 ms, so what a replica leaves that dies is taken up after that time and not after 6000 ms: set group.min.session.timeout.ms=6000; in server.properties of broker 1, and restart it',
  ],
  [
    'session-timeout-most',
    cluster({ 'group.max.session.timeout.ms': '5000' }),
    'brokers take no session longer than 5000 ms and the relay asks for 6000 ms, so no replica can join: set group.max.session.timeout.ms=1800000; in server.properties of broker 1, and restart it',
  ],
  [
    'transaction-log-copies',
    cluster({ 'transaction.state.log.replication.factor': '1' }),
    `of ${TRANSACTION_TOPIC} there are 1 copies, and while the brokers that hold them are away no transaction can be ended: set transaction.state.log.replication.factor=3 before the topic is made, or grow it by kafka-reassign-partitions.sh; in server.properties of broker 1, and restart it`,
  ],
  [
    'group-log-copies',
    cluster({ 'offsets.topic.replication.factor': '2' }),
    `of ${GROUP_TOPIC} there are 2 copies, and while the brokers that hold them are away no partition can be handed over: set offsets.topic.replication.factor=3 before the topic is made, or grow it by kafka-reassign-partitions.sh; in server.properties of broker 1, and restart it`,
  ],
  [
    'transaction-log-in-sync',
    cluster({ 'transaction.state.log.min.isr': '1' }),
    `a broker that fails can lose the end of a transaction, which then is neither whole nor gone: set transaction.state.log.min.isr=2, and min.insync.replicas=2 of ${TRANSACTION_TOPIC}; in server.properties of broker 1, and restart it`,
  ],
  [
    'topics-by-asking',
    cluster({ 'auto.create.topics.enable': 'true' }),
    'brokers create a topic for whoever asks for it, also one of ours that was deleted, with other settings: set auto.create.topics.enable=false; in server.properties of broker 1, and restart it',
  ],
  [
    'hidden',
    cluster(null),
    `the settings of the brokers may not be read, and were not checked (${BROKER_SETTINGS.join(', ')}): kafka-acls.sh --add --allow-principal User:relay --operation DescribeConfigs --cluster ${AT}`,
  ],
  [
    'rights',
    cluster({}, 3, new Set()),
    `the right Read on group a.relay is lacking: kafka-acls.sh --add --allow-principal User:relay --operation Read --group a.relay ${AT}`,
  ],
  [
    'brokers',
    cluster({}, 2),
    'a broker that fails can lose acknowledged records: use three brokers, replication 3 and min.insync.replicas 2; there are 2 brokers',
  ],
];

describe('the settings of the brokers', () => {
  test.each(BROKER_CASES)('%s', (rule, look, text) => {
    expect(found(look)).toEqual([[`brokers.${rule}`, NOTES.includes(rule) ? 'note' : 'warn', text]]);
  });

  test('are sound where nothing is found', () => {
    expect(found(cluster())).toEqual([]);
    expect(found(cluster({}, 3, null))).toEqual([]);
  });

  test('count as the topics of Kafka are, where those may be seen, and not as they would be made', () => {
    const state = { topic: TRANSACTION_TOPIC, topicId: null, partitions: 50, replicationFactor: 3 };
    const internal = new Map([[TRANSACTION_TOPIC, { state, settings: null, rights: null }]]);
    expect(found(cluster({ 'transaction.state.log.replication.factor': '1' }), internal)).toEqual([]);
  });

  test('name every broker that is to be mended', () => {
    const odd = { ...SOUND_BROKER, 'auto.create.topics.enable': 'true' };
    const brokers = [1, 2, 3].map((id) => ({ id, settings: odd }));
    expect(found({ brokers, groupRights: null })[0]?.[2]).toMatch(/; in server\.properties of every broker, and restart it$/);
    expect(found({ brokers: [...brokers, { id: 4, settings: SOUND_BROKER }], groupRights: null })[0]?.[2]).toMatch(
      /; in server\.properties of broker 1, 2, 3, and restart it$/,
    );
  });

  test('have a case for each rule', () => {
    expect(BROKER_CASES.map(([rule]) => `brokers.${rule}`).toSorted()).toEqual(BROKER_RULES.toSorted());
  });
});
