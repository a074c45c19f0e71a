/**
 * A table's log, read as it grows.
 *
 * `refresh` lists `_delta_log` and parses the commits that are new. Of every commit a head is kept (time, metadata, protocol); of the file actions only
 * the most recently used, within `CACHED_ACTIONS_MAX`. What a reader sees is a `LogState`, an immutable picture; a table that "gains versions" or answers
 * stale is the same picture with a lower `latest`.
 *
 * The history begins at the oldest version whose commit file is there and whose state is known: version 0, or a checkpoint. Anything below is gone. A hole
 * between the commit files is a damaged log and fails every question, as in the reference server. If the oldest or the newest known commit is another file
 * than it was, the table was made anew, and all is read again.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../lib/assert.ts';
import type { EpochMs, Version } from '../model/version.ts';
import type { FileDecoder } from '../ports/file-decoder.ts';
import { findCheckpoints, readCheckpoint } from './checkpoint.ts';
import { commitTime } from './commit-time.ts';
import { LogError, parseAction } from './log-actions.ts';
import type { AddAction, CommitInfo, FileAction, Metadata, Protocol } from './log-actions.ts';
import { metadataAt } from './log-state.ts';
import type { CommitHead, LogState } from './log-state.ts';
import { asRecord, parseJson } from './unknown-data.ts';

/** File actions of parsed commits that are kept in memory per table, at least one commit's. */
const CACHED_ACTIONS_MAX = 50_000;
const COMMIT = /^(\d{20})\.json$/;

interface Commit {
  readonly head: CommitHead;
  readonly files: readonly FileAction[];
}

/** A folder that is to be a table, and is none yet or no longer. */
export class EmptyLogError extends LogError {
  override readonly name = 'EmptyLogError';
}

export class TableLog {
  readonly folder: string;
  readonly #decoder: FileDecoder;
  readonly #files = new Map<Version, readonly FileAction[]>();
  #cachedActions = 0;
  #state: LogState | null = null;
  /** Of the oldest and the newest commit file that are known. */
  #identity = '';
  #isReplaced = false;
  /** Never rejects. */
  #reading: Promise<unknown> = Promise.resolve();
  #queued: Promise<LogState> | null = null;

  constructor(folder: string, decoder: FileDecoder) {
    this.folder = folder;
    this.#decoder = decoder;
  }

  /** Whether the log was once another than it is. */
  get isReplaced(): boolean {
    return this.#isReplaced;
  }

  /** The log as it is on disk. Calls share one reading, if it has not begun before they came. Throws `LogError` if the log is damaged or gone. */
  refresh(): Promise<LogState> {
    this.#queued ??= this.#reading.then(() => {
      this.#queued = null;
      const reading = this.#read();
      this.#reading = reading.catch(() => null);
      return reading;
    });
    return this.#queued;
  }

  /** The file actions of a commit, in the log's order. */
  async filesOf(version: Version): Promise<readonly FileAction[]> {
    const cached = this.#files.get(version);
    if (cached !== undefined) {
      this.#files.delete(version);
      this.#files.set(version, cached);
      return cached;
    }
    const { files } = await this.#readCommit(version, { metadata: null, previous: null });
    this.#remember(version, files);
    return files;
  }

  /** The files that are live at `version`, in the order in which they came. */
  async snapshot(state: LogState, version: Version): Promise<readonly AddAction[]> {
    const live = new Map<string, AddAction>();
    const checkpoint = (await findCheckpoints(join(this.folder, '_delta_log'))).findLast((found) => found.version <= version);
    let next = state.first;
    if (checkpoint !== undefined) {
      for (const action of (await readCheckpoint(checkpoint, this.#decoder)).files) live.set(liveKey(action), action);
      next = checkpoint.version + 1;
    }
    for (; next <= version; next += 1) {
      for (const action of await this.filesOf(next)) {
        if (action.kind === 'remove') live.delete(liveKey(action));
        else if (action.kind === 'add') live.set(liveKey(action), action);
      }
    }
    return [...live.values()];
  }

  async #read(): Promise<LogState> {
    const folder = join(this.folder, '_delta_log');
    const names = await readdir(folder).catch((error: unknown) => {
      throw new LogError(`cannot list ${folder}`, { cause: error });
    });
    const versions = names
      .flatMap((name) => COMMIT.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => a - b);
    const oldest = versions[0];
    const latest = versions.at(-1);
    if (oldest === undefined || latest === undefined) throw new EmptyLogError(`${folder} holds no commits`);
    const known = this.#state;
    const isSame = known !== null && latest >= known.latest && this.#identity === (await this.#identify(oldest, known.latest));
    if (isSame && latest === known.latest) return known;
    this.#isReplaced ||= known !== null && !isSame;
    if (!isSame) this.#forget();
    else requireNoHole(versions.filter((version) => version >= known.latest));
    const state = isSame ? await this.#extend(known, latest) : await this.#begin(versions, latest);
    this.#identity = await this.#identify(oldest, latest);
    this.#state = state;
    return state;
  }

  async #begin(versions: readonly Version[], latest: Version): Promise<LogState> {
    const folder = join(this.folder, '_delta_log');
    const checkpoints = await findCheckpoints(folder);
    const oldest = must(versions[0], 'oldest');
    let first = oldest;
    let base: LogState['base'] = null;
    if (oldest > 0) {
      const usable = checkpoints.find((found) => found.version >= oldest - 1 && found.version < latest + 1);
      if (usable === undefined) throw new LogError(`${folder} begins at version ${oldest} and no checkpoint says what was before`);
      const { metadata, protocol } = await readCheckpoint(usable, this.#decoder);
      base = { metadata, protocol };
      first = Math.max(oldest, usable.version);
      if (first > latest) throw new LogError(`${folder} holds no commit from version ${first} on`);
    }
    requireNoHole(versions.filter((version) => version >= first));
    return this.#extend({ first, latest: first - 1, base, heads: [] }, latest);
  }

  async #extend(from: LogState, latest: Version): Promise<LogState> {
    const heads = [...from.heads];
    let metadata = metadataAt(from, from.latest);
    for (let version = from.latest + 1; version <= latest; version += 1) {
      const { head, files } = await this.#readCommit(version, { metadata, previous: heads.at(-1)?.timestamp ?? null });
      metadata = head.metadata ?? metadata;
      heads.push(head);
      this.#remember(version, files);
    }
    const begun = heads[0];
    if (from.base === null && (begun?.metadata === null || begun?.protocol === null)) {
      throw new LogError(`the first commit of ${this.folder} sets no metadata or no protocol`);
    }
    return { ...from, latest, heads };
  }

  async #readCommit(version: Version, before: { readonly metadata: Metadata | null; readonly previous: EpochMs | null }): Promise<Commit> {
    const path = this.#commitPath(version);
    let metadata: Metadata | null = null;
    let protocol: Protocol | null = null;
    let info: CommitInfo | null = null;
    const files: FileAction[] = [];
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      throw new LogError(`cannot read version ${version} of ${this.folder}`, { cause: error });
    });
    for (const line of text.split('\n')) {
      if (line.trim() === '') continue;
      const record = asRecord(parseJson(line));
      if (record === null) throw new LogError(`version ${version} of ${this.folder} holds a line that is not a JSON object`);
      const action = parseAction(record);
      if (action === null || action.kind === 'sidecar') continue;
      if (action.kind === 'metadata') metadata = action;
      else if (action.kind === 'protocol') protocol = action;
      else if (action.kind === 'commitInfo') info = action;
      else files.push(action);
    }
    const modified = info?.timestamp === undefined || info.timestamp === null ? Math.floor((await stat(path)).mtimeMs) : 0;
    const timestamp = commitTime({ info, modified, previous: before.previous, metadata: metadata ?? before.metadata });
    return { head: { version, timestamp, metadata, protocol }, files };
  }

  async #identify(oldest: Version, newest: Version): Promise<string> {
    const files = await Promise.all([oldest, newest].map((version) => stat(this.#commitPath(version)).catch(() => null)));
    return files.map((file) => (file === null ? 'gone' : `${file.ino}:${file.size}:${file.mtimeMs}`)).join();
  }

  #commitPath(version: Version): string {
    return join(this.folder, '_delta_log', `${String(version).padStart(20, '0')}.json`);
  }

  #remember(version: Version, files: readonly FileAction[]): void {
    this.#cachedActions += files.length - (this.#files.get(version)?.length ?? 0);
    this.#files.set(version, files);
    for (const [oldest, actions] of this.#files) {
      if (this.#cachedActions <= CACHED_ACTIONS_MAX || oldest === version) break;
      this.#files.delete(oldest);
      this.#cachedActions -= actions.length;
    }
  }

  #forget(): void {
    this.#files.clear();
    this.#cachedActions = 0;
    this.#state = null;
  }
}

function requireNoHole(versions: readonly Version[]): void {
  for (const [index, version] of versions.entries()) {
    const before = versions[index - 1];
    if (before !== undefined && version !== before + 1) throw new LogError(`versions (${before}, ${version}) are not contiguous`);
  }
}

/** Of one path several vectors may have been live in turn: a file is told by both (Delta PROTOCOL.md §Add File and Remove File). */
function liveKey(action: FileAction): string {
  const vector = action.kind === 'cdc' ? null : action.deletionVector;
  return vector === null ? action.path : `${action.path}\n${vector.storageType}${vector.pathOrInlineDv}@${vector.offset ?? ''}`;
}
