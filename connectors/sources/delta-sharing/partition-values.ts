/**
 * Partition values are listed by physical column names under column mapping (Delta PROTOCOL.md, "Writer Requirements for Column Mapping"); everybody else knows
 * logical ones.
 */
import type { TableSchema } from '../../../src/model/table-schema.ts';
import type { ToInstant } from './zoned.ts';

export type PartitionValues = Readonly<Record<string, string | null>>;

/**
 * `values` by the logical names of the schema in force. Names that the schema does not have physically are kept: files that a commit removes may be of before a
 * repartitioning, or of before mapping was switched on.
 */
export function logicalPartitionValues(values: PartitionValues, schema: TableSchema): PartitionValues {
  if (schema.mapping === 'none') return values;
  const logical = new Map(schema.columns.map(({ name, physical }) => [physical?.name ?? name, name]));
  const entries = Object.entries(values);
  const known = entries.flatMap(([key, value]) => {
    const name = logical.get(key);
    return name === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries([...entries.filter(([key]) => !logical.has(key)), ...known]);
}

/** Logical values, in which timestamps without a zone have become instants. */
export function withInstants(values: PartitionValues, schema: TableSchema, toInstant: ToInstant): PartitionValues {
  const timestamps = schema.columns.filter(({ name, type }) => type.kind === 'timestamp' && schema.partitionColumns.includes(name));
  if (timestamps.length === 0) return values;
  const names = new Set(timestamps.map(({ name }) => name));
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value !== null && names.has(name) ? toInstant(value) : value]),
  );
}
