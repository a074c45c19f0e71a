/**
 * A record batch (RecordBatch v2, https://kafka.apache.org/documentation/#recordbatch): 61 bytes, then the records, compressed as a whole.
 *
 *    0 base offset        8 length of what follows   12 leader epoch     16 magic = 2      17 CRC-32C of what follows   21 attributes
 *   23 last offset delta  27 base timestamp          35 max timestamp    43 producer id    51 epoch                     53 base sequence   57 count
 *
 * The broker fills in base offset and leader epoch, which is why the checksum leaves them out. Once made a batch is never changed: it is sent again as it is.
 */
import { Writer, crc32c } from '@platformatic/kafka';
import { COMPRESSION_BITS, compress } from './compression.ts';
import type { Compression } from './compression.ts';
import type { Cut } from './direct-cuts.ts';
import type { ProducerEpoch } from './direct-messages.ts';

export interface Batch extends Pick<Cut, 'count' | 'firsts'> {
  readonly bytes: Buffer;
}

export interface BatchStamp extends ProducerEpoch {
  /** Of the first record: counts the records of the epoch in the partition. */
  readonly sequence: number;
  readonly timestamp: number;
}

const HEADER_BYTES = 61;
const CHECKED_FROM = 21;
const LENGTH_END = 12;
const MAGIC = 2;
const UNKNOWN = -1;
const TRANSACTIONAL = 0b1_0000;
/** Shorter ones gain nothing. */
const COMPRESSED_MIN = 1_024;

/** Of the record behind `count` others: sequences go on at 0 behind the largest number of 31 bits. */
export function nextSequence(sequence: number, count: number): number {
  return (sequence + count) % 2 ** 31;
}

/** Records that compression would not make shorter stay as they are. */
export async function batchOf(cut: Cut, stamp: BatchStamp, compression: Compression): Promise<Batch> {
  const { count, firsts } = cut;
  if (compression !== 'none' && cut.bytes >= COMPRESSED_MIN) {
    const [first] = cut.parts;
    const records = first !== undefined && cut.parts.length === 1 ? first : Buffer.concat(cut.parts, cut.bytes);
    const compressed = await compress(records, compression);
    if (compressed.length < cut.bytes)
      return { bytes: framed([compressed], compressed.length, count, stamp, COMPRESSION_BITS[compression]), count, firsts };
  }
  return { bytes: framed(cut.parts, cut.bytes, count, stamp, 0), count, firsts };
}

function framed(parts: readonly Buffer[], bytes: number, count: number, stamp: BatchStamp, compressionBits: number): Buffer {
  const batch = Buffer.allocUnsafe(HEADER_BYTES + bytes);
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - LENGTH_END, 8);
  batch.writeInt32BE(UNKNOWN, 12);
  batch.writeInt8(MAGIC, 16);
  batch.writeInt16BE(TRANSACTIONAL | compressionBits, 21);
  batch.writeInt32BE(count - 1, 23);
  batch.writeBigInt64BE(BigInt(stamp.timestamp), 27);
  batch.writeBigInt64BE(BigInt(stamp.timestamp), 35);
  batch.writeBigInt64BE(stamp.producerId, 43);
  batch.writeInt16BE(stamp.epoch, 51);
  batch.writeInt32BE(stamp.sequence, 53);
  batch.writeInt32BE(count, 57);
  let at = HEADER_BYTES;
  for (const part of parts) at += part.copy(batch, at);
  // Given a plain buffer the library copies it first.
  batch.writeUInt32BE(crc32c(Writer.create().append(batch.subarray(CHECKED_FROM)).dynamicBuffer), 17);
  return batch;
}
