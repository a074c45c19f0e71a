/**
 * Checkpoints: a table's whole state at one version, as one Parquet file, or as JSON or Parquet with sidecars (Delta PROTOCOL.md §Checkpoints).
 * Checkpoints in several parts are passed over, as if they were not there: no current writer makes them.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Version } from '../model/version.ts';
import type { FileDecoder } from '../ports/file-decoder.ts';
import { LogError, parseAction } from './log-actions.ts';
import type { AddAction, Metadata, Protocol } from './log-actions.ts';
import { asRecord, parseJson } from './unknown-data.ts';
import type { UnknownRecord } from './unknown-data.ts';

const NAME = /^(\d{20})\.checkpoint(?:\.[0-9a-f-]{36})?\.(json|parquet)$/;
/** What a reader needs of one; a file that lacks a column has nulls there. */
const COLUMNS = ['add', 'metaData', 'protocol', 'sidecar'];

export interface Checkpoint {
  readonly version: Version;
  readonly path: string;
  readonly format: 'json' | 'parquet';
}

export interface CheckpointContent {
  readonly metadata: Metadata;
  readonly protocol: Protocol;
  readonly files: readonly AddAction[];
}

/** In ascending order of version. */
export async function findCheckpoints(logFolder: string): Promise<readonly Checkpoint[]> {
  const found: Checkpoint[] = [];
  for (const name of await readdir(logFolder)) {
    const match = NAME.exec(name);
    if (match === null) continue;
    found.push({ version: Number(match[1]), path: join(logFolder, name), format: match[2] === 'json' ? 'json' : 'parquet' });
  }
  return found.toSorted((a, b) => a.version - b.version);
}

/** Throws `LogError` if the checkpoint is damaged. */
export async function readCheckpoint(checkpoint: Checkpoint, decoder: FileDecoder): Promise<CheckpointContent> {
  const files: AddAction[] = [];
  const sidecars: string[] = [];
  let metadata: Metadata | null = null;
  let protocol: Protocol | null = null;
  for (const row of await rowsOf(checkpoint.path, checkpoint.format, decoder)) {
    const action = parseAction(row);
    if (action?.kind === 'add') files.push(action);
    else if (action?.kind === 'metadata') metadata = action;
    else if (action?.kind === 'protocol') protocol = action;
    else if (action?.kind === 'sidecar') sidecars.push(action.path);
  }
  for (const sidecar of sidecars) {
    for (const row of await rowsOf(join(dirname(checkpoint.path), '_sidecars', basename(sidecar)), 'parquet', decoder)) {
      const action = parseAction(row);
      if (action?.kind === 'add') files.push(action);
    }
  }
  if (metadata === null || protocol === null)
    throw new LogError(`the checkpoint of version ${checkpoint.version} lacks metadata or protocol`);
  return { metadata, protocol, files };
}

async function rowsOf(path: string, format: Checkpoint['format'], decoder: FileDecoder): Promise<readonly UnknownRecord[]> {
  const bytes = await readFile(path);
  if (format === 'parquet') {
    return decoder.rows(bytes, COLUMNS).catch((error: unknown) => {
      throw new LogError(`the checkpoint file ${basename(path)} cannot be read`, { cause: error });
    });
  }
  const rows: UnknownRecord[] = [];
  for (const line of bytes.toString('utf8').split('\n')) {
    const row = asRecord(parseJson(line));
    if (row !== null) rows.push(row);
  }
  return rows;
}
