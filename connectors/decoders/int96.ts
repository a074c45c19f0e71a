/**
 * INT96 timestamps, Spark's default for long: eight bytes of nanoseconds within the day and four of the Julian day, both little-endian. parquet-wasm turns
 * them into 64-bit nanoseconds, which wrap outside 1677–2262, so their pages are read here, with hyparquet's page reader. Where they stand in lists and maps,
 * the lists and maps themselves are parquet-wasm's: its array of the leaf has an element wherever the levels tell of one
 * (https://research.google/pubs/dremel-interactive-analysis-of-web-scale-datasets-2/).
 */
import { decompressPage } from 'hyparquet/src/datapage.js';
import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js';

import { must } from '../../src/lib/assert.ts';
import type { ColumnData } from '../../src/model/column-batch.ts';
import { Failure } from '../../src/model/failure.ts';
import { bitsFrom, clear, ownBits } from './bits.ts';
import type { ColumnPair } from './column-pair.ts';
import { decompressors } from './decompress.ts';
import type { LeafShape, Levels } from './file-field.ts';
import type { FileRowGroup, Footer } from './footer.ts';
import type { Page } from './pages.ts';
import { chunkOf, pagesOf } from './pages.ts';
import { decoding } from './undecodable.ts';

/** One INT96 column of a row group, whole. */
export interface Int96Chunk {
  /** The values that stand in `rows` rows from row `first` of the row group on, as microseconds: one a row, or the elements of lists or maps in them. */
  slice(first: number, rows: number): Int96Values;
}

interface Int96Values extends Int64Values {
  /** Of values that are not a whole number of microseconds in 64 bits, and so are undefined, the bits are not set; null = there are none. */
  readonly exact: Uint8Array | null;
}

type Int64Values = Extract<ColumnData, { readonly kind: 'int64' }>;

export interface Int96Request {
  readonly bytes: Uint8Array;
  readonly footer: Footer;
  readonly rowGroup: FileRowGroup;
  readonly pair: Omit<ColumnPair, 'fileType'>;
  readonly shape: LeafShape;
}

/** Decodes the column. Throws `file.undecodable`. */
export function readInt96(request: Int96Request): Int96Chunk {
  const { bytes, footer, rowGroup, pair } = request;
  const { leaf, levels } = request.shape;
  const doing = `decoding INT96 column "${pair.path}"`;
  const { codec, num_values: entries } = chunkOf(footer, rowGroup, leaf);
  // An empty or missing list has an entry too, but no element: there may be fewer of these than entries.
  const { values, validity, starts } = decoding(`making room for ${entries} values`, () => ({
    values: new Int32Array(Number(entries) * 2),
    validity: levels.definitionMax > 0 ? new Uint8Array(Math.ceil(Number(entries) / 8)) : null,
    /** For each row its first element, and the end; null where each row has just one. */
    starts: levels.repetitionMax > 0 ? new Int32Array(rowGroup.rows + 1) : null,
  }));
  let exact: Uint8Array | null = null;
  let dictionary: DataView = new DataView(new ArrayBuffer(0));
  let row = 0;
  let element = 0;
  for (const page of pagesOf(bytes, footer, rowGroup, leaf)) {
    const content = decoding(doing, () => contentOf(page, codec, levels));
    if (content.kind === 'dictionary') {
      dictionary = content.source;
      continue;
    }
    const { definitions, repetitions } = content;
    const source = content.indexes === null ? content.source : dictionary;
    let next = 0;
    for (let i = 0; i < page.values; i++) {
      if (repetitions === null || repetitions[i] === 0) {
        if (starts !== null && row < rowGroup.rows) starts[row] = element;
        row++;
      }
      const definition = definitions?.[i] ?? 0;
      if (definition < levels.definitionOfElement) continue;
      const place = element++;
      if (definition < levels.definitionMax) continue;
      const at = ENTRY_BYTES * (content.indexes === null ? next : (content.indexes[next] ?? 0));
      next++;
      if (at < 0 || at + ENTRY_BYTES > source.byteLength)
        throw new Failure('file.undecodable', `${doing}: row ${rowGroup.firstRow + row - 1} points beyond the values`);
      if (!putMicros(values, place, source, at)) {
        exact ??= ownBits(null, Number(entries));
        clear(exact, place);
      }
      if (validity !== null) validity[place >>> 3] = (validity[place >>> 3] ?? 0) | (1 << (place & 7));
    }
  }
  if (row !== rowGroup.rows) throw new Failure('file.undecodable', `${doing}: it has ${row} rows, the row group ${rowGroup.rows}`);
  if (starts !== null) starts[row] = element;
  return {
    slice: (first, rows) => {
      const from = starts === null ? first : must(starts[first], `the elements of row ${first}`);
      const to = starts === null ? first + rows : must(starts[first + rows], `the elements up to row ${first + rows}`);
      return {
        kind: 'int64',
        validity: validity === null ? null : bitsFrom(validity, from, to - from),
        values: values.subarray(2 * from, 2 * to),
        exact: exact === null ? null : bitsFrom(exact, from, to - from),
      };
    },
  };
}

const ENTRY_BYTES = 12;

type PageContent = { readonly kind: 'dictionary'; readonly source: DataView } | DataContent;

interface DataContent {
  readonly kind: 'data';
  /** The values themselves, or what points into the dictionary. */
  readonly source: DataView;
  /** Of each entry; null = all of them 0. */
  readonly repetitions: Uint8Array | null;
  readonly definitions: Uint8Array | null;
  /** Into the dictionary; null = the values themselves are in `source`. */
  readonly indexes: Int32Array | null;
}

type Codec = ReturnType<typeof chunkOf>['codec'];

function contentOf({ header, body, values }: Page, codec: Codec, levels: Levels): PageContent {
  switch (header.type) {
    case 'DICTIONARY_PAGE':
      // The decompressor may use its memory again for the next page.
      return { kind: 'dictionary', source: viewOf(decompressPage(body, header.uncompressed_page_size, codec, decompressors).slice()) };
    case 'DATA_PAGE': {
      const page = must(header.data_page_header, 'the header of a data page');
      const reader = { view: viewOf(decompressPage(body, header.uncompressed_page_size, codec, decompressors)), offset: 0 };
      const repetitions = levelsOf(levels.repetitionMax, page.repetition_level_encoding, reader, values);
      const definitions = levelsOf(levels.definitionMax, page.definition_level_encoding, reader, values);
      return dataOf(reader, page.encoding, values, { repetitions, definitions }, levels);
    }
    case 'DATA_PAGE_V2': {
      const page = must(header.data_page_header_v2, 'the header of a data page');
      const repetitionBytes = page.repetition_levels_byte_length;
      const levelBytes = repetitionBytes + page.definition_levels_byte_length;
      const view = viewOf(body.subarray(0, levelBytes));
      const repetitions = levelsOf(levels.repetitionMax, 'RLE', { view, offset: 0 }, values, repetitionBytes);
      const definitions = levelsOf(levels.definitionMax, 'RLE', { view, offset: repetitionBytes }, values, levelBytes - repetitionBytes);
      const packed = body.subarray(levelBytes);
      const isCompressed = page.is_compressed !== false;
      const plain = isCompressed ? decompressPage(packed, header.uncompressed_page_size - levelBytes, codec, decompressors) : packed;
      return dataOf({ view: viewOf(plain), offset: 0 }, page.encoding, values, { repetitions, definitions }, levels);
    }
    default:
      throw new Error(`a page of type ${header.type}`);
  }
}

interface Reader {
  readonly view: DataView;
  offset: number;
}

/** The page's levels of one sort, of `bytes` bytes (left out: as they say themselves); null where the schema leaves only the level 0. */
function levelsOf(max: number, encoding: string, reader: Reader, values: number, bytes?: number): Uint8Array | null {
  if (max === 0) return null;
  if (max > LEVEL_MAX) throw new Error(`levels up to ${max}`);
  if (encoding !== 'RLE') throw new Error(`levels are encoded as ${encoding}`);
  const levels = new Uint8Array(values);
  readRleBitPackedHybrid(reader, 32 - Math.clz32(max), levels, bytes);
  return levels;
}

const LEVEL_MAX = 0xff;

function dataOf(
  { view, offset }: Reader,
  encoding: string,
  values: number,
  content: Pick<DataContent, 'repetitions' | 'definitions'>,
  { definitionMax }: Levels,
): PageContent {
  const source = new DataView(view.buffer, view.byteOffset + offset, view.byteLength - offset);
  if (encoding === 'PLAIN') return { kind: 'data', source, ...content, indexes: null };
  if (encoding !== 'PLAIN_DICTIONARY' && encoding !== 'RLE_DICTIONARY') throw new Error(`values are encoded as ${encoding}`);
  const { definitions } = content;
  const count = definitions === null ? values : definitions.reduce((sum, level) => sum + (level === definitionMax ? 1 : 0), 0);
  const indexes = new Int32Array(count);
  const width = count === 0 ? 0 : source.getUint8(0);
  if (width > 32) throw new Error(`dictionary indexes are ${width} bits wide`);
  // Of no bits at all when the dictionary has one entry.
  if (width > 0) readRleBitPackedHybrid({ view: source, offset: 1 }, width, indexes, source.byteLength - 1);
  return { kind: 'data', source, ...content, indexes };
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
