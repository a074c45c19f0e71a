/**
 * `tail`: a feed's topic as a consumer reads it, each record as a JSON line `{partition, offset, timestamp, key, value}`, with `headers` before the key where it has any.
 * With `--dead-letters` those records of the recipient's dead letters that are the feed's, with `--commits` those of its ledger, whose key is the feed's id.
 */
import { rowReader } from '../codec/avro-reader.ts';
import type { JsonRow } from '../codec/avro-reader.ts';
import { loadConfig } from '../config/load.ts';
import { must } from '../lib/assert.ts';
import { Failure } from '../model/failure.ts';
import type { ReadRecord } from '../ports/publisher.ts';
import type { SchemaRegistry } from '../ports/schema-registry.ts';
import { commitsTopic } from '../relay/ledger.ts';
import { deadLettersTopic } from '../relay/own-topics.ts';
import { parseArguments, wrong } from './arguments.ts';
import { assembleRegistry } from './assemble.ts';
import { askedFeeds, findFeed } from './find-feed.ts';
import { openKafkaSession } from './kafka-session.ts';
import { print, tell } from './output.ts';

/** Schemas of one topic: a new one comes with each change of the table. */
const READERS_MAX = 200;

export async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseArguments('tail', argv);
  const isLetters = options.isSet('dead-letters');
  const isLedger = options.isSet('commits');
  if (isLetters && isLedger) throw wrong('tail', '--dead-letters and --commits are two topics: give one of them');
  const config = loadConfig(options.required('config'));
  const asked = askedFeeds('tail', config, options);
  await using session = await openKafkaSession(config, signal);
  const { publisher, telemetry } = session;
  const { spec, checkpoint } = await findFeed('tail', session, asked, signal);
  const hasBegun = checkpoint !== null && checkpoint.topic !== '';
  const ownTopic = hasBegun ? checkpoint.topic : spec.topic;
  const topic = isLetters ? deadLettersTopic(spec.recipient) : isLedger ? commitsTopic(spec.recipient) : ownTopic;
  // A feed that started again is in a topic that the config does not name.
  if (topic !== spec.topic) tell(`reading ${topic}`);
  const decoder = new RecordDecoder(assembleRegistry(config, publisher, telemetry), spec.recipient);
  try {
    for await (const record of publisher.read({ topic, partitions: null, untilEnd: options.isSet('until-end') }, signal)) {
      if (isLetters && record.headers['cdf-relay.feed'] !== spec.id) continue;
      const feed = isLedger ? Buffer.from(record.key ?? []).toString('utf8') : null;
      if (feed !== null && feed !== spec.id) continue;
      const line = await decoder.decode(feed === null ? record : { ...record, key: null }, signal);
      await print(JSON.stringify(feed === null ? line : { ...line, key: feed }), signal);
    }
  } catch (error) {
    // Following has no other end than being stopped.
    if (signal.aborted) return 0;
    const isMissing = error instanceof Failure && error.code === 'topic.missing';
    if (isMissing && isLetters) throw wrong('tail', `there is no topic ${topic}: no feed of ${spec.recipient} has sent dead letters there`);
    throw isMissing && !hasBegun ? new Failure('feed.not_begun', `${spec.id} has not begun: there is no topic ${topic} yet`) : error;
  }
  return 0;
}

interface TailLine {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly key: JsonRow | null;
  readonly value: JsonRow | null;
}

class RecordDecoder {
  readonly #registry: SchemaRegistry;
  readonly #recipient: string;
  readonly #readers = new Map<string, (body: Uint8Array) => JsonRow>();

  constructor(registry: SchemaRegistry, recipient: string) {
    this.#registry = registry;
    this.#recipient = recipient;
  }

  async decode(record: ReadRecord, signal: AbortSignal): Promise<TailLine> {
    const { partition, offset, headers } = record;
    return {
      partition,
      offset,
      timestamp: new Date(record.timestamp).toISOString(),
      ...(Object.keys(headers).length > 0 && { headers }),
      key: await this.#row(record.key, signal),
      value: await this.#row(record.value, signal),
    };
  }

  async #row(payload: Uint8Array | null, signal: AbortSignal): Promise<JsonRow | null> {
    if (payload === null) return null;
    const { text, body } = await this.#registry.resolve(this.#recipient, payload, signal);
    if (!this.#readers.has(text)) {
      if (this.#readers.size >= READERS_MAX) this.#readers.clear();
      this.#readers.set(text, rowReader(text));
    }
    return must(this.#readers.get(text), 'the reader of a schema')(body);
  }
}
