/**
 * The checksum of records: the sum modulo 2^128 of MurmurHash3_x64_128, seed 0, over their bodies (DESIGN §6).
 *
 * A sum does not depend on the order of records, and grows chunk by chunk. This hash has libraries everywhere (mmh3 for Python, Guava and Commons Codec for Java) and is made of
 * multiplications of 64 bits, for which JavaScript has no fast words: so it is spelled here in WebAssembly's, 600 bytes of code. Its reference is
 * https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp; the number is made of the 16 bytes that it gives, the first one being the least, as mmh3.hash128 does.
 *
 * The module's memory, one a thread, which a call has for itself:
 *
 *     0      the sum, 16 bytes
 *     TABLE  start and length of each body, two times 4 bytes
 *     DATA   the bytes that the bodies are in, and behind them 16 bytes that may be read and do not count
 */
import { assert } from '../lib/assert.ts';

/** What is used of it here: neither TypeScript's library for ECMAScript nor Node's types declare it. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly '': { readonly memory: WasmMemory } },
  ) => {
    readonly exports: Readonly<Record<string, unknown>>;
  };
};

interface WasmMemory {
  /** Another one after `grow`. */
  readonly buffer: ArrayBuffer;
  readonly grow: (pages: number) => number;
}

/** Bodies a call. */
const BODIES_MAX = 2 * 8192;

const PAGE = 65_536;
const TABLE = 64;
const DATA = 3 * PAGE;
const BEYOND = 16;

/** Hashes bodies that stand in one stretch of memory, and sums up. */
export class BodyHash {
  readonly #table = new Int32Array(2 * BODIES_MAX);
  #count = 0;

  /** One more body of those bytes that `sum` is called with next. */
  add(start: number, length: number): void {
    this.#table[2 * this.#count] = DATA + start;
    this.#table[2 * this.#count + 1] = length;
    this.#count += 1;
  }

  /** The sum over the bodies that were added since it was last called, which are within these bytes. */
  sum(bytes: Uint8Array): bigint {
    const missing = DATA + bytes.length + BEYOND - MEMORY.buffer.byteLength;
    if (missing > 0) MEMORY.grow(Math.ceil(missing / PAGE));
    const { buffer } = MEMORY;
    const sum = new BigUint64Array(buffer, 0, 2).fill(0n);
    new Int32Array(buffer, TABLE).set(this.#table.subarray(0, 2 * this.#count));
    new Uint8Array(buffer, DATA).set(bytes);
    run(TABLE, TABLE + 8 * this.#count);
    this.#count = 0;
    return ((sum[1] ?? 0n) << 64n) | (sum[0] ?? 0n);
  }
}

type Code = readonly number[];

/** Instructions, by their names in the specification (WebAssembly Core §5.4). */
const END: Code = [0x0b];
const BLOCK: Code = [0x02, 0x40];
const LOOP: Code = [0x03, 0x40];
const ADD: Code = [0x7c];
const SUB: Code = [0x7d];
const MUL: Code = [0x7e];
const XOR: Code = [0x85];
const SHL: Code = [0x86];
const SHR: Code = [0x88];
const ROTL: Code = [0x89];
const EQZ: Code = [0x50];
const LESS: Code = [0x54];
const LESS_OR_EQUAL: Code = [0x58];
const WIDENED: Code = [0xad];
const ADD_32: Code = [0x6a];
const AND_32: Code = [0x71];
const NOT_LESS_32: Code = [0x4f];
const CALL_HASH: Code = [0x10, 0];
const go = (depth: number): Code => [0x0c, depth];
const goIf = (depth: number): Code => [0x0d, depth];
const get = (local: number): Code => [0x20, local];
const set = (local: number): Code => [0x21, local];
const tee = (local: number): Code => [0x22, local];
const load32 = (offset: number): Code => [0x28, 0, offset];
const load = (offset: number): Code => [0x29, 0, offset];
const store = (offset: number): Code => [0x37, 0, offset];
const number32 = (value: number): Code => [0x41, ...signed(BigInt(value))];
const number = (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))];

/** The locals of `hash`: its arguments, the end of the whole blocks, the state, and what is mixed in. */
const [AT, LENGTH, BLOCKS_END, H1, H2, K1, K2, REST] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const C1 = 0x87c37b91114253d5n;
const C2 = 0x4cf5ad432745937fn;

const mixed = (h: number, k: number, first: bigint, by: bigint, second: bigint): Code =>
  [get(h), get(k), number(first), MUL, number(by), ROTL, number(second), MUL, XOR, set(h)].flat();
const MIX_1 = mixed(H1, K1, C1, 31n, C2);
const MIX_2 = mixed(H2, K2, C2, 33n, C1);
const turned = (h: number, by: bigint, other: number, plus: bigint): Code =>
  [get(h), number(by), ROTL, get(other), ADD, number(5n), MUL, number(plus), ADD, set(h)].flat();
const added = (to: number, from: number): Code => [get(to), get(from), ADD, set(to)].flat();
const shaken = (h: number): Code => [get(h), get(h), number(33n), SHR, XOR].flat();
const final = (h: number): Code =>
  [shaken(h), number(0xff51afd7ed558ccdn), MUL, set(h), shaken(h), number(0xc4ceb9fe1a85ec53n), MUL, set(h), shaken(h), set(h)].flat();
/** The first so many bytes, 1 to 8, of the word at the offset; `scratch` is lost. */
const part = (offset: number, bytes: Code, scratch: number): Code =>
  [number(8n), bytes, SUB, number(3n), SHL, set(scratch), get(AT), load(offset), get(scratch), SHL, get(scratch), SHR].flat();

/** hash(at, length) adds the hash of these bytes to the sum. */
const HASH: Code = [
  [get(AT), get(LENGTH), number32(-16), AND_32, ADD_32, set(BLOCKS_END)],
  [BLOCK, LOOP, get(AT), get(BLOCKS_END), NOT_LESS_32, goIf(1)],
  [get(AT), load(0), set(K1), get(AT), load(8), set(K2)],
  [MIX_1, turned(H1, 27n, H2, 0x52dce729n), MIX_2, turned(H2, 31n, H1, 0x38495ab5n)],
  [get(AT), number32(16), ADD_32, set(AT), go(0), END, END],
  [get(LENGTH), number32(15), AND_32, WIDENED, set(REST)],
  [BLOCK, get(REST), number(8n), LESS_OR_EQUAL, goIf(0)],
  [part(8, [get(REST), number(8n), SUB].flat(), K1), set(K2), MIX_2, number(8n), set(REST), END],
  [BLOCK, get(REST), EQZ, goIf(0), part(0, get(REST), K2), set(K1), MIX_1, END],
  [get(H1), get(LENGTH), WIDENED, XOR, set(H1), get(H2), get(LENGTH), WIDENED, XOR, set(H2)],
  [added(H1, H2), added(H2, H1), final(H1), final(H2), added(H1, H2), added(H2, H1)],
  [number32(0), number32(0), load(0), get(H1), ADD, tee(K1), store(0)],
  [number32(0), number32(0), load(8), get(H2), ADD, get(K1), get(H1), LESS, WIDENED, ADD, store(8), END],
].flat(2);

/** run(from, to) hashes the bodies that the table names between the two. */
const RUN: Code = [
  [BLOCK, LOOP, get(0), get(1), NOT_LESS_32, goIf(1)],
  [get(0), load32(0), get(0), load32(4), CALL_HASH, get(0), number32(8), ADD_32, set(0), go(0), END, END, END],
].flat(2);

const HEADER: Code = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const I32 = 0x7f;
const I64 = 0x7e;
const MODULE = new WebAssembly.Module(
  Uint8Array.from([
    ...HEADER,
    ...section(1, list([[0x60, 2, I32, I32, 0]])),
    ...section(2, list([[...text(''), ...text('memory'), 2, 0, DATA / PAGE]])),
    ...section(3, list([[0], [0]])),
    ...section(7, list([[...text('run'), 0, 1]])),
    ...section(
      10,
      list([
        sized([
          ...list([
            [1, I32],
            [5, I64],
          ]),
          ...HASH,
        ]),
        sized([...list([]), ...RUN]),
      ]),
    ),
  ]),
);

const MEMORY = new WebAssembly.Memory({ initial: DATA / PAGE });
const EXPORTS = new WebAssembly.Instance(MODULE, { '': { memory: MEMORY } }).exports;

function run(from: number, to: number): void {
  const exported = EXPORTS['run'];
  assert(typeof exported === 'function', 'the function of the module');
  Reflect.apply(exported, undefined, [from, to]);
}

function section(id: number, content: Code): Code {
  return [id, ...sized(content)];
}

function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function text(name: string): Code {
  return sized([...Buffer.from(name, 'utf8')]);
}

function sized(content: Code): Code {
  return [...unsigned(content.length), ...content];
}

/** LEB128, as below. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >> 7)];
}

function signed(value: bigint): Code {
  const low = Number(value & 0x7fn);
  const rest = value >> 7n;
  const isLast = (rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}
