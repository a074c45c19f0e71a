/**
 * The reader of a value that is not nested, at any depth: by its Arrow array, or by its own pages where that cannot hold it (INT96).
 */
import { Failure } from '../../src/model/failure.ts';
import { isSet } from './bits.ts';
import { rebasedReader } from './calendar.ts';
import type { ColumnPair, ColumnReader } from './column-pair.ts';
import { fitting, typeFailure } from './column-pair.ts';
import { NOT_MICROS, columnReader } from './column-reader.ts';
import type { FileRowGroup, Footer } from './footer.ts';
import { readInt96 } from './int96.ts';

/** What a leaf is read from, beside its Arrow array. */
export interface LeafSource {
  readonly bytes: Uint8Array;
  readonly footer: Footer;
  readonly rowGroup: FileRowGroup;
}

/** Throws `file.column` if the file's type does not fit the table's; of INT96 the whole column of the row group is decoded here. */
export function leafReader(pair: ColumnPair, source: LeafSource): ColumnReader {
  const read = pair.field.element.type === 'INT96' ? int96Reader(pair, source) : columnReader(pair);
  return rebasedReader(read, pair, source.footer.keys);
}

function int96Reader(pair: ColumnPair, { bytes, footer, rowGroup }: LeafSource): ColumnReader {
  const { shape } = pair.field;
  if (pair.type.kind !== 'timestamp' || shape.kind !== 'leaf') throw typeFailure(pair);
  const chunk = readInt96({ bytes, footer, rowGroup, pair, shape });
  return (array, place) => {
    const { exact, ...data } = chunk.slice(place.firstRow - rowGroup.firstRow, place.rows);
    if (data.values.length !== 2 * array.length)
      throw new Failure(
        'file.undecodable',
        `decoding INT96 column "${pair.path}": its pages do not hold the values that its neighbours speak of`,
      );
    if (exact === null) return data;
    const fits = (i: number): boolean => isSet(exact, i);
    return { ...data, validity: fitting({ pair, place, validity: data.validity, count: array.length, fits, why: NOT_MICROS }) };
  };
}
