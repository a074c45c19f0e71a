/**
 * The small files of test/fixtures/parquet, and tiny makers for what is asked of a decoder.
 */
import { readFileSync } from 'node:fs';
import type { Column, DataType, PrimitiveName } from '../../src/model/table-schema.ts';

/** The bytes of `test/fixtures/parquet/<name>.parquet`. */
export function parquetFile(name: string): Uint8Array {
  return readFileSync(new URL(`../fixtures/parquet/${name}.parquet`, import.meta.url));
}

export function column(name: string, type: PrimitiveName | DataType): Column {
  return { name, type: typed(type), nullable: true, comment: null, physical: null };
}

export function decimal(precision: number, scale: number): DataType {
  return { kind: 'decimal', precision, scale };
}

export function struct(fields: Readonly<Record<string, PrimitiveName | DataType>>): DataType {
  return { kind: 'struct', fields: Object.entries(fields).map(([name, type]) => column(name, type)) };
}

export function list(element: PrimitiveName | DataType): DataType {
  return { kind: 'array', element: typed(element), containsNull: true };
}

export function map(key: PrimitiveName | DataType, value: PrimitiveName | DataType): DataType {
  return { kind: 'map', key: typed(key), value: typed(value), valueContainsNull: true };
}

function typed(type: PrimitiveName | DataType): DataType {
  return typeof type === 'string' ? { kind: type } : type;
}
