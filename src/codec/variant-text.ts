/**
 * A variant's two byte strings → the JSON text that Spark's `to_json` gives, for people and for tests (Parquet format, VariantEncoding.md; the spelling of values:
 * org.apache.spark.types.variant.Variant.toJson with UTC for the session's time zone).
 *
 * The bytes come from whoever wrote the table. Offsets may point anywhere, also twice to one place, so that a few bytes could mean endless text: each value is
 * read within bounds, and no more values than there are bytes.
 */
import { dateText } from './calendar.ts';

/** Null for bytes that are no variant, are of a later version of the encoding, or would make a text beyond all use. */
export function variantText(metadata: Uint8Array, value: Uint8Array): string | null {
  try {
    return new VariantReader(keysOf(new Bytes(metadata)), new Bytes(value)).text();
  } catch (error) {
    if (error instanceof Unsound) return null;
    throw error;
  }
}

class Unsound extends Error {}

const VERSION = 1;
const DEPTH_MAX = 500;
const TEXT_MAX = 16 * 1024 * 1024;
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

function keysOf(bytes: Bytes): readonly string[] {
  const header = bytes.unsigned(0, 1);
  if ((header & 0x0f) !== VERSION) throw new Unsound();
  const size = (header >> 6) + 1;
  const count = bytes.unsigned(1, size);
  const offsets = 1 + size;
  const strings = offsets + (count + 1) * size;
  bytes.slice(0, strings);
  return Array.from({ length: count }, (_, i) => {
    const start = bytes.unsigned(offsets + i * size, size);
    return bytes.text(strings + start, bytes.unsigned(offsets + (i + 1) * size, size) - start);
  });
}

class VariantReader {
  readonly #keys: readonly string[];
  readonly #bytes: Bytes;
  readonly #parts: string[] = [];
  #length = 0;
  #values = 0;

  constructor(keys: readonly string[], bytes: Bytes) {
    this.#keys = keys;
    this.#bytes = bytes;
  }

  text(): string {
    this.#value(0, 0);
    return this.#parts.join('');
  }

  #add(text: string): void {
    this.#length += text.length;
    if (this.#length > TEXT_MAX) throw new Unsound();
    this.#parts.push(text);
  }

  #value(at: number, depth: number): void {
    this.#values += 1;
    if (this.#values > this.#bytes.length || depth > DEPTH_MAX) throw new Unsound();
    const header = this.#bytes.unsigned(at, 1);
    const info = header >> 2;
    switch (header & 3) {
      case 0:
        return this.#add(primitiveText(this.#bytes, info, at + 1));
      case 1:
        return this.#add(JSON.stringify(this.#bytes.text(at + 1, info)));
      case 2:
        return this.#object(info, at + 1, depth);
      default:
        return this.#array(info, at + 1, depth);
    }
  }

  #object(info: number, at: number, depth: number): void {
    const offsetSize = (info & 3) + 1;
    const idSize = ((info >> 2) & 3) + 1;
    const countSize = (info & 0x10) === 0 ? 1 : 4;
    const count = this.#bytes.unsigned(at, countSize);
    const ids = at + countSize;
    const offsets = ids + count * idSize;
    const values = offsets + (count + 1) * offsetSize;
    this.#add('{');
    for (let i = 0; i < count; i += 1) {
      const key = this.#keys[this.#bytes.unsigned(ids + i * idSize, idSize)];
      if (key === undefined) throw new Unsound();
      this.#add(`${i === 0 ? '' : ','}${JSON.stringify(key)}:`);
      this.#value(values + this.#bytes.unsigned(offsets + i * offsetSize, offsetSize), depth + 1);
    }
    this.#add('}');
  }

  #array(info: number, at: number, depth: number): void {
    const offsetSize = (info & 3) + 1;
    const countSize = (info & 4) === 0 ? 1 : 4;
    const count = this.#bytes.unsigned(at, countSize);
    const offsets = at + countSize;
    const values = offsets + (count + 1) * offsetSize;
    this.#add('[');
    for (let i = 0; i < count; i += 1) {
      if (i > 0) this.#add(',');
      this.#value(values + this.#bytes.unsigned(offsets + i * offsetSize, offsetSize), depth + 1);
    }
    this.#add(']');
  }
}

/** Numbers are little-endian. */
function primitiveText(bytes: Bytes, type: number, at: number): string {
  switch (type) {
    case 0:
      return 'null';
    case 1:
      return 'true';
    case 2:
      return 'false';
    case 3:
    case 4:
    case 5:
    case 6:
      return String(bytes.signed(at, 2 ** (type - 3)));
    case 7:
      return realText(bytes.view(at, 8).getFloat64(0, true), 17, (value) => value);
    case 8:
    case 9:
    case 10:
      return decimalText(bytes.signed(at + 1, 2 ** (type - 6)), bytes.unsigned(at, 1));
    case 11:
      return `"${dateText(Number(bytes.signed(at, 4)))}"`;
    case 12:
      return `"${momentText(bytes.signed(at, 8))}+00:00"`;
    case 13:
      return `"${momentText(bytes.signed(at, 8))}"`;
    case 14:
      return realText(bytes.view(at, 4).getFloat32(0, true), 9, Math.fround);
    case 15:
      return `"${Buffer.from(bytes.slice(at + 4, bytes.unsigned(at, 4))).toString('base64')}"`;
    case 16:
      return JSON.stringify(bytes.text(at + 4, bytes.unsigned(at, 4)));
    case 20:
      return `"${Buffer.from(bytes.slice(at, 16))
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}"`;
    default:
      // Times of day and nanoseconds, which Delta's variants do not have.
      throw new Unsound();
  }
}

/** As Java spells it: with the fewest digits that give the number back, at least one behind the point, and `E` from 10⁷ on and below 10⁻³. */
function realText(value: number, digitsMax: number, rounded: (value: number) => number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  let digits = 1;
  while (digits < digitsMax && rounded(Number(value.toExponential(digits - 1))) !== value) digits += 1;
  const [mantissa = '', exponent = ''] = value.toExponential(digits - 1).split('e');
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e7) return value.toFixed(Math.max(1, digits - 1 - Number(exponent)));
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${Number(exponent)}`;
}

/** In plain notation, without zeros at the end of its fraction. */
function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = scale === 0 ? '' : digits.slice(-scale).replace(/0+$/, '');
  return `${unscaled < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

const DAY_MICROS = 86_400_000_000n;

function momentText(micros: bigint): string {
  const ofDay = ((micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS;
  const seconds = Number(ofDay / 1_000_000n);
  const time = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  const fraction = String(ofDay % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${dateText(Number((micros - ofDay) / DAY_MICROS))} ${time}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Bytes that are read within their bounds. */
class Bytes {
  readonly #bytes: Uint8Array;
  readonly length: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.length = bytes.length;
  }

  slice(at: number, length: number): Uint8Array {
    if (length < 0 || at + length > this.length) throw new Unsound();
    return this.#bytes.subarray(at, at + length);
  }

  view(at: number, length: number): DataView {
    const { buffer, byteOffset } = this.slice(at, length);
    return new DataView(buffer, byteOffset, length);
  }

  text(at: number, length: number): string {
    return UTF8.decode(this.slice(at, length));
  }

  unsigned(at: number, length: number): number {
    return this.slice(at, length).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  signed(at: number, length: number): bigint {
    return BigInt.asIntN(
      8 * length,
      this.slice(at, length).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n),
    );
  }
}
