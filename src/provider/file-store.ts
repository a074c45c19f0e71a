/**
 * The tables' files behind signed URLs, answering as object storage does: whole or one range, and errors in XML.
 */
import { stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { EpochMs, TableName } from '../model/version.ts';
import type { CatalogTable } from './catalog.ts';
import { keyOf } from './catalog.ts';
import { verify } from './signed-urls.ts';
import type { Answer } from './table-request.ts';

export const FILES = '/files';

const MISMATCH = 'The request signature we calculated does not match the signature you provided. Check your key and signing method.';

/** The path of a URL for a path of a table's log, which is URL-encoded once: decoded, then encoded part by part. */
export function filePath(table: CatalogTable, logPath: string): string {
  const { share, schema, table: name } = table.name;
  return [FILES, share, schema, name, ...decoded(logPath).split('/')]
    .map((part, at) => (at === 0 ? part : encodeURIComponent(part)))
    .join('/');
}

export interface FileRequest {
  readonly method: string;
  /** As on the wire. */
  readonly path: string;
  readonly query: Readonly<URLSearchParams>;
  readonly range: string | null;
  /** Whether the request carries an Authorization header beside the signed query, which S3 refuses. */
  readonly isAuthorized: boolean;
}

export interface FileStore {
  readonly tables: readonly CatalogTable[];
  readonly key: Uint8Array;
  readonly now: EpochMs;
}

export async function answerFile(store: FileStore, request: FileRequest): Promise<Answer> {
  const verdict = verify(request.path, request.query, store.now, store.key);
  if (verdict === 'unsigned') return xmlError(403, 'AccessDenied', 'Access Denied.');
  if (request.isAuthorized) return xmlError(400, 'InvalidArgument', 'Only one auth mechanism allowed.');
  // The signature is for GET: any other method makes another text to sign.
  if (verdict === 'tampered' || request.method !== 'GET') return xmlError(403, 'SignatureDoesNotMatch', MISMATCH);
  if (verdict === 'expired') {
    const expires = new Date(Number(request.query.get('expires'))).toISOString();
    return xmlError(403, 'AccessDenied', 'Request has expired.', { ServerTime: new Date(store.now).toISOString(), Expires: expires });
  }

  const path = localPath(store.tables, request.path);
  const found = path === null ? null : await stat(path).catch(() => null);
  if (path === null || found === null || !found.isFile()) return xmlError(404, 'NoSuchKey', 'The specified key does not exist.');
  const headers = {
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    etag: `"${found.size.toString(16)}-${Math.floor(found.mtimeMs).toString(16)}"`,
  };
  const range = parseRange(request.range, found.size);
  if (range === 'unsatisfiable') {
    const details = { RangeRequested: request.range ?? '', ActualObjectSize: String(found.size) };
    return xmlError(416, 'InvalidRange', 'The requested range is not satisfiable', details);
  }
  if (range === null) return { kind: 'file', status: 200, headers, path, from: 0, to: found.size };
  const contentRange = `bytes ${range.from}-${range.to - 1}/${found.size}`;
  return { kind: 'file', status: 206, headers: { ...headers, 'content-range': contentRange }, path, ...range };
}

/** `details`: further elements, by their names. */
export function xmlError(status: number, code: string, message: string, details: Readonly<Record<string, string>> = {}): Answer {
  const elements = Object.entries({ Code: code, Message: message, ...details }).map(
    ([name, text]) => `<${name}>${escaped(text)}</${name}>`,
  );
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${elements.join('')}</Error>`;
  return { kind: 'body', status, headers: { 'content-type': 'application/xml' }, body };
}

/** Which table a file's URL is of. */
export function tableOfFile(path: string): TableName {
  const [share = '', schema = '', table = ''] = partsOf(path);
  return { share, schema, table };
}

/** Null where no table has it, and for what would leave the table's folder. */
function localPath(tables: readonly CatalogTable[], path: string): string | null {
  const key = keyOf(tableOfFile(path));
  const found = tables.find((candidate) => keyOf(candidate.name) === key);
  if (found === undefined) return null;
  const local = join(found.folder, ...partsOf(path).slice(3));
  return local.startsWith(found.folder + sep) ? local : null;
}

function partsOf(path: string): readonly string[] {
  return path
    .slice(FILES.length + 1)
    .split('/')
    .map(decoded);
}

/** One range, as S3: several, or what is none, get the whole body. */
function parseRange(header: string | null, size: number): { readonly from: number; readonly to: number } | 'unsatisfiable' | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (first === '' && last === '') return null;
  if (first === '') return size === 0 || Number(last) === 0 ? 'unsatisfiable' : { from: Math.max(0, size - Number(last)), to: size };
  const from = Number(first);
  const to = last === '' ? size : Math.min(size, Number(last) + 1);
  if (from >= size) return 'unsatisfiable';
  return to <= from ? null : { from, to };
}

/** Text that is not well encoded stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
