/**
 * The actions of a Delta log that matter to a reader (Delta PROTOCOL.md §Actions), parsed from a commit's JSON lines or from a checkpoint's rows.
 */
import type { EpochMs } from '../model/version.ts';
import { asInteger, asRecord, asText, asTexts, isRecord } from './unknown-data.ts';
import type { UnknownRecord } from './unknown-data.ts';

export type TextMap = Readonly<Record<string, string | null>>;

export interface DeletionVector {
  /** `u` relative to the table by UUID, `i` inline, `p` an absolute path. */
  readonly storageType: string;
  readonly pathOrInlineDv: string;
  readonly offset: number | null;
  readonly sizeInBytes: number;
  readonly cardinality: number;
}

/** `path` is as the log has it: relative to the table and URL-encoded once. */
export interface AddAction {
  readonly kind: 'add';
  readonly path: string;
  readonly partitionValues: TextMap;
  readonly size: number;
  readonly modificationTime: EpochMs;
  readonly dataChange: boolean;
  readonly stats: string | null;
  readonly tags: TextMap | null;
  readonly deletionVector: DeletionVector | null;
}

export interface RemoveAction {
  readonly kind: 'remove';
  readonly path: string;
  readonly partitionValues: TextMap;
  /** Optional in Delta. */
  readonly size: number | null;
  readonly deletionTimestamp: EpochMs | null;
  readonly dataChange: boolean;
  readonly extendedFileMetadata: boolean;
  readonly deletionVector: DeletionVector | null;
}

export interface CdcAction {
  readonly kind: 'cdc';
  readonly path: string;
  readonly partitionValues: TextMap;
  readonly size: number;
}

export type FileAction = AddAction | RemoveAction | CdcAction;

export interface Metadata {
  readonly kind: 'metadata';
  readonly id: string;
  readonly name: string | null;
  readonly description: string | null;
  readonly schemaString: string;
  readonly partitionColumns: readonly string[];
  readonly configuration: TextMap;
  readonly createdTime: EpochMs | null;
}

export interface Protocol {
  readonly kind: 'protocol';
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
  readonly readerFeatures: readonly string[] | null;
  readonly writerFeatures: readonly string[] | null;
}

export interface CommitInfo {
  readonly kind: 'commitInfo';
  readonly timestamp: EpochMs | null;
  readonly inCommitTimestamp: EpochMs | null;
}

/** Of a V2 checkpoint: a Parquet file in `_delta_log/_sidecars` that holds file actions. */
export interface Sidecar {
  readonly kind: 'sidecar';
  readonly path: string;
}

export type LogAction = FileAction | Metadata | Protocol | CommitInfo | Sidecar;

/** A log that is not what Delta allows. The server answers it with 500, as it answers a gap. */
export class LogError extends Error {
  override readonly name: string = 'LogError';
}

/** One line of a commit, or one row of a checkpoint; null for actions that a reader may pass over. Throws `LogError`. */
export function parseAction(line: UnknownRecord): LogAction | null {
  const add = asRecord(line['add']);
  if (add !== null) {
    return {
      kind: 'add',
      path: need(asText(add['path']), 'add.path'),
      partitionValues: textMap(add['partitionValues']),
      size: need(asInteger(add['size']), 'add.size'),
      modificationTime: asInteger(add['modificationTime']) ?? 0,
      dataChange: add['dataChange'] !== false,
      stats: asText(add['stats']),
      tags: add['tags'] === undefined || add['tags'] === null ? null : textMap(add['tags']),
      deletionVector: deletionVector(add['deletionVector']),
    };
  }
  const remove = asRecord(line['remove']);
  if (remove !== null) {
    return {
      kind: 'remove',
      path: need(asText(remove['path']), 'remove.path'),
      partitionValues: textMap(remove['partitionValues']),
      size: asInteger(remove['size']),
      deletionTimestamp: asInteger(remove['deletionTimestamp']),
      dataChange: remove['dataChange'] !== false,
      extendedFileMetadata: remove['extendedFileMetadata'] === true,
      deletionVector: deletionVector(remove['deletionVector']),
    };
  }
  const cdc = asRecord(line['cdc']);
  if (cdc !== null) {
    return {
      kind: 'cdc',
      path: need(asText(cdc['path']), 'cdc.path'),
      partitionValues: textMap(cdc['partitionValues']),
      size: need(asInteger(cdc['size']), 'cdc.size'),
    };
  }
  const metadata = asRecord(line['metaData']);
  if (metadata !== null) {
    return {
      kind: 'metadata',
      id: need(asText(metadata['id']), 'metaData.id'),
      name: asText(metadata['name']),
      description: asText(metadata['description']),
      schemaString: need(asText(metadata['schemaString']), 'metaData.schemaString'),
      partitionColumns: asTexts(metadata['partitionColumns']) ?? [],
      configuration: textMap(metadata['configuration']),
      createdTime: asInteger(metadata['createdTime']),
    };
  }
  const protocol = asRecord(line['protocol']);
  if (protocol !== null) {
    return {
      kind: 'protocol',
      minReaderVersion: need(asInteger(protocol['minReaderVersion']), 'protocol.minReaderVersion'),
      minWriterVersion: need(asInteger(protocol['minWriterVersion']), 'protocol.minWriterVersion'),
      readerFeatures: asTexts(protocol['readerFeatures']),
      writerFeatures: asTexts(protocol['writerFeatures']),
    };
  }
  const info = asRecord(line['commitInfo']);
  if (info !== null)
    return { kind: 'commitInfo', timestamp: asInteger(info['timestamp']), inCommitTimestamp: asInteger(info['inCommitTimestamp']) };
  const sidecar = asRecord(line['sidecar']);
  if (sidecar !== null) return { kind: 'sidecar', path: need(asText(sidecar['path']), 'sidecar.path') };
  return null;
}

function deletionVector(value: unknown): DeletionVector | null {
  const record = asRecord(value);
  if (record === null) return null;
  return {
    storageType: need(asText(record['storageType']), 'deletionVector.storageType'),
    pathOrInlineDv: need(asText(record['pathOrInlineDv']), 'deletionVector.pathOrInlineDv'),
    offset: asInteger(record['offset']),
    sizeInBytes: need(asInteger(record['sizeInBytes']), 'deletionVector.sizeInBytes'),
    cardinality: need(asInteger(record['cardinality']), 'deletionVector.cardinality'),
  };
}

/** A map as JSON writes it (an object) or as Parquet readers do (an object, a Map or a list of pairs). */
function textMap(value: unknown): TextMap {
  const map: Record<string, string | null> = {};
  const pairs: Iterable<unknown> = isIterable(value) ? value : isRecord(value) ? Object.entries(value) : [];
  for (const pair of pairs) {
    const items: readonly unknown[] = Array.isArray(pair) ? pair : [asRecord(pair)?.['key'], asRecord(pair)?.['value']];
    if (typeof items[0] === 'string') map[items[0]] = asText(items[1]);
  }
  return map;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

function need<T>(value: T | null, what: string): T {
  if (value === null) throw new LogError(`${what} is missing or of another type`);
  return value;
}
