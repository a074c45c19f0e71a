/**
 * Thrift's compact protocol (thrift/doc/specs/thrift-compact-protocol.md), as far as it takes to leave things out of a Parquet footer: structs and lists taken apart into the
 * bytes of their values, and put together again. Throws plain errors for what is not sound.
 */

export interface ThriftField {
  readonly id: number;
  readonly type: number;
  /** Encoded. Of a boolean nothing: its type is its value. */
  readonly value: Uint8Array;
}

/** In the spelling of the protocol: the types that fields of footers have. */
const THRIFT = { i64: 6, struct: 12 } as const;

const TRUE = 1;
const FALSE = 2;
const BYTE = 3;
const DOUBLE = 7;
const BINARY = 8;
const LIST = 9;
const SET = 10;
const MAP = 11;

/** Structs within structs, at most. */
const DEPTH_MAX = 64;

/** The fields of the struct that the bytes begin with, in their order. */
export function fieldsOf(bytes: Uint8Array): readonly ThriftField[] {
  const reader = new Reader(bytes);
  const fields: ThriftField[] = [];
  for (let field = reader.header(0); field !== null; field = reader.header(field.id)) {
    const start = reader.at;
    reader.skip(field.type, 0);
    fields.push({ ...field, value: bytes.subarray(start, reader.at) });
  }
  return fields;
}

/** The items of a list of structs, each encoded. */
export function itemsOf(list: Uint8Array): readonly Uint8Array[] {
  const reader = new Reader(list);
  const { type, size } = reader.listHeader();
  if (type !== THRIFT.struct) throw new Error(`a list of items of type ${type}`);
  const items: Uint8Array[] = [];
  for (let i = 0; i < size; i += 1) {
    const start = reader.at;
    reader.skip(type, 0);
    items.push(list.subarray(start, reader.at));
  }
  return items;
}

export function structOf(fields: readonly ThriftField[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let last = 0;
  for (const { id, type, value } of fields) {
    const delta = id - last;
    parts.push(delta > 0 && delta < 16 ? Uint8Array.of((delta << 4) | type) : Buffer.concat([Uint8Array.of(type), longOf(id)]), value);
    last = id;
  }
  return Buffer.concat([...parts, Uint8Array.of(0)]);
}

export function structListOf(items: readonly Uint8Array[]): Uint8Array {
  const { length } = items;
  const header =
    length < 15
      ? Uint8Array.of((length << 4) | THRIFT.struct)
      : Buffer.concat([Uint8Array.of(0xf0 | THRIFT.struct), varint(BigInt(length))]);
  return Buffer.concat([header, ...items]);
}

/** An integer of any width. */
export function longOf(value: number): Uint8Array {
  const long = BigInt(value);
  return varint(BigInt.asUintN(64, (long << 1n) ^ (long >> 63n)));
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.from([...bytes, Number(rest)]);
}

class Reader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Null at the end of the struct. */
  header(last: number): { readonly id: number; readonly type: number } | null {
    const byte = this.#byte();
    const type = byte & 0x0f;
    if (byte === 0) return null;
    const delta = byte >> 4;
    if (delta > 0) return { id: last + delta, type };
    const raw = this.#varint();
    return { id: (raw >>> 1) ^ -(raw & 1), type };
  }

  listHeader(): { readonly type: number; readonly size: number } {
    const byte = this.#byte();
    const size = byte >> 4;
    return { type: byte & 0x0f, size: size === 15 ? this.#varint() : size };
  }

  skip(type: number, depth: number): void {
    if (depth > DEPTH_MAX) throw new Error('structs nested too deep');
    switch (type) {
      case TRUE:
      case FALSE:
        return;
      case DOUBLE:
        return this.#step(8);
      case BINARY:
        return this.#step(this.#varint());
      case LIST:
      case SET: {
        const { type: item, size } = this.listHeader();
        for (let i = 0; i < size; i += 1) this.#skipItem(item, depth + 1);
        return;
      }
      case MAP:
        return this.#skipMap(depth + 1);
      case THRIFT.struct:
        for (let field = this.header(0); field !== null; field = this.header(field.id)) this.skip(field.type, depth + 1);
        return;
      default:
        if (type < BYTE || type > THRIFT.i64) throw new Error(`a value of type ${type}`);
        if (type === BYTE) this.#step(1);
        else this.#skipVarint();
    }
  }

  #skipMap(depth: number): void {
    const size = this.#varint();
    if (size === 0) return;
    const types = this.#byte();
    for (let i = 0; i < size; i += 1) {
      this.#skipItem(types >> 4, depth);
      this.#skipItem(types & 0x0f, depth);
    }
  }

  /** Outside of a struct a boolean is a byte. */
  #skipItem(type: number, depth: number): void {
    if (type === TRUE || type === FALSE) this.#step(1);
    else this.skip(type, depth);
  }

  #step(bytes: number): void {
    this.at += bytes;
    if (this.at > this.#bytes.length) throw new Error('bytes are missing');
  }

  #byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw new Error('bytes are missing');
    this.at += 1;
    return byte;
  }

  #skipVarint(): void {
    for (let i = 0; this.#byte() > 0x7f; i += 1) if (i === 9) throw new Error('a number of more than ten bytes');
  }

  /** Of 32 bits. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new Error('a number of more than five bytes');
  }
}
