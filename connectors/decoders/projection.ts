/**
 * A file with some of its columns: the synchronous reader of parquet-wasm decodes every column of what it is given, so who
 * wants a few of many is given a file that has no others. Their pages are copied as they are; of the footer stays what tells of them, with their new places.
 */
import { must } from '../../src/lib/assert.ts';
import type { FileField, FieldShape } from './file-field.ts';
import type { FileRowGroup, Footer } from './footer.ts';
import { chunkOf, pagesOf } from './pages.ts';
import { fieldsOf, itemsOf, longOf, structListOf, structOf } from './thrift.ts';
import type { ThriftField } from './thrift.ts';
import { decoding } from './undecodable.ts';

/** Above this share of the file's bytes the other columns are decoded too: what is saved is less than what it costs to take them out. */
const SHARE_MAX = 0.5;

/** Ids of fields in parquet.thrift. */
const FILE = { schema: 2, rowGroups: 4, columnOrders: 7 } as const;
const ELEMENT = { children: 5 } as const;
const ROW_GROUP = { columns: 1, bytes: 2, rows: 3 } as const;
const CHUNK = { offset: 2, metadata: 3 } as const;
const COLUMN = { size: 7, keys: 8, data: 9, dictionary: 11 } as const;

/**
 * The file with the top-level fields that are wanted and, so that it has rows, at least one; the file itself where that would spare little. Throws `file.undecodable`
 * where pages of these columns are not sound.
 */
export function projected(bytes: Uint8Array, footer: Footer, isWanted: (field: FileField) => boolean): Uint8Array {
  const { fields } = footer;
  const wanted = fields.filter(isWanted);
  const kept = wanted.length > 0 ? wanted : fields.slice(0, 1);
  const leaves = new Set(kept.flatMap(({ shape }) => leavesOf(shape)));
  if (kept.length === fields.length || shareOf(footer, leaves) > SHARE_MAX) return bytes;
  const parts: Uint8Array[] = [MAGIC];
  let at = MAGIC.length;
  /** Where a chunk begins in the new file. */
  const place = (rowGroup: FileRowGroup, leaf: number): number => {
    const start = at;
    const chunk = pageBytes(bytes, footer, rowGroup, leaf);
    parts.push(chunk);
    at += chunk.length;
    return start;
  };
  const tail = decoding('reading the footer', () => footerOf(bytes, footer, new Set(kept.map(({ index }) => index)), leaves, place));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, tail.length, true);
  return Buffer.concat([...parts, tail, length, MAGIC]);
}

const MAGIC = Uint8Array.from(Buffer.from('PAR1', 'latin1'));

function leavesOf(shape: FieldShape): readonly number[] {
  switch (shape.kind) {
    case 'leaf':
      return [shape.leaf];
    case 'struct':
      return shape.fields.flatMap((field) => leavesOf(field.shape));
    case 'list':
      return leavesOf(shape.element.shape);
    case 'map':
      return [...leavesOf(shape.key.shape), ...leavesOf(shape.value.shape)];
  }
}

function shareOf(footer: Footer, leaves: ReadonlySet<number>): number {
  let all = 0;
  let kept = 0;
  for (const rowGroup of footer.rowGroups) {
    for (const leaf of footer.isFlat.keys()) {
      const size = Number(chunkOf(footer, rowGroup, leaf).total_compressed_size);
      all += size;
      if (leaves.has(leaf)) kept += size;
    }
  }
  return all > 0 ? kept / all : 1;
}

/** All pages of a chunk, from the first header to the last value. */
function pageBytes(bytes: Uint8Array, footer: Footer, rowGroup: FileRowGroup, leaf: number): Uint8Array {
  const start = startOf(footer, rowGroup, leaf);
  let end = start;
  for (const { body } of pagesOf(bytes, footer, rowGroup, leaf)) end = body.byteOffset - bytes.byteOffset + body.length;
  return bytes.subarray(start, end);
}

function startOf(footer: Footer, rowGroup: FileRowGroup, leaf: number): number {
  const chunk = chunkOf(footer, rowGroup, leaf);
  return Math.min(Number(chunk.data_page_offset), Number(chunk.dictionary_page_offset ?? 0) || Infinity);
}

function footerOf(
  bytes: Uint8Array,
  footer: Footer,
  kept: ReadonlySet<number>,
  leaves: ReadonlySet<number>,
  place: (rowGroup: FileRowGroup, leaf: number) => number,
): Uint8Array {
  const file = fieldsOf(bytes.subarray(footer.start, bytes.length - 8));
  const rowGroups = itemsOf(valueOf(file, FILE.rowGroups)).map((item, i) => {
    const rowGroup = must(footer.rowGroups[i], 'a row group');
    const fields = fieldsOf(item);
    const chunks = itemsOf(valueOf(fields, ROW_GROUP.columns)).flatMap((chunk, leaf) =>
      leaves.has(leaf) ? [chunkAt(chunk, startOf(footer, rowGroup, leaf), place(rowGroup, leaf))] : [],
    );
    return structOf(
      fields.flatMap((field) => {
        if (field.id === ROW_GROUP.columns) return [{ ...field, value: structListOf(chunks) }];
        return field.id === ROW_GROUP.bytes || field.id === ROW_GROUP.rows ? [field] : [];
      }),
    );
  });
  const schema = schemaOf(itemsOf(valueOf(file, FILE.schema)), footer, kept);
  return structOf(
    file.flatMap((field) => {
      if (field.id === FILE.schema) return [{ ...field, value: structListOf(schema) }];
      if (field.id === FILE.rowGroups) return [{ ...field, value: structListOf(rowGroups) }];
      return field.id === FILE.columnOrders ? [] : [field];
    }),
  );
}

/** The chunk without statistics, indexes and filters, which speak of other places, moved from `from` to `to`. */
function chunkAt(chunk: Uint8Array, from: number, to: number): Uint8Array {
  const moved = (field: ThriftField, offset: number): ThriftField => ({ ...field, value: longOf(offset - from + to) });
  return structOf(
    fieldsOf(chunk).flatMap((field) => {
      if (field.id === CHUNK.offset) return [{ ...field, value: longOf(to) }];
      if (field.id !== CHUNK.metadata) return [];
      const metadata = fieldsOf(field.value).flatMap((own) => {
        if (own.id === COLUMN.data || own.id === COLUMN.dictionary) {
          const offset = signed(own.value);
          // Some writers say 0 where there is no dictionary.
          return offset === 0 ? [] : [moved(own, offset)];
        }
        return own.id < COLUMN.keys ? [own] : [];
      });
      return [{ ...field, value: structOf(metadata) }];
    }),
  );
}

/** The elements of the root and of the fields that are kept; they stand in the order of a walk, each before what is below it. */
function schemaOf(elements: readonly Uint8Array[], { metadata }: Footer, kept: ReadonlySet<number>): readonly Uint8Array[] {
  const chosen: Uint8Array[] = [];
  let field = -1;
  let below = 0;
  for (const [i, element] of elements.entries()) {
    if (i === 0) continue;
    if (below === 0) field += 1;
    below = Math.max(0, below - 1) + (metadata.schema[i]?.num_children ?? 0);
    if (kept.has(field)) chosen.push(element);
  }
  const root = fieldsOf(must(elements[0], 'the root of a schema'));
  const children = root.map((own) => (own.id === ELEMENT.children ? { ...own, value: longOf(kept.size) } : own));
  return [structOf(children), ...chosen];
}

function valueOf(fields: readonly ThriftField[], id: number): Uint8Array {
  const field = fields.find((one) => one.id === id);
  if (field === undefined) throw new Error(`field ${id} is missing`);
  return field.value;
}

/** A zigzag varint. */
function signed(bytes: Uint8Array): number {
  let value = 0n;
  for (const [i, byte] of bytes.entries()) value |= BigInt(byte & 0x7f) << BigInt(7 * i);
  return Number((value >> 1n) ^ -(value & 1n));
}
