/**
 * Bad configs, files and arguments, and the exact sentence that a person gets for each. What providers, Parquet files and Kafka do wrong is listed beside their rooms.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseArguments } from '../../src/cli/arguments.ts';
import { exitCode, failureText } from '../../src/cli/exit.ts';
import { run as doctor } from '../../src/cli/doctor.ts';
import { run as plan } from '../../src/cli/plan.ts';
import type { CommandName } from '../../src/cli/usage.ts';
import { loadConfig } from '../../src/config/load.ts';
import { PROFILE, problems, SAMPLE, world } from '../config/sample.ts';

const COMMANDS = {
  doctor: () => import('../../src/cli/doctor.ts'),
  plan: () => import('../../src/cli/plan.ts'),
  run: () => import('../../src/cli/run.ts'),
} as const;

interface BadConfig {
  readonly what: string;
  /** What stands in the sample, and what a person wrote instead. */
  readonly change: readonly [string, string];
  readonly told: string;
}

const BAD_CONFIGS: readonly BadConfig[] = [
  {
    what: 'a key with a typing error',
    change: ['brokers:', 'broker:'],
    told: '2:9: `broker` is not a key of `kafka`. Did you mean `brokers`? Its keys are brokers, tls, sasl, compression, driver, topics.',
  },
  {
    what: 'a key that is not like any other',
    change: ['{name: acme-relay}', '{name: acme-relay, colour: red}'],
    told: '1:27: `colour` is not a key of `relay`. Its keys are name, checkpointPartitions.',
  },
  {
    what: 'a key of a part that is not built',
    change: ['start: earliest', 'start: earliest, where: id > 5'],
    told: '8:55: `recipients[0].tables[0].where` is not available yet: leave it out; all rows are published; ask the provider to share a view with fewer.',
  },
  {
    what: 'tables by a pattern that would lose what a table holds when it joins',
    change: ['sales.public.orders, start: earliest', 'sales.public.*, start: latest'],
    told: '8:40: the pattern sales.public.* cannot start at `latest`: a table that joins later would lose what it already holds; write `snapshot` or `earliest`.',
  },
  {
    what: 'a start at a time without its zone',
    change: ['start: earliest', 'start: {timestamp: 2026-01-01T00:00:00}'],
    told: '8:57: `recipients[0].tables[0].start.timestamp` must be a time with its zone such as `2026-01-01T00:00:00Z`, not `2026-01-01T00:00:00`.',
  },
  {
    what: 'a start at a time that is a number',
    change: ['start: earliest', 'start: {timestamp: 1767225600000}'],
    told: '8:57: `recipients[0].tables[0].start.timestamp` must be a time with its zone such as `2026-01-01T00:00:00Z`, not the number `1767225600000`.',
  },
  {
    what: 'a start on a day that is none',
    change: ['start: earliest', 'start: {timestamp: 2026-02-30T00:00:00Z}'],
    told: '8:57: `recipients[0].tables[0].start.timestamp` must be a time with its zone such as `2026-01-01T00:00:00Z`, not `2026-02-30T00:00:00Z`.',
  },
  {
    what: 'a start at neither a version nor a time',
    change: ['start: earliest', 'start: {at: 3}'],
    told: '8:45: `recipients[0].tables[0].start` must be `snapshot`, `earliest`, `latest`, `{version: 12}` or `{timestamp: 2026-01-01T00:00:00Z}`, not a map.',
  },
  {
    what: 'a start with a typing error',
    change: ['start: earliest', 'start: earlyest'],
    told: '8:45: `recipients[0].tables[0].start` must be `snapshot`, `earliest`, `latest`, `{version: 12}` or `{timestamp: 2026-01-01T00:00:00Z}`, not `earlyest`. Did you mean `earliest`?',
  },
  {
    what: 'a version that is none',
    change: ['start: earliest', 'start: {version: 1.5}'],
    told: '8:55: `recipients[0].tables[0].start.version` must be a whole number of at least 0, not the number `1.5`.',
  },
  {
    what: 'a table of two parts',
    change: ['sales.public.orders', 'public.orders'],
    told: '8:17: `recipients[0].tables[0].table` must be `share.schema.table`, not `public.orders`.',
  },
  {
    what: 'a duration without a unit',
    change: ['profile: acme.share', 'profile: acme.share, poll: 30'],
    told: '4:45: `sources[0].poll` has no unit: write `30s` for seconds. It must be a duration of at least 1s such as `10s`, or `{cron: "*/5 * * * *", timezone: UTC}`.',
  },
  {
    what: 'a poll that is too often',
    change: ['profile: acme.share', 'profile: acme.share, poll: 500ms'],
    told: '4:45: `sources[0].poll` must be a duration of at least 1s such as `10s`, or `{cron: "*/5 * * * *", timezone: UTC}`, not `500ms`.',
  },
  {
    what: 'a budget without a request',
    change: ['profile: acme.share', 'profile: acme.share, requestsPerSecond: 0'],
    told: '4:58: `sources[0].requestsPerSecond` must be a number from 0.01 to 1000, not the number `0`.',
  },
  {
    what: 'a URL among the hosts that are let in',
    change: ['profile: acme.share', 'profile: acme.share, allowHosts: ["http://minio:9000"]'],
    told: '4:52: `sources[0].allowHosts[0]` must be a host name, an address, or a block such as `10.1.0.0/16`, not `http://minio:9000`.',
  },
  {
    what: 'a block wider than its addresses',
    change: ['profile: acme.share', 'profile: acme.share, allowHosts: [10.0.0.0/33]'],
    told: '4:52: `sources[0].allowHosts[0]` must be a host name, an address, or a block such as `10.1.0.0/16`, not `10.0.0.0/33`.',
  },
  {
    what: 'a time zone that nobody knows',
    change: ['profile: acme.share', 'profile: acme.share, poll: {cron: "0 * * * *", timezone: CEST/Berlin}'],
    told: '4:75: `sources[0].poll.timezone` must be the IANA name of a time zone, such as Europe/Stockholm, not `CEST/Berlin`.',
  },
  {
    what: 'a size in the wrong unit',
    change: ['relay:', 'limits: {memory: 512MB}\nrelay:'],
    told: '1:18: `limits.memory` must be a size from 128MiB to 1024GiB, written like `64KiB`, `16MiB` or `2GiB`, not `512MB`.',
  },
  {
    what: 'chunks that the memory cannot hold',
    change: ['relay:', 'limits: {memory: 128MiB, chunkBytes: 32MiB}\nrelay:'],
    told: '1:38: `limits.chunkBytes` must be an eighth of `limits.memory` at most: chunks are prepared in memory.',
  },
  {
    what: 'a broker without a port',
    change: ['localhost:9092', 'localhost'],
    told: '2:19: `kafka.brokers[0]` must be a host and a port such as `kafka-1:9092`, not `localhost`.',
  },
  {
    what: 'a port that is none, in a text of several brokers',
    change: ['[localhost:9092]', '"a:9092, b:99092"'],
    told: '2:18: `kafka.brokers` must be `host:port`, several of them with commas.',
  },
  {
    what: 'a mechanism that nobody has',
    change: ['brokers:', 'sasl: {mechanism: scram, username: u, password: p}, brokers:'],
    told: '2:27: `kafka.sasl.mechanism` must be one of plain, scram-sha-256, scram-sha-512, oauthbearer, aws-msk-iam, not `scram`.',
  },
  {
    what: 'a mechanism without its key',
    change: ['brokers:', 'sasl: {mechanism: scram-sha-512, username: u}, brokers:'],
    told: '2:9: `kafka.sasl.password` is missing: The password; better a reference than the text itself.',
  },
  {
    what: 'a token without an endpoint to have it from',
    change: ['brokers:', 'sasl: {mechanism: oauthbearer, clientId: c, clientSecret: s}, brokers:'],
    told: '2:9: `kafka.sasl.tokenEndpoint` is missing: With `oauthbearer`: where a token is had by the grant of client credentials; http:// for `localhost` and loopback addresses alone.',
  },
  {
    what: 'a secret of a client that would go over the network in the clear',
    change: ['brokers:', 'sasl: {mechanism: oauthbearer, tokenEndpoint: "http://idp/token", clientId: c, clientSecret: s}, brokers:'],
    told: '2:55: `kafka.sasl.tokenEndpoint` must be an https:// address without a user name or password in it, not `http://idp/token`.',
  },
  {
    what: 'a key of another mechanism, which may be a secret',
    change: ['brokers:', 'sasl: {mechanism: aws-msk-iam, region: eu-north-1, password: hunter2}, brokers:'],
    told: '2:70: `kafka.sasl.password` is of no use with `aws-msk-iam`, whose keys are region.',
  },
  {
    what: 'an extension that would take the place of the token',
    change: [
      'brokers:',
      'sasl: {mechanism: oauthbearer, tokenEndpoint: "https://idp/t", clientId: c, clientSecret: s, extensions: {auth: x}}, brokers:',
    ],
    told: '2:114: `kafka.sasl.extensions` must be a map of texts such as `{logicalCluster: lkc-1}`; names are of letters alone, and not `auth`, not a map.',
  },
  {
    what: 'a certificate that cannot be read',
    change: ['brokers:', 'tls: {ca: a.pem}, brokers:'],
    told: '2:14: `kafka.tls`: `ca` is no certificate that can be read.',
  },
  {
    what: 'a half certificate',
    change: ['brokers:', 'tls: {cert: a.pem}, brokers:'],
    told: '2:14: `kafka.tls` has one of `cert` and `key`: a certificate of ours needs both.',
  },
  {
    what: 'a certificate that is not in PEM',
    change: ['brokers:', 'tls: {ca: ca.der}, brokers:'],
    told: '2:19: the file is not in PEM: it has no line that begins with -----BEGIN.',
  },
  {
    what: 'a password in the address of the registry',
    change: ['sources:', 'registry: {url: "https://u:p@registry"}\nsources:'],
    told: '3:17: `registry.url` must be an http:// or https:// address without a user name or password in it, or several: a list, or one text with commas.',
  },
  {
    what: 'a secret that is not set',
    change: ['brokers:', 'sasl: {mechanism: plain, username: u, password: "${KAFKA_PASSWORD}"}, brokers:'],
    told: '2:57: the environment variable KAFKA_PASSWORD is not set: set it, or write `${KAFKA_PASSWORD:-default}`.',
  },
  {
    what: 'a secret that is empty',
    change: ['brokers:', 'sasl: {mechanism: plain, username: u, password: "${file:empty}"}, brokers:'],
    told: '2:57: the file empty is empty.',
  },
  {
    what: 'a profile that is not there',
    change: ['acme.share', './acme.json'],
    told: '4:27: the file ./acme.json cannot be read (there is no such file); relative paths begin at the folder of the config file.',
  },
  {
    what: 'a recipient in capitals',
    change: ['name: analytics', 'name: Analytics'],
    told: '6:11: `recipients[0].name` must be lower-case letters, digits and `-`, beginning with a letter or digit, 63 at most, not `Analytics`.',
  },
  {
    what: 'a recipient with the name of the relay',
    change: ['name: analytics', 'name: acme-relay'],
    told: '6:11: the recipient has the name of the relay, `acme-relay`: its topics would mix with the internal ones.',
  },
  {
    what: 'a source that is not there',
    change: ['name: analytics', 'name: analytics\n    source: amce'],
    told: '7:13: no source is named `amce`: did you mean `acme`?',
  },
  {
    what: 'one topic for two tables',
    change: ['start: earliest}', 'start: earliest, topic: t.x}\n      - {table: a.b.c, topic: t_x, start: latest}'],
    told: '9:31: a.b.c of recipient `analytics` has with `t_x` a topic that Kafka cannot tell from `t.x`, the topic of sales.public.orders of recipient `analytics` in line 8: give one of the two another `topic`.',
  },
  {
    what: 'a topic among the internal ones',
    change: ['start: earliest', 'start: earliest, topic: acme-relay.orders'],
    told: '8:62: the topic of sales.public.orders is `acme-relay.orders`, which begins with the name of the relay like its internal topics: give it another `topic`.',
  },
  {
    what: 'a topic template without quotes',
    change: ['start: earliest', 'start: earliest, topic: {recipient}.x'],
    told: '8:73: text stands behind a closed bracket: put a text that begins with `{` or `[` in quotes.',
  },
  {
    what: 'an empty section',
    change: ['relay:', 'http:\nrelay:'],
    told: '1:1: `http` has no value: give one, or leave the key out where it has a default. It must be a map with the keys host, port, adminToken.',
  },
];

describe('a config with', () => {
  test.each(BAD_CONFIGS)('$what', ({ change: [from, to], told }) => {
    expect(SAMPLE).toContain(from);
    expect(
      problems(
        SAMPLE.replace(from, () => to),
        world({}, { 'a.pem': '-----BEGIN X', 'ca.der': 'x', empty: '\n' }),
      ),
    ).toEqual([told]);
  });
});

const folder = mkdtempSync(join(tmpdir(), 'cdf-relay-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(['doctor', 'plan', 'run'] as const)('%s says the same, before it asks anybody, of a config with', (name) => {
  const world: Readonly<Record<string, string>> = { 'acme.share': PROFILE, 'a.pem': '-----BEGIN X', 'ca.der': 'x', empty: '\n' };

  test.each(BAD_CONFIGS)('$what', async ({ change: [from, to], told }) => {
    const own = mkdtempSync(join(folder, 'asked-'));
    for (const [file, text] of Object.entries(world)) writeFileSync(join(own, file), text);
    const path = join(own, 'relay.yaml');
    writeFileSync(
      path,
      SAMPLE.replace(from, () => to),
    );
    const { run } = await COMMANDS[name]();
    const failure: unknown = await run(['-c', path], new AbortController().signal).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'config.invalid', message: `${path}:${told}` });
    expect(exitCode(failure)).toBe(2);
  });
});

describe('a config file that', () => {
  test('is not there', () => {
    expect(told(() => loadConfig('nowhere/relay.yaml'))).toBe(
      'the config file nowhere/relay.yaml cannot be read (there is no such file)\n→ Give the path of a readable config file with -c.',
    );
  });

  test('is a folder', () => {
    expect(told(() => loadConfig(tmpdir()))).toBe(
      `the config file ${tmpdir()} cannot be read (it is a folder)\n→ Give the path of a readable config file with -c.`,
    );
  });

  test('names files from its own folder, wherever the relay was started', () => {
    const path = join(folder, 'relay.yaml');
    writeFileSync(path, SAMPLE);
    expect(told(() => loadConfig(path))).toBe(
      `${path}:4:27: the file acme.share cannot be read (there is no such file); relative paths begin at the folder of the config file.\n` +
        '→ Mend the lines named above; `validate -c` checks the file without touching the network.',
    );
    writeFileSync(join(folder, 'acme.share'), '{}');
    expect(loadConfig(path).sources[0]?.profile.reveal()).toBe('{}');
  });
});

test('doctor and plan tell a bad config as validate does, before they ask anybody', async () => {
  const path = join(folder, 'bad.yaml');
  writeFileSync(path, SAMPLE.replace('brokers:', 'broker:'));
  for (const run of [doctor, plan]) {
    await expect(run(['-c', path], new AbortController().signal)).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringContaining(':2:9: `broker` is not a key of `kafka`. Did you mean `brokers`?'),
    });
  }
});

const PEEK = 'usage: peek <profile> <table> --from <version> [--to <version>] [--allow-host <hosts>]';
const DOCTOR = 'usage: doctor -c <file> [--recipient <name>] [--table <share.schema.table>] [--json]';
const PLAN = 'usage: plan -c <file> [--recipient <name>] [--table <share.schema.table>] [--output <format>] [--json] [--schemas <folder>]';
const BAD_ARGUMENTS: readonly (readonly [CommandName, string, string])[] = [
  ['validate', '', 'validate: -c <file> is missing (usage: validate -c <file>)'],
  ['validate', '-c', 'validate: -c needs a value: -c <file> (usage: validate -c <file>)'],
  ['validate', '-c --json', 'validate: -c needs a value: -c <file> (usage: validate -c <file>)'],
  ['validate', '-c a -c b', 'validate: -c is given twice (usage: validate -c <file>)'],
  ['validate', '--confg a', 'validate: --confg is not an option; did you mean --config? (usage: validate -c <file>)'],
  ['validate', '-x', 'validate: -x is not an option; there is --config (usage: validate -c <file>)'],
  ['validate', '-c a b', 'validate: `b` is one argument too many (usage: validate -c <file>)'],
  ['status', '-c a --json=1', 'status: --json takes no value (usage: status -c <file> [--url <address>] [--json])'],
  ['peek', '', `peek: <profile> is missing (${PEEK})`],
  ['peek', 'f', `peek: <table> is missing (${PEEK})`],
  ['peek', 'f t', `peek: --from is missing (${PEEK})`],
  ['doctor', '-c a --tabel x', `doctor: --tabel is not an option; did you mean --table? (${DOCTOR})`],
  ['plan', '-c a -o', `plan: -o needs a value: -o <format> (${PLAN})`],
];

describe('arguments', () => {
  test.each(BAD_ARGUMENTS)('%s %s', (command, argv, sentence) => {
    expect(
      told(() =>
        parseArguments(
          command,
          argv.split(' ').filter((word) => word !== ''),
        ),
      ),
    ).toBe(`${sentence}\n→ See \`--help\`.`);
  });

  test('a version that is none', () => {
    const options = parseArguments('peek', ['f', 't', '--from', '1e3']);
    expect(told(() => options.version('from'))).toBe(
      `peek: --from must be a version, a whole number from 0, not \`1e3\` (${PEEK})\n→ See \`--help\`.`,
    );
  });

  test('hosts that are let in, and what is no host', () => {
    const hosts = (text: string): readonly string[] =>
      parseArguments('peek', ['f', 't', '--from', '1', '--allow-host', text]).hosts('allow-host');
    expect(hosts('minio, 10.1.0.0/16,')).toEqual(['minio', '10.1.0.0/16']);
    expect(told(() => hosts('minio,minio:9000'))).toBe(
      `peek: --allow-host takes host names, addresses, or blocks such as 10.1.0.0/16, with commas, not \`minio:9000\` (${PEEK})\n→ See \`--help\`.`,
    );
  });
});

/** What a person reads; all of it is exit code 2. */
function told(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(exitCode(error)).toBe(2);
    return failureText(error);
  }
  return 'nothing';
}
