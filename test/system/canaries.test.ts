/**
 * Secrets that are planted wherever a secret can come from, and looked for wherever the relay writes: its output at the lowest level of the log, its HTTP port, its topics.
 * Everything that the relay talks to fails, in as many ways as it can, and says back all that it was told.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { CONNECTORS } from '../../connectors/index.ts';
import { must } from '../../src/lib/assert.ts';
import { Semaphore } from '../../src/lib/semaphore.ts';
import { startPlainProvider } from '../support/plain-provider.ts';
import { freePorts } from '../kafka/ports.ts';
import { describeOwnKafka, uniqueName } from '../kafka/use-kafka.ts';
import { quiet } from '../support/quiet-telemetry.ts';
import { startTalkativeProvider } from '../support/talkative-provider.ts';
import type { FailureKind, TalkativeOptions } from '../support/talkative-provider.ts';
import { TokenIssuer } from '../support/token-issuer.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const TABLE = 'basics';
/** Processes at once. */
const slots = new Semaphore(2);
const { signal } = new AbortController();

/** Each is long enough to stand nowhere by chance. */
const CANARIES = {
  kafkaPassword: 'canary-kafka-password-b2f1',
  wrongPassword: 'canary-wrong-password-77aa',
  clientSecret: 'canary-client-secret-1c9e',
  accessToken: 'canary-access-token-5d40',
  registryPassword: 'canary-registry-password-93fe',
  profileToken: 'canary-profile-token-e81b',
  signature: 'canary-signature-4ab2',
  adminToken: 'canary-admin-token-0c6d',
  wrongAdminToken: 'canary-wrong-admin-token-aa21',
  proxyPassword: 'canary-proxy-password-6f3c',
  key: 'canary-of-no-private-key-19d7',
} as const;

/** How they are sent, too. */
const SHAPES = [
  ...Object.values(CANARIES),
  ...[`relay:${CANARIES.clientSecret}`, `relay:${CANARIES.registryPassword}`, `relay:${CANARIES.proxyPassword}`].map((pair) =>
    Buffer.from(pair).toString('base64'),
  ),
];

const found = (text: string): readonly string[] => SHAPES.filter((shape) => text.includes(shape));

interface Said {
  readonly code: number | null;
  readonly text: string;
}

async function said(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Said> {
  const release = await slots.acquire(1, signal);
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => (text += String(part)));
  const closed: unknown[] = await once(child, 'close');
  const [code] = closed;
  release();
  return { code: typeof code === 'number' ? code : null, text };
}

await describeOwnKafka('of planted secrets', { users: { admin: CANARIES.kafkaPassword } }, (broker) => {
  const { brokers, ca } = must(broker.secured, 'the secured listeners');
  const opened = new AsyncDisposableStack();
  afterAll(() => opened.disposeAsync());

  /** A config in a folder of its own, at the lowest level of the log, and its relay's name. */
  async function config(parts: {
    readonly sasl?: string;
    readonly endpoint: string;
    readonly retryTimeout?: string;
    readonly more?: readonly string[];
  }): Promise<{ readonly path: string; readonly name: string; readonly port: number }> {
    const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-canaries-'));
    opened.defer(() => rm(folder, { recursive: true }));
    const name = uniqueName('canaries');
    const [port] = await freePorts(1);
    const sasl = parts.sasl ?? '{mechanism: scram-sha-512, username: admin, password: "${file:secret}"}';
    const profile = { shareCredentialsVersion: 1, endpoint: parts.endpoint, bearerToken: CANARIES.profileToken };
    await writeFile(join(folder, 'secret'), CANARIES.kafkaPassword);
    await writeFile(join(folder, 'ca.pem'), ca);
    await writeFile(join(folder, 'acme.share'), JSON.stringify(profile));
    const path = join(folder, 'relay.yaml');
    const lines = [
      `relay: {name: ${name}, checkpointPartitions: 1}`,
      `kafka: {brokers: ${JSON.stringify(brokers)}, tls: {ca: ca.pem}, sasl: ${sasl}}`,
      'sources: [{name: acme, profile: acme.share, poll: 1s, requestsPerSecond: 100}]',
      `limits: {retryTimeout: ${parts.retryTimeout ?? '1s'}}`,
      'log: {level: debug}',
      `http: {host: 127.0.0.1, port: ${port}, adminToken: ${CANARIES.adminToken}}`,
      ...(parts.more ?? []),
      `recipients: [{name: ${name}-r, tables: [{table: local.default.${TABLE}, start: earliest}]}]`,
      '',
    ];
    await writeFile(path, lines.join('\n'));
    return { path, name, port };
  }

  /** All that the relay's topics hold. */
  async function topicsOf(name: string): Promise<string> {
    await using kafka = CONNECTORS.kafka.kafkajs.open({
      ...CONNECTORS.kafka.kafkajs.defaults,
      brokers: broker.brokers,
      clientId: 'onlooker',
      telemetry: quiet,
    });
    const texts: string[] = [];
    const topics = [`${name}.checkpoints`, ...['commits', 'schemas', `local.default.${TABLE}`].map((part) => `${name}-r.${part}`)];
    for (const topic of topics) {
      if ((await kafka.admin.describe(topic, signal)) === null) continue;
      texts.push(topic);
      for await (const { key, value } of kafka.read({ topic, partitions: null, untilEnd: true }, signal))
        texts.push(...[key, value].map((bytes) => Buffer.from(bytes ?? []).toString('latin1')));
    }
    return texts.join('\n');
  }

  async function provider(fails: TalkativeOptions['fails']): ReturnType<typeof startTalkativeProvider> {
    const behind = opened.use(await startPlainProvider({ token: CANARIES.profileToken }));
    const { origin } = new URL(behind.endpoint);
    return opened.use(await startTalkativeProvider({ origin, token: CANARIES.profileToken, signature: CANARIES.signature, fails }));
  }

  /** Answers everything with what it was told. */
  async function echo(status: number): Promise<string> {
    const server: Server = createServer((request, response) => {
      let body = '';
      request.on('data', (part) => (body += String(part)));
      request.on('end', () => {
        const told = `${request.url ?? ''} ${JSON.stringify(request.headers)} ${Buffer.from(String(request.headers.authorization).slice(6), 'base64').toString()}`;
        response
          .writeHead(status)
          .end(JSON.stringify({ error: 'invalid_client', error_description: told, error_code: 40_101, message: told, body }));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    opened.defer(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    const address = server.address();
    return address === null || typeof address === 'string' ? '' : `http://127.0.0.1:${address.port}`;
  }

  const oauth = (tokenEndpoint: string): string =>
    `{mechanism: oauthbearer, tokenEndpoint: "${tokenEndpoint}", clientId: relay, clientSecret: ${CANARIES.clientSecret}}`;
  const registry = async (status: number): Promise<readonly string[]> => [
    `registry: {url: "${await echo(status)}", auth: {basic: {username: relay, password: ${CANARIES.registryPassword}}}}`,
  ];

  test('none is seen where a relay works its way through a provider that fails in every way', async () => {
    const { endpoint, failures } = await provider(['500', '429', 'reset']);
    const { path, name, port } = await config({ endpoint, retryTimeout: '60s' });
    const running = said(['run', '-c', path, '--until-current']);
    const ended = running.then(() => true);
    const pages: string[] = [];
    while (!(await Promise.race([ended, Promise.resolve(false)]))) {
      for (const page of ['', 'metrics', 'readyz', 'livez', 'startupz', 'api/status', 'registry', 'nowhere']) {
        const headers = { authorization: `Bearer ${CANARIES.wrongAdminToken}` };
        const method = page === 'nowhere' ? 'POST' : 'GET';
        const where = page === 'nowhere' ? `api/feeds/${encodeURIComponent(`${name}-r/acme/local.default.${TABLE}`)}/poll` : page;
        const response = await fetch(`http://127.0.0.1:${port}/${where}`, { method, headers, signal: AbortSignal.timeout(5_000) }).catch(
          () => null,
        );
        pages.push((await response?.text().catch(() => '')) ?? '');
      }
    }
    const { code, text } = await running;
    const topics = await topicsOf(name);
    expect(found(text)).toEqual([]);
    expect(found(pages.join('\n'))).toEqual([]);
    expect(found(topics)).toEqual([]);
    // What was looked through was there to be looked through.
    expect({ code, questions: [...new Set(failures.map((failure) => failure.split(' ')[0]))] }).toEqual({
      code: 0,
      questions: expect.arrayContaining(['version', 'changes', 'file']),
    });
    expect(pages.join('')).toContain('cdf_relay_');
    expect(topics).toContain('"position"');
  });

  test('none is seen where everything else fails', async () => {
    const good = (await provider([])).endpoint;
    const refusing = await Promise.all(
      (['401', 'redirect'] as const).map(async (kind: FailureKind) => ({
        kind,
        ...(await config({ endpoint: (await provider({ forever: kind })).endpoint })),
      })),
    );
    const token = await TokenIssuer.make();
    opened.use(token);
    token.answer = { status: 200, body: JSON.stringify({ access_token: CANARIES.accessToken, expires_in: 300 }) };
    const path = async (parts: Parameters<typeof config>[0]): Promise<string> => (await config(parts)).path;
    const run = async (parts: Parameters<typeof config>[0], env = {}): Promise<Said> =>
      said(['run', '-c', await path(parts), '--until-current'], env);
    const plain = `{mechanism: plain, username: admin, password: ${CANARIES.wrongPassword}}`;
    const half = { endpoint: good, sasl: `{mechanism: aws-msk-iam, region: eu-north-1, password: ${CANARIES.wrongPassword}}` };
    const badKey = [`registry: {url: "https://r", tls: {cert: ca.pem, key: "-----BEGIN ${CANARIES.key}"}}`];
    const cases: readonly (readonly [string, number, Promise<Said>])[] = [
      ['a wrong password', 3, run({ endpoint: good, sasl: plain })],
      ['a client that is refused', 3, run({ endpoint: good, sasl: oauth(await echo(401)) })],
      ['a token that is refused', 3, run({ endpoint: good, sasl: oauth(token.url) })],
      ['a registry that refuses us', 1, run({ endpoint: good, more: await registry(401) })],
      ...refusing.map(({ kind, path: bad }) => [`a provider: ${kind}`, 1, said(['run', '-c', bad, '--until-current'])] as const),
      [
        'a proxy that is none',
        2,
        run({ endpoint: 'https://provider.example' }, { HTTPS_PROXY: `socks5://relay:${CANARIES.proxyPassword}@proxy:1` }),
      ],
      ['a config that is wrong', 2, said(['validate', '-c', await path(half)])],
      ['a key that is none', 2, said(['validate', '-c', await path({ endpoint: good, more: badKey })])],
      ['a config that is right', 0, said(['validate', '-c', await path({ endpoint: good })])],
    ];
    for (const [what, wanted, saying] of cases) {
      const { code, text } = await saying;
      expect({ what, code, found: found(text), isSilent: text.trim() === '' }).toEqual({ what, code: wanted, found: [], isSilent: false });
    }
    for (const { name } of refusing) expect(found(await topicsOf(name))).toEqual([]);
    const profile = join(must(refusing[0], 'a provider').path, '..', 'acme.share');
    const tables = await said(['tables', profile]);
    expect({ code: tables.code, found: found(tables.text) }).toEqual({ code: 3, found: [] });
  });
});
