/**
 * The listings: shares, schemas, tables, in pages.
 */
import { invalid, missing } from './refusal.ts';
import type { CatalogTable } from './catalog.ts';
import { asInteger } from './unknown-data.ts';

const PAGE_MAX = 500;

export type Query = Readonly<URLSearchParams>;

/** Each item as it is sent; the share's own entry for `GET /shares/{share}`. */
export function listShares(tables: readonly CatalogTable[], query: Query): unknown {
  return page(
    distinct(tables.map((table) => table.name.share)).map((name) => ({ name })),
    query,
  );
}

export function describeShare(tables: readonly CatalogTable[], share: string): unknown {
  const known = distinct(tables.map((table) => table.name.share)).find((name) => name.toLowerCase() === share.toLowerCase());
  if (known === undefined) throw missing(`share '${share}' not found`);
  return { share: { name: known } };
}

export function listSchemas(tables: readonly CatalogTable[], share: string, query: Query): unknown {
  const names = distinct(inShare(tables, share).map((table) => table.name.schema));
  return page(
    names.map((name) => ({ name, share })),
    query,
  );
}

/** `schema` null lists all tables of the share. Names are echoed as they were asked for, as the reference server does. */
export function listTables(tables: readonly CatalogTable[], share: string, schema: string | null, query: Query): unknown {
  const found = inShare(tables, share).filter((table) => schema === null || table.name.schema.toLowerCase() === schema.toLowerCase());
  if (found.length === 0) throw missing(`schema '${schema ?? ''}' not found`);
  return page(
    found.map((table) => ({ name: table.name.table, schema: schema ?? table.name.schema, share, id: table.id })),
    query,
  );
}

function inShare(tables: readonly CatalogTable[], share: string): readonly CatalogTable[] {
  const found = tables.filter((table) => table.name.share.toLowerCase() === share.toLowerCase());
  if (found.length === 0) throw missing(`share '${share}' not found`);
  return found;
}

/** An empty page has no `items` at all. */
function page(items: readonly unknown[], query: Query): unknown {
  const size = pageSize(query.get('maxResults'));
  const from = pageStart(query.get('pageToken'));
  const shown = items.slice(from, from + size);
  const next = from + shown.length;
  return {
    ...(shown.length > 0 ? { items: shown } : {}),
    ...(next < items.length ? { nextPageToken: Buffer.from(`list:${next}`).toString('base64url') } : {}),
  };
}

function pageSize(text: string | null): number {
  if (text === null) return PAGE_MAX;
  if (!/^-?\d+$/.test(text)) throw invalid("expected a number but the string didn't have the appropriate format");
  const size = asInteger(Number(text));
  if (size === null || size < 0 || size > PAGE_MAX)
    throw invalid("Acceptable values of 'maxResults' are 0 to 500, inclusive. (Default: 500)");
  return size;
}

function pageStart(token: string | null): number {
  if (token === null || token === '') return 0;
  const match = /^list:(\d{1,9})$/.exec(Buffer.from(token, 'base64url').toString('utf8'));
  if (match === null) throw invalid("invalid 'nextPageToken'");
  return Number(match[1]);
}

function distinct(names: readonly string[]): readonly string[] {
  const first = new Map<string, string>();
  for (const name of names) if (!first.has(name.toLowerCase())) first.set(name.toLowerCase(), name);
  return [...first.values()];
}
