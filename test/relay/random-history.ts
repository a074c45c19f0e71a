/**
 * A table's schemas one after the other at random, with rows of each: changes that `evolve` takes, and changes that it does not.
 */
import * as fc from 'fast-check';
import type { Column, DataType } from '../../src/model/table-schema.ts';
import { dataType, nullable } from '../codec/arbitraries.ts';
import type { Side } from './evolutions.ts';

/** Few, so that names come back, and one column takes another's. */
const NAMES = ['a', 'b', 'c d', 'key', 'value', 'Value'] as const;
const NUMBERS = ['byte', 'short', 'integer', 'long', 'float', 'double'] as const;

type Change = 'keep' | 'drop' | 'change' | 'rename';

const columnCount = (): fc.Arbitrary<number> => fc.integer({ min: 1, max: 3 });
const schemaCount = (): fc.Arbitrary<number> => fc.integer({ min: 2, max: 4 });
const anyName = (): fc.Arbitrary<string> => fc.constantFrom(...NAMES);
const anyType = (depth: number): fc.Arbitrary<DataType> => fc.oneof(number(), dataType(depth));
const number = (): fc.Arbitrary<DataType> => fc.constantFrom(...NUMBERS).map((kind) => ({ kind }));
const flip = (): fc.Arbitrary<boolean> => fc.boolean();
const rarely = (): fc.Arbitrary<boolean> => fc.nat(7).map((side) => side === 0);
const change = (): fc.Arbitrary<Change> => fc.constantFrom('keep', 'keep', 'change', 'change', 'change', 'drop', 'rename');
const rowsOf = (columns: readonly Column[]): fc.Arbitrary<Side['rows']> =>
  fc.array(fc.record({ cells: fc.record(Object.fromEntries(columns.map(({ name, type }) => [name, nullable(type)]))) }), { maxLength: 3 });

export function historyOf(choose: fc.GeneratorValue): readonly Side[] {
  const isMapped = choose(flip);
  let count = 0;

  /** A column that was never there before, though one of its name may have been. */
  function another(name: string, type: DataType): Column {
    count += 1;
    return { name, type, nullable: true, comment: null, physical: isMapped ? { name: `col-${count}`, id: null } : null };
  }

  function changedColumns(columns: readonly Column[], depth: number): readonly Column[] {
    const kept = columns.flatMap((column): readonly Column[] => {
      const what = choose(change);
      if (what === 'drop') return [];
      if (what === 'rename') return [{ ...column, name: choose(anyName) }];
      return [what === 'change' ? { ...column, type: changedType(column.type, depth) } : column];
    });
    const added = kept.length === 0 || choose(flip) ? [another(choose(anyName), choose(anyType, depth))] : [];
    const named = new Map([...kept, ...added].map((column) => [column.name, column]));
    return choose(flip) ? [...named.values()].reverse() : [...named.values()];
  }

  function changedType(type: DataType, depth: number): DataType {
    switch (type.kind) {
      case 'struct':
        return { ...type, fields: changedColumns(type.fields, Math.max(0, depth - 1)) };
      case 'array':
        return { ...type, element: changedType(type.element, depth) };
      case 'map':
        return { ...type, key: choose(rarely) ? changedType(type.key, depth) : type.key, value: changedType(type.value, depth) };
      case 'byte':
      case 'short':
      case 'integer':
      case 'long':
      case 'float':
      case 'double':
        return choose(number);
      default:
        return choose(rarely) ? choose(anyType, 0) : type;
    }
  }

  const sides: Side[] = [];
  let columns: readonly Column[] = [];
  for (let i = choose(columnCount); i > 0; i -= 1) columns = [...columns, another(NAMES[i] ?? 'a', choose(anyType, 3))];
  for (let i = choose(schemaCount); i > 0; i -= 1) {
    sides.push({ columns, rows: choose(rowsOf, columns) });
    columns = changedColumns(columns, 2);
  }
  return sides;
}
