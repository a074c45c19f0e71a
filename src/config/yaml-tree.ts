/**
 * YAML 1.2 text → plain values with references expanded, and the line and column where each of them stands.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { expand, maskReferences, unmaskReferences } from './references.ts';
import type { ReferenceWorld } from './references.ts';

export type Path = readonly (string | number)[];

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Problem {
  readonly place: Place;
  readonly sentence: string;
}

export interface YamlTree {
  /** Maps, lists and scalars as plain JavaScript values. */
  readonly value: unknown;
  /** Where the value stands; of what is missing, its nearest ancestor that is there. */
  placeOf(path: Path): Place;
  /** Where the key stands, for a key of a map. */
  placeOfKey(path: Path): Place;
  /** Whether the scalar came through a reference, so that its text must not be shown. */
  isReferred(path: Path): boolean;
  /** The scalar as it is written, with its references; null where it has none. */
  writtenAt(path: Path): string | null;
  /** Whether a reference in the scalar led nowhere, so that its value means nothing. */
  isBroken(path: Path): boolean;
  readonly problems: readonly Problem[];
}

export interface TreeOptions {
  readonly world: ReferenceWorld;
  /** Whether the value at a path is a text whatever it looks like: `${PASSWORD}` = 0123 stays `0123` there. */
  readonly isText: (path: Path) => boolean;
}

const LENGTH_MAX = 4 * 2 ** 20;
const DEPTH_MAX = 20;
const NODES_MAX = 200_000;

/** Never throws: what is wrong is in `problems`, and where YAML itself is broken `value` is undefined. */
export function readYaml(text: string, options: TreeOptions): YamlTree {
  const lines = new LineCounter();
  const tooLong = text.length > LENGTH_MAX;
  const document = parseDocument(tooLong ? '' : maskReferences(text), {
    version: '1.2',
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
  });
  const reader = new Reader(document, lines, options);
  if (tooLong) reader.complain(0, `the file has over ${LENGTH_MAX / 2 ** 20} MiB, which no config needs.`);
  for (const error of document.errors) reader.complain(error.pos[0], yamlSentence(error.code, error.message));
  for (const warning of document.warnings) reader.complain(warning.pos[0], yamlSentence(warning.code, warning.message));
  const value = reader.problems.length > 0 ? undefined : reader.read(document.contents, []);
  return {
    value,
    problems: reader.problems,
    placeOf: (path) => reader.placeOf(path),
    placeOfKey: (path) => reader.placeOfKey(path),
    isReferred: (path) => reader.referred.has(pathKey(path)),
    writtenAt: (path) => reader.referred.get(pathKey(path)) ?? null,
    isBroken: (path) => reader.broken.has(pathKey(path)),
  };
}

class Reader {
  readonly problems: Problem[] = [];
  /** As they are written. */
  readonly referred = new Map<string, string>();
  readonly broken = new Set<string>();
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #options: TreeOptions;
  readonly #values = new Map<string, number>();
  readonly #keys = new Map<string, number>();
  #nodes = 0;

  constructor(document: Document.Parsed, lines: LineCounter, options: TreeOptions) {
    this.#document = document;
    this.#lines = lines;
    this.#options = options;
  }

  complain(offset: number, sentence: string): void {
    this.problems.push({ place: this.#place(offset), sentence });
  }

  placeOf(path: Path): Place {
    for (let length = path.length; length >= 0; length -= 1) {
      const key = pathKey(path.slice(0, length));
      const offset = length < path.length ? (this.#keys.get(key) ?? this.#values.get(key)) : this.#values.get(key);
      if (offset !== undefined) return this.#place(offset);
    }
    return { line: 1, column: 1 };
  }

  placeOfKey(path: Path): Place {
    const offset = this.#keys.get(pathKey(path));
    return offset === undefined ? this.placeOf(path) : this.#place(offset);
  }

  read(node: unknown, path: Path): unknown {
    this.#nodes += 1;
    if (isAlias(node)) return this.read(node.resolve(this.#document), path);
    if (isScalar(node)) return this.#scalar(node.value, node.range?.[0] ?? 0, path);
    if (!isMap(node) && !isSeq(node)) return null;
    const offset = node.range?.[0] ?? 0;
    this.#values.set(pathKey(path), offset);
    if (path.length > DEPTH_MAX || this.#nodes > NODES_MAX) {
      this.complain(offset, 'the file is nested too deeply, or its aliases repeat too much.');
      return null;
    }
    if (isSeq(node)) return node.items.map((item, i) => this.read(item, [...path, i]));
    const entries: [string, unknown][] = [];
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? unmaskReferences(String(key.value)) : String(key);
      const below = [...path, name];
      if (isScalar(key)) this.#keys.set(pathKey(below), key.range?.[0] ?? offset);
      if (!isScalar(value) || value.value === null) this.#values.set(pathKey(below), isScalar(key) ? (key.range?.[0] ?? offset) : offset);
      entries.push([name, this.read(value, below)]);
    }
    return Object.fromEntries(entries);
  }

  #scalar(value: unknown, offset: number, path: Path): unknown {
    if (value !== null) this.#values.set(pathKey(path), offset);
    if (typeof value !== 'string') return value;
    const written = unmaskReferences(value);
    const { text, referred, whole, problems } = expand(written, this.#options.world);
    for (const problem of problems) this.complain(offset, `${problem}.`);
    if (problems.length > 0) this.broken.add(pathKey(path));
    if (referred) this.referred.set(pathKey(path), written);
    return whole && !this.#options.isText(path) ? asYamlScalar(text) : text;
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

function pathKey(path: Path): string {
  return JSON.stringify(path);
}

/** A text that is a scalar by itself takes the type YAML gives it; anything else stays the text. */
function asYamlScalar(text: string): unknown {
  const document = parseDocument(text, { version: '1.2', prettyErrors: false });
  return document.errors.length === 0 && isScalar(document.contents) ? document.contents.value : text;
}

function yamlSentence(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key stands twice in its map: keep one of the two.';
  if (code === 'TAB_AS_INDENT') return 'a tab indents this line: YAML takes spaces only.';
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here: a config file holds one.';
  if (message.startsWith('Unexpected scalar at node end'))
    return 'text stands behind a closed bracket: put a text that begins with `{` or `[` in quotes.';
  return `this is not sound YAML: ${unmaskReferences(message).replaceAll(/\s+/g, ' ').replace(/\.?$/, '.')}`;
}
