import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expand, maskReferences, unmaskReferences } from '../../src/config/references.ts';
import { parse, problems, SAMPLE, world } from './sample.ts';

function expanded(scalar: string, env: Readonly<Record<string, string>> = {}, files: Readonly<Record<string, string>> = {}): string {
  const { text, problems } = expand(scalar, world(env, files));
  expect(problems).toEqual([]);
  return text;
}

describe('references', () => {
  test('environment, default, file and the literal form', () => {
    expect(expanded('a-${A}-${B:-b}-${C:-}-${file: f.txt}-$${A}', { A: '1' }, { 'f.txt': '\n two \n' })).toBe('a-1-b--two-${A}');
  });

  test('an empty variable takes the default', () => {
    expect(expanded('${A:-x}', { A: '' })).toBe('x');
  });

  test('what a reference gives is not looked at again', () => {
    expect(expanded('${A}${file:f}', { A: '${B}', B: 'b' }, { f: '${B}' })).toBe('${B}${B}');
  });

  test.each([
    ['${A}', 'the environment variable A is not set: set it, or write `${A:-default}`'],
    ['${EMPTY}', 'the environment variable EMPTY is empty: set it, or write `${EMPTY:-default}`'],
    ['${file:none}', 'the file none cannot be read (there is no such file)'],
    ['${file:blank}', 'the file blank is empty'],
    ['${file:}', '`${file:}` names no file'],
    ['${A-B}', '`${A-B}` is no reference: write `${NAME}`, `${NAME:-default}` or `${file:path}`, or `$${` for a literal `${`'],
    ['${A:-${B}}', '`${A:-…}` holds another reference: references do not nest'],
    ['x ${A', '`${` has no closing `}`; write `$${` for a literal `${`'],
  ])('%s is refused', (scalar, problem) => {
    expect(expand(scalar, world({ EMPTY: '' }, { blank: ' \n' })).problems).toEqual([problem]);
  });

  test('they stand in flow maps and lists without quotes, where YAML alone would end the scalar', () => {
    const text = SAMPLE.replace('{name: acme-relay}', '{name: ${N}, checkpointPartitions: ${P:-7}}').replace(
      '[localhost:9092]',
      '[${B}, ${C:-c:2}]',
    );
    const config = parse(text, world({ N: 'r', B: 'b:1' }));
    expect([config.relay, config.kafka.brokers]).toEqual([{ name: 'r', checkpointPartitions: 7 }, ['b:1', 'c:2']]);
  });

  test('a scalar that is wholly one reference takes the type of its text, except where a text belongs', () => {
    const text = SAMPLE.replace(
      '[localhost:9092]}',
      '[b:1], topics: {create: ${CREATE}}, sasl: {mechanism: plain, username: ${U}, password: p}}',
    );
    const config = parse(text, world({ CREATE: 'false', U: '007' }));
    expect([config.kafka.topics.create, config.kafka.sasl]).toMatchObject([false, { username: '007' }]);
    expect(problems(SAMPLE.replace('name: acme-relay', 'name: r, checkpointPartitions: "${P}${P}"'), world({ P: '1' }))).toEqual([
      '1:40: `relay.checkpointPartitions` must be a whole number from 1 to 1000.',
    ]);
  });

  test('hiding references from YAML moves no position and loses nothing', () => {
    const text = fc
      .array(fc.constantFrom('$', '{', '}', '${A}', '${file:a b}', '$${x: [y]}', 'ü', '\n', ': ', '"', 'x'))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (original) => {
        const masked = maskReferences(original);
        expect(masked).toHaveLength(original.length);
        expect(unmaskReferences(masked)).toBe(original);
      }),
    );
  });
});
