/**
 * Secrets and certificates that change in their files while the relay runs, as Kubernetes changes them: the mounted names are links through a link `..data`, which is
 * swapped for another folder at once.
 */
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { must } from '../../src/lib/assert.ts';
import type { Secret } from '../../src/model/secret.ts';
import { makeCertificates } from '../kafka/certificates.ts';
import { PROFILE, SAMPLE } from './sample.ts';

const scratch = await mkdtemp(join(tmpdir(), 'cdf-relay-live-'));
afterAll(async () => rm(scratch, { recursive: true }));
const { ca, issue } = await makeCertificates(scratch);
const [first, second] = [await issue('first'), await issue('second')];

let folder = '';
let generations = 0;
let logged: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(scratch, 'config-'));
  generations = 0;
  logged = [];
  await writeFile(join(folder, 'acme.share'), PROFILE);
});

/** A mounted secret with these files, in the place of the one before. */
async function mount(files: Readonly<Record<string, string>>): Promise<void> {
  const data = `..generation-${++generations}`;
  await mkdir(join(folder, data));
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, data, name), text);
    await symlink(join('..data', name), join(folder, name)).catch(() => {});
  }
  await symlink(data, join(folder, '..new'));
  await rename(join(folder, '..new'), join(folder, '..data'));
}

async function load(more: string, kafka = ''): Promise<Config> {
  const path = join(folder, 'relay.yaml');
  await writeFile(path, SAMPLE.replace('[localhost:9092]', `[localhost:9092]${kafka}`) + more);
  const config = loadConfig(path);
  config.files.reportTo({ log: (level, message) => void logged.push(`${level} ${message}`) });
  return config;
}

describe('what is taken up from its file without a restart', () => {
  const places: readonly {
    readonly what: string;
    readonly kafka?: string;
    readonly more?: string;
    readonly secret: (config: Config) => Secret | undefined;
  }[] = [
    {
      what: 'kafka.sasl.password',
      kafka: ', sasl: {mechanism: scram-sha-512, username: u, password: "${file:secret}"}',
      secret: ({ kafka: { sasl } }) => (sasl !== null && 'password' in sasl ? sasl.password : undefined),
    },
    {
      what: 'kafka.sasl.clientSecret',
      kafka: ', sasl: {mechanism: oauthbearer, tokenEndpoint: "https://idp/t", clientId: c, clientSecret: "${file:secret}"}',
      secret: ({ kafka: { sasl } }) => (sasl !== null && 'clientSecret' in sasl ? sasl.clientSecret : undefined),
    },
    {
      what: 'registry.auth.basic.password',
      more: 'registry: {url: "https://r", auth: {basic: {username: u, password: "${file:secret}"}}}\n',
      secret: ({ registry }) => (registry?.auth?.kind === 'basic' ? registry.auth.password : undefined),
    },
    {
      what: 'registry.auth.bearer',
      more: 'registry: {url: "https://r", auth: {bearer: "${file:secret}"}}\n',
      secret: ({ registry }) => (registry?.auth?.kind === 'bearer' ? registry.auth.token : undefined),
    },
    { what: 'http.adminToken', more: 'http: {adminToken: "${file:secret}"}\n', secret: ({ http }) => http.adminToken ?? undefined },
  ];

  test.each(places)('$what', async ({ what, kafka = '', more = '', secret }) => {
    await mount({ secret: 'the first, long enough for any\n' });
    const held = must(secret(await load(more, kafka)), 'the secret');
    expect([held.reveal(), logged]).toEqual(['the first, long enough for any', []]);
    await mount({ secret: 'the second, long enough for any\n' });
    expect([held.reveal(), held.reveal(), logged]).toEqual([
      'the second, long enough for any',
      'the second, long enough for any',
      [`info \`${what}\` has changed in its file and is taken up`],
    ]);
    expect(held.revealed()).toEqual(['the second, long enough for any', 'the first, long enough for any']);
  });
});

test('a file that has become empty, or is gone, leaves what it was in use, and is warned of once until it is mended', async () => {
  await mount({ secret: 'first' });
  const { kafka } = await load('', ', sasl: {mechanism: plain, username: u, password: "${file:secret}"}');
  const password = must(kafka.sasl !== null && 'password' in kafka.sasl ? kafka.sasl.password : null, 'the password');
  await mount({ secret: '\n' });
  expect([password.reveal(), password.reveal()]).toEqual(['first', 'first']);
  await rm(join(folder, '..data'));
  expect(password.reveal()).toBe('first');
  await mount({ secret: 'second' });
  expect(password.reveal()).toBe('second');
  expect(logged).toEqual([
    'warn `kafka.sasl.password`: the file secret is empty; what it was before stays in use',
    'warn `kafka.sasl.password`: the file secret cannot be read (there is no such file); what it was before stays in use',
    'info `kafka.sasl.password` has changed in its file and is taken up',
  ]);
});

test('a token of the HTTP port that can be guessed is not taken up', async () => {
  await mount({ secret: 'long enough for anybody' });
  const { http } = await load('http: {adminToken: "${file:secret}"}\n');
  await mount({ secret: 'short' });
  expect(http.adminToken?.reveal()).toBe('long enough for anybody');
  expect(logged).toEqual([
    'warn `http.adminToken`: it is shorter than 16 characters, and can be guessed: `openssl rand -hex 32` makes one; what it was before stays in use',
  ]);
});

test('certificates change together, and only into what fits together', async () => {
  await mount({ 'ca.pem': ca, 'tls.crt': first.cert, 'tls.key': first.key });
  const { kafka } = await load('', ', tls: {ca: ca.pem, cert: "${file:tls.crt}", key: tls.key}');
  const tls = must(kafka.tls, 'the certificates');
  const before = tls();
  expect(tls()).toBe(before);
  await mount({ 'ca.pem': ca, 'tls.crt': second.cert, 'tls.key': first.key });
  expect(tls()).toBe(before);
  await mount({ 'ca.pem': ca, 'tls.crt': second.cert, 'tls.key': second.key });
  const after = tls();
  expect({ ...after, key: after.key?.reveal() }).toEqual({ ca, cert: second.cert.trim(), key: second.key });
  expect(logged).toEqual([
    'warn `kafka.tls`: `key` is not the key of `cert`; what it was before stays in use',
    'info `kafka.tls` has changed in its file and is taken up',
  ]);
});

test('a profile that a reference holds is followed by its path', async () => {
  await mount({ 'acme.share': PROFILE });
  const path = join(folder, 'relay.yaml');
  await writeFile(path, SAMPLE.replace('profile: acme.share', 'profile: "${file:acme.share}"'));
  expect(loadConfig(path).sources[0]?.profilePath).toBe('acme.share');
});
