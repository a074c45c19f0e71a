/**
 * What `{recipient}.commits` says of one feed, for commands.
 */
import { eventReader } from '../codec/events.ts';
import { must } from '../lib/assert.ts';
import { Failure } from '../model/failure.ts';
import type { FeedEvent } from '../model/feed-event.ts';
import type { FeedSpec } from '../model/feed.ts';
import { commitsTopic } from '../relay/ledger.ts';
import { assembleRegistry } from './assemble.ts';
import type { KafkaSession } from './kafka-session.ts';

/** Every committed record up to the end that the topic has now, in order; the whole topic is read, and no more of it kept than is asked for. Rejects with `feed.not_begun` where there is no such topic. */
export async function* ledgerOf(
  { config, publisher, telemetry }: KafkaSession,
  spec: FeedSpec,
  signal: AbortSignal,
): AsyncGenerator<FeedEvent, void> {
  const topic = commitsTopic(spec.recipient);
  const registry = assembleRegistry(config, publisher, telemetry);
  const readers = new Map<string, ReturnType<typeof eventReader>>();
  const own = Buffer.from(spec.id, 'utf8');
  try {
    for await (const { key, value } of publisher.read({ topic, partitions: [0], untilEnd: true }, signal)) {
      if (key === null || value === null || !own.equals(key)) continue;
      const { text, body } = await registry.resolve(spec.recipient, value, signal);
      if (!readers.has(text)) readers.set(text, eventReader(text));
      const event = must(readers.get(text), 'the reader of a schema')(body);
      if (event !== null) yield event;
    }
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'topic.missing') throw error;
    throw new Failure('feed.not_begun', `nothing is published of ${spec.id} yet: there is no topic ${topic}`);
  }
}
