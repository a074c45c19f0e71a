/**
 * Names of data topics: the template filled in, made legal for Kafka.
 */
import { createHash } from 'node:crypto';
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
