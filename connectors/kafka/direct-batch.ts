/**
 * A record batch (RecordBatch v2, https://kafka.apache.org/documentation/#recordbatch): 61 bytes, then the records, compressed as a whole.
 *
 *    0 base offset        8 length of what follows   12 leader epoch     16 magic = 2      17 CRC-32C of what follows   21 attributes
 *   23 last offset delta  27 base timestamp          35 max timestamp    43 producer id    51 epoch                     53 base sequence   57 count
 *
 * The broker fills in base offset and leader epoch, which is why the checksum leaves them out. Once made a batch is never changed: it is sent again as it is.
 */
import { COMPRESSION_BITS, compress } from './compression.ts';
import type { Compression } from './compression.ts';
import { crc32cOf } from './crc32c.ts';
import type { Cut } from './direct-cuts.ts';
import type { ProducerEpoch } from './direct-messages.ts';

export interface Batch extends Pick<Cut, 'count' | 'firsts'> {
  /** One behind the other: what is to be sent is copied once, into the request. */
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
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
const PIECES_MAX = 8;
/** Shorter ones gain nothing. */
const COMPRESSED_MIN = 1_024;

/** Of the record behind `count` others: sequences go on at 0 behind the largest number of 31 bits. */
export function nextSequence(sequence: number, count: number): number {
  return (sequence + count) % 2 ** 31;
}

/** Records that compression would not make shorter stay as they are. */
export async function batchOf(cut: Cut, stamp: BatchStamp, compression: Compression): Promise<Batch> {
  const parts = cut.parts.length > PIECES_MAX ? [Buffer.concat(cut.parts, cut.bytes)] : cut.parts;
  if (compression !== 'none' && cut.bytes >= COMPRESSED_MIN) {
    const [first] = parts;
    const records = first !== undefined && parts.length === 1 ? first : Buffer.concat(parts, cut.bytes);
    const compressed = await compress(records, compression);
    if (compressed.length < cut.bytes) return framed([compressed], cut, stamp, COMPRESSION_BITS[compression]);
  }
  return framed(parts, cut, stamp, 0);
}

function framed(records: readonly Buffer[], { count, firsts }: Cut, stamp: BatchStamp, compressionBits: number): Batch {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  const bytes = records.reduce((sum, { length }) => sum + length, HEADER_BYTES);
  header.writeBigInt64BE(0n, 0);
  header.writeInt32BE(bytes - LENGTH_END, 8);
  header.writeInt32BE(UNKNOWN, 12);
  header.writeInt8(MAGIC, 16);
  header.writeInt16BE(TRANSACTIONAL | compressionBits, 21);
  header.writeInt32BE(count - 1, 23);
  header.writeBigInt64BE(BigInt(stamp.timestamp), 27);
  header.writeBigInt64BE(BigInt(stamp.timestamp), 35);
  header.writeBigInt64BE(stamp.producerId, 43);
  header.writeInt16BE(stamp.epoch, 51);
  header.writeInt32BE(stamp.sequence, 53);
  header.writeInt32BE(count, 57);
  header.writeUInt32BE(crc32cOf([header.subarray(CHECKED_FROM), ...records]), 17);
  return { pieces: [header, ...records], bytes, count, firsts };
}
