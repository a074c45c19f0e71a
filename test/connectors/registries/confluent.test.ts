import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CONFLUENT_DEFAULTS, openConfluentRegistry } from '../../../connectors/registries/confluent.ts';
import type { ConfluentOptions } from '../../../connectors/registries/confluent.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { KnownSchema, SchemaRegistry, SchemaRequest } from '../../../src/ports/schema-registry.ts';
import { examSchemaRegistry } from '../../contracts/schema-registry.ts';
import { makeCertificates } from '../../kafka/certificates.ts';
import { quiet } from '../../support/quiet-telemetry.ts';
import { FakeRegistry, guidOf } from './fake-registry.ts';

const { signal } = new AbortController();
const opened: FakeRegistry[] = [];
const PLACE = String.raw`http://127\.0\.0\.1:\d+/apis/ccompat/v7/`;
const TEXT =
  '{"type":"record","name":"Orders","namespace":"sales.public","fields":[{"name":"a","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}';
const OTHER = TEXT.replace('"scale":2', '"scale":4');
const request: SchemaRequest = { recipient: 'analytics', topic: 'analytics.orders', part: 'value', text: TEXT };
const basic = { kind: 'basic', username: 'u', password: new Secret('p4ssw0rd') } as const;

afterEach(async () => {
  for (const fake of opened.splice(0)) await fake.close();
});

async function fakeRegistry(): Promise<{ readonly fake: FakeRegistry; readonly url: string }> {
  const fake = new FakeRegistry();
  opened.push(fake);
  return { fake, url: await fake.open() };
}

function registryAt(urls: readonly string[], settings: Partial<ConfluentOptions> = {}): SchemaRegistry {
  return openConfluentRegistry({ ...CONFLUENT_DEFAULTS, retryMs: 5_000, requestMs: 5_000, restMs: 0, telemetry: quiet, urls, ...settings });
}

async function open(
  settings: Partial<ConfluentOptions> = {},
): Promise<{ readonly fake: FakeRegistry; readonly url: string; readonly registry: SchemaRegistry }> {
  const { fake, url } = await fakeRegistry();
  return { fake, url, registry: registryAt([url], settings) };
}

describe.each(['id', 'guid'] as const)('a Confluent registry, by %s', (framing) => {
  examSchemaRegistry({
    open: async () => {
      const { url, registry } = await open({ framing });
      return { relay: registry, consumer: registryAt([url], { framing }), publish: async () => {} };
    },
  });
});

describe('a Confluent registry', () => {
  test('registers under the subject of the topic, reads back once, and remembers', async () => {
    const { fake, registry } = await open({ auth: basic });
    const ensured = await registry.ensure(request, signal);
    expect(ensured).toEqual({
      prefix: Uint8Array.of(0, 0, 0, 0, 1),
      name: '1',
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      records: [],
    });
    await registry.ensure(request, signal);
    const authorization = `Basic ${Buffer.from('u:p4ssw0rd').toString('base64')}`;
    expect(fake.seen).toEqual([
      { line: 'POST subjects/analytics.orders-value/versions', authorization },
      { line: 'GET schemas/ids/1', authorization },
    ]);
  });

  test.each([
    ['topic', 'key', 'analytics.orders-key'],
    ['record', 'value', 'sales.public.Orders'],
    ['topic-record', 'value', 'analytics.orders-sales.public.Orders'],
  ] as const)('names subjects by %s', async (subjects, part, subject) => {
    const { fake, registry } = await open({ subjects });
    await registry.ensure({ ...request, part }, signal);
    expect(fake.seen[0]?.line).toBe(`POST subjects/${subject}/versions`);
  });

  test('is looked at without registering: its level, its mode, and whether it would take a schema', async () => {
    const { fake, registry, url } = await open();
    fake.levels.set('', 'BACKWARD');
    expect(await registry.look(signal)).toEqual({ place: `${url}/`, mode: 'READWRITE', compatibility: 'BACKWARD' });
    expect(await registry.foresee(request, signal)).toEqual({ subject: 'analytics.orders-value', name: null });
    fake.register('analytics.orders-value', OTHER);
    await expect(registry.foresee(request, signal)).rejects.toMatchObject({
      code: 'registry.refused',
      message: expect.stringMatching(
        `^asking whether analytics.orders-value takes the schema: ${PLACE} would refuse it; the compatibility level of the subject is BACKWARD: READER_FIELD_MISSING_DEFAULT_VALUE$`,
      ),
    });
    await expect(registryAt([url], { autoRegister: false }).foresee(request, signal)).rejects.toMatchObject({ code: 'registry.missing' });
    expect(fake.seen.filter(({ line }) => line.endsWith('/versions'))).toEqual([]);
  });

  test.each([
    ['a scale', (text: string) => text.replace('"scale":2', '"scale":4')],
    ['a logical type', (text: string) => text.replace('"logicalType":"decimal",', '')],
    ['the whole text', () => 'bytes'],
  ])('that alters %s is not published with', async (_, alter) => {
    const { fake, registry } = await open();
    fake.alter = alter;
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.altered',
      message: expect.stringMatching(`^registering analytics.orders-value: under id 1 ${PLACE} gives another schema than it was given$`),
    });
  });

  test('that gives an id a second time is not published with', async () => {
    const { fake, registry } = await open();
    await registry.ensure(request, signal);
    fake.answers.push({ status: 200, body: { id: 1 } });
    await expect(registry.ensure({ ...request, text: OTHER }, signal)).rejects.toMatchObject({ code: 'registry.altered' });
  });

  test.each([
    ['the level of the subject', 'analytics.orders-value'],
    ['the global level', ''],
  ])('that refuses a schema is quoted with %s', async (_, name) => {
    const { fake, registry } = await open();
    fake.levels.set(name, 'BACKWARD');
    await registry.ensure(request, signal);
    const wider = TEXT.replace('"fields":[', '"fields":[{"name":"b","type":"long"},');
    await expect(registry.ensure({ ...request, text: wider }, signal)).rejects.toMatchObject({
      code: 'registry.refused',
      message: expect.stringMatching(
        `^registering analytics.orders-value: ${PLACE} refuses the schema \\(409\\); the compatibility level of the subject is BACKWARD: ` +
          'Schema being registered is incompatible with an earlier schema for subject "analytics.orders-value"$',
      ),
    });
  });

  test('that refuses a schema and does not tell its level is quoted all the same', async () => {
    const { fake, registry } = await open();
    fake.answers.push({ status: 409, body: { message: 'no' } }, { status: 404, body: '' }, { status: 500, body: 'down' });
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.refused',
      message: expect.stringContaining('the compatibility level of the subject is not told: no'),
    });
  });

  test.each([
    [422, 'Invalid schema', 'registry.refused', 'takes the schema for invalid (422): Invalid schema'],
    [404, 'HTTP 404 Not Found', 'registry.malformed', 'answers 404 HTTP 404 Not Found'],
    [401, 'Unauthorized', 'registry.unauthorized', 'answers 401 Unauthorized'],
    [403, 'User is denied operation Write', 'registry.unauthorized', 'answers 403 User is denied operation Write'],
  ])('that answers %i is quoted', async (status, message, code, told) => {
    const { fake, registry, url } = await open();
    fake.answers.push({ status, body: { error_code: status, message } });
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code,
      message: `registering analytics.orders-value: ${url}/ ${told}`,
    });
    expect(fake.seen).toHaveLength(1);
  });

  test('is asked again while it fails by itself, or does not know yet what it registered', async () => {
    const { fake, registry } = await open();
    fake.answers.push(
      { status: 503, body: 'busy' },
      { status: 429, body: '', headers: { 'retry-after': '0.01' } },
      { status: 200, body: { id: 1 } },
      { status: 404, body: { error_code: 40403 } },
    );
    fake.answers.push({ status: 200, body: { schema: request.text } });
    expect((await registry.ensure(request, signal)).name).toBe('1');
    expect(fake.seen.map((seen) => seen.line.slice(0, 4))).toEqual(['POST', 'POST', 'POST', 'GET ', 'GET ']);
  });

  test('that goes on failing, or is not there, is unreachable', async () => {
    const { fake, url, registry } = await open({ retryMs: 0 });
    fake.answers.push({ status: 500, body: { message: 'no leader' } }, { status: 500, body: { message: 'no leader' } });
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.unreachable',
      message: `registering analytics.orders-value: ${url}/ answers 500 no leader`,
    });
    await fake.close();
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.unreachable',
      disposition: 'retry',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('that gave no answer is left alone for a while, and whoever asks meanwhile is told at once', async () => {
    const { fake, registry } = await open({ retryMs: 0, restMs: 600_000 });
    fake.answers.push({ status: 500, body: 'no leader' });
    const told = { code: 'registry.unreachable', message: expect.stringMatching('answers 500 no leader$') };
    await expect(registry.ensure(request, signal)).rejects.toMatchObject(told);
    await expect(registry.ensure({ ...request, text: OTHER }, signal)).rejects.toMatchObject(told);
    expect(fake.seen).toHaveLength(1);
  });

  test('that lacks what it registered is not left alone for it', async () => {
    const { fake, registry } = await open({ retryMs: 0, restMs: 600_000 });
    fake.answers.push({ status: 200, body: { id: 1 } }, { status: 404, body: { message: 'not yet' } });
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({ code: 'registry.unreachable' });
    expect((await registry.ensure({ ...request, text: OTHER }, signal)).name).toBe('1');
  });

  test('that was left alone is asked by one of those who wait, and by all once it has answered', async () => {
    const { fake, registry } = await open({ retryMs: 0, restMs: 1 });
    fake.answers.push({ status: 500, body: 'no leader' });
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({ code: 'registry.unreachable' });
    await vi.waitFor(async () => registry.ensure(request, signal));
    await registry.ensure({ ...request, text: OTHER }, signal);
    expect(fake.seen).toHaveLength(5);
  });

  test('does not get to send our credentials elsewhere by a redirect', async () => {
    const { fake, registry } = await open({ auth: basic });
    const elsewhere = await open();
    fake.answers.push({ status: 307, body: '', headers: { location: `${elsewhere.url}/subjects/s/versions` } });
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.malformed',
      message: expect.stringContaining('307'),
    });
    expect(elsewhere.fake.seen).toEqual([]);
  });

  test('that is another kind of server is told so', async () => {
    const { fake, registry } = await open();
    fake.answers.push({ status: 200, body: '<html>' });
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.malformed',
      message: expect.stringContaining('is no JSON'),
      remedy: expect.stringContaining('`registry.url`'),
    });
    fake.answers.push({ status: 200, body: { version: 3 } });
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.malformed',
      message: expect.stringContaining('answers without a schema id'),
    });
  });

  test('is left at once when the caller gives up', async () => {
    const { fake, registry } = await open();
    fake.answers.push({ status: 503, body: 'busy' });
    const off = new AbortController();
    const asking = registry.ensure(request, off.signal);
    off.abort(new Error('enough'));
    await expect(asking).rejects.toThrow('enough');
  });
});

describe('who we are', () => {
  test('is told by a token', async () => {
    const { fake, registry } = await open({ auth: { kind: 'bearer', token: new Secret('t0ken') } });
    fake.authorization = 'Bearer t0ken';
    expect((await registry.ensure(request, signal)).name).toBe('1');
  });

  test('is in no message, even where the registry repeats it', async () => {
    const { fake, registry } = await open({ auth: { kind: 'bearer', token: new Secret('t0ken') } });
    fake.authorization = 'Bearer another';
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.unauthorized',
      message: expect.stringMatching(/answers 401 Unauthorized: Bearer \[redacted\]$/),
    });
  });

  test('is in no message as it was sent either, nor half of it where a long answer is cut', async () => {
    const { fake, registry } = await open({ auth: { kind: 'basic', username: 'u', password: new Secret('pa55word') } });
    const sent = Buffer.from('u:pa55word').toString('base64');
    fake.answers.push({ status: 403, body: `no ${sent}` }, { status: 403, body: `${'x'.repeat(996)}pa55word` });
    for (const words of ['no [redacted]', `${'x'.repeat(996)}[red`]) {
      await expect(registry.ensure(request, signal)).rejects.toMatchObject({ message: expect.stringContaining(`answers 403 ${words}`) });
    }
  });

  test('is told by a certificate, to a server of an authority of its own', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-registry-'));
    try {
      const { ca, keystore } = await makeCertificates(folder);
      const pem = await readFile(keystore, 'utf8');
      const fake = new FakeRegistry({ key: pem, cert: pem, ca, requestCert: true, rejectUnauthorized: true });
      opened.push(fake);
      const url = await fake.open();
      const tls = { ca, cert: pem, key: new Secret(pem) };
      expect((await registryAt([url], { tls: () => tls }).ensure(request, signal)).name).toBe('1');
      await expect(registryAt([url], { retryMs: 0 }).ensure(request, signal)).rejects.toMatchObject({
        code: 'registry.certificate',
        message: `registering analytics.orders-value: ${url}/: its certificate is signed by an authority that is not trusted here (SELF_SIGNED_CERT_IN_CHAIN)`,
      });
      const without = registryAt([url], { retryMs: 0, tls: () => ({ ...tls, cert: null, key: null }) });
      await expect(without.ensure(request, signal)).rejects.toMatchObject({ code: 'registry.certificate' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('of several addresses', () => {
  test('the next one is asked where one is not there or fails, and then first', async () => {
    const gone = await fakeRegistry();
    await gone.fake.close();
    const failing = await fakeRegistry();
    failing.fake.answers.push({ status: 500, body: 'no leader' });
    const sound = await fakeRegistry();
    const registry = registryAt([gone.url, failing.url, sound.url], { retryMs: 0 });
    await registry.ensure(request, signal);
    await registry.ensure({ ...request, text: OTHER }, signal);
    expect(failing.fake.seen).toHaveLength(1);
    expect(sound.fake.seen).toHaveLength(4);
  });

  test('a refusal is one whichever gives it', async () => {
    const refusing = await fakeRegistry();
    refusing.fake.answers.push({ status: 401, body: { message: 'no' } });
    const sound = await fakeRegistry();
    await expect(registryAt([refusing.url, sound.url]).ensure(request, signal)).rejects.toMatchObject({ code: 'registry.unauthorized' });
    expect(sound.fake.seen).toEqual([]);
  });

  test('each says in the message why it gave no answer', async () => {
    const one = await fakeRegistry();
    const two = await fakeRegistry();
    await one.fake.close();
    two.fake.answers.push({ status: 503, body: 'starting' });
    await expect(registryAt([one.url, two.url], { retryMs: 0 }).ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.unreachable',
      message: expect.stringMatching(
        `^registering analytics.orders-value: ${PLACE} cannot be reached \\(.*ECONNREFUSED.*\\); ${PLACE} answers 503 starting$`,
      ),
    });
  });
});

describe('without registering', () => {
  test('a schema is looked up, and nothing is written', async () => {
    const { fake, registry } = await open({ autoRegister: false });
    fake.register('analytics.orders-value', TEXT);
    expect((await registry.ensure(request, signal)).name).toBe('1');
    expect(fake.seen.map(({ line }) => line)).toEqual(['POST subjects/analytics.orders-value', 'GET schemas/ids/1']);
  });

  test('one that is not there is told with its subject and its text, and is found once it is', async () => {
    const { fake, registry } = await open({ autoRegister: false });
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.missing',
      disposition: 'probe',
      message: expect.stringMatching(
        `^looking up analytics.orders-value: ${PLACE} does not have the schema under the subject analytics.orders-value \\(Subject 'analytics.orders-value' not found.\\): \\{"type":"record"`,
      ),
      remedy: expect.stringContaining('`registry.autoRegister`'),
    });
    fake.register('analytics.orders-value', OTHER);
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({ code: 'registry.missing' });
    fake.register('analytics.orders-value', TEXT);
    expect((await registry.ensure(request, signal)).name).toBe('2');
  });
});

describe('GUIDs', () => {
  test.each(['everywhere', 'in lookups'] as const)('of a registry that gives them %s are what records carry', async (guids) => {
    const { fake, registry } = await open({ framing: 'guid' });
    fake.guids = guids;
    const guid = guidOf(1);
    expect(await registry.ensure(request, signal)).toMatchObject({
      name: guid,
      prefix: new Uint8Array(Buffer.from(`01${guid.replaceAll('-', '')}`, 'hex')),
    });
    expect(fake.seen.at(-1)?.line).toBe(`GET schemas/guids/${guid}`);
  });

  test('of a registry that has none are not made up', async () => {
    const { fake, registry } = await open({ framing: 'guid' });
    fake.guids = 'nowhere';
    await expect(registry.ensure(request, signal)).rejects.toMatchObject({
      code: 'registry.no_guid',
      message: expect.stringMatching(`^registering analytics.orders-value: ${PLACE} gives its schemas no GUIDs$`),
    });
  });
});

test('what becomes of schemas is told, once for what is remembered', async () => {
  const outcomes: string[] = [];
  const telemetry = { ...quiet, schema: (outcome: string) => void outcomes.push(outcome) };
  const { fake, url, registry } = await open({ telemetry });
  const { name, digest } = await registry.ensure(request, signal);
  await registry.ensure(request, signal);
  expect(outcomes.splice(0)).toEqual(['confirmed']);
  const looking = registryAt([url], { telemetry, autoRegister: false });
  await expect(looking.ensure({ ...request, text: OTHER }, signal)).rejects.toMatchObject({ code: 'registry.missing' });
  fake.alter = () => '"string"';
  await expect(registryAt([url], { telemetry }).ensure(request, signal)).rejects.toMatchObject({ code: 'registry.altered' });
  expect(outcomes.splice(0)).toEqual(['refused', 'refused']);
  await fake.close();
  await registryAt([url], { telemetry }).ensure({ ...request, known: { name, digest: digest ?? '' } }, signal);
  await expect(registryAt([url], { telemetry, retryMs: 0 }).ensure(request, signal)).rejects.toMatchObject({
    code: 'registry.unreachable',
  });
  expect(outcomes).toEqual(['assumed', 'failed']);
});

describe('a schema that the checkpoint knows', () => {
  async function confirmed(registry: SchemaRegistry): Promise<KnownSchema> {
    const { name, digest } = await registry.ensure(request, signal);
    return { name, digest: digest ?? '' };
  }

  test('needs no registry after a restart', async () => {
    const { fake, url, registry } = await open();
    const known = await confirmed(registry);
    await fake.close();
    const lines: string[] = [];
    const telemetry = {
      ...quiet,
      log: (level: string, text: string, fields?: object) => void lines.push(`${level} ${text} ${JSON.stringify(fields)}`),
    };
    const restarted = registryAt([url], { telemetry });
    expect(await restarted.ensure({ ...request, known }, signal)).toEqual({ prefix: Uint8Array.of(0, 0, 0, 0, 1), ...known, records: [] });
    expect(lines).toEqual([expect.stringMatching(/^warn the registry is not there.*"subject":"analytics.orders-value","schema":"1"/)]);
    // And is not asked for at each version.
    await restarted.ensure({ ...request, known }, signal);
    expect(lines).toHaveLength(1);
  });

  test('is confirmed again where the registry is there', async () => {
    const { fake, url, registry } = await open();
    const known = await confirmed(registry);
    await registryAt([url]).ensure({ ...request, known }, signal);
    expect(fake.seen).toHaveLength(4);
    fake.alter = () => '"string"';
    await expect(registryAt([url]).ensure({ ...request, known }, signal)).rejects.toMatchObject({ code: 'registry.altered' });
  });

  test.each([
    ['another text', (url: string) => ({ urls: [url], change: { text: OTHER } })],
    ['another subject', (url: string) => ({ urls: [url], change: { topic: 'analytics.returns' } })],
    ['another registry', (url: string) => ({ urls: [url.replace('v7', 'v6')], change: {} })],
  ])('says nothing of %s', async (_, other) => {
    const { fake, url, registry } = await open();
    const known = await confirmed(registry);
    await fake.close();
    const { urls, change } = other(url);
    await expect(registryAt(urls, { retryMs: 0 }).ensure({ ...request, ...change, known }, signal)).rejects.toMatchObject({
      code: 'registry.unreachable',
    });
  });
});
