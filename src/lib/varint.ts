/**
 * Zigzag varints (Avro specification "Binary Encoding"; Kafka's record fields are the same): numbers as 32-bit halves, since a BigInt per value would cost more
 * than everything else.
 */

/** Bytes of the varint of an unsigned number below 2³². */
export function unsignedLength(value: number): number {
  return value >>> 0 < 0x80 ? 1 : ((32 - Math.clz32(value)) * 9 + 64) >>> 6;
}

/** Writes an unsigned number below 2³² and returns where it ends. */
export function writeUnsigned(value: number, bytes: Uint8Array, at: number): number {
  let rest = value >>> 0;
  let end = at;
  while (rest > 0x7f) {
    bytes[end] = (rest & 0x7f) | 0x80;
    end += 1;
    rest >>>= 7;
  }
  bytes[end] = rest;
  return end + 1;
}

/** The zigzag form of a signed 32-bit number, as an unsigned one. */
export function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

/** Bytes of the zigzag varint of a 64-bit number in halves. */
export function longLength(low: number, high: number): number {
  const sign = high >> 31;
  const top = ((high << 1) | (low >>> 31)) ^ sign;
  if (top === 0) return unsignedLength((low << 1) ^ sign);
  return ((64 - Math.clz32(top)) * 9 + 64) >>> 6;
}

/** Writes the zigzag varint of a 64-bit number in halves and returns where it ends. */
export function writeLong(low: number, high: number, bytes: Uint8Array, at: number): number {
  const sign = high >> 31;
  let bottom = (low << 1) ^ sign;
  let top = ((high << 1) | (low >>> 31)) ^ sign;
  let end = at;
  while (top !== 0) {
    bytes[end] = (bottom & 0x7f) | 0x80;
    end += 1;
    bottom = (bottom >>> 7) | (top << 25);
    top >>>= 7;
  }
  return writeUnsigned(bottom, bytes, end);
}

/** The zigzag varint of a 64-bit number by itself; for what is encoded once. */
export function longBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(10);
  return bytes.subarray(0, writeLong(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)), bytes, 0));
}
