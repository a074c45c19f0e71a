/**
 * The project's own files as texts, and what a TypeScript file refers to. Found by patterns, not by a parser: the formatter puts every static import at the start
 * of a line.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { posix } from 'node:path';

export interface SourceFile {
  /** From the project's root, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface Reference {
  readonly kind:
    /** Gone when the program runs. */
    | 'type'
    /** A static import or a re-export. */
    | 'static'
    /** `import('…')`. */
    | 'dynamic'
    /** `new URL('…', import.meta.url)`: a worker, or a file to be read. */
    | 'url'
    /** `import(…)` of something that is known only when the program runs. */
    | 'computed';
  /** As written: a package, a builtin or a relative path. Empty if computed. */
  readonly specifier: string;
}

/** Folders that hold what others made, or what a run leaves behind. */
const SKIPPED: ReadonlySet<string> = new Set(['node_modules', '.git', '.cache', 'test/fixtures']);

/** Every file of the project but fixtures, sorted by path. `root` ends with `/`. */
export function readProject(root: URL): readonly SourceFile[] {
  const paths = (folder: string): readonly string[] =>
    readdirSync(new URL(folder, root), { withFileTypes: true }).flatMap((entry) => {
      const path = `${folder}${entry.name}`;
      if (entry.isDirectory()) return SKIPPED.has(path) ? [] : paths(`${path}/`);
      return entry.isFile() && !path.endsWith('.log') ? [path] : [];
    });
  return paths('')
    .map((path) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What a file refers to, in the order of kinds below. */
export function references(text: string): readonly Reference[] {
  const code = withoutComments(text);
  const found = (pattern: RegExp, kind: Reference['kind']): readonly Reference[] =>
    [...code.matchAll(pattern)].map((match) => ({ kind, specifier: match.groups?.['specifier'] ?? '' }));
  return [
    ...found(/^(?:import|export) type\b[^'"`;]*?\bfrom\s*['"](?<specifier>[^'"\n]+)['"]/gm, 'type'),
    ...found(/^(?:import|export)\b(?! type\b)[^'"`;=(]*?\bfrom\s*['"](?<specifier>[^'"\n]+)['"]/gm, 'static'),
    ...found(/^import\s*['"](?<specifier>[^'"\n]+)['"]/gm, 'static'),
    ...found(/\bimport\(\s*['"](?<specifier>[^'"\n]+)['"]\s*\)/g, 'dynamic'),
    ...found(/\bimport\(\s*(?!['"\s])/g, 'computed'),
    ...found(/\bnew URL\(\s*['"](?<specifier>\.[^'"\n]+)['"]\s*,\s*import\.meta\.url/g, 'url'),
  ];
}

/** The path that a relative specifier means, from the project's root; null for packages and builtins. */
export function target(from: string, specifier: string): string | null {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : null;
}

/** The package that a specifier names; null for relative paths and Node's own modules. */
export function packageName(specifier: string): string | null {
  if (specifier === '' || specifier.startsWith('.') || specifier.startsWith('node:')) return null;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Lines that are wholly comment are blanked; the number of lines stays. */
function withoutComments(text: string): string {
  return text.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, '');
}
