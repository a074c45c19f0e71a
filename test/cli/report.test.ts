import { expect, test } from 'vitest';
import { checkMemory } from '../../src/cli/doctor-machine.ts';
import { strimziLines } from '../../src/cli/plan-kafka.ts';
import { checkLines, failed, fitted, pass, warn, worst } from '../../src/cli/report.ts';
import { Failure } from '../../src/model/failure.ts';
import { parse, SAMPLE } from '../config/sample.ts';

const PLAIN = { columns: null, isColoured: false };

test('a check is one line, with its remedy below; nothing of it obeys a terminal, and no program reads colours', () => {
  const check = failed('source acme', new Failure('provider.unreachable', 'no\u001B[31m answer'));
  expect(checkLines(check, PLAIN)).toEqual([
    'fail  source acme: no[31m answer',
    '      → Check the endpoint in the profile and the network between here and the provider.',
  ]);
  expect(checkLines(check, { columns: 50, isColoured: true })).toEqual([
    '\u001B[31mfail\u001B[0m  source acme: no[31m answer',
    '      → Check the endpoint in the profile and',
    '        the network between here and the provider.',
  ]);
});

test('a command stays whole on a line of its own, to be pasted', () => {
  const check = warn(
    'topic t',
    'rows leave after 1 h: kafka-configs.sh --alter --topic t --add-config retention.ms=604800000 --bootstrap-server a:1',
  );
  expect(checkLines(check, { columns: 60, isColoured: false })).toEqual([
    'warn  topic t: rows leave after 1 h:',
    '      $ kafka-configs.sh --alter --topic t --add-config retention.ms=604800000 --bootstrap-server a:1',
  ]);
});

test('a long line goes on below its own text', () => {
  const line = `    waiting  ${'words '.repeat(12).trim()}`;
  expect(fitted(line, null)).toEqual([line]);
  expect(fitted(line, 60)).toEqual([`    waiting  ${'words '.repeat(7).trim()}`, `             ${'words '.repeat(5).trim()}`]);
});

test('the worst that is found is the exit code: the config, then what is around, then feeds', () => {
  const park = { ...pass('f', ''), exit: 1 } as const;
  const missing = { ...pass('k', ''), exit: 3 } as const;
  const wrong = { ...pass('c', ''), exit: 2 } as const;
  const all = [pass('x', ''), park, missing, wrong];
  expect([all, all.slice(0, 3), all.slice(0, 2), all.slice(0, 1)].map(worst)).toEqual([2, 3, 1, 0]);
});

test('memory that is less than its limit fails, and that which leaves no room is warned of', () => {
  const config = parse(SAMPLE);
  const { memoryBytes } = config.limits;
  expect([memoryBytes * 2, memoryBytes * 1.05, memoryBytes / 2].map((bytes) => checkMemory(config, bytes).verdict)).toEqual([
    'pass',
    'warn',
    'fail',
  ]);
});

test('names that Kubernetes does not take are altered, and stay apart', () => {
  const topic = (name: string): Parameters<typeof strimziLines>[0]['topics'][number] => ({
    role: 'data',
    topic: name,
    partitions: 6,
    replicationFactor: 3,
    config: {},
  });
  const resources = strimziLines({ topics: [topic('r.S_1.t'), topic('r.s-1.t'), topic('r.s_1.t')], rights: [] }, parse(SAMPLE));
  const names = resources.filter((line) => line.startsWith('  name: '));
  expect(names).toEqual(['  name: r.s-1.t-fd786c9b', '  name: r.s-1.t', '  name: r.s-1.t-2e9cc6ed', '  name: acme-relay']);
  expect(resources.filter((line) => line.includes('replicas'))).toEqual(['  replicas: 3', '  replicas: 3', '  replicas: 3']);
});
