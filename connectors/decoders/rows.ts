/**
 * Whole rows as plain objects, for Delta checkpoints and tests: hyparquet's objects, made exact. Longs and timestamps (microseconds) are bigint, dates are
 * days, decimals strings in plain notation, binary is Uint8Array, a map is an object of its keys, and what is missing is null.
 */
import { parquetReadObjects, parquetSchema } from 'hyparquet';
import type { FileMetaData, SchemaTree } from 'hyparquet';

import { decompressors } from './decompress.ts';
import type { Footer } from './footer.ts';
import { readFooter } from './footer.ts';
import { checkPages } from './pages.ts';
import { undecodable } from './undecodable.ts';

export type Row = Readonly<Record<string, unknown>>;

/** All rows, with the top-level columns named (null = all of them; one that the file lacks is null). Throws `file.undecodable`. */
export async function readRows(bytes: Uint8Array, columns: readonly string[] | null): Promise<readonly Row[]> {
  const footer = readFooter(bytes);
  for (const rowGroup of footer.rowGroups) checkPages(bytes, footer, rowGroup);
  const wanted = columns ?? footer.fields.map((field) => field.name);
  const objects = await objectsOf(bytes, footer, wanted);
  const trees = new Map(parquetSchema(footer.metadata).children.map((tree) => [tree.element.name, tree]));
  return objects.map((object) => {
    const row = new Map<string, unknown>(Object.entries(object));
    return Object.fromEntries(
      wanted.map((name) => {
        const tree = trees.get(name);
        return [name, tree === undefined ? null : exact(row.get(name), tree)];
      }),
    );
  });
}

async function objectsOf(bytes: Uint8Array, footer: Footer, wanted: readonly string[]): Promise<readonly object[]> {
  const present = wanted.filter((name) => footer.fields.some((field) => field.name === name));
  const file = {
    byteLength: bytes.length,
    slice: (start: number, end?: number): ArrayBuffer => new Uint8Array(bytes.subarray(start, end)).buffer,
  };
  try {
    return await parquetReadObjects({
      file,
      metadata: withoutDecimals(footer.metadata),
      columns: present,
      compressors: decompressors,
      parsers: PARSERS,
      utf8: false,
      geoparquet: false,
    });
  } catch (error) {
    throw undecodable('reading rows', error);
  }
}

/** In place of hyparquet's own, which make a `Date` of every time and so lose microseconds. */
const PARSERS = {
  timestampFromMilliseconds: (millis: bigint): bigint => millis * 1000n,
  timestampFromMicroseconds: (micros: bigint): bigint => micros,
  timestampFromNanoseconds: (nanos: bigint): bigint => nanos / 1000n,
  dateFromDays: (days: number): number => days,
  jsonFromBytes: (bytes: Uint8Array): string => new TextDecoder().decode(bytes),
  uuidFromBytes: (bytes: Uint8Array): Uint8Array => bytes,
};

/** hyparquet makes a float of every decimal that it knows for one: without the annotation it gives the unscaled value. */
function withoutDecimals(metadata: FileMetaData): FileMetaData {
  const schema = metadata.schema.map((element) => {
    if (element.converted_type !== 'DECIMAL') return element;
    const { converted_type: _, ...rest } = element;
    return rest;
  });
  return { ...metadata, schema };
}

/** The value with null for what is missing and decimals as text, by the shape in which hyparquet assembles lists, maps and structs. */
function exact(value: unknown, tree: SchemaTree): unknown {
  if (value === undefined || value === null) return null;
  const { element, children } = tree;
  if (children.length === 0) {
    if (Array.isArray(value)) return value.map((item) => exact(item, tree));
    return element.converted_type === 'DECIMAL' || element.logical_type?.type === 'DECIMAL'
      ? decimalText(value, element.scale ?? 0)
      : value;
  }
  if (Array.isArray(value)) {
    const item = element.converted_type === 'LIST' ? listElement(tree) : tree;
    return value.map((one) => exact(one, item));
  }
  if (typeof value !== 'object') return value;
  const [only] = children;
  const entry = element.converted_type === 'MAP' ? only?.children[1] : undefined;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const child = entry ?? children.find((candidate) => candidate.element.name === key);
      return [key, child === undefined ? inner : exact(inner, child)];
    }),
  );
}

/** Below a list stands a repeated group, and in it the element; older writers leave the group out. */
function listElement(tree: SchemaTree): SchemaTree {
  const [repeated] = tree.children;
  const [element] = repeated?.children ?? [];
  return (repeated?.children.length === 1 ? element : repeated) ?? tree;
}

function decimalText(value: unknown, scale: number): unknown {
  const unscaled =
    typeof value === 'number' || typeof value === 'bigint' ? BigInt(value) : value instanceof Uint8Array ? bigEndian(value) : null;
  if (unscaled === null) return value;
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  const text = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return unscaled < 0n ? `-${text}` : text;
}

function bigEndian(bytes: Uint8Array): bigint {
  const unsigned = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return BigInt.asIntN(bytes.length * 8, unsigned);
}
