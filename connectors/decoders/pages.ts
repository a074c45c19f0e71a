/**
 * A column chunk's pages by their headers, nothing decompressed. A wrong count or length in a header is what makes a decoder run wild, so every header of a row
 * group is looked at before the row group is decoded.
 */
import type { ColumnMetaData } from 'hyparquet/src/types.js';
import { parquetHeader } from 'hyparquet/src/column.js';

import { Failure } from '../../src/model/failure.ts';
import type { FileRowGroup, Footer } from './footer.ts';
import { decoding } from './undecodable.ts';

export interface Page {
  readonly header: ReturnType<typeof parquetHeader>;
  /** As it lies in the file. */
  readonly body: Uint8Array;
  /** Values, nulls too: rows of a flat column; 0 for a dictionary. */
  readonly values: number;
}

/** What the chunk of leaf column `leaf` says of itself. Throws `file.undecodable` where it lies in another file or is encrypted. */
export function chunkOf(footer: Footer, rowGroup: FileRowGroup, leaf: number): ColumnMetaData {
  const chunk = footer.metadata.row_groups[rowGroup.index]?.columns[leaf];
  if (chunk?.meta_data === undefined) throw unsound(rowGroup, leaf, 'is not described by the footer; it may be encrypted');
  if (chunk.file_path !== undefined) throw unsound(rowGroup, leaf, 'lies in another file');
  return chunk.meta_data;
}

/**
 * Reads the headers of all pages of the row group, and tells how many bytes its values take once they are decoded, about. Throws `file.undecodable` if the
 * headers do not fit the footer or the file.
 */
export function checkPages(bytes: Uint8Array, footer: Footer, rowGroup: FileRowGroup): number {
  let decoded = 0;
  for (const [leaf, isFlat] of footer.isFlat.entries()) {
    const chunk = chunkOf(footer, rowGroup, leaf);
    const claimed = Number(chunk.num_values);
    // A row of a list has a value too when it is empty or null.
    if (isFlat ? claimed !== rowGroup.rows : claimed < rowGroup.rows) {
      throw unsound(rowGroup, leaf, `claims ${chunk.num_values} values for ${rowGroup.rows} rows`);
    }
    const width = WIDTHS.get(chunk.type) ?? 0;
    let dictionaryWidth = 0;
    for (const { header, values } of pagesOf(bytes, footer, rowGroup, leaf)) {
      const { dictionary_page_header: dictionary, uncompressed_page_size: size } = header;
      if (dictionary !== undefined) dictionaryWidth = dictionary.num_values > 0 ? size / dictionary.num_values : 0;
      else decoded += Math.max(values * width, isByDictionary(header) ? values * dictionaryWidth : size);
    }
  }
  return decoded;
}

/** What a value takes in Arrow at least, its offset where it has a length of its own; decimals take 16 bytes. */
const WIDTHS: ReadonlyMap<string, number> = new Map([
  ['BOOLEAN', 1 / 8],
  ['INT32', 4],
  ['INT64', 8],
  ['INT96', 8],
  ['FLOAT', 4],
  ['DOUBLE', 8],
  ['BYTE_ARRAY', 4],
  ['FIXED_LEN_BYTE_ARRAY', 16],
]);

function isByDictionary({ data_page_header: v1, data_page_header_v2: v2 }: Page['header']): boolean {
  const encoding = (v1 ?? v2)?.encoding;
  return encoding === 'PLAIN_DICTIONARY' || encoding === 'RLE_DICTIONARY';
}

/** The chunk's pages in order, dictionary first. Throws `file.undecodable` where a header cannot be right. */
export function* pagesOf(bytes: Uint8Array, footer: Footer, rowGroup: FileRowGroup, leaf: number): Generator<Page> {
  const chunk = chunkOf(footer, rowGroup, leaf);
  const total = Number(chunk.num_values);
  const uncompressedMax = Number(chunk.total_uncompressed_size);
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, footer.start), offset: chunkStart(chunk) };
  for (let seen = 0; seen < total;) {
    const header = decoding(`reading a page header of column ${leaf} in row group ${rowGroup.index}`, () => parquetHeader(reader));
    const isPlausible =
      isWithin(header.compressed_page_size, footer.start - reader.offset) && isWithin(header.uncompressed_page_size, uncompressedMax);
    if (!isPlausible) throw unsound(rowGroup, leaf, 'has a page whose length cannot be right');
    const values = (header.data_page_header ?? header.data_page_header_v2)?.num_values ?? 0;
    if (!isWithin(values, total - seen)) throw unsound(rowGroup, leaf, 'has a page with more values than the chunk');
    const end = reader.offset + header.compressed_page_size;
    yield { header, body: bytes.subarray(reader.offset, end), values };
    seen += values;
    reader.offset = end;
  }
}

/** A corrupt header may hold any other type where a number should stand. */
function isWithin(value: unknown, max: number): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= max;
}

function chunkStart(chunk: ColumnMetaData): number {
  const data = Number(chunk.data_page_offset);
  const dictionary = Number(chunk.dictionary_page_offset ?? 0);
  return dictionary > 0 && dictionary < data ? dictionary : data;
}

function unsound(rowGroup: FileRowGroup, leaf: number, why: string): Failure {
  return new Failure('file.undecodable', `reading pages: column ${leaf} of row group ${rowGroup.index} ${why}`);
}
