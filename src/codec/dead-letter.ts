/**
 * Rows that cannot be records of their topic, as records of `{recipient}.dead-letters`: few, and so made one by one.
 *
 * Headers are those of Kafka Connect (DeadLetterQueueReporter.java), which tools know how to read, and our own behind them. Where Connect names a Java class, it is the one that
 * Connect or a Java producer would throw; there is no offset, and its header says -1 as Java producers do.
 */
import type { BadRecords } from '../ports/encoder.ts';
import { recordBytes } from '../lib/single-record.ts';
import type { Headers, SingleRecord } from '../lib/single-record.ts';

export type Badness =
  /** Longer than the topic takes. */
  | { readonly kind: 'too large'; readonly bytes: number; readonly largest: number }
  /** One of its values does not fit its type. */
  | { readonly kind: 'misfit'; readonly sentence: string };

export interface DeadRow {
  readonly badness: Badness;
  /** Of the data topic. */
  readonly partition: number;
  /** Where the row is. */
  readonly file: string;
  readonly row: number;
  readonly changeType: string;
  /** Where the row is as it was before, if the record holds it too. */
  readonly before: { readonly file: string; readonly row: number } | null;
  readonly key: Uint8Array | null;
  /** The record's value without what does not fit; not asked for if the record is too large. */
  readonly value: () => Uint8Array;
}

/** The letter of a row. What would make it longer than its topic takes is left out: its value first, then its key. */
export function deadLetter({ badness, partition, file, row, changeType, before, key, value }: DeadRow, bad: BadRecords): SingleRecord {
  const { code, stage, exception } = WORDS[badness.kind];
  const sentence = sentenceOf(badness);
  const message = sentence.length > SENTENCE_CHARACTERS_MAX ? `${sentence.slice(0, SENTENCE_CHARACTERS_MAX)}…` : sentence;
  const texts: Readonly<Record<string, string>> = {
    [`${CONNECT}topic`]: bad.topic,
    [`${CONNECT}partition`]: String(partition),
    [`${CONNECT}offset`]: '-1',
    [`${CONNECT}connector.name`]: bad.feed,
    [`${CONNECT}task.id`]: '0',
    [`${CONNECT}stage`]: stage,
    [`${CONNECT}class.name`]: 'cdf-relay',
    [`${CONNECT}exception.class.name`]: exception,
    [`${CONNECT}exception.message`]: message,
    [`${CONNECT}exception.stacktrace`]: `${exception}: ${message}`,
    'cdf-relay.feed': bad.feed,
    'cdf-relay.version': String(bad.version),
    'cdf-relay.file': file,
    'cdf-relay.row': String(row),
    ...(before === null ? {} : { 'cdf-relay.before-file': before.file, 'cdf-relay.before-row': String(before.row) }),
    'cdf-relay.change-type': changeType,
    'cdf-relay.code': code,
  };
  const headers = headersOf(texts);
  const whole = { key, value: badness.kind === 'misfit' ? value() : null, headers };
  if (lengthOf(whole) <= bad.largestLetter) return whole;
  const keyed = { ...whole, value: null };
  return lengthOf(keyed) <= bad.largestLetter ? keyed : { ...keyed, key: null };
}

/** What is wrong with the row. */
export function sentenceOf(badness: Badness): string {
  if (badness.kind === 'misfit') return badness.sentence;
  return `the record has ${badness.bytes} bytes, and its topic has room for ${badness.largest}`;
}

/** At whatever place in a block. */
export function lengthOf(record: SingleRecord): number {
  return recordBytes(record, PLACE_MAX).length;
}

const CONNECT = '__connect.errors.';
const SENTENCE_CHARACTERS_MAX = 2000;
const PLACE_MAX = 2 ** 30 - 1;

const WORDS = {
  'too large': {
    code: 'record.too_large',
    stage: 'KAFKA_PRODUCE',
    exception: 'org.apache.kafka.common.errors.RecordTooLargeException',
  },
  misfit: { code: 'file.column', stage: 'VALUE_CONVERTER', exception: 'org.apache.kafka.connect.errors.DataException' },
} as const satisfies Record<Badness['kind'], unknown>;

function headersOf(texts: Readonly<Record<string, string>>): Headers {
  return Object.entries(texts).map(([key, text]) => ({ key, value: Buffer.from(text, 'utf8') }));
}
