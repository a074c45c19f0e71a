/**
 * One line of an answer → one action, in either response format (notes/protocol.md §3). Lines that no protocol allows are refused by `JsonMismatch`, and so is
 * one that is not known but looks like data. What else is not known is ignored.
 */
import type { JsonObject } from '../../../src/lib/json.ts';
import { JsonMismatch } from '../../../src/lib/json.ts';
import type { FileKind, ResponseFormat } from '../../../src/model/change-files.ts';
import type { Secret } from '../../../src/model/secret.ts';
import type { EpochMs, Version } from '../../../src/model/version.ts';
import type { StoredVector } from './deletion-vector.ts';
import { vectorOf } from './deletion-vector.ts';
import { int64, int64IfReadable, int64OrNull, texts, urlOf } from './wire.ts';
import { retentionMs } from './retention.ts';

/** What a reader must be able to do, as a line says it. */
export interface ProtocolLine {
  readonly readerVersion: number;
  /** In the provider's spelling. */
  readonly readerFeatures: readonly string[];
  /** The version it is in force from; null where the line does not say. */
  readonly version: Version | null;
}

/** What a table is, as a line says it. What its schema means hangs on the protocol in force, which is another line (in-force.ts). */
export interface MetaDataLine {
  readonly tableId: string;
  readonly schemaString: string;
  readonly partitionColumns: readonly string[];
  /** `delta.columnMapping.mode`; `none` where it is not set. */
  readonly mappingMode: string;
  /** The format of the data files: `parquet`. */
  readonly provider: string;
  /** The ways that the provider gives the table by; null where the line does not say. */
  readonly accessModes: readonly string[] | null;
  /** The version it is in force from; null where the line does not say. */
  readonly version: Version | null;
  readonly changeFeed: boolean | null;
  /** As `retentionMs` reads it. */
  readonly retentionMs: number | null;
}

export interface FileAction {
  readonly kind: FileKind;
  readonly version: Version;
  readonly timestamp: EpochMs | null;
  readonly id: string;
  readonly size: number | null;
  /** Rows in the file, deleted ones too, by its statistics; null where there are none. */
  readonly records: number | null;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly url: Secret;
  /** When the URL dies, by the provider's clock; null where it is not told, or never. */
  readonly expiresAt: EpochMs | null;
  /** False: the commit moved rows about without changing them, so the file tells of no change. */
  readonly dataChange: boolean;
  /** The rows of it that are deleted; null = none. */
  readonly vector: StoredVector | null;
}

export interface EndOfStream {
  readonly nextPageToken: string | null;
  readonly urlsExpireAt: EpochMs | null;
  /** Set: the whole answer is an error, though its status was 200. */
  readonly errorMessage: string | null;
  readonly errorStatus: number | null;
}

export type Action =
  | { readonly type: 'protocol'; readonly protocol: ProtocolLine }
  | { readonly type: 'metaData'; readonly metaData: MetaDataLine }
  | { readonly type: 'file'; readonly file: FileAction }
  | { readonly type: 'end'; readonly end: EndOfStream };

/** What an answer is about: the changes of versions, which each file names, or the files that hold the table at one. */
export type About = { readonly kind: 'changes' } | { readonly kind: 'snapshot'; readonly version: Version };

const FILE_KEYS = { add: 'add', cdf: 'cdf', cdc: 'cdf', remove: 'remove' } as const;
const LINE_KEYS: readonly string[] = ['protocol', 'metaData', 'endStreamAction', 'file', 'add', 'cdf', 'remove'];

/** Null: a line that is not known. */
export function actionOf(line: JsonObject, format: ResponseFormat, about: About): Action | null {
  const keys = LINE_KEYS.filter((key) => line.raw(key) !== undefined && line.raw(key) !== null);
  const [key] = keys;
  if (keys.length > 1) throw new JsonMismatch(`it holds ${keys.join(' and ')}, and a line is one action`);
  switch (key) {
    case undefined:
      refuseUnknown(line);
      return null;
    case 'protocol':
      return { type: 'protocol', protocol: protocolOf(line.object(key), format) };
    case 'metaData':
      return { type: 'metaData', metaData: metaDataOf(line.object(key), format) };
    case 'endStreamAction':
      return { type: 'end', end: endOf(line.object(key)) };
    default:
      return { type: 'file', file: format === 'parquet' ? parquetFile(line, key, about) : deltaFile(line, key, about) };
  }
}

/** A kind of line that is not known says nothing to us, unless it brings rows. */
function refuseUnknown(line: JsonObject): void {
  for (const key of line.keys()) {
    if (key === 'queryStatus') throw new JsonMismatch('the provider answers that the query goes on (queryStatus), which was not asked for');
    const inner = line.raw(key);
    if (typeof inner !== 'object' || inner === null) continue;
    if ('url' in inner || 'path' in inner || 'deltaSingleAction' in inner) {
      throw new JsonMismatch(`it is an action named ${JSON.stringify(key.slice(0, 60))}, which is not known and names a file`);
    }
  }
}

function protocolOf(line: JsonObject, format: ResponseFormat): ProtocolLine {
  const inner = format === 'parquet' ? line : line.object('deltaProtocol');
  const name = format === 'parquet' ? 'protocol' : 'protocol.deltaProtocol';
  const readerVersion = int64(inner, 'minReaderVersion', name);
  if (readerVersion === 3 && format === 'delta' && inner.raw('readerFeatures') === undefined)
    throw new JsonMismatch(`${name}.readerFeatures is missing at reader version 3`);
  return { readerVersion, readerFeatures: texts(inner, 'readerFeatures', name), version: int64OrNull(line, 'version', 'protocol') };
}

function metaDataOf(line: JsonObject, format: ResponseFormat): MetaDataLine {
  const inner = format === 'parquet' ? line : line.object('deltaMetadata');
  const configuration = inner.nullable('configuration', (key) => inner.object(key));
  const mapping = configuration?.raw('delta.columnMapping.mode') ?? 'none';
  const feed = configuration?.raw('delta.enableChangeDataFeed') ?? configuration?.raw('enableChangeDataFeed');
  const provider = inner.nullable('format', (key) => inner.object(key))?.raw('provider') ?? 'parquet';
  return {
    tableId: inner.string('id'),
    schemaString: inner.string('schemaString'),
    partitionColumns: texts(inner, 'partitionColumns', 'metaData'),
    mappingMode: typeof mapping === 'string' ? mapping : JSON.stringify(mapping),
    provider: typeof provider === 'string' ? provider : JSON.stringify(provider),
    accessModes: line.raw('accessModes') === undefined ? null : texts(line, 'accessModes', 'metaData'),
    version: int64OrNull(line, 'version', 'metaData'),
    changeFeed: feed === 'true' || feed === true ? true : feed === 'false' || feed === false ? false : null,
    retentionMs: retentionMs(configuration),
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

function parquetFile(line: JsonObject, key: string, about: About): FileAction {
  if (about.kind === 'snapshot') {
    if (key !== 'file') throw new JsonMismatch('it is a change in an answer about a snapshot');
    const action = line.object(key);
    return { ...described(action, action, key, about), kind: 'add', url: urlOf(action, 'url', key), dataChange: true, vector: null };
  }
  if (key !== 'add' && key !== 'cdf' && key !== 'remove') throw new JsonMismatch('it is a file of a snapshot in an answer about changes');
  const action = line.object(key);
  return { ...described(action, action, key, about), kind: key, url: urlOf(action, 'url', key), dataChange: true, vector: null };
}

/** The wrapper carries the identity, the version and the time; the Delta action within it carries the file. */
function deltaFile(line: JsonObject, lineKey: string, about: About): FileAction {
  if (lineKey !== 'file') throw new JsonMismatch('it is a parquet action in an answer in delta format');
  const wrapper = line.object('file');
  const single = wrapper.object('deltaSingleAction');
  const [key, ...others] = (['add', 'cdc', 'remove'] as const).filter((it) => single.raw(it) !== undefined && single.raw(it) !== null);
  if (key === undefined || others.length > 0) throw new JsonMismatch('file.deltaSingleAction is not one of add, cdc and remove');
  if (about.kind === 'snapshot' && key !== 'add') throw new JsonMismatch('it is a change in an answer about a snapshot');
  const action = single.object(key);
  const file = { ...described(wrapper, action, key, about), kind: FILE_KEYS[key], url: urlOf(action, 'path', key) };
  const vector = action.nullable('deletionVector', (it) => vectorOf(action.object(it), vectorFileIdOf(wrapper)));
  if (key === 'cdc' && vector !== null) throw new JsonMismatch('a change file has a deletion vector');
  // A compacted file holds the table's rows all the same: that its commit changed none of them is of no concern to a snapshot.
  return { ...file, vector, dataChange: about.kind === 'snapshot' || key === 'cdc' || action.raw('dataChange') !== false };
}

function vectorFileIdOf(wrapper: JsonObject): string | null {
  return wrapper.nullable('deletionVectorFileId', (key) => wrapper.string(key));
}

function described(
  wrapper: JsonObject,
  action: JsonObject,
  what: string,
  about: About,
): Omit<FileAction, 'kind' | 'url' | 'dataChange' | 'vector'> {
  const id = wrapper.string('id');
  if (id === '') throw new JsonMismatch(`${what}.id is empty`);
  return {
    id,
    ...commitOf(wrapper, what, about),
    size: int64OrNull(action, 'size', what) ?? int64OrNull(wrapper, 'size', what),
    records: recordsIn(action.raw('stats')),
    partitionValues: action.nullable('partitionValues', (key) => action.record(key, partitionValue)) ?? {},
    expiresAt: int64IfReadable(wrapper, 'expirationTimestamp'),
  };
}

/** Not parsed: statistics of many columns are long, and the number is for people. */
function recordsIn(stats: unknown): number | null {
  const [, digits] = typeof stats === 'string' ? (/"numRecords"\s*:\s*(\d{1,15})/.exec(stats) ?? []) : [];
  return digits === undefined ? null : Number(digits);
}

function commitOf(wrapper: JsonObject, what: string, about: About): Pick<FileAction, 'version' | 'timestamp'> {
  const version = int64OrNull(wrapper, 'version', what);
  const timestamp = int64OrNull(wrapper, 'timestamp', what);
  // The time of a snapshot's file is the snapshot's own only where its version is.
  if (about.kind === 'snapshot') return { version: about.version, timestamp: version === about.version ? timestamp : null };
  if (version === null)
    throw new JsonMismatch(`${what} has no version; the changes of a view have none (cdfonviews), and cannot be put in order`);
  return { version, timestamp };
}

/** The empty text is null, as Hive's directories cannot tell the two apart; `"null"` is a text. */
function partitionValue(values: JsonObject, column: string): string | null {
  const value = values.raw(column);
  if (value === null || value === '') return null;
  return values.string(column);
}
