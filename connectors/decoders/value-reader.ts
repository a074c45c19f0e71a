/**
 * The reader of a value of any type: structs, lists and maps by the readers of what is in them. The fields of a struct are found in the file's as columns are
 * in the file; one that it lacks is null throughout, and what the table does not name is left out.
 */
import { DataType as ArrowType } from 'apache-arrow';

import { must } from '../../src/lib/assert.ts';
import type { ColumnData } from '../../src/model/column-batch.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Column, ColumnMapping, DataType } from '../../src/model/table-schema.ts';
import type { ArrowArray } from './arrow-memory.ts';
import { offsetsOf, sliceOf, validityOf } from './arrow-memory.ts';
import { clear, isSet, ownBits } from './bits.ts';
import type { ColumnPair, ColumnReader, Misfit, Place } from './column-pair.ts';
import { typeFailure } from './column-pair.ts';
import type { FileField } from './file-field.ts';
import { findField } from './find-field.ts';
import type { LeafSource } from './leaf-reader.ts';
import { leafReader } from './leaf-reader.ts';
import { arrowTypeOf } from './parquet-wasm.ts';

export interface ValueSource extends LeafSource {
  readonly mapping: ColumnMapping;
}

/** Throws `file.column` if the file's type does not fit the table's, at any depth. */
export function valueReader(pair: ColumnPair, source: ValueSource): ColumnReader {
  const { type } = pair;
  // A column without type holds nothing but nulls, in the table or in the file.
  if (type.kind === 'void' || ArrowType.isNull(pair.fileType)) return () => ({ kind: 'null' });
  switch (type.kind) {
    case 'struct':
      return structReader(pair, type.fields, source);
    case 'array':
      return listReader(pair, type.element, source);
    case 'map':
      return mapReader(pair, type, source);
    case 'variant':
      return variantReader(pair, source);
    default:
      return leafReader(pair, source);
  }
}

function structReader(pair: ColumnPair, columns: readonly Column[], source: ValueSource): ColumnReader {
  const { shape } = pair.field;
  if (shape.kind !== 'struct') throw typeFailure(pair);
  const readers = columns.map((column) => {
    const path = `${pair.path}.${column.name}`;
    const field = findField(shape.fields, column, source.mapping, path);
    return field === null ? null : fieldReader(pair, field, { path, type: column.type }, source);
  });
  return (array, place) => {
    const validity = validityOf(array);
    const within: Place = {
      ...place,
      misfit: (i, misfit) => {
        if (isSet(validity, i)) place.misfit(i, misfit);
      },
    };
    return {
      kind: 'struct',
      validity,
      fields: readers.map((read): ColumnData => (read === null ? { kind: 'null' } : read(array, within))),
    };
  };
}

/**
 * Both parts of a variant are bytes that no reader looks into (Delta PROTOCOL.md §Variant Data Type). A shredded one keeps part of its values in columns of
 * their own.
 */
function variantReader(pair: ColumnPair, source: ValueSource): ColumnReader {
  const { shape } = pair.field;
  if (shape.kind !== 'struct') throw typeFailure(pair);
  if (shape.fields.some(({ name }) => name === 'typed_value'))
    throw new Failure('file.column', `column "${pair.path}" is a shredded variant in the file, which cannot be read`);
  const parts = ['metadata', 'value'].map((name) => {
    const field = shape.fields.find((one) => one.name === name);
    if (field === undefined) throw typeFailure(pair);
    return fieldReader(pair, field, { path: `${pair.path}.${name}`, type: { kind: 'binary' } }, source);
  });
  return (array, place) => ({ kind: 'struct', validity: validityOf(array), fields: parts.map((read) => read(array, place)) });
}

/** Reads a field of the struct that the array holds. */
function fieldReader(struct: ColumnPair, field: FileField, wanted: Pick<ColumnPair, 'path' | 'type'>, source: ValueSource): ColumnReader {
  const fileType = childType(struct, field.index, field.name);
  const read = valueReader({ ...wanted, field, fileType }, source);
  return (array, place) => read(sliceOf(child(array, field.index), array.offset, array.length), place);
}

function listReader(pair: ColumnPair, elementType: DataType, source: ValueSource): ColumnReader {
  const { shape } = pair.field;
  if (shape.kind !== 'list') throw typeFailure(pair);
  if (!ArrowType.isList(pair.fileType)) throw unlike(pair);
  const element = { path: `${pair.path}.element`, type: elementType, field: shape.element, fileType: childType(pair, 0, null) };
  const read = valueReader(element, source);
  return (array, place) => {
    const { offsets, first, count } = offsetsOf(array);
    const validity = validityOf(array);
    const within: Place = {
      ...place,
      misfit: (i, misfit) => {
        const owner = ownerOf(offsets, i);
        if (isSet(validity, owner)) place.misfit(owner, misfit);
      },
    };
    return { kind: 'list', validity, offsets, element: read(sliceOf(child(array, 0), first, count), within) };
  };
}

function mapReader(pair: ColumnPair, type: Extract<DataType, { kind: 'map' }>, source: ValueSource): ColumnReader {
  const { shape } = pair.field;
  if (shape.kind !== 'map') throw typeFailure(pair);
  if (!ArrowType.isMap(pair.fileType)) throw unlike(pair);
  const entries = { ...pair, fileType: childType(pair, 0, null) };
  const key = { path: `${pair.path}.key`, type: type.key, field: shape.key, fileType: childType(entries, 0, null) };
  const value = { path: `${pair.path}.value`, type: type.value, field: shape.value, fileType: childType(entries, 1, null) };
  const readKey = valueReader(key, source);
  const readValue = valueReader(value, source);
  return (array, place) => {
    const { offsets, first, count } = offsetsOf(array);
    const both = sliceOf(child(array, 0), first, count);
    const given = validityOf(array);
    let validity = given;
    const tell = (owner: number, misfit: Misfit): void => {
      if (isSet(given, owner)) place.misfit(owner, misfit);
    };
    // A map without one of its keys would be another map: it is null as a whole.
    const withoutMap: Place['misfit'] = (i, misfit) => {
      const owner = ownerOf(offsets, i);
      tell(owner, misfit);
      if (validity === given) validity = ownBits(given, array.length);
      if (validity !== null) clear(validity, owner);
    };
    const keys = sliceOf(child(both, 0), both.offset, count);
    checkKeys(pair, keys, withoutMap);
    const key = readKey(keys, { ...place, misfit: withoutMap });
    const ofValues: Place = { ...place, misfit: (i, misfit) => tell(ownerOf(offsets, i), misfit) };
    const value = readValue(sliceOf(child(both, 1), both.offset, count), ofValues);
    return { kind: 'map', validity, offsets, key, value };
  };
}

function checkKeys({ path }: ColumnPair, keys: ArrowArray, misfit: Place['misfit']): void {
  const validity = validityOf(keys);
  if (validity === null) return;
  for (let i = 0; i < keys.length; i++)
    if (!isSet(validity, i)) misfit(i, (row) => `column "${path}" is a map with a null key in the file, in row ${row}`);
}

/** The list that element `i` is in: the last one that begins at or before it. */
function ownerOf(offsets: Int32Array, i: number): number {
  let low = 0;
  let high = offsets.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] ?? 0) <= i) low = middle;
    else high = middle;
  }
  return low;
}

function child(array: ArrowArray, index: number): ArrowArray {
  return must(array.children[index], `child ${index} of an array`);
}

/** The Arrow type of a child, which is to have that name (null = any). */
function childType(pair: ColumnPair, index: number, name: string | null): ArrowType {
  const field = pair.fileType.children?.[index];
  if (field === undefined || (name !== null && field.name !== name)) throw unlike(pair);
  return arrowTypeOf(field);
}

/** The footer's schema is read by two: by us for names and ids, and by parquet-wasm. Both must come to the same. */
function unlike({ path }: ColumnPair): Failure {
  return new Failure('file.undecodable', `column "${path}": its groups in the file cannot be made sense of`);
}
