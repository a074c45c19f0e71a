/**
 * What is wrong with the settings of our topics: one table of rules.
 *
 * A rule reads what a look at a topic has shown and answers with a sentence and the command that mends it, or with nothing. Only what would lose or misplace checkpoints
 * is refused; the rest is said, and the relay goes on.
 */
import type { FailureCode } from '../model/failure.ts';
import type { Right, Settings, TopicLook, TopicState } from '../ports/publisher.ts';
import { alterTopic, grant } from './settings.ts';
import type { Finding, Severity, Site, TopicRole, WatchedTopic } from './settings.ts';

/** In the order of the table. `brokersAlive` is how many the cluster has: copies that it cannot hold are not asked for. */
export function findInTopic(watched: WatchedTopic, look: TopicLook, brokersAlive: number, site: Site): readonly Finding[] {
  const { settings, state } = look;
  const found = [...rightsLacking(watched, look, site), ...hiddenSettings(watched, look, site)];
  if (state === null) return found;
  const view: View = { watched, topic: watched.topic, state, settings: settings ?? {}, brokersAlive, site };
  for (const { rule, roles, severity, code, reads, find } of RULES) {
    const isSeen = roles.includes(watched.role) && (reads === 'state' || settings !== null);
    const text = isSeen ? find(view) : null;
    if (text !== null) found.push({ rule, severity, code: code ?? null, subject: watched.topic, text });
  }
  return found;
}

interface View {
  readonly watched: WatchedTopic;
  readonly topic: string;
  readonly state: TopicState;
  readonly settings: Settings;
  readonly brokersAlive: number;
  readonly site: Site;
}

interface Rule {
  readonly rule: string;
  readonly roles: readonly TopicRole[];
  readonly severity: Severity;
  readonly code?: FailureCode;
  /** `state`: what it finds does not depend on the settings, which may be hidden. */
  readonly reads: 'state' | 'settings';
  /** The sentence, or null where all is well. */
  readonly find: (view: View) => string | null;
}

const ALL: readonly TopicRole[] = ['checkpoints', 'data', 'schemas', 'commits', 'dead-letters'];
const ENOUGH_COPIES = 3;
const ENOUGH_IN_SYNC = 2;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Kafka's default of `max.message.bytes` is 1 MiB; a row of a table is rarely longer than this. */
const SMALL_RECORD_BYTES = 128 * 1024;
/** What a checkpoint may grow to before it is looked at again. */
const CHECKPOINT_BYTES = 64 * 1024;
const SEGMENT_BYTES_MAX = 128 * 1024 * 1024;

const RULES: readonly Rule[] = [
  {
    rule: 'checkpoints.partitions',
    roles: ['checkpoints'],
    severity: 'refuse',
    reads: 'state',
    code: 'checkpoint.partitions',
    find: ({ watched, topic, state }) =>
      watched.role !== 'checkpoints' || state.partitions === watched.partitions
        ? null
        : `topic ${topic} has ${state.partitions} partitions, and relay.checkpointPartitions is ${watched.partitions}`,
  },
  {
    rule: 'checkpoints.cleanup',
    roles: ['checkpoints'],
    severity: 'refuse',
    reads: 'settings',
    code: 'checkpoint.settings',
    find: (view) => unlessCompact(view, (policy) => `topic ${view.topic} has cleanup.policy ${policy}, which would delete checkpoints`),
  },
  {
    rule: 'schemas.cleanup',
    roles: ['schemas'],
    severity: 'warn',
    reads: 'settings',
    find: (view) => unlessCompact(view, () => 'the topic deletes schemas, without which its records cannot be read'),
  },
  {
    rule: 'data.partitions',
    roles: ['data'],
    severity: 'warn',
    reads: 'state',
    find: ({ watched, topic, state }) =>
      watched.role !== 'data' || state.partitions <= watched.partitions
        ? null
        : `topic ${topic} has ${state.partitions} partitions, and its feed goes on with the ${watched.partitions} that it had: keys stay where they are`,
  },
  {
    rule: 'data.upsert',
    roles: ['data'],
    severity: 'warn',
    reads: 'settings',
    find: (view) =>
      view.watched.role === 'data' && view.watched.envelope === 'upsert'
        ? unlessCompact(view, () => 'the topic of an upsert feed deletes rows')
        : null,
  },
  {
    rule: 'data.compacted',
    roles: ['data'],
    severity: 'warn',
    reads: 'settings',
    find: ({ watched, topic, settings, site }) => {
      if (watched.role !== 'data' || watched.envelope === 'upsert' || !isCompacted(settings)) return null;
      const loses = watched.isKeyed
        ? watched.envelope === 'change' && 'the topic is compacted and loses all changes of a key but the last'
        : 'the topic is compacted and refuses records without a key, which are all that this feed has';
      return loses === false ? null : `${loses}: ${alterTopic(topic, { 'cleanup.policy': 'delete' }, site)}`;
    },
  },
  {
    rule: 'data.tombstones',
    roles: ['data'],
    severity: 'warn',
    reads: 'settings',
    find: ({ topic, settings, site }) => {
      const keptMs = numberOf(settings, 'delete.retention.ms');
      if (!isCompacted(settings) || keptMs === null || keptMs >= DAY_MS) return null;
      return `a consumer that is away for longer than ${spanOf(keptMs)} misses deletes: ${alterTopic(topic, { 'delete.retention.ms': 7 * DAY_MS }, site)}`;
    },
  },
  {
    rule: 'data.retention',
    roles: ['data'],
    severity: 'warn',
    reads: 'settings',
    find: (view) =>
      whenKeptFor(view, DAY_MS, (kept) => `rows leave the topic after ${kept}: a consumer that is away for longer misses them`, 7 * DAY_MS),
  },
  {
    rule: 'commits.retention',
    roles: ['commits'],
    severity: 'warn',
    reads: 'settings',
    find: (view) => {
      const { topic, settings, site } = view;
      if (isCompacted(settings)) {
        return `the ledger of what was delivered is compacted, and keeps the last line of each feed alone: ${alterTopic(topic, { 'cleanup.policy': 'delete' }, site)}`;
      }
      return whenKeptFor(view, Infinity, (kept) => `the ledger of what was delivered forgets after ${kept}`, -1);
    },
  },
  {
    rule: 'dead-letters.retention',
    roles: ['dead-letters'],
    severity: 'warn',
    reads: 'settings',
    find: (view) =>
      isCompacted(view.settings)
        ? `the dead letters are compacted, and refused where they have no key: ${alterTopic(view.topic, { 'cleanup.policy': 'delete' }, view.site)}`
        : whenKeptFor(view, 7 * DAY_MS, (kept) => `dead letters leave the topic after ${kept}, whether somebody looked or not`, -1),
  },
  {
    rule: 'single-partition',
    roles: ['schemas', 'commits'],
    severity: 'warn',
    reads: 'state',
    find: ({ topic, state }) =>
      state.partitions === 1
        ? null
        : `topic ${topic} has ${state.partitions} partitions and is to have one: its records are read in the order in which they were written, which several partitions do not keep`,
  },
  {
    rule: 'replication',
    roles: ALL,
    severity: 'warn',
    reads: 'state',
    find: ({ topic, state, brokersAlive, site }) =>
      state.replicationFactor >= Math.min(ENOUGH_COPIES, brokersAlive)
        ? null
        : `a broker that fails can lose acknowledged records of ${topic}: of each partition there are ${state.replicationFactor} copies, and 3 are wanted; ` +
          `write them into grow.json and run kafka-reassign-partitions.sh --execute --reassignment-json-file grow.json --bootstrap-server ${site.brokers.join(',')}`,
  },
  {
    rule: 'min-in-sync',
    roles: ALL,
    severity: 'warn',
    reads: 'settings',
    find: ({ topic, state: { replicationFactor }, settings, site }) => {
      const inSync = numberOf(settings, 'min.insync.replicas') ?? 1;
      const wanted = Math.min(ENOUGH_IN_SYNC, replicationFactor);
      if (inSync < wanted) {
        return `a broker that fails can lose acknowledged records of ${topic}: ${alterTopic(topic, { 'min.insync.replicas': wanted }, site)}`;
      }
      if (inSync < replicationFactor || replicationFactor === 1) return null;
      return `no record can be written to ${topic} while one of its ${replicationFactor} copies is away, since min.insync.replicas is ${inSync}: ${alterTopic(topic, { 'min.insync.replicas': Math.max(1, replicationFactor - 1) }, site)}`;
    },
  },
  {
    rule: 'unclean-election',
    roles: ALL,
    severity: 'warn',
    reads: 'settings',
    find: ({ topic, settings, site }) =>
      settings['unclean.leader.election.enable'] === 'true'
        ? `a copy that is behind may become the leader of ${topic} and lose acknowledged records: ${alterTopic(topic, { 'unclean.leader.election.enable': 'false' }, site)}`
        : null,
  },
  {
    rule: 'checkpoints.segments',
    roles: ['checkpoints'],
    severity: 'warn',
    reads: 'settings',
    find: ({ topic, settings, site }) => {
      const wanted = {
        ...((numberOf(settings, 'segment.ms') ?? 0) > DAY_MS ? { 'segment.ms': HOUR_MS } : {}),
        ...((numberOf(settings, 'segment.bytes') ?? 0) > SEGMENT_BYTES_MAX ? { 'segment.bytes': 16 * 1024 * 1024 } : {}),
        ...((numberOf(settings, 'min.cleanable.dirty.ratio') ?? 0) > 0.5 ? { 'min.cleanable.dirty.ratio': 0.1 } : {}),
      };
      if (Object.keys(wanted).length === 0) return null;
      return `each claim reads ${topic}, which is compacted late and grows long: ${alterTopic(topic, wanted, site)}`;
    },
  },
  {
    rule: 'checkpoints.length',
    roles: ['checkpoints'],
    severity: 'warn',
    reads: 'settings',
    find: ({ watched, topic, settings, site }) => {
      const max = numberOf(settings, 'max.message.bytes');
      const wanted = watched.role === 'checkpoints' ? Math.max(CHECKPOINT_BYTES, 2 * watched.longestBytes) : 0;
      if (max === null || max >= wanted) return null;
      return `checkpoints that grow will not fit into ${topic}, which takes records of ${max} bytes: ${alterTopic(topic, { 'max.message.bytes': Math.max(1_048_588, wanted) }, site)}`;
    },
  },
  {
    rule: 'length',
    roles: ['data', 'schemas', 'dead-letters'],
    severity: 'warn',
    reads: 'settings',
    find: ({ topic, settings, site }) => {
      const max = numberOf(settings, 'max.message.bytes');
      if (max === null || max >= SMALL_RECORD_BYTES) return null;
      return `${topic} takes records of ${max} bytes at most, and a longer one is a bad record, which onBadRecord answers for: ${alterTopic(topic, { 'max.message.bytes': 1_048_588 }, site)}`;
    },
  },
  {
    rule: 'timestamps',
    roles: ALL,
    severity: 'warn',
    reads: 'settings',
    find: ({ topic, settings, site }) => {
      if (settings['message.timestamp.type'] === 'LogAppendTime') return null;
      const aheadMs = numberOf(settings, 'message.timestamp.after.max.ms') ?? numberOf(settings, 'message.timestamp.difference.max.ms');
      if (aheadMs === null || aheadMs >= HOUR_MS / 6) return null;
      return `${topic} refuses records of a clock that is ${spanOf(aheadMs)} ahead: ${alterTopic(topic, { 'message.timestamp.after.max.ms': HOUR_MS }, site)}`;
    },
  },
];

/** The lines of the table, and those of rights and hidden settings. */
export const TOPIC_RULES: readonly string[] = ['rights', 'hidden', ...RULES.map(({ rule }) => rule)];

/** What the relay does with a topic of each role. */
const NEEDED: Readonly<Record<TopicRole, readonly Right[]>> = {
  checkpoints: ['Read', 'Write', 'Describe', 'DescribeConfigs'],
  // It reads what stands behind its own records: whether that is somebody else's.
  data: ['Read', 'Write', 'Describe', 'DescribeConfigs'],
  schemas: ['Read', 'Write', 'Describe', 'DescribeConfigs'],
  commits: ['Write', 'Describe', 'DescribeConfigs'],
  'dead-letters': ['Write', 'Describe', 'DescribeConfigs'],
};

function rightsLacking({ role, topic }: WatchedTopic, { rights }: TopicLook, site: Site): Finding[] {
  const lacking = rights === null ? [] : NEEDED[role].filter((right) => right !== 'DescribeConfigs' && !rights.has(right));
  if (lacking.length === 0) return [];
  const what = lacking.length === 1 ? `the right ${lacking.join('')} is` : `the rights ${lacking.join(', ')} are`;
  const text = `on topic ${topic} ${what} lacking: ${grant(lacking, `--topic ${topic}`, site)}`;
  return [{ rule: 'rights', severity: 'warn', code: null, subject: topic, text }];
}

function hiddenSettings({ topic }: WatchedTopic, { settings, state }: TopicLook, site: Site): Finding[] {
  if (settings !== null || state === null) return [];
  const text = `the settings of topic ${topic} may not be read, and were not checked: ${grant(['DescribeConfigs'], `--topic ${topic}`, site)}`;
  return [{ rule: 'hidden', severity: 'warn', code: null, subject: topic, text }];
}

function isCompacted(settings: Settings): boolean {
  return policiesOf(settings).includes('compact');
}

function policiesOf(settings: Settings): readonly string[] {
  return (settings['cleanup.policy'] ?? '').split(',').map((policy) => policy.trim());
}

function unlessCompact({ topic, settings, site }: View, say: (policy: string) => string): string | null {
  const policies = policiesOf(settings);
  return policies.join() === 'compact' ? null : `${say(policies.join(','))}: ${alterTopic(topic, { 'cleanup.policy': 'compact' }, site)}`;
}

/** Where records are deleted, and earlier than after `leastMs`. */
function whenKeptFor({ topic, settings, site }: View, leastMs: number, say: (kept: string) => string, wantedMs: number): string | null {
  const keptMs = numberOf(settings, 'retention.ms');
  if (!policiesOf(settings).includes('delete') || keptMs === null || keptMs < 0 || keptMs >= leastMs) return null;
  return `${say(spanOf(keptMs))}: ${alterTopic(topic, { 'retention.ms': wantedMs }, site)}`;
}

function numberOf(settings: Settings, name: string): number | null {
  const text = settings[name];
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isNaN(value) ? null : value;
}

/** `90 s`, `7 d`. */
function spanOf(ms: number): string {
  const [value, unit] = ms >= DAY_MS ? [ms / DAY_MS, 'd'] : ms >= HOUR_MS ? [ms / HOUR_MS, 'h'] : [ms / 1000, 's'];
  return `${Math.round(value * 10) / 10} ${unit}`;
}
