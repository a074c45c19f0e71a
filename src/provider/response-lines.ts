/**
 * Log actions as response lines, in both formats, keys in the order in which the reference server sends them: null and absent fields are left out, maps are
 * there even if empty, numbers are JSON numbers.
 */
import { createHash } from 'node:crypto';
import type { ResponseFormat } from '../model/change-files.ts';
import type { EpochMs, Version } from '../model/version.ts';
import type { IdHash } from './capabilities.ts';
import { vectorPath } from './deletion-vector-path.ts';
import type { AddAction, DeletionVector, FileAction, Metadata, Protocol } from './log-actions.ts';
import { asRecord, isRecord, parseJson } from './unknown-data.ts';

export interface LineSettings {
  readonly format: ResponseFormat;
  readonly idHash: IdHash;
  /** Hashed with a file's path: empty, unless ids are to be others than they are. */
  readonly idSalt: string;
  /** Whether a vector's file is told with an id. */
  readonly tellsVectorIds: boolean;
  /** A signed URL for a path of the log. */
  readonly sign: (logPath: string) => string;
  /** What the lines say about the life of those URLs; null: nothing. */
  readonly expires: EpochMs | null;
}

/** `version` is said only where history was asked for. */
export function protocolLine(protocol: Protocol, version: Version | null, format: ResponseFormat): string {
  if (format === 'parquet') return JSON.stringify({ protocol: { minReaderVersion: 1 } });
  const { minReaderVersion, minWriterVersion, readerFeatures, writerFeatures } = protocol;
  return JSON.stringify({
    protocol: { ...said({ version }), deltaProtocol: { minReaderVersion, minWriterVersion, ...said({ readerFeatures, writerFeatures }) } },
  });
}

export function metadataLine(metadata: Metadata, version: Version | null, format: ResponseFormat): string {
  const { id, name, description, schemaString, partitionColumns, configuration, createdTime } = metadata;
  if (format === 'delta') {
    const deltaMetadata = {
      ...said({ id, name, description }),
      format: { provider: 'parquet', options: {} },
      schemaString,
      partitionColumns,
      configuration,
      ...said({ createdTime }),
    };
    return JSON.stringify({ metaData: { ...said({ version }), deltaMetadata } });
  }
  return JSON.stringify({
    metaData: {
      ...said({ id, name, description }),
      format: { provider: 'parquet' },
      schemaString: parquetSchema(schemaString),
      configuration: isFeedOn(metadata) ? { enableChangeDataFeed: 'true' } : {},
      partitionColumns,
      ...said({ version }),
    },
  });
}

/** The reference server writes schemas anew where they stand between files; elsewhere it sends the log's own text. */
export function withCompactSchema(metadata: Metadata): Metadata {
  return { ...metadata, schemaString: metadata.schemaString.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, '$1') };
}

/** A file of a version of the history: `add`, `cdf` (`cdc` in delta format) or `remove`. */
export function changeLine(action: FileAction, version: Version, timestamp: EpochMs, settings: LineSettings): string {
  const { format, expires } = settings;
  const id = fileId(action, settings);
  const url = settings.sign(action.path);
  const { partitionValues, size } = action;
  if (format === 'delta') {
    const wrapper = { id, ...vectorFileId(action, settings), version, timestamp, ...said({ expirationTimestamp: expires }) };
    return JSON.stringify({ file: { ...wrapper, deltaSingleAction: deltaAction(action, url, settings) } });
  }
  const start = { url, id, partitionValues, ...said({ size, expirationTimestamp: expires }) };
  if (action.kind === 'add') return JSON.stringify({ add: { ...start, version, timestamp, ...said({ stats: action.stats }) } });
  return JSON.stringify({ [action.kind === 'cdc' ? 'cdf' : 'remove']: { ...start, timestamp, version } });
}

/** A live file of a snapshot. `version` is said only where a version or a time was asked for. */
export function snapshotLine(action: AddAction, version: Version | null, settings: LineSettings): string {
  const { format, expires } = settings;
  const id = fileId(action, settings);
  const url = settings.sign(action.path);
  if (format === 'delta') {
    const { path, partitionValues, size, modificationTime, dataChange, stats, deletionVector } = deltaAdd(action, url, settings);
    const add = { path, partitionValues, size, modificationTime, dataChange, ...said({ stats, deletionVector }) };
    return JSON.stringify({
      file: { id, ...vectorFileId(action, settings), ...said({ version, expirationTimestamp: expires }), deltaSingleAction: { add } },
    });
  }
  const { partitionValues, size, stats } = action;
  return JSON.stringify({
    file: { url, id, partitionValues, size, ...said({ stats, expirationTimestamp: expires, version }) },
  });
}

export interface EndOfStream {
  readonly refreshToken: string | null;
  readonly nextPageToken: string | null;
  readonly minUrlExpirationTimestamp: EpochMs | null;
  /** Set where the whole answer is to be taken as an error although its status was 200. */
  readonly errorMessage: string | null;
  readonly httpStatusErrorCode: number | null;
}

export function endLine(end: EndOfStream): string {
  const { refreshToken, nextPageToken, minUrlExpirationTimestamp, errorMessage, httpStatusErrorCode } = end;
  return JSON.stringify({
    endStreamAction: said({ refreshToken, nextPageToken, minUrlExpirationTimestamp, errorMessage, httpStatusErrorCode }),
  });
}

export function isFeedOn(metadata: Metadata): boolean {
  return metadata.configuration['delta.enableChangeDataFeed']?.toLowerCase() === 'true';
}

function deltaAction(action: FileAction, url: string, settings: LineSettings): unknown {
  const { partitionValues } = action;
  switch (action.kind) {
    case 'add': {
      const { deletionVector, stats, ...add } = deltaAdd(action, url, settings);
      return { add: { ...add, ...said({ stats, tags: action.tags, deletionVector }), pathAsUri: url } };
    }
    case 'cdc':
      return { cdc: { path: url, partitionValues, size: action.size, dataChange: false, pathAsUri: url } };
    case 'remove': {
      const { deletionTimestamp, dataChange, extendedFileMetadata, size } = action;
      const deletionVector = wireVector(action.deletionVector, settings);
      const body = { path: url, ...said({ deletionTimestamp }), dataChange, extendedFileMetadata, partitionValues };
      return { remove: { ...body, ...said({ size, deletionVector, delTimestamp: deletionTimestamp }), pathAsUri: url } };
    }
  }
}

function deltaAdd(action: AddAction, url: string, settings: LineSettings) {
  const { partitionValues, size, modificationTime, dataChange, stats } = action;
  return {
    path: url,
    partitionValues,
    size,
    modificationTime,
    dataChange,
    stats,
    deletionVector: wireVector(action.deletionVector, settings),
  };
}

/** On the wire a vector's file is a signed URL (`p`); an inline one stays as it is. */
function wireVector(vector: DeletionVector | null, settings: LineSettings): unknown {
  if (vector === null) return null;
  const path = vectorPath(vector);
  const { storageType, pathOrInlineDv, offset, sizeInBytes, cardinality } = vector;
  if (path === null) return { storageType, pathOrInlineDv, ...said({ offset }), sizeInBytes, cardinality };
  return { storageType: 'p', pathOrInlineDv: settings.sign(path), ...said({ offset }), sizeInBytes, cardinality };
}

function vectorFileId(action: FileAction, settings: LineSettings): Readonly<Record<string, unknown>> {
  const path = action.kind === 'cdc' || action.deletionVector === null ? null : vectorPath(action.deletionVector);
  return said({ deletionVectorFileId: path === null || !settings.tellsVectorIds ? null : hash(path, settings.idHash) });
}

/** Of the path as the log spells it, undecoded. */
function fileId(action: FileAction, settings: LineSettings): string {
  return hash(action.path + settings.idSalt, settings.idHash);
}

function hash(text: string, algorithm: IdHash): string {
  return createHash(algorithm).update(text).digest('hex');
}

/** Compact, and of a column's metadata only the comment: the rest is not a parquet client's business. */
function parquetSchema(schemaString: string): string {
  const schema = asRecord(parseJson(schemaString));
  const fields = schema?.['fields'];
  if (schema === null || !Array.isArray(fields)) return schemaString;
  const stripped = fields.map((field: unknown) => {
    if (!isRecord(field)) return field;
    const comment = asRecord(field['metadata'])?.['comment'];
    return { ...field, metadata: comment === undefined ? {} : { comment } };
  });
  return JSON.stringify({ ...schema, fields: stripped });
}

/** Without the fields that are null. */
function said(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}
