/**
 * docs/what-goes-wrong.md: every line names tests that are there, and codes that are.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAILURES } from '../src/model/failure.ts';

const DOCS = new URL('../docs/', import.meta.url);

const text = readFileSync(new URL('what-goes-wrong.md', DOCS), 'utf8');
const table = text.slice(0, text.indexOf('\n## '));
const lines = table
  .split('\n')
  .flatMap((line) => {
    const [, event, answer, told, tests] = /^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/.exec(line) ?? [];
    return event === undefined || answer === undefined || told === undefined || tests === undefined ? [] : [{ event, told, tests }];
  })
  .slice(1);

/** What the names of a file's tests are, as far as they stand there as one text. */
function testsIn(file: string): ReadonlySet<string> {
  const code = readFileSync(new URL(file, DOCS), 'utf8');
  const named = code.matchAll(/\b(?:test|it)(?:\.concurrent)?(?:\.each(?:<[^>]*>)?\([^)]*\))?\(\s*(['"`])((?:(?!\1)[^\\]|\\.)*)\1/g);
  return new Set([...named].map(([, , name = '']) => name.replaceAll(/\\(.)/g, '$1').replace(/^%s:? /, '')));
}

it('has its lines', () => {
  expect(lines.length).toBeGreaterThan(25);
  expect(table.split('\n').filter((line) => line.startsWith('| ')).length).toBe(lines.length + 1);
});

describe.each(lines)('$event', ({ told, tests }) => {
  it('names tests that are there', () => {
    const links = [...tests.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)].map(([, name = '', file = '']) => ({ name, file }));
    expect(links.length).toBe(tests.split('](').length - 1);
    expect(links.filter(({ name, file }) => ![...testsIn(file)].some((there) => there.startsWith(name)))).toEqual([]);
    expect(links.length).toBeGreaterThan(0);
  });

  it('names codes that are there', () => {
    const codes = [...told.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
    expect(codes.filter((code) => !(code in FAILURES))).toEqual([]);
  });
});
