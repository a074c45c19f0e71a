/**
 * Paths of the protocol below the endpoint.
 */
import type { TableName } from '../model/version.ts';

export const ENDPOINT = '/delta-sharing';

export type TableAction = 'version' | 'metadata' | 'query' | 'changes';

export type Routed =
  | { readonly kind: 'shares' }
  | { readonly kind: 'share'; readonly share: string }
  | { readonly kind: 'schemas'; readonly share: string }
  /** `schema` null: those of all schemas. */
  | { readonly kind: 'tables'; readonly share: string; readonly schema: string | null }
  | { readonly kind: 'table'; readonly name: TableName; readonly action: TableAction }
  /** The path is known, the method is not the one it takes. */
  | { readonly kind: 'method' }
  | { readonly kind: 'unknown' };

const UNKNOWN: Routed = { kind: 'unknown' };

/** `path` is encoded and without its query. */
export function routeOf(method: string, path: string): Routed {
  const parts = decodedParts(path);
  if (parts === null || parts[0] !== 'shares') return UNKNOWN;
  const [, share = '', second, schema = '', fourth, table = '', action] = parts;
  const get = (routed: Routed): Routed => (method === 'GET' ? routed : { kind: 'method' });
  if (parts.length === 1) return get({ kind: 'shares' });
  if (parts.length === 2) return get({ kind: 'share', share });
  if (parts.length === 3 && second === 'schemas') return get({ kind: 'schemas', share });
  if (parts.length === 3 && second === 'all-tables') return get({ kind: 'tables', share, schema: null });
  if (second !== 'schemas' || fourth !== 'tables') return UNKNOWN;
  if (parts.length === 5) return get({ kind: 'tables', share, schema });
  const name = { share, schema, table };
  if (parts.length === 6) return method === 'HEAD' ? { kind: 'table', name, action: 'version' } : { kind: 'method' };
  if (parts.length !== 7) return UNKNOWN;
  if (action === 'version' || action === 'metadata' || action === 'changes') return get({ kind: 'table', name, action });
  if (action === 'query') return method === 'POST' ? { kind: 'table', name, action } : { kind: 'method' };
  return UNKNOWN;
}

function decodedParts(path: string): readonly string[] | null {
  if (!path.startsWith(`${ENDPOINT}/`)) return null;
  try {
    return path
      .slice(ENDPOINT.length + 1)
      .split('/')
      .map(decodeURIComponent);
  } catch {
    return null;
  }
}
