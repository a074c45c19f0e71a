/**
 * Names of data topics: the template filled in, made legal for Kafka.
 */
import { createHash } from 'node:crypto';
import { isGlob } from '../lib/glob.ts';
import type { TableName } from './version.ts';

const PLACEHOLDERS = ['recipient', 'share', 'schema', 'table'] as const;

/** Kafka's own limit (org.apache.kafka.common.internals.Topic). */
const LENGTH_MAX = 249;

/** The first `{word}` of the template that stands for nothing, or null. */
export function unknownPlaceholder(template: string): string | null {
  for (const [, word = ''] of template.matchAll(/\{([^{}]*)\}/g)) if (!PLACEHOLDERS.some((known) => known === word)) return word;
  return null;
}

/** Characters outside `[A-Za-z0-9._-]` become `_`; a name over 249 characters is cut and ends in ten hex digits of the SHA-256 of the whole. */
export function topicName(template: string, recipient: string, table: TableName): string {
  const filled = template.replaceAll(/\{(recipient|share|schema|table)\}/g, (_, word: string) => {
    if (word === 'recipient') return recipient;
    return word === 'share' ? table.share : word === 'schema' ? table.schema : table.table;
  });
  const legal = filled.replaceAll(/[^A-Za-z0-9._-]/gu, '_');
  if (legal.length <= LENGTH_MAX) return legal;
  const digest = createHash('sha256').update(filled).digest('hex').slice(0, 10);
  return `${legal.slice(0, LENGTH_MAX - digest.length)}${digest}`;
}

/** Two names that are equal here cannot both be topics: Kafka's metrics take `.` and `_` for one another. */
export function topicIdentity(topic: string): string {
  return topic.replaceAll('.', '_');
}

const RESERVED_SUFFIXES = ['commits', 'schemas', 'dead-letters'] as const;

/** What a topic must keep clear of. */
export interface TopicNeighbours {
  /** Null where it is not known. */
  readonly relayName: string | null;
  readonly recipients: readonly string[];
}

/** Why no feed may have the topic, as a clause behind its name; null if one may. */
export function reservedBecause(topic: string, { relayName, recipients }: TopicNeighbours): string | null {
  if (topic === '.' || topic === '..') return 'which Kafka forbids';
  if (topic.startsWith('__')) return "which begins with `__` like Kafka's own";
  if (relayName !== null && topicIdentity(topic).startsWith(topicIdentity(`${relayName}.`)))
    return 'which begins with the name of the relay like its internal topics';
  for (const recipient of recipients) {
    for (const suffix of RESERVED_SUFFIXES) {
      if (topicIdentity(topic) === topicIdentity(`${recipient}.${suffix}`))
        return `which the relay itself writes for recipient \`${recipient}\``;
    }
  }
  return null;
}

/** Another recipient that may read the topic by the prefix that is its own; null if there is none. */
export function strangerOf(topic: string, recipient: string, { recipients }: TopicNeighbours): string | null {
  return recipients.find((name) => name !== recipient && topic.startsWith(`${name}.`)) ?? null;
}

/** Placeholders of the parts that a pattern leaves open and the template does not use: tables that differ in them alone would have one topic. */
export function openPlaceholders(template: string, tables: TableName): readonly string[] {
  const parts = { share: tables.share, schema: tables.schema, table: tables.table };
  return Object.entries(parts).flatMap(([name, part]) => (isGlob(part) && !template.includes(`{${name}}`) ? [name] : []));
}
