/**
 * One line of an answer → one action, in either response format (notes/protocol.md §3). What would be misread is refused: reader features that are not
 * implemented by `table.feature`, lines that no protocol allows by `JsonMismatch`. Keys that are not known are ignored.
 */
import type { JsonObject } from '../../../src/lib/json.ts';
import { JsonMismatch } from '../../../src/lib/json.ts';
import type { FileKind, ResponseFormat } from '../../../src/model/change-files.ts';
import { Failure } from '../../../src/model/failure.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { TableSchema } from '../../../src/model/table-schema.ts';
import type { EpochMs, Version } from '../../../src/model/version.ts';
import { parseSchema } from './schema.ts';
import { int64, int64IfReadable, int64OrNull, texts } from './wire.ts';

export interface MetaData {
  readonly tableId: string;
  readonly schema: TableSchema;
  /** The version it is in force from; null where the line does not say. */
  readonly version: Version | null;
  readonly changeFeed: boolean | null;
}

export interface FileAction {
  readonly kind: FileKind;
  readonly version: Version;
  readonly timestamp: EpochMs | null;
  readonly id: string;
  readonly size: number | null;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly url: Secret;
  /** When the URL dies, by the provider's clock; null where it is not told, or never. */
  readonly expiresAt: EpochMs | null;
  /** False: the commit moved rows about without changing them, so the file tells of no change. */
  readonly dataChange: boolean;
}

export interface EndOfStream {
  readonly nextPageToken: string | null;
  readonly urlsExpireAt: EpochMs | null;
  /** Set: the whole answer is an error, though its status was 200. */
  readonly errorMessage: string | null;
  readonly errorStatus: number | null;
}

export type Action =
  | { readonly type: 'protocol' }
  | { readonly type: 'metaData'; readonly metaData: MetaData }
  | { readonly type: 'file'; readonly file: FileAction }
  | { readonly type: 'end'; readonly end: EndOfStream };

/** Harmless to a client that gets its files by URL: they concern the log, the storage or the writer. */
const FEATURES_READ = new Set([
  'timestampntz',
  'v2checkpoint',
  'vacuumprotocolcheck',
  'catalogmanaged',
  'catalogowned-preview',
  'incommittimestamp',
  'incommittimestamp-preview',
]);

const FILE_KEYS = { add: 'add', cdf: 'cdf', cdc: 'cdf', remove: 'remove' } as const;

/** Null: a line that is not known. `what` begins the message of `table.feature`. */
export function actionOf(line: JsonObject, format: ResponseFormat, what: string): Action | null {
  if (line.raw('protocol') !== undefined) {
    requireReadable(line.object('protocol'), format, what);
    return { type: 'protocol' };
  }
  if (line.raw('metaData') !== undefined) return { type: 'metaData', metaData: metaDataOf(line.object('metaData'), format, what) };
  if (line.raw('endStreamAction') !== undefined) return { type: 'end', end: endOf(line.object('endStreamAction')) };
  const file = format === 'parquet' ? parquetFile(line) : deltaFile(line, what);
  return file === null ? null : { type: 'file', file };
}

function requireReadable(protocol: JsonObject, format: ResponseFormat, what: string): void {
  const inner = format === 'parquet' ? protocol : protocol.object('deltaProtocol');
  const name = format === 'parquet' ? 'protocol' : 'protocol.deltaProtocol';
  const reader = int64(inner, 'minReaderVersion', name);
  if (reader > (format === 'parquet' ? 1 : 3)) throw new Failure('table.feature', `${what}: the table needs reader version ${reader}`);
  if (reader === 3 && inner.raw('readerFeatures') === undefined)
    throw new JsonMismatch(`${name}.readerFeatures is missing at reader version 3`);
  const features = texts(inner, 'readerFeatures', name).filter((feature) => !FEATURES_READ.has(feature.toLowerCase()));
  if (features.length > 0) throw new Failure('table.feature', `${what}: the table uses ${features.join(', ')}`);
}

function metaDataOf(line: JsonObject, format: ResponseFormat, what: string): MetaData {
  const inner = format === 'parquet' ? line : line.object('deltaMetadata');
  const configuration = inner.nullable('configuration', (key) => inner.object(key));
  const mapping = configuration?.raw('delta.columnMapping.mode') ?? 'none';
  if (mapping !== 'none') throw new Failure('table.feature', `${what}: the table uses columnMapping (mode ${JSON.stringify(mapping)})`);
  const feed = configuration?.raw('delta.enableChangeDataFeed') ?? configuration?.raw('enableChangeDataFeed');
  return {
    tableId: inner.string('id'),
    schema: parseSchema(inner.string('schemaString'), texts(inner, 'partitionColumns', 'metaData')),
    version: int64OrNull(line, 'version', 'metaData'),
    changeFeed: feed === 'true' || feed === true ? true : feed === 'false' || feed === false ? false : null,
  };
}

function endOf(end: JsonObject): EndOfStream {
  const message = end.raw('errorMessage');
  const token = end.raw('nextPageToken');
  return {
    nextPageToken: typeof token === 'string' && token !== '' ? token : null,
    urlsExpireAt: int64IfReadable(end, 'minUrlExpirationTimestamp'),
    errorMessage: typeof message === 'string' && message !== '' ? message : null,
    errorStatus: int64OrNull(end, 'httpStatusErrorCode', 'endStreamAction'),
  };
}

function parquetFile(line: JsonObject): FileAction | null {
  if (line.raw('file') !== undefined) throw new JsonMismatch('it is a file of a snapshot in an answer about changes');
  for (const key of ['add', 'cdf', 'remove'] as const) {
    if (line.raw(key) === undefined) continue;
    const action = line.object(key);
    return { ...described(action, action, key), kind: key, url: urlOf(action, 'url', key), dataChange: true };
  }
  return null;
}

/** The wrapper carries the identity, the version and the time; the Delta action within it carries the file. */
function deltaFile(line: JsonObject, what: string): FileAction | null {
  if (['add', 'cdf', 'remove'].some((key) => line.raw(key) !== undefined))
    throw new JsonMismatch('it is a parquet action in an answer in delta format');
  if (line.raw('file') === undefined) return null;
  const wrapper = line.object('file');
  const single = wrapper.object('deltaSingleAction');
  for (const key of ['add', 'cdc', 'remove'] as const) {
    if (single.raw(key) === undefined) continue;
    const action = single.object(key);
    const file = { ...described(wrapper, action, key), kind: FILE_KEYS[key], url: urlOf(action, 'path', key) };
    const vector = action.raw('deletionVector');
    if (vector !== undefined && vector !== null) {
      throw new Failure('table.feature', `${what}: version ${file.version} uses deletionVectors (file ${file.id})`, {
        version: file.version,
      });
    }
    return { ...file, dataChange: key === 'cdc' || action.raw('dataChange') !== false };
  }
  throw new JsonMismatch('file.deltaSingleAction holds neither add, cdc nor remove');
}

function described(wrapper: JsonObject, action: JsonObject, what: string): Omit<FileAction, 'kind' | 'url' | 'dataChange'> {
  const id = wrapper.string('id');
  if (id === '') throw new JsonMismatch(`${what}.id is empty`);
  return {
    id,
    version: int64(wrapper, 'version', what),
    timestamp: int64OrNull(wrapper, 'timestamp', what),
    size: int64OrNull(action, 'size', what) ?? int64OrNull(wrapper, 'size', what),
    partitionValues: action.nullable('partitionValues', (key) => action.record(key, partitionValue)) ?? {},
    expiresAt: int64IfReadable(wrapper, 'expirationTimestamp'),
  };
}

/** The empty text is null, as Hive's directories cannot tell the two apart; `"null"` is a text. */
function partitionValue(values: JsonObject, column: string): string | null {
  const value = values.raw(column);
  if (value === null || value === '') return null;
  return values.string(column);
}

function urlOf(action: JsonObject, key: string, what: string): Secret {
  const text = action.string(key);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new JsonMismatch(`${what}.${key} is not an https address`);
  return new Secret(text);
}
