import fc from 'fast-check';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { LiveFiles } from '../../src/config/live-files.ts';
import { Secret } from '../../src/model/secret.ts';
import { makeCertificates } from '../kafka/certificates.ts';
import { parse, problems, PROFILE, SAMPLE, world } from './sample.ts';

const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-config-'));
afterAll(async () => rm(folder, { recursive: true }));
const { ca, cert, key } = await makeCertificates(folder);

describe('parseConfig', () => {
  test('the smallest config has every default of the design', () => {
    const expected: Config = {
      path: 'relay.yaml',
      relay: { name: 'acme-relay', checkpointPartitions: 32 },
      kafka: {
        brokers: ['localhost:9092'],
        tls: null,
        sasl: null,
        compression: 'zstd',
        driver: 'direct',
        topics: { create: true, partitions: 6, replicationFactor: -1, config: {} },
      },
      registry: null,
      sources: [
        {
          name: 'acme',
          profile: new Secret(PROFILE),
          profilePath: 'acme.share',
          tls: null,
          poll: { kind: 'interval', intervalMs: 10_000 },
          requestsPerSecond: 5,
          allowHosts: [],
          partitionTimeZone: 'UTC',
        },
      ],
      recipients: ['analytics'],
      feeds: [
        {
          id: 'analytics/acme/sales.public.orders',
          recipient: 'analytics',
          source: 'acme',
          table: { share: 'sales', schema: 'public', table: 'orders' },
          topic: 'analytics.sales.public.orders',
          start: { kind: 'earliest' },
          key: [],
          envelope: 'change',
          adopt: false,
          onGap: 'park',
          onRecreate: 'park',
          onSchemaChange: 'evolve',
          onBadRecord: 'park',
        },
      ],
      patterns: [],
      limits: {
        memoryBytes: 512 * 2 ** 20,
        workers: 3,
        chunkRecords: 50_000,
        chunkBytes: 16 * 2 ** 20,
        chunkTimeMs: 2_000,
        retryTimeoutMs: 600_000,
      },
      http: { host: '0.0.0.0', port: 9464, adminToken: null },
      log: { level: 'info', format: 'json' },
      files: new LiveFiles(),
      warnings: [],
    };
    const config = parse(SAMPLE);
    expect(config).toEqual(expected);
    expect(config.sources[0]?.profile.reveal()).toBe(PROFILE);
  });

  test('every key of the config can be given', () => {
    const config = parse(
      `
relay: {name: r, checkpointPartitions: 4}
kafka:
  brokers: "a:1, [::1]:2"
  tls: {ca: ca.pem, cert: "\${file:cert.pem}", key: key.pem}
  sasl: {mechanism: plain, username: u, password: \${PW}}
  compression: lz4
  driver: direct
  topics: {create: false, partitions: 2, replicationFactor: 3, config: {retention.ms: -1, min.insync.replicas: 2, preallocate: true}}
registry:
  url: "https://one:8081/, http://two/apis/ccompat/v7"
  auth: {bearer: \${PW}}
  tls: {ca: ca.pem, cert: cert.pem, key: key.pem}
  subjects: topic-record
  framing: guid
  autoRegister: false
sources:
  - {name: one, profile: \${PROFILE}, tls: {ca: ca.pem, cert: cert.pem, key: key.pem}, poll: {cron: "*/5 8-18 * * mon-fri", timezone: Europe/Stockholm}}
  - {name: two, profile: acme.share, poll: 1h, requestsPerSecond: 0.5, allowHosts: [minio, 10.1.0.0/16, "fd00::1"]}
recipients:
  - name: b2
    source: ONE
    tables:
      - {table: S.P.O, topic: "x.{table}-{schema}", start: latest, key: [b, a], adopt: true}
      - {table: a.b.c.d, start: {version: 12}}
  - {name: c, source: two, tables: [{table: s.p.o, start: earliest}]}
limits: {memory: 1GiB, workers: 2, chunkRecords: 10, chunkBytes: 64KiB, chunkTime: 250ms, retryTimeout: 1d}
http: {host: 127.0.0.1, port: 0}
log: {level: debug, format: pretty}
`,
      world({ PW: '0123', PROFILE: '  {"a": 1}' }, { 'ca.pem': ca, 'cert.pem': cert, 'key.pem': key }),
    );
    expect(config).toMatchObject({
      relay: { name: 'r', checkpointPartitions: 4 },
      kafka: {
        brokers: ['a:1', '[::1]:2'],
        sasl: { mechanism: 'plain', username: 'u' },
        compression: 'lz4',
        driver: 'direct',
        topics: {
          create: false,
          partitions: 2,
          replicationFactor: 3,
          config: { 'retention.ms': '-1', 'min.insync.replicas': '2', preallocate: 'true' },
        },
      },
      registry: {
        urls: ['https://one:8081', 'http://two/apis/ccompat/v7'],
        auth: { kind: 'bearer' },
        subjects: 'topic-record',
        framing: 'guid',
        autoRegister: false,
      },
      sources: [
        {
          name: 'one',
          profilePath: null,
          poll: { kind: 'cron', pattern: '*/5 8-18 * * mon-fri', timezone: 'Europe/Stockholm' },
          requestsPerSecond: 5,
          allowHosts: [],
          partitionTimeZone: 'UTC',
        },
        {
          name: 'two',
          profilePath: 'acme.share',
          poll: { kind: 'interval', intervalMs: 3_600_000 },
          requestsPerSecond: 0.5,
          allowHosts: ['minio', '10.1.0.0/16', 'fd00::1'],
        },
      ],
      recipients: ['b2', 'c'],
      limits: {
        memoryBytes: 2 ** 30,
        workers: 2,
        chunkRecords: 10,
        chunkBytes: 65_536,
        chunkTimeMs: 250,
        retryTimeoutMs: 86_400_000,
      },
      http: { host: '127.0.0.1', port: 0, adminToken: null },
      log: { level: 'debug', format: 'pretty' },
      warnings: [],
    });
    // A password keeps its leading zero although it looks like a number.
    expect(config.kafka.sasl !== null && 'password' in config.kafka.sasl && config.kafka.sasl.password.reveal()).toBe('0123');
    for (const [tls, told] of [
      [config.kafka.tls, cert.trim()],
      [config.registry?.tls, cert],
      [config.sources[0]?.tls, cert],
    ] as const) {
      const certificates = tls?.();
      expect({ ...certificates, key: certificates?.key?.reveal() }).toEqual({ ca, cert: told, key });
    }
    expect(config.feeds.map(({ id, topic, start, key, adopt }) => ({ id, topic, start, key, adopt }))).toEqual([
      { id: 'b2/one/s.p.o', topic: 'x.O-P', start: { kind: 'latest' }, key: ['b', 'a'], adopt: true },
      { id: 'b2/one/a.b.c.d', topic: 'b2.a.b.c.d', start: { kind: 'version', version: 12 }, key: [], adopt: false },
      { id: 'c/two/s.p.o', topic: 'c.s.p.o', start: { kind: 'earliest' }, key: [], adopt: false },
    ]);
  });

  test('a registry has every default of the design, and its addresses as a list too', () => {
    const registry = (text: string): Config['registry'] => parse(`${SAMPLE}registry: ${text}\n`).registry;
    const defaults = { auth: null, tls: null, subjects: 'topic', framing: 'id', autoRegister: true };
    expect(registry('{url: http://one/}')).toEqual({ ...defaults, urls: ['http://one'] });
    expect(registry('{url: [http://one, http://two/x/], auth: {basic: {username: u, password: p}}}')).toEqual({
      ...defaults,
      urls: ['http://one', 'http://two/x'],
      auth: { kind: 'basic', username: 'u', password: new Secret('p') },
    });
  });

  test.each([
    [
      '{url: "http://one,ftp://two"}',
      '`registry.url` must be an http:// or https:// address without a user name or password in it, or several: a list, or one text with commas.',
    ],
    [
      '{url: ["http://one", "http://u:p@two"]}',
      '`registry.url[1]` must be an http:// or https:// address without a user name or password in it.',
    ],
    ['{url: http://one, tls: {ca: ca.pem}}', '`registry.tls` is of no use: no address in `registry.url` begins with https://.'],
    ['{url: https://one, tls: {cert: ca.pem}}', '`registry.tls` has one of `cert` and `key`: a certificate of ours needs both.'],
    ['{url: http://one, auth: {}}', '`registry.auth` must have one of `basic` and `bearer`.'],
    ['{url: http://one, auth: {bearer: t, basic: {username: u, password: p}}}', '`registry.auth` must have one of `basic` and `bearer`.'],
    ['{url: http://one, framing: guids}', '`registry.framing` must be one of id, guid, not `guids`. Did you mean `guid`?'],
  ])('a registry %s is told', (text, sentence) => {
    const told = problems(`${SAMPLE}registry: ${text}\n`, world({}, { 'ca.pem': ca }));
    expect(told.map((line) => line.replace(/^\d+:\d+: /, ''))).toEqual([sentence]);
  });

  test('all errors come at once, in the order of the file, whatever kind they are of', () => {
    expect(
      problems(`relay: {nam: r}
kafka: {brokers: [b], tls: {ca: no.pem}}
sources:
  - {name: a, profile: no.share, poll: 5}
  - {name: b, profile: gone.share}
recipients:
  - name: r
    source: c
    tables: [{table: s.p.t, start: never}]
  - name: q
    source: a
    tables:
      - {table: s.p.t, start: latest, topic: q.commits}
      - {table: S.p.T, start: latest}
limits: {chunkTime: \${NONE}}
`).map((line) => line.split(' ').slice(0, 4).join(' ')),
    ).toEqual([
      '1:9: `nam` is not',
      '2:19: `kafka.brokers[0]` must be',
      '2:33: the file no.pem',
      '4:40: `sources[0].poll` has no',
      '5:24: the file gone.share',
      '8:13: no source is',
      '9:36: `recipients[0].tables[0].start` must be',
      '13:46: the topic of',
      '14:17: recipient `q` already',
      '15:21: the environment variable',
    ]);
  });

  test('what is allowed and probably not meant is a warning with its line', () => {
    const config = parse(`relay: {name: r}
kafka: {brokers: [b:1], topics: {config: {cleanup.policy: compact}}}
sources:
  - {name: a, profile: acme.share, poll: 9s}
  - {name: b, profile: acme.share}
recipients:
  - {name: q, source: a, tables: [{table: s.p.t, start: latest, topic: p.t}]}
  - {name: p, source: a, tables: [{table: s.p.t, start: latest}]}
`);
    expect(config.warnings).toEqual([
      'relay.yaml:2:59: data topics with `cleanup.policy` compact keep only the last change of each key.',
      'relay.yaml:4:42: `poll` is under 10s: every table is asked for that often, and providers limit requests.',
      'relay.yaml:5:12: no recipient takes a table of the source `b`.',
      'relay.yaml:7:72: the topic `p.t` of recipient `q` begins with `p.`: recipient `p`, who may read that prefix, will see it.',
    ]);
  });

  test('bad records are dead letters in any envelope, and without a key nothing tells of them', () => {
    const table = (text: string): string => SAMPLE.replace('start: earliest', `start: earliest, ${text}`);
    const keyed = parse(table('key: [id], onBadRecord: dead-letter'));
    expect([keyed.feeds.map(({ onBadRecord }) => onBadRecord), keyed.warnings]).toEqual([['dead-letter'], []]);
    expect(parse(table('onBadRecord: dead-letter')).warnings).toEqual([
      expect.stringMatching(
        /^relay\.yaml:8:68: `onBadRecord: dead-letter` without a `key`: no record can say that another one of its row is missing\.$/,
      ),
    ]);
    for (const envelope of ['debezium', 'upsert']) {
      expect(parse(table(`key: [id], envelope: ${envelope}, onBadRecord: dead-letter`)).warnings).toEqual([]);
    }
  });

  test('a secret that came by a reference is shown in no message', () => {
    const hidden = problems(
      SAMPLE.replace('name: acme-relay', 'name: ${SECRET}, checkpointPartitions: ${SECRET}'),
      world({ SECRET: 'hunter2!' }),
    );
    expect(hidden).toEqual([
      '1:15: `relay.name` must be letters, digits, `.`, `_` and `-`, beginning with a letter or digit, 200 at most.',
      '1:48: `relay.checkpointPartitions` must be a whole number from 1 to 1000.',
    ]);
    const file = problems(SAMPLE.replace('profile: acme.share', 'profile: ${SECRET}'), world({ SECRET: 'hunter2!' }));
    expect(file).toEqual([
      '4:27: the file that the reference names cannot be read; relative paths begin at the folder of the config file.',
    ]);
  });
});

describe('YAML', () => {
  test('aliases are followed, and one that leads back to itself ends in a sentence', () => {
    const config = parse(SAMPLE.replace('start: earliest}', 'start: &s {version: 3}}\n      - {table: a.b.c, start: *s}'));
    expect(config.feeds.map((feed) => feed.start)).toEqual([
      { kind: 'version', version: 3 },
      { kind: 'version', version: 3 },
    ]);
    expect(problems('a: &a [*a]\n')).toContain('1:7: the file is nested too deeply, or its aliases repeat too much.');
  });

  test('broken YAML is told with its place and without what follows from it', () => {
    expect(problems('relay: {name: r\nkafka: 1\n')[0]).toMatch(/^2:\d+: this is not sound YAML: /);
    expect(problems('relay: {name: r}\nrelay: {name: s}\n')).toEqual(['2:1: this key stands twice in its map: keep one of the two.']);
    expect(problems('relay:\n\tname: r\n')[0]).toBe('2:1: a tab indents this line: YAML takes spaces only.');
    expect(problems('')).toEqual(['1:1: the file is empty: it must be a map that begins with `relay:`.']);
    expect(problems('- a\n')).toEqual(['1:1: the file must be a map that begins with `relay:`, not a list.']);
  });
});

describe('whatever stands in the file', () => {
  const words =
    'relay kafka tables poll start version tls sasl null 0 -1 1.5 .nan true __proto__ constructor ${ ${A} ${file:x} } { [ ] " * &a *a !!map # | <<: 😀';
  const fragment = fc.constantFrom(...words.split(' '), ': ', '- ', '\n', '  ', '\t', '? ', '> ', '---\n', '\u0000', '\uE07B');

  test('is a config or is told in sentences, and never a bug', () => {
    const mutation = fc.record({ at: fc.nat(SAMPLE.length), drop: fc.nat(20), insert: fc.array(fragment, { maxLength: 4 }) });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        const text = mutations.reduce(
          (before, { at, drop, insert }) => before.slice(0, at) + insert.join('') + before.slice(at + drop),
          SAMPLE,
        );
        for (const problem of problems(text)) expect(problem).toMatch(/^\d+:\d+: \S.*[.?]$/s);
      }),
      { numRuns: 300 },
    );
  });
});
