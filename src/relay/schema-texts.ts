/**
 * What a feed's schema is in Avro, and which of its columns are the key.
 */
import { Failure } from '../model/failure.ts';
import type { FeedSpec } from '../model/feed.ts';
import type { TableSchema } from '../model/table-schema.ts';
import { tableText } from '../model/version.ts';
import type { Version } from '../model/version.ts';
import type { AvroTexts, Encoder } from '../ports/encoder.ts';

/** As much of a line as it takes. */
export interface SchemaLine {
  readonly spec: FeedSpec;
  readonly works: { readonly encoder: Pick<Encoder, 'schemas'> };
}

export interface SchemaTexts {
  /** The key's columns as the schema spells them. */
  readonly key: readonly string[];
  readonly texts: AvroTexts;
}

/** Columns that a message names at most. */
const NAMED_MAX = 20;

/** Throws `policy.column`, `schema.type`, `schema.name`, `key.type`. */
export function schemaTexts({ spec, works }: SchemaLine, schema: TableSchema, version: Version): SchemaTexts {
  const key = spec.key.map((name) => resolveColumn(spec, schema, name, version));
  try {
    return { key, texts: works.encoder.schemas({ schema, table: spec.table, key, envelope: { kind: spec.envelope } }) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.code, `version ${version} of ${tableText(spec.table)}: ${error.message}`, { version, cause: error });
  }
}

/** The one column that the config's name means, whatever its case. */
function resolveColumn(spec: FeedSpec, schema: TableSchema, name: string, version: Version): string {
  const found = schema.columns.filter((column) => column.name.toLowerCase() === name.toLowerCase());
  const [only] = found;
  if (only !== undefined && found.length === 1) return only.name;
  const names = schema.columns.map((column) => column.name);
  const more = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : '';
  const has = names.slice(0, NAMED_MAX).join(', ') + more;
  throw new Failure('policy.column', `key column ${name} of ${spec.id} is not one column of version ${version}, which has ${has}`, {
    version,
  });
}
