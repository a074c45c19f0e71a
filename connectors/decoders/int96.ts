/**
 * INT96 timestamps, Spark's default for long: eight bytes of nanoseconds within the day and four of the Julian day, both little-endian. parquet-wasm turns
 * them into 64-bit nanoseconds, which wrap outside 1677–2262, so their pages are read here, with hyparquet's page reader.
 */
import { decompressPage } from 'hyparquet/src/datapage.js';
import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js';

import { must } from '../../src/lib/assert.ts';
import type { ColumnData } from '../../src/model/column-batch.ts';
import { Failure } from '../../src/model/failure.ts';
import { bitsFrom } from './bits.ts';
import type { ColumnPair } from './column-pair.ts';
import { valueFailure } from './column-pair.ts';
import { decompressors } from './decompress.ts';
import type { FileRowGroup, Footer } from './footer.ts';
import type { Page } from './pages.ts';
import { chunkOf, pagesOf } from './pages.ts';
import { decoding } from './undecodable.ts';

/** One INT96 column of a row group, whole. */
export interface Int96Chunk {
  /** Rows `first` to `first + count` of the row group, as microseconds. */
  slice(first: number, count: number): ColumnData;
}

export interface Int96Request {
  readonly bytes: Uint8Array;
  readonly footer: Footer;
  readonly rowGroup: FileRowGroup;
  readonly pair: Pick<ColumnPair, 'field' | 'column'>;
}

/** Decodes the column. Throws `file.column` for what is not a whole number of microseconds in 64 bits, `file.undecodable`. */
export function readInt96(request: Int96Request): Int96Chunk {
  const { bytes, footer, rowGroup, pair } = request;
  const leaf = must(pair.field.leaf, 'the column chunk of an INT96 field');
  const isNullable = pair.field.element.repetition_type === 'OPTIONAL';
  const { codec } = chunkOf(footer, rowGroup, leaf);
  const values = decoding(`making room for ${rowGroup.rows} rows`, () => new Int32Array(rowGroup.rows * 2));
  const validity = isNullable ? new Uint8Array(Math.ceil(rowGroup.rows / 8)) : null;
  let dictionary: DataView = new DataView(new ArrayBuffer(0));
  let row = 0;
  for (const page of pagesOf(bytes, footer, rowGroup, leaf)) {
    const content = decoding(`decoding INT96 column "${pair.column.name}"`, () => contentOf(page, codec, isNullable));
    if (content.kind === 'dictionary') {
      dictionary = content.source;
      continue;
    }
    const source = content.indexes === null ? content.source : dictionary;
    let next = 0;
    for (let i = 0; i < page.values; i++, row++) {
      if (content.levels !== null && content.levels[i] === 0) continue;
      const at = ENTRY_BYTES * (content.indexes === null ? next : (content.indexes[next] ?? 0));
      next++;
      if (at < 0 || at + ENTRY_BYTES > source.byteLength) {
        throw new Failure(
          'file.undecodable',
          `decoding INT96 column "${pair.column.name}": row ${rowGroup.firstRow + row} points beyond the values`,
        );
      }
      if (!putMicros(values, row, source, at))
        throw valueFailure(pair, rowGroup.firstRow + row, 'is not a whole number of microseconds within 64 bits');
      if (validity !== null) validity[row >>> 3] = (validity[row >>> 3] ?? 0) | (1 << (row & 7));
    }
  }
  return {
    slice: (first, count) => ({
      kind: 'int64',
      validity: validity === null ? null : bitsFrom(validity, first, count),
      values: values.subarray(2 * first, 2 * (first + count)),
    }),
  };
}

const ENTRY_BYTES = 12;

type PageContent =
  | { readonly kind: 'dictionary'; readonly source: DataView }
  /** `levels[i]` is 1 where row i has a value (null = everywhere); `indexes` point into the dictionary (null = the values themselves are in `source`). */
  | { readonly kind: 'data'; readonly source: DataView; readonly levels: Uint8Array | null; readonly indexes: Int32Array | null };

type Codec = ReturnType<typeof chunkOf>['codec'];

function contentOf({ header, body, values }: Page, codec: Codec, isNullable: boolean): PageContent {
  switch (header.type) {
    case 'DICTIONARY_PAGE':
      // The decompressor may use its memory again for the next page.
      return { kind: 'dictionary', source: viewOf(decompressPage(body, header.uncompressed_page_size, codec, decompressors).slice()) };
    case 'DATA_PAGE': {
      const page = must(header.data_page_header, 'the header of a data page');
      const reader = { view: viewOf(decompressPage(body, header.uncompressed_page_size, codec, decompressors)), offset: 0 };
      const levels = isNullable ? new Uint8Array(values) : null;
      if (levels !== null && page.definition_level_encoding !== 'RLE')
        throw new Error(`definition levels are encoded as ${page.definition_level_encoding}`);
      if (levels !== null) readRleBitPackedHybrid(reader, 1, levels);
      return dataOf(reader.view, reader.offset, page.encoding, levels, values);
    }
    case 'DATA_PAGE_V2': {
      const page = must(header.data_page_header_v2, 'the header of a data page');
      const levelBytes = page.definition_levels_byte_length;
      const levels = isNullable ? new Uint8Array(values) : null;
      if (levels !== null) readRleBitPackedHybrid({ view: viewOf(body.subarray(0, levelBytes)), offset: 0 }, 1, levels, levelBytes);
      const packed = body.subarray(levelBytes);
      const isCompressed = page.is_compressed !== false;
      const plain = isCompressed ? decompressPage(packed, header.uncompressed_page_size - levelBytes, codec, decompressors) : packed;
      return dataOf(viewOf(plain), 0, page.encoding, levels, values);
    }
    default:
      throw new Error(`a page of type ${header.type}`);
  }
}

function dataOf(view: DataView, start: number, encoding: string, levels: Uint8Array | null, values: number): PageContent {
  const source = new DataView(view.buffer, view.byteOffset + start, view.byteLength - start);
  if (encoding === 'PLAIN') return { kind: 'data', source, levels, indexes: null };
  if (encoding !== 'PLAIN_DICTIONARY' && encoding !== 'RLE_DICTIONARY') throw new Error(`values are encoded as ${encoding}`);
  const count = levels === null ? values : levels.reduce((sum, level) => sum + level, 0);
  const indexes = new Int32Array(count);
  const width = count === 0 ? 0 : source.getUint8(0);
  if (width > 32) throw new Error(`dictionary indexes are ${width} bits wide`);
  // Of no bits at all when the dictionary has one entry.
  if (width > 0) readRleBitPackedHybrid({ view: source, offset: 1 }, width, indexes, source.byteLength - 1);
  return { kind: 'data', source, levels, indexes };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const JULIAN_DAY_OF_EPOCH = 2_440_588;
const SECONDS_PER_DAY = 86_400;
const TWO_32 = 2 ** 32;

/**
 * Writes the microseconds of the entry at `at` as the two halves of row `row`; false if they are not whole or exceed 64 bits. All sums stay below 2⁵³:
 * a big integer for each value would cost ten times as much.
 */
function putMicros(values: Int32Array, row: number, source: DataView, at: number): boolean {
  const nanos = source.getInt32(at + 4, true) * TWO_32 + source.getUint32(at, true);
  if (!Number.isSafeInteger(nanos) || nanos % 1000 !== 0) return false;
  const micros = nanos / 1000;
  const days = source.getInt32(at + 8, true) - JULIAN_DAY_OF_EPOCH;
  if (Math.abs(days) > DAYS_MAX) return false;
  const seconds = days * SECONDS_PER_DAY;
  // seconds · 10⁶ + micros = high · 2¹⁶ + low, with high = ⌊seconds / 2¹⁶⌋ · 10⁶.
  const upper = Math.floor(seconds / 0x10000);
  const high = upper * 1_000_000;
  const low = (seconds - upper * 0x10000) * 1_000_000 + micros;
  const highUpper = Math.floor(high / 0x10000);
  const rest = (high - highUpper * 0x10000) * 0x10000 + low;
  const carry = Math.floor(rest / TWO_32);
  values[2 * row] = rest - carry * TWO_32;
  values[2 * row + 1] = highUpper + carry;
  return true;
}

/** 64 bits of microseconds reach 106,751,991 days either way; the nanoseconds may add up to 105 more, since nothing keeps them within a day. */
const DAYS_MAX = 106_751_800;
