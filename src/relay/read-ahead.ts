/**
 * The files of a version that is worked whole, read one ahead of the worker that asks for them: it asks in the order of the plan, over and over, but not again for what it
 * keeps.
 */
import type { ChangeFile, FileContent } from '../model/change-files.ts';

export type ReadFile = (file: ChangeFile, signal: AbortSignal) => Promise<FileContent>;

export interface ReadAheadOptions {
  /** In the order in which they are asked for. */
  readonly files: readonly ChangeFile[];
  /** As the worker was told (`EncodeVersionRequest.keptBytes`). */
  readonly keptBytes: number;
  /** Larger files are not read ahead: they are in memory alone. */
  readonly aheadBytes: number;
  readonly read: ReadFile;
}

export class ReadAhead {
  readonly #options: ReadAheadOptions;
  /** What the worker has, by its own rule: each file that still fits, as it comes. */
  readonly #kept = new Set<ChangeFile>();
  #room: number;
  #ahead: { readonly file: ChangeFile; readonly content: Promise<FileContent> } | null = null;

  constructor(options: ReadAheadOptions) {
    this.#options = options;
    this.#room = options.keptBytes;
  }

  /** One call at a time. `signal` ends what is read ahead too. */
  async read(file: ChangeFile, signal: AbortSignal): Promise<FileContent> {
    const ahead = this.#ahead;
    this.#ahead = null;
    const content = await (ahead?.file === file ? ahead.content : this.#options.read(file, signal));
    const { length } = content.bytes;
    if (!this.#kept.has(file) && length <= this.#room) {
      this.#room -= length;
      this.#kept.add(file);
    }
    this.#start(file, signal);
    return content;
  }

  #start(behind: ChangeFile, signal: AbortSignal): void {
    const { files, aheadBytes, read } = this.#options;
    const at = files.indexOf(behind) + 1;
    const file = [...files.slice(at), ...files.slice(0, at)].find((one) => !this.#kept.has(one));
    if (file === undefined || file === behind || file.size === null || file.size > aheadBytes) return;
    const content = read(file, signal);
    content.catch(() => {}); // It is thrown when the file is asked for, or not at all if it is not.
    this.#ahead = { file, content };
  }
}
