/**
 * Marks on keys of which a record is among the dead letters: whoever reads on is told that something of this key is missing (DESIGN §6).
 */
import { createHash } from 'node:crypto';
import { murmur2 } from '../lib/murmur2.ts';
import type { KeyMark, RecordBlock, Segment } from '../ports/encoder.ts';
import { records } from './records.ts';
import { recordBytes } from '../lib/single-record.ts';

/** 64 bits of a key's bytes, as 16 hexadecimal digits; the first half is its murmur2. */
export function markOf(key: Uint8Array): string {
  return hex(murmur2(key)) + createHash('sha256').update(key).digest('hex').slice(0, 8);
}

/** The segment with the header on records of keys that are marked already, or that have a dead letter before them in the segment. */
export function markSegment(segment: Segment, marked: ReadonlySet<string>): Segment {
  const own = segment.deadLetters?.marks ?? [];
  if (marked.size === 0 && own.length === 0) return segment;
  const halves = new Set([...marked, ...own.map(({ mark }) => mark)].map((mark) => mark.slice(0, 8)));
  const made = segment.blocks.map((block) =>
    markBlock(block, halves, (mark, place) => marked.has(mark) || own.some((one) => isBefore(one, mark, block, place))),
  );
  const grown = made.reduce((sum, { bytes }) => sum + bytes.length, 0) - segment.blocks.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (grown === 0) return segment;
  const largestRecord = Math.max(segment.largestRecord, ...made.map(({ largest }) => largest));
  return {
    ...segment,
    blocks: made.map(({ partition, count, bytes }) => ({ partition, count, bytes })),
    bytes: segment.bytes + grown,
    largestRecord,
  };
}

/** What the header adds to a record at most. */
export const MARK_BYTES = 48;

const HEADER = { key: 'cdf-relay.after-dead-letter', value: Buffer.from('true') } as const;

interface Marked extends RecordBlock {
  /** Length of the longest record that bears the mark. */
  readonly largest: number;
}

function markBlock(block: RecordBlock, halves: ReadonlySet<string>, isMarked: (mark: string, place: number) => boolean): Marked {
  const hits = new Set<number>();
  for (const { key, offsetDelta } of records(block)) {
    if (key !== null && halves.has(hex(murmur2(key))) && isMarked(markOf(key), offsetDelta)) hits.add(offsetDelta);
  }
  if (hits.size === 0) return { ...block, largest: 0 };
  let largest = 0;
  const parts: Uint8Array[] = [];
  for (const { offsetDelta, ...record } of records(block)) {
    const isHit = hits.has(offsetDelta);
    const part = recordBytes(isHit ? { ...record, headers: [...record.headers, HEADER] } : record, offsetDelta);
    if (isHit) largest = Math.max(largest, part.length);
    parts.push(part);
  }
  return { partition: block.partition, count: block.count, bytes: new Uint8Array(Buffer.concat(parts)), largest };
}

function isBefore({ mark, partition, place }: KeyMark, key: string, block: RecordBlock, at: number): boolean {
  return mark === key && partition === block.partition && at >= place;
}

function hex(hash: number): string {
  return (hash >>> 0).toString(16).padStart(8, '0');
}
