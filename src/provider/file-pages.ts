/**
 * A sequence of lines cut into pages. Only file lines count; a line that is none (metadata, protocol) belongs to the page of the file that follows it.
 */
export interface PagedLine {
  readonly isFile: boolean;
  /** Makes the line: URLs are signed only for files that are sent. */
  readonly text: () => string;
}

export interface PageOfLines {
  readonly lines: readonly string[];
  readonly files: number;
  /** Where the next page begins, or null on the last. */
  readonly next: number | null;
}

/** `filesMax` null: all that is left. */
export async function takePage(source: AsyncIterable<PagedLine>, offset: number, filesMax: number | null): Promise<PageOfLines> {
  const lines: string[] = [];
  const end = filesMax === null ? Number.MAX_SAFE_INTEGER : offset + filesMax;
  let index = 0;
  for await (const line of source) {
    if (index >= end) return { lines, files: end - offset, next: end };
    if (index >= offset) lines.push(line.text());
    if (line.isFile) index += 1;
  }
  return { lines, files: Math.max(0, index - offset), next: null };
}

/** The same lines without the last `count` files. */
export async function* withoutLastFiles<T extends PagedLine>(source: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  if (count === 0) {
    yield* source;
    return;
  }
  const held: T[] = [];
  let files = 0;
  for await (const line of source) {
    held.push(line);
    if (line.isFile) files += 1;
  }
  const kept = files - count;
  let seen = 0;
  for (const line of held) {
    if (line.isFile) seen += 1;
    if (!line.isFile || seen <= kept) yield line;
  }
}
