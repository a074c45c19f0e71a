/**
 * Names of schemas by content: UUID version 8 (RFC 9562 §5.8) over the first 16 bytes of the SHA-256 of the schema's text.
 */
import { createHash } from 'node:crypto';

/** The 16 bytes, as they stand in a record's framing. */
export function guidOf(text: string): Uint8Array {
  const bytes = createHash('sha256').update(text, 'utf8').digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return new Uint8Array(bytes);
}

/** Lower case with hyphens: 8-4-4-4-12. */
export function guidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The bytes of a GUID's text in lower case; null where it is none. */
export function guidBytes(text: string): Uint8Array | null {
  return GUID.test(text) ? new Uint8Array(Buffer.from(text.replaceAll('-', ''), 'hex')) : null;
}
