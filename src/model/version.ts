/** The number of a commit in a table's log, from 0; the only ordering key. */
export type Version = number;

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number;

/** A table as the protocol addresses it. Names are case-insensitive; they are kept as the config or the listing spells them. */
export interface TableName {
  readonly share: string;
  readonly schema: string;
  readonly table: string;
}

/** `share.schema.table`, as people write it. */
export function tableText(name: TableName): string {
  return `${name.share}.${name.schema}.${name.table}`;
}

/** The table that `share.schema.table` names, or null if the text is not three parts (PROTOCOL.md: none of them holds a dot but the share's, split from the right). */
export function parseTableName(text: string): TableName | null {
  const match = /^([^/\s]+)\.([^./\s]+)\.([^./\s]+)$/.exec(text);
  if (match === null) return null;
  const [, share = '', schema = '', table = ''] = match;
  return { share, schema, table };
}
