/**
 * A table's log, rebuilt from what the reference server told of it. Files are known by their paths, which must have the ids that the server gave them.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { UnknownRecord } from '../../src/provider/unknown-data.ts';
import { isRecord } from '../../src/provider/unknown-data.ts';
import { at, commit, textAt } from './support.ts';
import { answeredLines, readTranscript } from './transcript.ts';

export interface Rebuilt {
  /** The transcript whose first metadata is that of version 0. */
  readonly metadata: string;
  /** The transcripts that list files; of one file told twice the place of the first and the words of the last count. */
  readonly listings: readonly string[];
  /** What no answer shows, by version; it comes after what the listings show. */
  readonly hidden?: Readonly<Record<number, readonly unknown[]>>;
  /** Where the answers of the newest version are not among the transcripts. */
  readonly latest?: number;
}

interface Commit {
  timestamp: number | null;
  readonly actions: Map<string, unknown>;
}

/** Before all that is known; a version of which no time is known comes a moment after the one before. */
const FIRST_COMMIT_MS = 1_600_000_000_000;

/** Writes every version of the log into `folder`, but for those below `from`. */
export async function writeRebuilt(folder: string, rebuilt: Rebuilt, from = 0): Promise<void> {
  const commits = commitsOf(rebuilt);
  let time = FIRST_COMMIT_MS;
  for (let version = 0; version <= Math.max(...commits.keys()); version += 1) {
    const { timestamp = null, actions = new Map<string, unknown>() } = commits.get(version) ?? {};
    time = timestamp ?? time + 1;
    if (version >= from) await commit(folder, version, [{ commitInfo: { timestamp: time } }, ...actions.values()]);
  }
}

/** As the log holds it, from either response format. */
export function loggedMetadata(transcript: string, feed = true): unknown {
  const head = answeredLines(transcript).find((line) => line['metaData'] !== undefined)?.['metaData'];
  return { metaData: metadataOf(head, feed) };
}

export function loggedProtocol(transcript: string): unknown {
  const protocol = at(answeredLines(transcript)[0], 'protocol', 'deltaProtocol');
  return { protocol: protocol ?? { minReaderVersion: 1, minWriterVersion: 4 } };
}

function commitsOf({ metadata, listings, hidden = {}, latest = 0 }: Rebuilt): ReadonlyMap<number, Commit> {
  const commits = new Map<number, Commit>();
  const commitOf = (version: number): Commit => {
    const found = commits.get(version) ?? { timestamp: null, actions: new Map<string, unknown>() };
    commits.set(version, found);
    return found;
  };
  commitOf(latest);
  commitOf(0).actions.set('protocol', loggedProtocol(metadata)).set('metaData', loggedMetadata(metadata));
  for (const transcript of new Set([...listings, metadata])) {
    const snapshotVersion = Number(readTranscript(transcript).answer.headers['delta-table-version']);
    for (const [index, line] of answeredLines(transcript).entries()) {
      const told = at(line, 'metaData', 'version');
      if (told !== undefined) {
        const set = commitOf(Number(told));
        if (index > 1 && transcript === metadata) set.actions.set('metaData', { metaData: metadataOf(line['metaData'], true) });
      }
      const file = fileOf(line, snapshotVersion);
      if (file === null || !listings.includes(transcript)) continue;
      const { version, timestamp, kind, path, body } = file;
      const set = commitOf(version);
      set.timestamp = timestamp ?? set.timestamp;
      set.actions.set(`${kind} ${path}`, { [kind]: { path, ...body } });
    }
  }
  for (const [version, actions] of Object.entries(hidden)) {
    for (const [index, action] of actions.entries()) commitOf(Number(version)).actions.set(`hidden ${index}`, action);
  }
  return commits;
}

function metadataOf(told: unknown, feed: boolean): unknown {
  const delta = at(told, 'deltaMetadata');
  const { version: _, ...parquet } = isRecord(told) ? told : {};
  const whole = isRecord(delta) ? delta : { ...parquet, format: { provider: 'parquet', options: {} } };
  if (isRecord(delta) && feed) return delta;
  return { ...whole, configuration: feed ? { 'delta.enableChangeDataFeed': 'true' } : {} };
}

interface ListedFile {
  readonly version: number;
  readonly timestamp: number | null;
  readonly kind: string;
  readonly path: string;
  readonly body: UnknownRecord;
}

/** Null for lines that are no files. A snapshot's files stand for the files that its version adds. */
function fileOf(line: UnknownRecord, snapshotVersion: number): ListedFile | null {
  const wrapper = line['file'];
  const single = at(wrapper, 'deltaSingleAction');
  if (isRecord(single)) {
    const [kind = '', action] = Object.entries(single)[0] ?? [];
    const { pathAsUri: _, delTimestamp: __, path: url, deletionVector, ...body } = isRecord(action) ? action : {};
    const vector = deletionVector === undefined ? {} : { deletionVector: loggedVector(deletionVector) };
    const path = loggedPath(String(url), textAt(wrapper, 'id'));
    const version = Number(at(wrapper, 'version') ?? snapshotVersion);
    return { version, timestamp: numberAt(wrapper, 'timestamp'), kind, path, body: { ...body, ...vector } };
  }
  const kind = ['add', 'remove', 'cdf'].find((name) => line[name] !== undefined);
  if (kind === undefined) return null;
  const told = line[kind];
  const timestamp = numberAt(told, 'timestamp');
  const { partitionValues, size, stats } = isRecord(told) ? told : {};
  const body = {
    add: { partitionValues, size, modificationTime: timestamp, dataChange: true, stats },
    remove: { deletionTimestamp: timestamp, dataChange: true, extendedFileMetadata: true, partitionValues, size },
    cdc: { partitionValues, size, dataChange: false },
  };
  const name = kind === 'cdf' ? 'cdc' : kind === 'add' ? 'add' : 'remove';
  const path = loggedPath(textAt(told, 'url'), textAt(told, 'id'));
  return { version: Number(at(told, 'version')), timestamp, kind: name, path, body: body[name] };
}

/** The log's own spelling of a file's name: the one of which the id is the hash. */
function loggedPath(url: string, id: string): string {
  const [, encoded = ''] = /\/bkt1\/[^/]+\/[^/]+\/([^?]+)/.exec(url) ?? [];
  const key = decodeURIComponent(encoded);
  const found = [key, key.replaceAll('%', '%25')].find((path) => [hash('md5', path), hash('sha256', path)].includes(id));
  if (found === undefined) throw new Error(`no spelling of ${key} has the id ${id}`);
  return found;
}

const Z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

/** The log names a vector's file by its UUID (Delta PROTOCOL.md §Deletion Vector Descriptor Schema), the wire by a URL. */
function loggedVector(told: unknown): unknown {
  const [, uuid = ''] = /deletion_vector_([0-9a-f-]{36})\.bin/.exec(textAt(told, 'pathOrInlineDv')) ?? [];
  const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
  let text = '';
  for (let word = 0; word < 4; word += 1) {
    let left = bytes.readUInt32BE(word * 4);
    let digits = '';
    for (let digit = 0; digit < 5; digit += 1) {
      digits = (Z85[left % 85] ?? '') + digits;
      left = Math.floor(left / 85);
    }
    text += digits;
  }
  return { ...(isRecord(told) ? told : {}), storageType: 'u', pathOrInlineDv: text };
}

function numberAt(value: unknown, key: string): number | null {
  const found = at(value, key);
  return typeof found === 'number' ? found : null;
}

function hash(algorithm: string, text: string): string {
  return createHash(algorithm).update(text).digest('hex');
}

/** Of a table in a folder of tables. */
export function tableFolder(root: string, name: string): string {
  return join(root, ...name.split('/'));
}
