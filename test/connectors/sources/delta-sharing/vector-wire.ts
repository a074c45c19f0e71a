/**
 * Answers with deletion vectors, and storage that gives ranges, over the scripted server.
 */
import { must } from '../../../../src/lib/assert.ts';
import type { ChangeFile, FileContent } from '../../../../src/model/change-files.ts';
import type { ChangeListing } from '../../../../src/ports/source.ts';
import type { Asked, Scripted, ScriptedServer } from './scripted-server.ts';
import { lines, text } from './scripted-server.ts';
import { rowSet } from './vector-makers.ts';
import type { SourceSettings, Watched } from './wire-makers.ts';
import { DELTA, deltaFile, deltaMetaData, deltaProtocol, END, NEVER, sourceOver, TABLE } from './wire-makers.ts';

export const MINUTE = { retryTimeoutMs: 60_000 };
export const HOUR_MS = 3_600_000;
const HEAD = [
  deltaProtocol({ minReaderVersion: 3, readerFeatures: ['deletionVectors'], writerFeatures: ['deletionVectors'] }),
  deltaMetaData(0),
];

export type FileObject = Readonly<Record<string, unknown>>;

export function answer(...objects: readonly object[]): Scripted {
  return lines([...HEAD, ...objects, END], DELTA);
}

/** A file at `/<id>` of the server, with what its wrapper says besides. */
export function stored(
  server: ScriptedServer,
  kind: 'add' | 'cdc' | 'remove',
  id: string,
  action: FileObject = {},
  wrapper: FileObject = {},
  signature = 'one',
): object {
  const whole: { readonly file: FileObject } = JSON.parse(
    JSON.stringify(deltaFile(kind, 1, id, { path: `${server.origin}/${id}?sig=${signature}`, ...action })),
  );
  return { file: { ...whole.file, ...wrapper } };
}

export interface Placed {
  readonly signature?: string;
  readonly path?: string;
  readonly bytes?: number;
  readonly offset?: number;
  readonly cardinality?: number;
}

/** A descriptor of the vector of `rows` at the beginning of a file at `/dv`. */
export function vectorAt(server: ScriptedServer, rows: readonly number[], placed: Placed = {}): object {
  const { signature = 'one', path = '/dv', bytes = rowSet(rows).length, offset = 1, cardinality = rows.length } = placed;
  return { storageType: 'p', pathOrInlineDv: `${server.origin}${path}?sig=${signature}`, offset, sizeInBytes: bytes, cardinality };
}

/** Storage that gives ranges, to the listed signatures. */
export function bytesOf(bytes: Uint8Array, ...good: readonly string[]): Scripted {
  return (response, asked) => {
    if (good.length > 0 && !good.includes(asked.query['sig'] ?? '')) return text(403, '<Code>AccessDenied</Code>')(response, asked);
    const [, from = '', to = ''] = /^bytes=(\d+)-(\d+)$/.exec(asked.headers.range ?? '') ?? [];
    if (from === '') return text(200, bytes)(response, asked);
    if (Number(from) >= bytes.length) return text(416, '', { 'content-range': `bytes */${bytes.length}` })(response, asked);
    const part = bytes.subarray(Number(from), Number(to) + 1);
    return text(206, part, { 'content-range': `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}` })(response, asked);
  };
}

export async function ask(server: ScriptedServer, settings: SourceSettings = MINUTE): Promise<{ source: Watched; listing: ChangeListing }> {
  const source = sourceOver(server, settings);
  return { source, listing: await source.changes(TABLE, { from: 0, to: 9, listedAs: null }, NEVER) };
}

function filesOf(listing: ChangeListing): readonly ChangeFile[] {
  return must(listing.versions[0], 'a version').files;
}

export async function read(listing: ChangeListing, index = 0, signal: AbortSignal = NEVER): Promise<FileContent> {
  return listing.read(must(listing.versions[0], 'a version'), must(filesOf(listing)[index], 'a file'), signal);
}

export function askedFor(server: ScriptedServer, path: string): readonly Asked[] {
  return server.asked.filter((asked) => asked.path === path);
}
