/**
 * How a record names its schema before its Avro body, in Confluent's wire format: 0x00 and an id of 4 bytes, big endian, or 0x01 and a GUID of 16 bytes.
 */
import { Failure } from '../../src/model/failure.ts';
import { guidBytes, guidText } from './guid.ts';

const ID_MARK = 0x00;
const ID_FRAME_BYTES = 5;
const GUID_MARK = 0x01;
const GUID_FRAME_BYTES = 17;

/** What stands before the body; `name` is an id in decimal, or a GUID as lower-case text. */
export function prefixOf(name: string): Uint8Array {
  const guid = guidBytes(name);
  if (guid !== null) return Uint8Array.of(GUID_MARK, ...guid);
  const prefix = new Uint8Array(ID_FRAME_BYTES);
  new DataView(prefix.buffer).setUint32(1, Number(name));
  return prefix;
}

/** The name of the schema, and the body. Throws `record.unreadable`. */
export function framed(payload: Uint8Array): { readonly name: string; readonly body: Uint8Array } {
  if (payload[0] === ID_MARK && payload.length >= ID_FRAME_BYTES) {
    return { name: String(new DataView(payload.buffer, payload.byteOffset).getUint32(1)), body: payload.subarray(ID_FRAME_BYTES) };
  }
  if (payload[0] === GUID_MARK && payload.length >= GUID_FRAME_BYTES) {
    return { name: guidText(payload.subarray(1, GUID_FRAME_BYTES)), body: payload.subarray(GUID_FRAME_BYTES) };
  }
  throw new Failure('record.unreadable', 'the record begins neither with 0x00 and the id of a schema nor with 0x01 and its GUID');
}
