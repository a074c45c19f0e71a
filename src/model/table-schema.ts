/**
 * A table's schema at one version, as Delta writes it (`schemaString`, Delta PROTOCOL.md §Schema Serialization Format), parsed.
 */

export type PrimitiveName =
  | 'byte'
  | 'short'
  | 'integer'
  | 'long'
  | 'float'
  | 'double'
  | 'boolean'
  | 'string'
  | 'binary'
  | 'date'
  /** Microseconds since the epoch, an instant in UTC. */
  | 'timestamp'
  /** Microseconds since 1970-01-01T00:00:00, without a zone. */
  | 'timestamp_ntz'
  /** Semi-structured: binary metadata and binary value (Delta PROTOCOL.md §Variant Data Type), unshredded. */
  | 'variant'
  /** Always null, and never in a file. */
  | 'void';

export type DataType =
  | { readonly kind: PrimitiveName }
  /** Spark's CHAR(n), whose readers fill values up with blanks to this many characters; files may hold them shorter. Longer ones stay. */
  | { readonly kind: 'string'; readonly padTo: number }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'struct'; readonly fields: readonly Column[] }
  | { readonly kind: 'array'; readonly element: DataType; readonly containsNull: boolean }
  | { readonly kind: 'map'; readonly key: DataType; readonly value: DataType; readonly valueContainsNull: boolean }
  /** A type that the relay does not know; `text` is its wire spelling. Whoever meets it refuses the table by the column's path. */
  | { readonly kind: 'unknown'; readonly text: string };

export interface Column {
  readonly name: string;
  readonly type: DataType;
  readonly nullable: boolean;
  readonly comment: string | null;
  /** What files call the column; null where they call it by its name. */
  readonly physical: PhysicalColumn | null;
}

/** A column under column mapping (Delta PROTOCOL.md §Column Mapping): its name may change and be taken over by another, this stays. */
export interface PhysicalColumn {
  readonly name: string;
  /** The field id in Parquet; null where the schema does not say it. */
  readonly id: number | null;
}

/** By what a column is found in a file, at every depth. */
export type ColumnMapping =
  /** By its name, ignoring case where no exact name is there. */
  | 'none'
  /** By its physical name. */
  | 'name'
  /** By its field id; a file without ids is refused. */
  | 'id';

export interface TableSchema {
  readonly columns: readonly Column[];
  /** Logical names, in the table's order. Their values are not in the files but in each action. */
  readonly partitionColumns: readonly string[];
  readonly mapping: ColumnMapping;
}

/** What the column is whatever it is called: the same over renames, another after it was dropped and a column of its name was added. */
export function identityOf(column: Column): string {
  return column.physical?.name ?? column.name;
}

/** How a type is spelled in messages and in Delta's own JSON: `decimal(10,2)`, `array<long>`. */
export function typeText(type: DataType): string {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`;
    case 'struct':
      return `struct<${type.fields.map((f) => `${f.name}:${typeText(f.type)}`).join(',')}>`;
    case 'array':
      return `array<${typeText(type.element)}>`;
    case 'map':
      return `map<${typeText(type.key)},${typeText(type.value)}>`;
    case 'unknown':
      return type.text;
    default:
      return type.kind;
  }
}
