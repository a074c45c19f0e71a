/**
 * `doctor` and `plan` with real processes, on a Kafka that asks who one is and grants nothing by itself: what lacks is told, what the plan prints is enough to run with, and
 * looking changes nothing.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import type { AclEntry, Admin } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseArguments } from '../../src/cli/arguments.ts';
import { examine } from '../../src/cli/doctor.ts';
import { narrowed } from '../../src/cli/outlook.ts';
import { worst } from '../../src/cli/report.ts';
import type { Check } from '../../src/cli/report.ts';
import { loadConfig } from '../../src/config/load.ts';
import { must } from '../../src/lib/assert.ts';
import type { Right } from '../../src/ports/publisher.ts';
import { neededRights } from '../../src/relay/rights.ts';
import { startPlainProvider } from '../support/plain-provider.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { quietKafka } from '../demo/consumer.ts';
import { makeCertificates } from '../kafka/certificates.ts';
import { describeOwnKafka } from '../kafka/use-kafka.ts';
import { command } from '../processes/child.ts';

const { signal } = new AbortController();
const { AclResourceTypes, AclOperationTypes, AclPermissionTypes, ResourcePatternTypes } = kafkajs;
const USERS = { admin: 'correct horse', relay: 'battery staple' };
const TYPES = {
  topic: AclResourceTypes.TOPIC,
  'transactional id': AclResourceTypes.TRANSACTIONAL_ID,
  group: AclResourceTypes.GROUP,
} as const;
const OPERATIONS: Readonly<Partial<Record<Right, AclEntry['operation']>>> = {
  Read: AclOperationTypes.READ,
  Write: AclOperationTypes.WRITE,
  Create: AclOperationTypes.CREATE,
  DescribeConfigs: AclOperationTypes.DESCRIBE_CONFIGS,
};

interface PlannedRight {
  readonly on: keyof typeof TYPES;
  readonly pattern: 'prefix' | 'literal';
  readonly name: string;
  readonly rights: readonly Right[];
}

interface PlannedTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

interface PrintedPlan {
  readonly topics: readonly PlannedTopic[];
  readonly rights: readonly PlannedRight[];
}

await describeOwnKafka('doctor and plan', { users: USERS }, (broker) => {
  let folder = '';
  let provider: Provider | null = null;
  let admin: Admin;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cdf-relay-'));
    provider = await startPlainProvider();
    await writeFile(join(folder, 'acme.share'), JSON.stringify(provider.profile));
    await writeFile(join(folder, 'ca.pem'), must(broker.secured, 'the secured listener').ca);
    admin = quietKafka(broker.brokers, 'administrator').admin();
    await admin.connect();
  });
  afterAll(async () => {
    await admin.disconnect();
    await provider?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function config(
    name: string,
    settings: { readonly create?: boolean; readonly tables?: readonly string[]; readonly port?: number } = {},
  ): Promise<string> {
    const path = join(folder, `${name}.yaml`);
    const { brokers } = must(broker.secured, 'the secured listener');
    const tables = settings.tables ?? [
      'table: local.default.basics, start: earliest, key: [id]',
      'table: local.default.merges, key: [id], envelope: upsert, onBadRecord: dead-letter',
      `table: local.default.codecs, topic: "elsewhere-${name}", start: latest`,
    ];
    await writeFile(
      path,
      `relay: {name: ${name}, checkpointPartitions: 2}
kafka:
  brokers: [${brokers.join(', ')}]
  tls: {ca: ca.pem}
  sasl: {mechanism: scram-sha-512, username: relay, password: ${USERS.relay}}
  topics: {create: ${settings.create ?? true}, partitions: 2}
sources: [{name: acme, profile: acme.share}]
recipients:
  - name: r-${name}
    tables:
${tables.map((table) => `      - {${table}}\n`).join('')}
http: {host: 127.0.0.1, port: ${settings.port ?? 0}}
limits: {workers: 1, retryTimeout: 5s}
`,
    );
    return path;
  }

  /** In this process, which spares the start of another. */
  async function doctor(path: string, ...more: readonly string[]): Promise<{ readonly exit: number; readonly checks: readonly Check[] }> {
    const parsed = loadConfig(path);
    const narrowing = narrowed('doctor', parsed, parseArguments('doctor', ['-c', path, ...more]));
    const checks: Check[] = [];
    for await (const check of examine(parsed, narrowing, { brokersMs: 5_000, providerMs: 0 }, signal)) checks.push(check);
    return { exit: worst(checks), checks };
  }

  const sayings = ({ checks }: { readonly checks: readonly Check[] }, verdict: string): readonly string[] =>
    checks.filter((check) => check.verdict === verdict).map(({ about, text }) => `${about}: ${text}`);

  async function plan(path: string): Promise<PrintedPlan> {
    const { stdout } = await command('plan', '-c', path, '--json');
    const told: PrintedPlan = JSON.parse(stdout);
    return told;
  }

  async function grant(rights: readonly PlannedRight[]): Promise<void> {
    const acl = rights.flatMap(({ on, pattern, name, rights: granted }) =>
      granted.map((right): AclEntry => ({
        resourceType: TYPES[on],
        resourceName: name,
        resourcePatternType: pattern === 'prefix' ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
        principal: 'User:relay',
        host: '*',
        operation: must(OPERATIONS[right], `the operation ${right}`),
        permissionType: AclPermissionTypes.ALLOW,
      })),
    );
    await admin.createAcls({ acl });
    // The answer comes before the broker goes by it.
    for (const entry of acl) while ((await admin.describeAcls(entry)).resources.length === 0) await admin.listTopics();
  }

  test('without rights each that lacks is told with its command; with those of the plan the relay runs, and nothing is left to say', async () => {
    const path = await config('open');
    const before = await doctor(path);
    expect(before.exit).toBe(3);
    const lacking = sayings(before, 'fail').join('\n');
    for (const words of [
      'kafka: the right Write on the transactional ids open.* is lacking: kafka-acls.sh --add --allow-principal User:relay --operation Write --transactional-id open. --resource-pattern-type prefixed',
      'kafka: the right Read on group open.relay is lacking: kafka-acls.sh',
      'topic open.checkpoints: on topic open.checkpoints the rights Read, Write, Describe are lacking: kafka-acls.sh',
      'topic r-open.commits: on topic r-open.commits the rights Write, Describe are lacking: kafka-acls.sh',
      'topic elsewhere-open: on topic elsewhere-open the rights Read, Write, Describe are lacking: kafka-acls.sh',
    ])
      expect(lacking).toContain(words);

    const shell = await command('plan', '-c', path, '-o', 'kafka-acls');
    const { brokers } = must(broker.secured, 'the secured listener');
    const bootstrap = `--bootstrap-server ${brokers.join(',')}`;
    const at = `--resource-pattern-type prefixed ${bootstrap}`;
    const add = 'kafka-acls.sh --add --allow-principal User:relay';
    const work = '--operation Read --operation Write --operation DescribeConfigs --operation Create';
    expect(shell).toMatchObject({
      code: 0,
      stdout: [
        `${add} ${work} --topic open. ${at}`,
        `${add} --operation Write --transactional-id open. ${at}`,
        `${add} --operation Read --group open. ${at}`,
        `${add} ${work} --topic r-open. ${at}`,
        `${add} ${work} --topic elsewhere-open --resource-pattern-type literal ${bootstrap}`,
        `${add} ${work} --topic elsewhere-open.g ${at}`,
        '',
      ].join('\n'),
    });

    const { stdout } = await command('plan', '-c', path, '-o', 'strimzi');
    expect(stdout.split('---\n').length - 1).toBe(8);
    await grant((await planned(stdout)).rights);
    const ready = await doctor(path);
    expect(sayings(ready, 'fail')).toEqual([]);
    // Brokers make topics of their own when they are asked for a coordinator.
    expect((await admin.listTopics()).filter((topic) => !topic.startsWith('__'))).toEqual([]);
    expect(await command('run', '-c', path, '--until-current')).toMatchObject({ code: 0 });
    const after = await doctor(path);
    expect([after.exit, sayings(after, 'fail')]).toEqual([0, []]);
    expect(sayings(after, 'warn').filter((text) => text.startsWith('topic '))).toEqual([]);
    expect(sayings(after, 'pass').filter((text) => text.startsWith('r-open/acme/local.default.basics:'))).toEqual([
      expect.stringMatching(
        /; it goes on at version 12, by its checkpoint; nothing waiting; the key is id; a file of it was fetched; topic r-open.local.default.basics exists, with 2 partitions in one copy$/,
      ),
    ]);
  });

  /** The rights as Strimzi's resource has them are those of the JSON. */
  async function planned(strimzi: string): Promise<PrintedPlan> {
    const told = await plan(join(folder, 'open.yaml'));
    for (const { name, pattern, rights } of told.rights)
      expect(strimzi).toContain(
        `          name: "${name}"\n          patternType: ${pattern}\n        operations: [${rights.join(', ')}]\n`,
      );
    return told;
  }

  test('where the relay may create nothing, the topics of the plan are all that it takes', async () => {
    const path = await config('closed', { create: false, tables: ['table: local.default.merges, key: [id], envelope: upsert'] });
    const { topics, rights } = await plan(path);
    expect(rights.some((right) => right.rights.includes('Create'))).toBe(false);
    await grant(rights);
    const before = await doctor(path);
    expect(before.exit).toBe(3);
    expect(sayings(before, 'fail')).toContain(
      'topic r-closed.commits: it does not exist, and kafka.topics.create is false: kafka-topics.sh --create --topic r-closed.commits --partitions 1 --config cleanup.policy=delete --config retention.ms=-1',
    );
    await admin.createTopics({
      topics: topics.map(({ topic, partitions, replicationFactor, config: settings }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor,
        configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
      })),
    });
    const after = await doctor(path);
    expect([sayings(after, 'fail'), sayings(after, 'warn').filter((text) => text.startsWith('topic '))]).toEqual([[], []]);
    expect(await command('run', '-c', path, '--until-current')).toMatchObject({ code: 0 });
  });

  test('what would park feeds is told of all of them, with exit code 1', async () => {
    const path = await config('bad', {
      tables: [
        'table: local.default.feed_toggled, start: {version: 3}',
        'table: local.default.basics, start: {version: 99}, key: [nope]',
        'table: local.default.baiscs',
      ],
    });
    await grant(neededRights({ name: 'bad', recipients: ['r-bad'], topics: [], makesCheckpoints: true, makesTopics: true }));
    const told = await doctor(path);
    expect(told.exit).toBe(1);
    const of = (table: string): readonly string[] =>
      sayings(told, 'fail').filter((text) => text.startsWith(`r-bad/acme/local.default.${table}:`));
    expect(of('feed_toggled')).toEqual([expect.stringContaining('change data was not recorded for version [6]')]);
    expect(of('basics')).toEqual([
      expect.stringContaining(
        'key column nope of r-bad/acme/local.default.basics is not one column of version 11, which has id, name, qty, price, ok',
      ),
      expect.stringContaining('start is version 99, and local.default.basics has versions up to 11'),
    ]);
    expect(of('baiscs')).toEqual([expect.stringMatching(/404.*; did you mean local\.default\.basics\?$/)]);
    expect(told.checks.filter(({ verdict }) => verdict === 'fail').every(({ remedy }) => remedy !== null && remedy !== '')).toBe(true);
    const narrow = await doctor(path, '--table', 'local.default.baiscs');
    expect(sayings(narrow, 'fail').length).toBe(1);
  });

  test.for([
    [
      'a password that is not the right one',
      `password: ${USERS.relay}`,
      'password: another',
      /the brokers refuse the user name or the password of `kafka\.sasl`$/,
    ],
    ['an authority that has not signed its certificate', 'ca: ca.pem', 'ca: other.pem', /certificate/],
    ['no encryption where the listener asks for it', 'tls: {ca: ca.pem}', 'tls: false', /^connecting to /],
  ] as const)('Kafka with %s', async ([, from, to, sentence]) => {
    await writeFile(join(folder, 'other.pem'), (await makeCertificates(await mkdtemp(join(folder, 'other-')))).ca);
    const path = await config('refused');
    await writeFile(path, (await readFile(path, 'utf8')).replace(from, to));
    const told = await doctor(path);
    expect(told.exit).toBe(3);
    const kafka = told.checks.find(({ about, verdict }) => about === 'kafka' && verdict === 'fail');
    expect(kafka?.text ?? '').toMatch(sentence);
    expect(kafka?.remedy).toMatch(/`kafka\./);
  });

  test('a profile that is none, a token that is refused, a port that is taken', async () => {
    const path = await config('wrong');
    const sound = await readFile(join(folder, 'acme.share'), 'utf8');
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    try {
      await writeFile(join(folder, 'acme.share'), sound.replace('a-token', 'another'));
      const refused = await doctor(path);
      expect(refused.exit).toBe(3);
      expect(sayings(refused, 'fail')).toContainEqual(
        expect.stringMatching(/^source acme: asking acme for the shares: the provider answers 401/),
      );
      await writeFile(join(folder, 'acme.share'), '{}');
      const address = taken.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const unsound = await doctor(await config('wrong', { port }));
      expect(unsound.exit).toBe(2);
      expect(sayings(unsound, 'fail')).toContain(`http: the HTTP port 127.0.0.1:${port} cannot be opened (something else has it)`);
      expect(sayings(unsound, 'fail')).toContain('source acme: profile acme.share: shareCredentialsVersion is missing');
    } finally {
      taken.close();
      await writeFile(join(folder, 'acme.share'), sound);
    }
  });

  test('a plan writes the schemas just as they are registered', async () => {
    const out = join(folder, 'schemas');
    await mkdir(out);
    const { code, stdout } = await command('plan', '-c', await config('open'), '--table', 'local.default.basics', '--schemas', out);
    expect(code).toBe(0);
    expect(stdout).toContain('r-open/acme/local.default.basics → r-open.local.default.basics\n');
    expect(await readFile(join(out, 'r-open.local.default.basics-key.avsc'), 'utf8')).toBe(
      '{"type":"record","name":"Key","namespace":"local.default.basics","fields":[{"name":"id","type":["null","long"],"default":null}]}\n',
    );
    expect(JSON.parse(await readFile(join(out, 'r-open.commits-value.avsc'), 'utf8'))).toMatchObject({ type: 'record' });
  });
});
