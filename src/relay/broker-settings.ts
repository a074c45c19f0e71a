/**
 * What is wrong with the settings of the brokers themselves, and with the rights on the group: as settings.ts says it of topics.
 */
import type { BrokerLook, ClusterLook, TopicLook } from '../ports/publisher.ts';
import { grant } from './settings.ts';
import type { Finding, Severity, Site } from './settings.ts';

/** Kafka's own topics, whose copies decide what outlives a broker; they need not be visible. */
export const TRANSACTION_TOPIC = '__transaction_state';
export const GROUP_TOPIC = '__consumer_offsets';

export interface ClusterNeeds {
  readonly transactionTimeoutMs: number;
  /** Of a member of the group. */
  readonly sessionTimeoutMs: number;
  readonly group: string;
}

/** `internal` is what Kafka's own topics look like, where they may be seen. In the order of the table. */
export function findInCluster(
  look: ClusterLook,
  internal: ReadonlyMap<string, TopicLook>,
  needs: ClusterNeeds,
  site: Site,
): readonly Finding[] {
  const found = [...fewBrokers(look), ...hiddenBrokers(look, site), ...groupRights(look, needs, site)];
  for (const { rule, setting, severity, find } of RULES) {
    const odd = look.brokers.flatMap((broker) => {
      const value = broker.settings?.[setting];
      const text = value === undefined ? null : find({ value, number: Number(value), look, internal, needs });
      return text === null ? [] : [{ broker, text }];
    });
    const [first] = odd;
    if (first !== undefined)
      found.push(
        finding(
          rule,
          severity,
          `${first.text}; ${whereOf(
            odd.map(({ broker }) => broker),
            look,
          )}`,
        ),
      );
  }
  return found;
}

interface View {
  readonly value: string;
  /** NaN where it is none. */
  readonly number: number;
  readonly look: ClusterLook;
  readonly internal: ReadonlyMap<string, TopicLook>;
  readonly needs: ClusterNeeds;
}

interface Rule {
  readonly rule: string;
  readonly setting: string;
  readonly severity: Severity;
  /** The sentence, or null where all is well. */
  readonly find: (view: View) => string | null;
}

const HOUR_MS = 3_600_000;
const ENOUGH_COPIES = 3;

const RULES: readonly Rule[] = [
  {
    rule: 'transaction-timeout',
    setting: 'transaction.max.timeout.ms',
    severity: 'warn',
    find: ({ number, needs: { transactionTimeoutMs } }) =>
      number >= transactionTimeoutMs
        ? null
        : `brokers end transactions after ${number} ms and the relay asks for ${transactionTimeoutMs} ms, so no partition can be claimed: set transaction.max.timeout.ms=900000`,
  },
  {
    rule: 'transactional-id-expiration',
    setting: 'transactional.id.expiration.ms',
    severity: 'warn',
    find: ({ number }) =>
      number >= HOUR_MS
        ? null
        : `brokers forget a producer after ${number} ms without a transaction, and each time its feeds are claimed anew: set transactional.id.expiration.ms=604800000`,
  },
  {
    rule: 'session-timeout-least',
    setting: 'group.min.session.timeout.ms',
    severity: 'warn',
    find: ({ number, needs: { sessionTimeoutMs } }) =>
      number <= sessionTimeoutMs
        ? null
        : `brokers take no session shorter than ${number} ms, so what a replica leaves that dies is taken up after that time and not after ${sessionTimeoutMs} ms: set group.min.session.timeout.ms=${sessionTimeoutMs}`,
  },
  {
    rule: 'session-timeout-most',
    setting: 'group.max.session.timeout.ms',
    severity: 'warn',
    find: ({ number, needs: { sessionTimeoutMs } }) =>
      number >= sessionTimeoutMs
        ? null
        : `brokers take no session longer than ${number} ms and the relay asks for ${sessionTimeoutMs} ms, so no replica can join: set group.max.session.timeout.ms=1800000`,
  },
  {
    rule: 'transaction-log-copies',
    setting: 'transaction.state.log.replication.factor',
    severity: 'warn',
    find: ({ number, look, internal }) => tooFewCopies(TRANSACTION_TOPIC, number, 'no transaction can be ended', look, internal),
  },
  {
    rule: 'group-log-copies',
    setting: 'offsets.topic.replication.factor',
    severity: 'warn',
    find: ({ number, look, internal }) => tooFewCopies(GROUP_TOPIC, number, 'no partition can be handed over', look, internal),
  },
  {
    rule: 'transaction-log-in-sync',
    setting: 'transaction.state.log.min.isr',
    severity: 'warn',
    find: ({ number, look: { brokers } }) =>
      number >= 2 || brokers.length < ENOUGH_COPIES
        ? null
        : `a broker that fails can lose the end of a transaction, which then is neither whole nor gone: set transaction.state.log.min.isr=2, and min.insync.replicas=2 of ${TRANSACTION_TOPIC}`,
  },
  {
    rule: 'topics-by-asking',
    setting: 'auto.create.topics.enable',
    severity: 'note',
    find: ({ value }) =>
      value === 'true'
        ? 'brokers create a topic for whoever asks for it, also one of ours that was deleted, with other settings: set auto.create.topics.enable=false'
        : null,
  },
];

/** The brokers' settings that rules read. */
export const BROKER_SETTINGS: readonly string[] = RULES.map(({ setting }) => setting);

/** The lines of the table, and those of the cluster as a whole. */
export const BROKER_RULES: readonly string[] = ['brokers', 'hidden', 'rights', ...RULES.map(({ rule }) => rule)].map(
  (rule) => `brokers.${rule}`,
);

/** The setting counts when the topic is made; what it looks like counts from then on. */
function tooFewCopies(
  topic: string,
  factor: number,
  consequence: string,
  { brokers }: ClusterLook,
  internal: ReadonlyMap<string, TopicLook>,
): string | null {
  const copies = internal.get(topic)?.state?.replicationFactor ?? factor;
  if (copies >= Math.min(ENOUGH_COPIES, brokers.length)) return null;
  const setting = topic === TRANSACTION_TOPIC ? 'transaction.state.log.replication.factor' : 'offsets.topic.replication.factor';
  return (
    `of ${topic} there are ${copies} copies, and while the brokers that hold them are away ${consequence}: ` +
    `set ${setting}=3 before the topic is made, or grow it by kafka-reassign-partitions.sh`
  );
}

function fewBrokers({ brokers }: ClusterLook): Finding[] {
  if (brokers.length >= ENOUGH_COPIES) return [];
  const have = brokers.length === 1 ? 'there is one broker' : `there are ${brokers.length} brokers`;
  return [
    finding(
      'brokers',
      'warn',
      `a broker that fails can lose acknowledged records: use three brokers, replication 3 and min.insync.replicas 2; ${have}`,
    ),
  ];
}

function hiddenBrokers({ brokers }: ClusterLook, site: Site): Finding[] {
  if (brokers.every(({ settings }) => settings !== null)) return [];
  return [
    finding(
      'hidden',
      'note',
      `the settings of the brokers may not be read, and were not checked (${BROKER_SETTINGS.join(', ')}): ${grant(['DescribeConfigs'], '--cluster', site)}`,
    ),
  ];
}

function groupRights({ groupRights: rights }: ClusterLook, { group }: ClusterNeeds, site: Site): Finding[] {
  if (rights === null || rights.has('Read')) return [];
  return [finding('rights', 'warn', `the right Read on group ${group} is lacking: ${grant(['Read'], `--group ${group}`, site)}`)];
}

function finding(rule: string, severity: Severity, text: string): Finding {
  return { rule: `brokers.${rule}`, severity, code: null, subject: 'brokers', text };
}

/** These settings are read when a broker starts. */
function whereOf(odd: readonly BrokerLook[], { brokers }: ClusterLook): string {
  const which = odd.length === brokers.length ? 'every broker' : `broker ${odd.map(({ id }) => id).join(', ')}`;
  return `in server.properties of ${which}, and restart it`;
}
