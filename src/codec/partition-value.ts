/**
 * Partition values: text of the action → the Avro cell that every row of the file has (Delta PROTOCOL.md "Partition Value Serialization").
 *
 * What the text says is taken exactly or not at all: a number that the type does not hold is refused, never rounded or wrapped, but for binary floating
 * point, where the nearest number is the value.
 */
import { Failure } from '../model/failure.ts';
import { typeText } from '../model/table-schema.ts';
import type { Column, DataType } from '../model/table-schema.ts';
import { daysOf } from './calendar.ts';
import { paddedText } from './char-padding.ts';
import { longBytes } from '../lib/varint.ts';

export const NULL_CELL: Uint8Array = Uint8Array.of(0);

/** The nullable cell of `column`. Null, missing and empty texts are null for every type, string too. Throws `file.column`. */
export function partitionCell(column: Column, text: string | null | undefined): Uint8Array {
  if (text === null || text === undefined || text === '') return NULL_CELL;
  const value = valueBytes(column.type, text);
  if (value === null) {
    const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
    throw new Failure('file.column', `the partition value ${shown} of column ${column.name} is not of the type ${typeText(column.type)}`);
  }
  return Buffer.concat([Uint8Array.of(2), value]);
}

function valueBytes(type: DataType, text: string): Uint8Array | null {
  switch (type.kind) {
    case 'byte':
      return integer(text, 8);
    case 'short':
      return integer(text, 16);
    case 'integer':
      return integer(text, 32);
    case 'long':
      return integer(text, 64);
    case 'boolean':
      return boolean(text);
    case 'float':
      return floating(text, 4);
    case 'double':
      return floating(text, 8);
    case 'string':
      return withLength(Buffer.from('padTo' in type ? paddedText(text, type.padTo) : text, 'utf8'));
    case 'binary':
      return withLength(Buffer.from(text, 'utf8'));
    case 'decimal':
      return decimal(text, type.precision, type.scale);
    case 'date':
      return date(text);
    case 'timestamp':
      return micros(text, true);
    case 'timestamp_ntz':
      return micros(text, false);
    default:
      return null;
  }
}

function withLength(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([longBytes(BigInt(bytes.length)), bytes]);
}

function integer(text: string, bits: number): Uint8Array | null {
  if (!/^[+-]?\d{1,20}$/.test(text)) return null;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return BigInt.asIntN(bits, value) === value ? longBytes(value) : null;
}

function boolean(text: string): Uint8Array | null {
  const lower = text.toLowerCase();
  if (lower === 'true') return Uint8Array.of(1);
  return lower === 'false' ? Uint8Array.of(0) : null;
}

function floating(text: string, length: 4 | 8): Uint8Array | null {
  if (!/^([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?Infinity|NaN)$/.test(text)) return null;
  const bytes = Buffer.alloc(length);
  if (length === 4) bytes.writeFloatLE(Number(text));
  else bytes.writeDoubleLE(Number(text));
  return bytes;
}

function decimal(text: string, precision: number, scale: number): Uint8Array | null {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text);
  if (match === null) return null;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  if (digits === '') return null;
  const shift = scale - fraction.length + Number(exponent);
  const kept = shift >= 0 ? digits + '0'.repeat(shift) : digits.slice(0, shift);
  if (shift < 0 && /[1-9]/.test(digits.slice(shift))) return null;
  const unscaled = kept.replace(/^0+/, '');
  if (unscaled.length > precision) return null;
  return withLength(bigEndian(BigInt(unscaled) * (sign === '-' ? -1n : 1n)));
}

/** The shortest two's complement form. */
function bigEndian(value: bigint): Uint8Array {
  let length = 1;
  while (BigInt.asIntN(8 * length, value) !== value) length += 1;
  const bytes = new Uint8Array(length);
  for (let i = length - 1, rest = value; i >= 0; i -= 1, rest >>= 8n) bytes[i] = Number(BigInt.asUintN(8, rest));
  return bytes;
}

function date(text: string): Uint8Array | null {
  const match = /^([+-]?\d{4,7})-(\d{2})-(\d{2})$/.exec(text);
  if (match === null) return null;
  const days = daysOf(Number(match[1]), Number(match[2]), Number(match[3]));
  return days === null || days !== (days | 0) ? null : longBytes(BigInt(days));
}

const MOMENT = /^([+-]?\d{4,7})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})?$/;

/**
 * Microseconds since 1970-01-01 00:00:00. A text without a zone is read as UTC, as Spark writes it in a session of that zone; with `instant` false there may
 * be no zone.
 */
function micros(text: string, instant: boolean): Uint8Array | null {
  const match = MOMENT.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = ''] = match;
  if (zone !== '' && !instant) return null;
  const days = daysOf(Number(year), Number(month), Number(day));
  if (days === null || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59 || /[1-9]/.test(fraction.slice(6))) return null;
  const seconds = BigInt(days) * 86_400n + BigInt(Number(hour) * 3600 + Number(minute) * 60 + Number(second) - offsetSeconds(zone));
  const value = seconds * 1_000_000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
  return BigInt.asIntN(64, value) === value ? longBytes(value) : null;
}

function offsetSeconds(zone: string): number {
  const match = /^([+-])(\d{2}):(\d{2})$/.exec(zone);
  if (match === null) return 0;
  const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60;
  return match[1] === '-' ? -seconds : seconds;
}
