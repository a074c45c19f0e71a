/**
 * A file's schema as fields of values, lists and maps: what its groups and repetitions mean (Parquet format: LogicalTypes.md "Nested Types", with the rules for
 * the files of old writers). It sees the same shapes as parquet-wasm does, whose arrays are read by it.
 */
import type { SchemaElement, SchemaTree } from 'hyparquet';

/** One field of the file, at any depth. */
export interface FileField {
  readonly name: string;
  /** Its place among the fields that it stands with. */
  readonly index: number;
  readonly element: SchemaElement;
  /** What the schema gives it to be found by under column mapping; null if nothing. */
  readonly id: number | null;
  readonly shape: FieldShape;
}

export type FieldShape =
  | LeafShape
  | { readonly kind: 'struct'; readonly fields: readonly FileField[] }
  | { readonly kind: 'list'; readonly element: FileField }
  | { readonly kind: 'map'; readonly key: FileField; readonly value: FileField };

export interface LeafShape {
  readonly kind: 'leaf';
  /** Its place among the column chunks of a row group. */
  readonly leaf: number;
  readonly levels: Levels;
}

/** What a leaf's levels tell (Dremel): a level of repetition 0 begins a row. */
export interface Levels {
  readonly repetitionMax: number;
  /** At this level of definition there is a value. */
  readonly definitionMax: number;
  /** From this level of definition on there is an element of the innermost list or map around the leaf, and be it null; 0 outside of them. */
  readonly definitionOfElement: number;
}

/** The top-level fields of a schema, in order. */
export function fieldsOfSchema(root: SchemaTree): readonly FileField[] {
  let leaves = 0;
  return root.children.map((child, index) => fieldOf(child, index, NO_LEVELS));

  function fieldOf(tree: SchemaTree, index: number, around: Levels): FileField {
    const isRepeated = tree.element.repetition_type === 'REPEATED';
    // Outside of a list's own group a repeated field is a list of itself.
    return isRepeated
      ? fieldWith(tree, index, { kind: 'list', element: fieldWith(tree, 0, shapeOf(tree, within(tree, around))) })
      : fieldWith(tree, index, shapeOf(tree, within(tree, around)));
  }

  function shapeOf(tree: SchemaTree, levels: Levels): FieldShape {
    const { children } = tree;
    if (children.length === 0) return { kind: 'leaf', leaf: leaves++, levels };
    const [only] = children;
    if (children.length === 1 && only !== undefined && only.element.repetition_type === 'REPEATED') {
      if (isMap(tree) && only.children.length === 2) return mapShape(only, within(only, levels));
      if (isMap(tree) || isList(tree)) return { kind: 'list', element: listElement(tree, only, within(only, levels)) };
    }
    return { kind: 'struct', fields: children.map((child, index) => fieldOf(child, index, levels)) };
  }

  function mapShape({ children: [key, value] }: SchemaTree, levels: Levels): FieldShape {
    if (key === undefined || value === undefined) throw new Error('a map without key or value');
    return { kind: 'map', key: fieldOf(key, 0, levels), value: fieldOf(value, 1, levels) };
  }

  /** Below a list stands a repeated group, and in it the element; older writers leave the group out. */
  function listElement(list: SchemaTree, repeated: SchemaTree, levels: Levels): FileField {
    const [only] = repeated.children;
    if (only === undefined || isElement(list, repeated)) return fieldWith(repeated, 0, shapeOf(repeated, levels));
    return fieldOf(only, 0, levels);
  }
}

const NO_LEVELS: Levels = { repetitionMax: 0, definitionMax: 0, definitionOfElement: 0 };

function fieldWith({ element }: SchemaTree, index: number, shape: FieldShape): FileField {
  return { name: element.name, index, element, id: element.field_id ?? null, shape };
}

/** The levels inside a field, from those around it. */
function within({ element }: SchemaTree, { repetitionMax, definitionMax, definitionOfElement }: Levels): Levels {
  switch (element.repetition_type) {
    case 'REPEATED':
      return { repetitionMax: repetitionMax + 1, definitionMax: definitionMax + 1, definitionOfElement: definitionMax + 1 };
    case 'OPTIONAL':
      return { repetitionMax, definitionMax: definitionMax + 1, definitionOfElement };
    default:
      return { repetitionMax, definitionMax, definitionOfElement };
  }
}

function isList({ element }: SchemaTree): boolean {
  return element.converted_type === 'LIST' || element.logical_type?.type === 'LIST';
}

function isMap({ element }: SchemaTree): boolean {
  return element.converted_type === 'MAP' || element.converted_type === 'MAP_KEY_VALUE' || element.logical_type?.type === 'MAP';
}

/** Whether the repeated field of a list is the element itself (LogicalTypes.md "Backward-compatibility rules", as parquet-rs reads them). */
function isElement(list: SchemaTree, repeated: SchemaTree): boolean {
  const [only] = repeated.children;
  if (repeated.children.length !== 1 || only === undefined) return true;
  const isNamedSo = repeated.element.name === 'array' || repeated.element.name === `${list.element.name}_tuple`;
  return isNamedSo && !isList(repeated) && only.element.repetition_type !== 'REPEATED';
}
