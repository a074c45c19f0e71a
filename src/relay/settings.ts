/**
 * The words in which is said what is wrong with the settings of Kafka: findings, and the commands that mend them. The rules are in topic-settings.ts and
 * broker-settings.ts: for the relay while it runs, and for whatever tells a person before it does.
 */
import type { FailureCode } from '../model/failure.ts';
import type { EnvelopeKind } from '../model/feed.ts';
import type { Right, TopicSpec } from '../ports/publisher.ts';

export type Severity =
  /** Going on could lose or double rows. */
  | 'refuse'
  /** Something fails, or is lost, when the next thing goes wrong. */
  | 'warn'
  /** What a person may want to know. */
  | 'note';

export interface Finding {
  /** The line of the table. */
  readonly rule: string;
  readonly severity: Severity;
  /** With `refuse`, the failure that it is. */
  readonly code: FailureCode | null;
  /** A topic, or `brokers`. */
  readonly subject: string;
  /** One sentence, with the command that mends it. */
  readonly text: string;
}

/** One of our topics, and what it is to be. */
export type WatchedTopic =
  | {
      readonly role: 'checkpoints';
      readonly topic: string;
      readonly partitions: number;
      /** Of the longest checkpoint there is. */
      readonly longestBytes: number;
    }
  | {
      readonly role: 'data';
      readonly topic: string;
      readonly envelope: EnvelopeKind;
      readonly isKeyed: boolean;
      /** That the feed uses. */
      readonly partitions: number;
    }
  | { readonly role: 'schemas' | 'commits' | 'dead-letters'; readonly topic: string };

export type TopicRole = WatchedTopic['role'];

/** Where and who we are, for commands that can be pasted. */
export interface Site {
  readonly brokers: readonly string[];
  /** `User:relay`; null = whoever the brokers take us for. */
  readonly principal: string | null;
}

export function alterTopic(topic: string, settings: Readonly<Record<string, string | number>>, { brokers }: Site): string {
  const added = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return `kafka-configs.sh --alter --topic ${topic} --add-config ${added.join(',')} --bootstrap-server ${brokers.join(',')}`;
}

/** Without the brokers: whoever makes topics knows where. */
export function makeTopic({ topic, partitions, replicationFactor, config }: TopicSpec): string {
  const settings = Object.entries(config).map(([name, value]) => ` --config ${name}=${value}`);
  const copies = replicationFactor === -1 ? '' : ` --replication-factor ${replicationFactor}`;
  return `kafka-topics.sh --create --topic ${topic} --partitions ${partitions}${copies}${settings.join('')}`;
}

/** `resource` is the option that names it, with its name. */
export function grant(rights: readonly Right[], resource: string, { brokers, principal }: Site): string {
  const operations = rights.map((right) => `--operation ${right}`).join(' ');
  return `kafka-acls.sh --add --allow-principal ${principal ?? 'User:<the relay>'} ${operations} ${resource} --bootstrap-server ${brokers.join(',')}`;
}
