/**
 * Conventions of files (style guide) that neither formatter nor linter holds. Every rule answers with sentences, one for each violation.
 */
import type { SourceFile } from './source-file.ts';

const LINES_MAX = 400;
/** What tools look for under a fixed name, and demand as a default export. */
const DEFAULT_EXPORTS: ReadonlySet<string> = new Set(['test/vitest.config.ts', 'test/kafka/global-setup.ts']);
const TOP_LEVEL: ReadonlySet<string> = new Set(
  'package.json package-lock.json tsconfig.json src connectors schemas test helm docs README.md LICENSE'.split(' '),
);
/** What the README tells people to put there, and git ignores. */
const ONES_OWN = /^relay\.yaml$|\.share$/;
const PRODUCT = /^(?:src|connectors)\//;
const CODE = /^(?:src|connectors|test)\/.*\.ts$/;

/** What the visible top level holds besides what the design allows. */
export function strangersAtTheTop(files: readonly SourceFile[]): readonly string[] {
  const names = new Set(files.map((file) => file.path.split('/')[0] ?? ''));
  return [...names]
    .filter((name) => !name.startsWith('.') && !TOP_LEVEL.has(name) && !ONES_OWN.test(name))
    .map((name) => `${name} stands at the top level, which holds ${[...TOP_LEVEL].join(', ')} and dotfiles only.`);
}

/** Names of code files and their folders that are not kebab-case. */
export function unkemptNames(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path }) => CODE.test(path))
    .filter(({ path }) => !/^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)+[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test|\.config)?\.ts$/.test(path))
    .map(({ path }) => `${path} is not named in kebab-case.`);
}

/** Files of the product that are too long to be one idea. */
export function longFiles(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path }) => PRODUCT.test(path))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES_MAX)
    .map(({ path, lines }) => `${path} has ${lines} lines: a file is one idea, of ${LINES_MAX} lines at most.`);
}

/** Default exports. */
export function defaultExports(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path }) => CODE.test(path) && !DEFAULT_EXPORTS.has(path))
    .filter(({ text }) => /^export default\b|^export\s*\{[^}]*\bas default\b/m.test(text))
    .map(({ path }) => `${path} has a default export: export it by name.`);
}

/** Paths that exist on one machine only. */
export function machinePaths(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap(({ path, text }) =>
    [...text.matchAll(/(?<![\w.$})])(?:\/(?:home|Users|root|work)\/\w[\w./-]*|\b[A-Z]:\\\w[\w.\\-]*)/g)].map(
      ([found]) => `${path} holds the path ${found}, which exists on one machine only.`,
    ),
  );
}

/** Comments that switch a rule off without a reason behind ` -- `. */
export function silencedRules(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path }) => CODE.test(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/\/[/*] ?(?:oxlint|eslint)-disable\b.*|\/[/*] ?@ts-(?:ignore|nocheck|expect-error)\b.*/g)]
        .filter(([comment]) => !/ -- \w/.test(comment))
        .map(([comment]) => `${path} says "${comment.trim()}" and no reason: write one behind " -- ".`),
    );
}
