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
  return { name, type: typeof type === 'string' ? { kind: type } : type, nullable: true, comment: null, physical: null };
}

export function decimal(precision: number, scale: number): DataType {
  return { kind: 'decimal', precision, scale };
}
