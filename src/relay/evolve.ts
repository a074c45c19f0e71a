/**
 * Whether consumers that know the columns so far read rows of the next schema right (DESIGN §6 "Schema change"). The table below alone decides, whatever Avro or a
 * registry would answer: Avro calls decimal(9,2) → decimal(20,4) compatible and reads 12.34 as 0.1234.
 *
 * A column is judged against its last known type, also when it was dropped in between: its old records are still in the topic.
 */
import { Failure } from '../model/failure.ts';
import type { KnownColumn } from '../model/position.ts';
import { typeText } from '../model/table-schema.ts';
import type { TableSchema } from '../model/table-schema.ts';
import type { Version } from '../model/version.ts';

/** Delta type → those that its values may become. byte, short and integer are one Avro type. */
const ACCEPTED: Readonly<Record<string, readonly string[]>> = {
  byte: ['short', 'integer', 'long', 'double'],
  short: ['byte', 'integer', 'long', 'double'],
  integer: ['byte', 'short', 'long', 'double'],
  float: ['double'],
};

/** The columns known once `schema` is published. Throws `schema.breaking` with what changed, from what, to what. */
export function evolve(
  known: Readonly<Record<string, KnownColumn>> | null,
  schema: TableSchema,
  version: Version,
): Readonly<Record<string, KnownColumn>> {
  // A column may be called `constructor`: only what is the record's own counts, and a map takes any name.
  const next = new Map(Object.entries(known ?? {}));
  for (const column of schema.columns) {
    const type = typeText(column.type);
    const before = next.get(column.name);
    if (before !== undefined && before.type !== type && !(ACCEPTED[before.type]?.includes(type) ?? false)) {
      throw new Failure('schema.breaking', `version ${version} changes the type of column ${column.name} from ${before.type} to ${type}`, {
        version,
      });
    }
    next.set(column.name, { identity: column.name, type });
  }
  return Object.fromEntries(next);
}
