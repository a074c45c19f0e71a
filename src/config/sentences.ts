/**
 * What zod finds wrong with the shape → one sentence a person can act on, at its line and column.
 */
import type { z } from 'zod';
import { nearest } from '../lib/nearest.ts';
import { laterKey } from './later.ts';
import { branchFor, descriptionAt, expectationAt, keysAt } from './schema-lookup.ts';
import type { Expectation } from './values.ts';
import type { Path, Problem, YamlTree } from './yaml-tree.ts';

type Issue = z.core.$ZodIssue;

/** The sentences for all issues that `configSchema` finds with `tree.value`. */
export function shapeProblems(tree: YamlTree, issues: readonly Issue[]): readonly Problem[] {
  const found = issues.flatMap((issue) => findingsOf(tree, issue, []));
  const meant = new Set(found.map((finding) => finding.meant));
  return found.filter((finding) => finding.missing === null || !meant.has(finding.missing));
}

/** A key that is missing and one that was probably meant for it are one mistake: the second is told. */
interface Finding extends Problem {
  /** The path of the key that is not there. */
  readonly missing: string | null;
  /** The path of the key that was meant. */
  readonly meant: string | null;
}

function findingsOf(tree: YamlTree, issue: Issue, base: Path): readonly Finding[] {
  const path = [...base, ...steps(issue.path)];
  const value = valueAt(tree.value, path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(tree, path, key));
  }
  if (issue.code === 'invalid_union') {
    const chosen = branchFor(path, value);
    const issues = chosen === null ? undefined : issue.errors[chosen];
    if (issues !== undefined) return issues.flatMap((inner) => findingsOf(tree, inner, path));
  }
  if (tree.isBroken(path)) return [];
  return [
    {
      place: tree.placeOf(path),
      sentence: wrongValue(tree, issue, path, value),
      missing: value === undefined ? pathText(path) : null,
      meant: null,
    },
  ];
}

function unknownKey(tree: YamlTree, path: Path, key: string): Finding {
  const place = tree.placeOfKey([...path, key]);
  const instead = laterKey([...path, key]);
  if (instead !== null) {
    return {
      place,
      sentence: `\`${pathText([...path, key])}\` is not available yet: leave it out; ${instead}.`,
      missing: null,
      meant: null,
    };
  }
  const keys = keysAt(path);
  const near = nearest(key, keys);
  const hint = near === null ? '' : ` Did you mean \`${near}\`?`;
  const owner = path.length === 0 ? 'the file' : `\`${pathText(path)}\``;
  const sentence = `\`${key}\` is not a key of ${owner}.${hint} Its keys are ${keys.join(', ')}.`;
  return { place, sentence, missing: null, meant: near === null ? null : pathText([...path, near]) };
}

function wrongValue(tree: YamlTree, issue: Issue, path: Path, value: unknown): string {
  const name = path.length === 0 ? 'the file' : `\`${pathText(path)}\``;
  const expected = expectationAt(path) ?? { text: expectedMap(path), kind: 'other', words: [] };
  if (path.length === 0 && (value === undefined || value === null)) return `the file is empty: it must be ${expected.text}.`;
  if (value === undefined) return `${name} is missing: ${descriptionAt(path) ?? `it must be ${expected.text}.`}`;
  if (value === null) return `${name} has no value: give one, or leave the key out where it has a default. It must be ${expected.text}.`;
  const isShown = expected.kind !== 'secret' && !tree.isReferred(path);
  const unit = unitHint(expected, value);
  if (unit !== null && isShown) return `${name} has no unit: write ${unit}. It must be ${expected.text}.`;
  // What is said of a key holds nothing of its value.
  const about: unknown = issue.code === 'custom' ? issue.params?.['about'] : undefined;
  if (typeof about === 'string') return `${name} ${about}.`;
  const predicate: unknown = issue.code === 'custom' ? issue.params?.['predicate'] : undefined;
  if (typeof predicate === 'string' && isShown) return `${name} ${predicate}.`;
  const meant = isShown && typeof value === 'string' ? nearest(value, expected.words) : null;
  const hint = meant === null ? '' : ` Did you mean \`${meant}\`?`;
  return `${name} must be ${expected.text}${isShown ? `, not ${shown(value)}` : ''}.${hint}`;
}

function unitHint(expected: Expectation, value: unknown): string | null {
  if (!/^\d+$/.test(String(value))) return null;
  if (expected.kind === 'duration') return `\`${String(value)}s\` for seconds`;
  return expected.kind === 'size' ? `\`${String(value)}MiB\` for mebibytes` : null;
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'number') return `the number \`${value}\``;
  if (typeof value === 'boolean') return `\`${value}\``;
  if (typeof value !== 'string') return 'a map';
  return `\`${value.length > 80 ? `${value.slice(0, 80)}…` : value}\``;
}

function expectedMap(path: Path): string {
  const keys = keysAt(path);
  return keys.length === 0 ? 'another value' : `a map with the keys ${keys.join(', ')}`;
}

/** `recipients[0].tables[1].start`. */
function pathText(path: Path): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');
}

function steps(path: readonly PropertyKey[]): Path {
  return path.map((step) => (typeof step === 'number' ? step : String(step)));
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const step of path) {
    if (Array.isArray(at) && typeof step === 'number') at = at[step];
    else if (isRecord(at) && typeof step === 'string' && Object.hasOwn(at, step)) at = at[step];
    else return undefined;
  }
  return at;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
