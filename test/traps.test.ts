/**
 * docs/provider-traps.md: every trap has its line, and the test that the line names says the trap's number in the name of a test.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const DOCS = new URL('../docs/', import.meta.url);
const TRAPS = 45;

interface Line {
  readonly trap: number;
  readonly file: string;
}

const lines: readonly Line[] = readFileSync(new URL('provider-traps.md', DOCS), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, trap, file] = /^\| (\d+) \|.+\| \[[^\]]+\]\(([^)]+)\) \|$/.exec(line) ?? [];
    return trap === undefined || file === undefined ? [] : [{ trap: Number(trap), file }];
  });

/** The numbers that the names of a file's tests say: `trap 7`, `traps 5, 6 and 7`. */
function trapsNamedIn(file: string): ReadonlySet<number> {
  const code = readFileSync(new URL(file, DOCS), 'utf8').replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, '');
  const named = [...code.matchAll(/\btraps? (\d+(?:(?:, | and )\d+)*)/g)];
  return new Set(named.flatMap(([, numbers = '']) => numbers.match(/\d+/g) ?? []).map(Number));
}

it('every trap has one line, in order', () => {
  expect(lines.map(({ trap }) => trap)).toEqual(Array.from({ length: TRAPS }, (_, at) => at + 1));
});

it.each(lines)('trap $trap is held by a test of its number', ({ trap, file }) => {
  expect(trapsNamedIn(file)).toContain(trap);
});
