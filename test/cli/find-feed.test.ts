import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { failureText } from '../../src/cli/exit.ts';
import { feedsNamed } from '../../src/cli/find-feed.ts';
import { usageLine } from '../../src/cli/usage.ts';
import { Failure } from '../../src/model/failure.ts';
import { parse, PROFILE, SAMPLE } from '../config/sample.ts';

const COMMANDS = {
  tail: () => import('../../src/cli/tail.ts'),
  offsets: () => import('../../src/cli/offsets.ts'),
  verify: () => import('../../src/cli/verify.ts'),
  checkpoint: () => import('../../src/cli/checkpoint.ts'),
} as const;

const USAGE = `(usage: ${usageLine('tail')})\n→ See \`--help\`.`;

const PATTERNS = parse(`relay: {name: r}
kafka: {brokers: [b:1]}
sources:
  - {name: one, profile: acme.share}
  - {name: two, profile: acme.share}
recipients:
  - name: q
    source: one
    tables:
      - {table: s.p.o, topic: named}
      - {table: s.p.*}
      - {table: s.*.*, topic: "second.{schema}.{table}"}
      - {table: s.p.*, source: two, topic: "two.{table}"}
`);

function found(recipient: string, table: string, config = PATTERNS): readonly string[] {
  return feedsNamed('tail', config, recipient, table).map(({ id, topic }) => `${id} → ${topic}`);
}

function told(recipient: string, table: string, config = PATTERNS): string {
  try {
    found(recipient, table, config);
  } catch (error) {
    if (error instanceof Failure && error.code === 'arguments.invalid') return failureText(error);
    throw error;
  }
  return '';
}

test('a feed is found by the name of its table, in any case', () => {
  expect(found('Analytics', 'SALES.public.ORDERS', parse(SAMPLE))).toEqual([
    'analytics/acme/sales.public.orders → analytics.sales.public.orders',
  ]);
});

test('a feed is found by the pattern that has its table: the first in the file', () => {
  expect(found('q', 'S.x.New')).toEqual(['q/one/s.x.new → second.x.New']);
  expect(found('q', 'one/s.p.new')).toEqual(['q/one/s.p.new → q.s.p.new']);
  expect(found('q', 'ONE/s.p.o')).toEqual(['q/one/s.p.o → named']);
});

test('of several sources that give the table each has a feed', () => {
  expect(found('q', 's.p.o')).toEqual(['q/one/s.p.o → named', 'q/two/s.p.o → two.o']);
});

test('a recipient or table that the config does not have is told, with the nearest one', () => {
  const config = parse(SAMPLE);
  expect(told('analytcs', 'sales.public.orders', config)).toBe(
    `tail: the config has no recipient \`analytcs\`; did you mean analytics? ${USAGE}`,
  );
  expect(told('analytics', 'sales.publik.order', config)).toBe(
    `tail: recipient \`analytics\` has no table \`sales.publik.order\`; did you mean sales.public.orders? ${USAGE}`,
  );
  expect(told('q', 'x.y.z')).toBe(`tail: recipient \`q\` has no table \`x.y.z\`, by name or by a pattern ${USAGE}`);
  expect(told('q', 's.p.*')).toBe(`tail: \`s.p.*\` is a pattern: name one of its tables ${USAGE}`);
});

test.for([['tail', '--until-end'], ['offsets', '--version', '1'], ['verify'], ['checkpoint', 'show']] as const)(
  'what the config does not have is told before Kafka is asked: %s',
  async ([command, ...more]) => {
    const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-find-feed-'));
    try {
      // Nobody listens there: a command that asked would wait for a minute.
      const path = join(folder, 'relay.yaml');
      await writeFile(join(folder, 'acme.share'), PROFILE);
      await writeFile(path, SAMPLE.replace('localhost:9092', '127.0.0.1:1'));
      const { run } = await COMMANDS[command]();
      const named = ['-c', path, '--recipient', 'analytics', '--table', 'sales.public.nothing'];
      await expect(run([...more, ...named], new AbortController().signal)).rejects.toThrow(
        '`analytics` has no table `sales.public.nothing`',
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
