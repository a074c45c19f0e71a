/**
 * parquet-wasm behind a wall. Only its synchronous reader is used, one stretch of a row group at a time: the asynchronous one ends the process on any error of
 * the input (a Rust panic in a promise that nobody holds).
 *
 * The module has one wasm instance a thread, whose memory grows and never shrinks. A panic in it leaves the instance in an unknown state: from then on it is
 * broken, and its thread is to be replaced. Everything taken from it is freed here, on every way out.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { DataType as ArrowType, tableFromIPC } from 'apache-arrow';
import { initSync, readParquet, wasmMemory } from 'parquet-wasm/esm';
import type { RecordBatch, Table } from 'parquet-wasm/esm';

import { assert } from '../../src/lib/assert.ts';
import type { ArrowArray } from './arrow-memory.ts';
import { arrowColumns } from './arrow-memory.ts';
import { undecodable } from './undecodable.ts';

/** What of `WebAssembly.Memory` is used: Node's types do not name it. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

let memory: WasmMemory | null = null;
let broken = false;
/** The only stretch whose arrays are sound: decoding another may move the memory. */
let current: DecodedStretch | null = null;

export interface StretchRequest {
  readonly bytes: Uint8Array;
  readonly rowGroup: number;
  /** Rows of the row group that are left out at its beginning. */
  readonly skipRows: number;
  /** Rows behind those, at most. */
  readonly rowsMax: number;
  readonly batchRows: number;
}

/** Bytes of the instance's memory; infinite once it is broken. */
export function wasmBytes(): number {
  if (broken) return Number.POSITIVE_INFINITY;
  return memory === null ? 0 : memory.buffer.byteLength;
}

export interface DecodedBatch {
  readonly rows: number;
  /** By the fields' places in the file. */
  readonly columns: readonly ArrowArray[];
}

/**
 * The record batches of a stretch of a row group in order, decoded into wasm memory as a whole. Dispose of it; batches not yet asked for die with it. A new one
 * in the same thread disposes of the last.
 */
export class DecodedStretch implements Disposable {
  /** Of the file's fields, in their order. */
  readonly types: readonly ArrowType[];
  readonly #batches: RecordBatch[];

  constructor(request: StretchRequest) {
    const doing = `decoding row group ${request.rowGroup}`;
    initialise();
    current?.[Symbol.dispose]();
    const options = { rowGroups: [request.rowGroup], offset: request.skipRows, limit: request.rowsMax, batchSize: request.batchRows };
    const table = inWasm(doing, () => readParquet(request.bytes, options));
    try {
      this.types = typesOf(doing, table);
      this.#batches = inWasm(doing, () => table.recordBatches()).reverse();
    } finally {
      release(table);
    }
    take(this);
  }

  /** Each batch's columns, as views of wasm memory that live until the next batch is asked for. */
  *batches(): Generator<DecodedBatch> {
    for (let batch = this.#batches.pop(); batch !== undefined; batch = this.#batches.pop()) {
      try {
        yield* columnsOf(batch);
      } finally {
        release(batch);
      }
      assert(current === this, 'two files are decoded at once in one thread');
    }
  }

  [Symbol.dispose](): void {
    if (current === this) current = null;
    for (const batch of this.#batches.splice(0)) release(batch);
  }
}

function* columnsOf(batch: RecordBatch): Generator<DecodedBatch> {
  const views = inWasm('reading a record batch', () => batch.toFFI());
  try {
    assert(memory !== null, 'the wasm instance is initialised');
    yield { rows: batch.numRows, columns: arrowColumns(memory.buffer, views.arrayAddr()) };
  } finally {
    release(views);
  }
}

/** A broken instance is not asked to free anything: it might panic again. */
function release(held: { free(): void }): void {
  if (!broken) held.free();
}

function take(stretch: DecodedStretch): void {
  current = stretch;
}

function initialise(): void {
  if (memory !== null) return;
  const path = fileURLToPath(import.meta.resolve('parquet-wasm/esm/parquet_wasm_bg.wasm'));
  initSync({ module: readFileSync(path) });
  const exported: unknown = wasmMemory();
  assert(isMemory(exported), 'the module exports its memory');
  memory = exported;
}

function isMemory(exported: unknown): exported is WasmMemory {
  return typeof exported === 'object' && exported !== null && 'buffer' in exported && exported.buffer instanceof ArrayBuffer;
}

function typesOf(doing: string, table: Table): readonly ArrowType[] {
  // `into…` hands the schema back to wasm: there is nothing left to free.
  const { fields } = inWasm(doing, () => tableFromIPC(table.schema.intoIPCStream()).schema);
  return fields.map(arrowTypeOf);
}

/** The type of an Arrow field, which the library declares as any. */
export function arrowTypeOf({ type }: { readonly type: unknown }): ArrowType {
  assert(isArrowType(type), 'a field of an Arrow schema has a type');
  return type;
}

function isArrowType(type: unknown): type is ArrowType {
  return type instanceof ArrowType;
}

/** A panic shows as `RuntimeError`, a stack or memory that ran out as `RangeError`; the library's own refusals are plain errors. */
function inWasm<T>(doing: string, run: () => T): T {
  assert(!broken, 'the wasm instance is broken: its thread is to be replaced');
  try {
    return run();
  } catch (error) {
    if (error instanceof Error && (error.name === 'RuntimeError' || error.name === 'RangeError')) broken = true;
    throw undecodable(doing, error);
  }
}
