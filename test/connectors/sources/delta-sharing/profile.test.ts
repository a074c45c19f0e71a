import type { KeyObject } from 'node:crypto';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Credential, Profile } from '../../../../connectors/sources/delta-sharing/profile.ts';
import { parseProfile, readProfile } from '../../../../connectors/sources/delta-sharing/profile.ts';
import { Failure } from '../../../../src/model/failure.ts';
import { Secret } from '../../../../src/model/secret.ts';
import { scriptedServer } from './scripted-server.ts';
import { sourceOver } from './wire-makers.ts';

const PROFILE = {
  shareCredentialsVersion: 1,
  endpoint: 'https://sharing.example/api/2.0/delta-sharing/metastores/1',
  bearerToken: 'the-token',
};

function parsed(more: Readonly<Record<string, unknown>> = {}): ReturnType<typeof parseProfile> {
  return parseProfile(JSON.stringify({ ...PROFILE, ...more }), 'the profile');
}

function tokenOf({ credential }: Profile): string {
  return credential.kind === 'bearer' ? credential.token.reveal() : credential.kind;
}

it('a profile of version 1 gives the endpoint without its last slashes, and the token as a secret', () => {
  const profile = parsed({ endpoint: `${PROFILE.endpoint}//` });
  expect([profile.endpoint, tokenOf(profile), profile.expirationTime]).toEqual([PROFILE.endpoint, 'the-token', null]);
  expect(`${inspect(profile)} ${JSON.stringify(profile)}`).not.toContain('the-token');
});

it('keys that are not known are ignored, and so is the type that version 1 has', () => {
  expect(parsed({ icebergEndpoint: 'https://x', type: 'Bearer_Token', comment: { deep: true } }).endpoint).toBe(PROFILE.endpoint);
});

it.each([
  ['2026-11-21T03:00:00Z', '2026-11-21T03:00:00.000Z'],
  ['2021-11-12T00:12:29.0Z', '2021-11-12T00:12:29.000Z'],
  ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ['2026-11-21T05:00:00+02:00', '2026-11-21T03:00:00.000Z'],
  ['2026-11-21 03:00:00', '2026-11-21T03:00:00.000Z'],
  ['2026-11-21', '2026-11-21T00:00:00.000Z'],
])('the expiry %s is the instant %s', (text, instant) => {
  expect(new Date(parsed({ expirationTime: text }).expirationTime ?? 0).toISOString()).toBe(instant);
});

it('a profile is read from its path, with or without a byte order mark, or from its own text', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'profile-'));
  try {
    const path = join(folder, 'acme.share');
    await writeFile(path, `\uFEFF${JSON.stringify(PROFILE, null, 2)}\n`);
    expect(tokenOf(await readProfile(path))).toBe('the-token');
    expect(tokenOf(await readProfile(`\n${JSON.stringify(PROFILE)}`))).toBe('the-token');
  } finally {
    await rm(folder, { recursive: true });
  }
});

it.each([
  ['bearer_token', { bearerToken: 'abc' }, { kind: 'bearer', token: 'abc' }],
  ['Basic', { username: 'ann', password: 'p:w' }, { kind: 'basic', username: 'ann', password: 'p:w' }],
  [
    'OAUTH_CLIENT_CREDENTIALS',
    { tokenEndpoint: 'https://id.example/t?p=1', clientId: 'me', clientSecret: 's', scope: ' a b ', more: 1 },
    { kind: 'client-secret', tokenEndpoint: 'https://id.example/t?p=1', clientId: 'me', clientSecret: 's', scope: 'a b' },
  ],
  [
    'oauth_client_credentials',
    { tokenEndpoint: 'https://id.example/t', clientId: 'me', clientSecret: 's', scope: '' },
    { kind: 'client-secret', tokenEndpoint: 'https://id.example/t', clientId: 'me', clientSecret: 's', scope: null },
  ],
])('a profile of version 2 of type %s gives its credential', (type, fields, credential) => {
  const profile = parseProfile(JSON.stringify({ shareCredentialsVersion: 2, endpoint: PROFILE.endpoint, type, ...fields }), 'the profile');
  expect(shown(profile.credential)).toEqual(credential);
  expect(`${inspect(profile)} ${JSON.stringify(profile)}`).not.toMatch(/abc|p:w|'s'|"s"/);
});

/** With secrets and addresses as texts. */
function shown(credential: Credential): unknown {
  return Object.fromEntries(
    Object.entries(credential).map(([key, value]: [string, unknown]) => [
      key,
      value instanceof Secret ? value.reveal() : value instanceof URL ? value.href : value,
    ]),
  );
}

it('a profile has the same digest as long as its text is the same', () => {
  const digests = [PROFILE, PROFILE, { ...PROFILE, comment: 1 }].map((it) => parseProfile(JSON.stringify(it), 'the profile').digest);
  expect([digests[0] === digests[1], digests[0] === digests[2]]).toEqual([true, false]);
});

describe('a profile with a key file', () => {
  const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const SMALL = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const P256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const ED25519 = generateKeyPairSync('ed25519').privateKey;
  const pem = (key: KeyObject, type: 'pkcs1' | 'pkcs8' | 'sec1' = 'pkcs8'): string => key.export({ format: 'pem', type }).toString();

  let root: string;
  let folder: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'profile-'));
    folder = join(root, 'acme');
    await mkdir(folder);
    await writeFile(join(root, 'outside.pem'), pem(RSA));
  });
  afterEach(async () => {
    await rm(root, { recursive: true });
  });

  const text = (privateKey: Readonly<Record<string, unknown>>, auth: Readonly<Record<string, unknown>> = {}): string =>
    JSON.stringify({
      shareCredentialsVersion: 2,
      type: 'oauth_jwt_bearer_private_key_jwt',
      endpoint: PROFILE.endpoint,
      auth: { tokenEndpoint: 'https://id.example/t', clientId: 'me', issuer: 'https://id.example', ...auth, privateKey },
    });
  const read = async (privateKey: Readonly<Record<string, unknown>>, auth: Readonly<Record<string, unknown>> = {}): Promise<Profile> => {
    const path = join(folder, 'p.share');
    await writeFile(path, text(privateKey, auth));
    return readProfile(path, 'profile P');
  };

  it('gives who signs, for whom, what for and with what', async () => {
    await writeFile(join(folder, 'key.pem'), pem(RSA));
    const privateKey = { privateKeyFile: 'key.pem', keyId: 'k1', algorithm: 'PS256' };
    const { credential } = await read(privateKey, { audience: 'https://sharing.example', scope: 's' });
    expect(shown(credential)).toEqual({
      kind: 'signed',
      tokenEndpoint: 'https://id.example/t',
      clientId: 'me',
      issuer: 'https://id.example',
      audience: 'https://sharing.example',
      scope: 's',
      key: { algorithm: 'PS256', keyId: 'k1', key: expect.anything() },
    });
    expect(credential.kind === 'signed' && credential.key.key.equals(RSA)).toBe(true);
  });

  it.each<[string, string, string]>([
    ['RS256', 'in PKCS #8', pem(RSA)],
    ['RS512', 'in PKCS #1', pem(RSA, 'pkcs1')],
    ['ES256', 'in SEC 1', pem(P256, 'sec1')],
    ['EdDSA', 'in PKCS #8', pem(ED25519)],
  ])('may be of %s %s; without an audience, a scope or a key id', async (algorithm, _, key) => {
    await writeFile(join(folder, 'key.pem'), key);
    const { credential } = await read({ privateKeyFile: 'key.pem', algorithm }, { audience: '', scope: null });
    expect(credential).toMatchObject({ audience: null, scope: null, key: { algorithm, keyId: null } });
  });

  it('signs by RS256 where it does not say', async () => {
    await writeFile(join(folder, 'key.pem'), pem(RSA));
    expect(await read({ privateKeyFile: 'key.pem' })).toMatchObject({ credential: { key: { algorithm: 'RS256' } } });
  });

  it('has another digest when the key is another', async () => {
    await writeFile(join(folder, 'key.pem'), pem(RSA));
    const before = await read({ privateKeyFile: 'key.pem' });
    await writeFile(join(folder, 'key.pem'), pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey));
    expect((await read({ privateKeyFile: 'key.pem' })).digest).not.toBe(before.digest);
  });

  it('takes it from its own folder: by a name, by the whole path, below it, by links that stay within', async () => {
    await mkdir(join(folder, '..data'));
    await writeFile(join(folder, '..data/real.pem'), pem(RSA));
    await symlink('..data/real.pem', join(folder, 'link.pem'));
    for (const name of ['link.pem', './link.pem', '..data/real.pem', join(folder, 'link.pem')])
      expect(await read({ privateKeyFile: name })).toMatchObject({ credential: { kind: 'signed' } });
  });

  const OUT =
    "auth.privateKey.privateKeyFile leads out of the profile's folder: put the key beside the profile, and name it without a folder";
  it.each<[string, () => Promise<string> | string]>([
    ['a path elsewhere', () => join(root, 'outside.pem')],
    ['a path elsewhere that does not exist', () => '/nowhere/key.pem'],
    ['dots', () => '../outside.pem'],
    ['dots that come back', () => '../acme/key.pem'],
    ['dots within', () => 'sub/../../outside.pem'],
    ['the folder itself', () => '.'],
    [
      'a link',
      async () => {
        await symlink('../outside.pem', join(folder, 'link.pem'));
        return 'link.pem';
      },
    ],
    [
      'a linked folder',
      async () => {
        await symlink('..', join(folder, 'sub'));
        return 'sub/outside.pem';
      },
    ],
  ])('takes none that leads out of its folder by %s', async (_, name) => {
    await writeFile(join(folder, 'key.pem'), pem(RSA));
    expect(await told(read({ privateKeyFile: await name() }))).toEqual(['profile.invalid', `profile P: ${OUT}`]);
  });

  it('that came as text may name none', async () => {
    await writeFile(join(folder, 'key.pem'), pem(RSA));
    const sentence =
      'the profile: auth.privateKey.privateKeyFile names a file, and only a profile that is a file itself has files beside it';
    const asText = text({ privateKeyFile: join(folder, 'key.pem') });
    expect(await told(readProfile(asText))).toEqual(['profile.invalid', sentence]);
    expect(await told((async () => parseProfile(asText, 'the profile'))())).toEqual(['profile.invalid', sentence]);
  });

  const FIT = { privateKeyFile: 'key.pem' };
  const ONLY = 'RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA';
  it.each<[string, string | null, Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>, readonly [string, string]]>([
    ['that is not there', null, FIT, {}, ['profile.unreadable', 'auth.privateKey.privateKeyFile: there is no such file']],
    ['that is not named', pem(RSA), {}, {}, ['profile.invalid', 'auth.privateKey.privateKeyFile is missing']],
    [
      'whose name is empty',
      pem(RSA),
      { privateKeyFile: '' },
      {},
      ['profile.invalid', 'auth.privateKey.privateKeyFile is empty or holds control characters'],
    ],
    ['that is no key', 'SECRET-TEXT', FIT, {}, ['profile.invalid', 'the key in key.pem is not a private key in PEM']],
    [
      'that is large',
      'x'.repeat(2_000_000),
      FIT,
      {},
      ['profile.invalid', 'auth.privateKey.privateKeyFile: 2000000 bytes are too many for a key'],
    ],
    [
      'that is encrypted',
      RSA.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
      FIT,
      {},
      ['profile.invalid', 'the key in key.pem is encrypted, and nobody is there to type its passphrase'],
    ],
    [
      'that is small',
      pem(SMALL),
      FIT,
      {},
      ['profile.invalid', 'the key in key.pem does not fit RS256, which needs an RSA key of 2048 bits or more'],
    ],
    [
      'of another curve',
      pem(P256),
      { ...FIT, algorithm: 'ES384' },
      {},
      ['profile.invalid', 'the key in key.pem does not fit ES384, which needs an EC key on P-384'],
    ],
    [
      'for another algorithm',
      pem(RSA),
      { ...FIT, algorithm: 'EdDSA' },
      {},
      ['profile.invalid', 'the key in key.pem does not fit EdDSA, which needs an Ed25519 key'],
    ],
    [
      'for an algorithm that is not known',
      pem(RSA),
      { ...FIT, algorithm: 'HS256' },
      {},
      ['profile.unsupported', `auth.privateKey.algorithm "HS256" is not supported, only ${ONLY} are`],
    ],
    ['without an issuer', pem(RSA), FIT, { issuer: undefined }, ['profile.invalid', 'auth.issuer is missing']],
    ['without a token endpoint', pem(RSA), FIT, { tokenEndpoint: undefined }, ['profile.invalid', 'auth.tokenEndpoint is missing']],
    ['whose token endpoint is none', pem(RSA), FIT, { tokenEndpoint: 'id' }, ['profile.invalid', 'auth.tokenEndpoint is not a URL']],
    ['whose scope is a list', pem(RSA), FIT, { scope: ['a'] }, ['profile.invalid', 'auth.scope is not a string']],
  ])('%s is told in one sentence', async (_, key, privateKey, auth, [code, sentence]) => {
    if (key !== null) await writeFile(join(folder, 'key.pem'), key);
    expect(await told(read(privateKey, auth))).toEqual([code, `profile P: ${sentence}`]);
  });
});

/** Code and sentence of the failure. */
async function told(promise: Promise<unknown>): Promise<readonly [string, string]> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (!(error instanceof Failure)) throw new Error(`no failure: ${String(error)}`);
  return [error.code, error.message];
}

it('opening a source reports when its credential expires', async () => {
  await using server = await scriptedServer();
  await using source = sourceOver(server, { expirationTime: '2027-01-01T00:00:00Z' });
  expect(source.expiries).toEqual([Date.parse('2027-01-01T00:00:00Z')]);
});
