/**
 * A Parquet file's footer: what the file says of itself before any value is read (Parquet format: README.md "File format", src/main/thrift/parquet.thrift).
 */
import { parquetMetadata, parquetSchema } from 'hyparquet';
import type { FileMetaData, SchemaTree } from 'hyparquet';

import { Failure } from '../../src/model/failure.ts';
import type { FileField } from './file-field.ts';
import { fieldsOfSchema } from './file-field.ts';
import { decoding } from './undecodable.ts';

export interface FileRowGroup {
  readonly index: number;
  /** Row number in the file of its first row. */
  readonly firstRow: number;
  readonly rows: number;
}

export interface Footer {
  readonly metadata: FileMetaData;
  /** The top-level ones. */
  readonly fields: readonly FileField[];
  /** For each column chunk of a row group, whether it has just one value a row. */
  readonly isFlat: readonly boolean[];
  readonly rowGroups: readonly FileRowGroup[];
  /** The key-value pairs that writers leave; a pair without a value has ''. */
  readonly keys: ReadonlyMap<string, string>;
  /** Where the footer begins in the file. */
  readonly start: number;
}

const MAGIC = 'PAR1';
const MAGIC_ENCRYPTED = 'PARE';
/** Magic at both ends and the footer's length. */
const SMALLEST_BYTES = 12;

/** Reads and checks the footer. Throws `file.undecodable`. */
export function readFooter(bytes: Uint8Array): Footer {
  const start = footerStart(bytes);
  return decoding('reading the footer', () => {
    const metadata = parquetMetadata(bytes.subarray(start), { parsers: RAW_STATISTICS, geoparquet: false });
    const rowGroups = rowGroupsOf(metadata);
    return { metadata, ...schemaOf(metadata), rowGroups, keys: keysOf(metadata), start };
  });
}

const ARROW_SCHEMA_KEY = 'ARROW:schema';

/**
 * The file without the Arrow schema that its writer may have left: it asks a reader for other types than those of the values (dictionaries, views, 64-bit
 * offsets), and nothing of it is needed. Where there is one, this is a copy in which its key has another name.
 */
export function withoutArrowSchema(bytes: Uint8Array, footer: Footer): Uint8Array {
  if (!footer.keys.has(ARROW_SCHEMA_KEY)) return bytes;
  const copy = Buffer.from(bytes);
  for (let at = copy.indexOf(ARROW_SCHEMA_KEY, footer.start); at !== -1; at = copy.indexOf(ARROW_SCHEMA_KEY, at + 1))
    copy.write('-', at + 'ARROW'.length);
  return copy;
}

/** Statistics are not used, and must not fail on what a writer cut off. */
const RAW_STATISTICS = {
  stringFromBytes: () => '',
  jsonFromBytes: () => null,
  geometryFromBytes: () => null,
  geographyFromBytes: () => null,
  uuidFromBytes: () => '',
};

function footerStart(bytes: Uint8Array): number {
  if (bytes.length < SMALLEST_BYTES) throw unsound(`it has ${bytes.length} bytes, fewer than the smallest Parquet file`);
  const tail = text(bytes.subarray(bytes.length - MAGIC.length));
  if (tail === MAGIC_ENCRYPTED) throw unsound('its footer is encrypted');
  if (tail !== MAGIC) throw unsound('it does not end as a Parquet file does: it may be cut');
  if (text(bytes.subarray(0, MAGIC.length)) !== MAGIC) throw unsound('it does not begin as a Parquet file does');
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(bytes.length - 8, true);
  const start = bytes.length - 8 - length;
  if (start < MAGIC.length) throw unsound(`its footer of ${length} bytes does not fit into its ${bytes.length} bytes`);
  return start;
}

function unsound(why: string): Failure {
  return new Failure('file.undecodable', `reading the footer: the file is not sound Parquet: ${why}`);
}

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function rowGroupsOf(metadata: FileMetaData): readonly FileRowGroup[] {
  let firstRow = 0;
  const rowGroups: FileRowGroup[] = [];
  for (const [index, group] of metadata.row_groups.entries()) {
    const rows = Number(group.num_rows);
    if (!Number.isSafeInteger(rows) || rows < 0 || rows > 0x7fffffff) throw unsound(`row group ${index} claims ${rows} rows`);
    rowGroups.push({ index, firstRow, rows });
    firstRow += rows;
  }
  if (Number(metadata.num_rows) !== firstRow) throw unsound(`it claims ${metadata.num_rows} rows, its row groups ${firstRow}`);
  return rowGroups;
}

function schemaOf(metadata: FileMetaData): Pick<Footer, 'fields' | 'isFlat'> {
  const root = parquetSchema(metadata);
  checkNames(root);
  const isFlat = root.children.flatMap((child) => flatLeaves(child, true));
  for (const group of metadata.row_groups) {
    if (group.columns.length !== isFlat.length)
      throw unsound(`a row group has ${group.columns.length} column chunks, the schema ${isFlat.length} columns`);
  }
  return { fields: fieldsOfSchema(root), isFlat };
}

function checkNames({ children }: SchemaTree): void {
  for (const [index, child] of children.entries()) {
    if (typeof child.element.name !== 'string') throw unsound(`its column ${index} has no name`);
    checkNames(child);
  }
}

function flatLeaves({ element, children }: SchemaTree, isFlatAround: boolean): readonly boolean[] {
  const isFlat = isFlatAround && element.repetition_type !== 'REPEATED';
  return children.length === 0 ? [isFlat] : children.flatMap((child) => flatLeaves(child, isFlat));
}

function keysOf(metadata: FileMetaData): ReadonlyMap<string, string> {
  return new Map((metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? '']));
}
