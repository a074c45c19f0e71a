/**
 * What a plan needs of Kafka, for whoever administers it: topics and rights as commands of Kafka's own tools, or as resources of Strimzi's operator.
 */
import { createHash } from 'node:crypto';
import type { Config, SaslConfig } from '../config/config.ts';
import type { NeededRight } from '../relay/rights.ts';
import { makeTopic } from '../relay/settings.ts';
import type { Site } from '../relay/settings.ts';
import type { OwnTopic } from '../relay/own-topics.ts';

export interface KafkaNeeds {
  /** Those that are missing, or may be. */
  readonly topics: readonly OwnTopic[];
  readonly rights: readonly NeededRight[];
}

const RESOURCE_OPTIONS: Readonly<Record<NeededRight['on'], string>> = {
  topic: '--topic',
  'transactional id': '--transactional-id',
  group: '--group',
};

/** Lines of a shell. `makesTopics`: the relay makes its topics itself, and no command for them is printed. */
export function kafkaCommands({ topics, rights }: KafkaNeeds, { brokers, principal }: Site, makesTopics: boolean): readonly string[] {
  const at = `--bootstrap-server ${brokers.join(',')}`;
  const stranger = ['# In place of User:RELAY put the name that the brokers know the relay by.'];
  return [
    ...(principal === null ? stranger : []),
    ...(makesTopics ? [] : topics.map((own) => `${makeTopic(own)} ${at}`)),
    ...rights.map(({ on, pattern, name, rights: granted }) => {
      const operations = granted.map((right) => `--operation ${right}`).join(' ');
      const who = `--allow-principal ${quoted(principal ?? 'User:RELAY')}`;
      return `kafka-acls.sh --add ${who} ${operations} ${RESOURCE_OPTIONS[on]} ${name} --resource-pattern-type ${pattern === 'prefix' ? 'prefixed' : pattern} ${at}`;
    }),
  ];
}

/** Documents of YAML, `v1` of Strimzi's resources (from its release 0.49 on). */
export function strimziLines({ topics, rights }: KafkaNeeds, config: Pick<Config, 'relay' | 'kafka'>): readonly string[] {
  return [
    '# In place of my-cluster put the name of the Kafka resource. Strimzi before 0.49: kafka.strimzi.io/v1beta2.',
    ...topics.flatMap(topicResource),
    ...userResource(rights, config),
  ];
}

function topicResource({ topic, partitions, replicationFactor, config }: OwnTopic): readonly string[] {
  const settings = Object.entries(config);
  return [
    '---',
    'apiVersion: kafka.strimzi.io/v1',
    'kind: KafkaTopic',
    'metadata:',
    `  name: ${resourceName(topic)}`,
    ...CLUSTER_LABEL,
    'spec:',
    `  topicName: ${JSON.stringify(topic)}`,
    `  partitions: ${partitions}`,
    ...(replicationFactor === -1 ? [] : [`  replicas: ${replicationFactor}`]),
    ...(settings.length === 0 ? [] : ['  config:', ...settings.map(([name, value]) => `    ${name}: ${JSON.stringify(value)}`)]),
  ];
}

function userResource(rights: readonly NeededRight[], { relay, kafka }: Pick<Config, 'relay' | 'kafka'>): readonly string[] {
  const name = kafka.sasl !== null && 'username' in kafka.sasl ? kafka.sasl.username : relay.name;
  return [
    '---',
    'apiVersion: kafka.strimzi.io/v1',
    'kind: KafkaUser',
    'metadata:',
    `  name: ${resourceName(name)}`,
    ...CLUSTER_LABEL,
    'spec:',
    ...authentication(kafka.sasl, kafka.tls !== null),
    '  authorization:',
    '    type: simple',
    '    acls:',
    ...rights.flatMap(({ on, pattern, name: resource, rights: granted }) => [
      '      - resource:',
      `          type: ${on === 'transactional id' ? 'transactionalId' : on}`,
      `          name: ${JSON.stringify(resource)}`,
      `          patternType: ${pattern}`,
      `        operations: [${granted.join(', ')}]`,
    ]),
  ];
}

/** Strimzi makes users of these two kinds; for others it keeps the rights alone. */
function authentication(sasl: SaslConfig | null, hasTls: boolean): readonly string[] {
  if (sasl?.mechanism === 'scram-sha-512') return ['  authentication:', '    type: scram-sha-512'];
  return sasl === null && hasTls ? ['  authentication:', '    type: tls'] : [];
}

const CLUSTER_LABEL = ['  labels:', '    strimzi.io/cluster: my-cluster'] as const;
/** RFC 1123, as Kubernetes has it. */
const NAME_MAX = 253;

/** A name that Kubernetes takes; one that had to be altered ends in a hash, so that two stay two. */
function resourceName(name: string): string {
  const legal = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]/g, '-')
    .replaceAll(/[.-]{2,}/g, '-')
    .replaceAll(/^[.-]+|[.-]+$/g, '');
  if (legal === name && legal.length <= NAME_MAX) return legal;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${legal.slice(0, NAME_MAX - hash.length - 1)}${legal === '' ? '' : '-'}${hash}`;
}

/** For a shell. */
function quoted(text: string): string {
  return /^[\w:.@/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
