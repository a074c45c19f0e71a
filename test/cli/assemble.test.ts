import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { assembleKafka, assembleRegistry, assembleRegistryPages, framingOf, readSourceProfile } from '../../src/cli/assemble.ts';
import { loadConfig } from '../../src/config/load.ts';
import { must } from '../../src/lib/assert.ts';
import { PROFILE, SAMPLE, parse } from '../config/sample.ts';
import { FakeRegistry, guidOf } from '../connectors/registries/fake-registry.ts';
import { quiet } from '../support/quiet-telemetry.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assemble-'));
  await mkdir(join(folder, 'secrets'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const SIGNED = JSON.stringify({
  shareCredentialsVersion: 2,
  type: 'oauth_jwt_bearer_private_key_jwt',
  endpoint: 'https://sharing.example',
  auth: { tokenEndpoint: 'https://id.example/t', clientId: 'me', issuer: 'https://id.example', privateKey: { privateKeyFile: 'key.pem' } },
});

/** The profile of the sample's source, whose `profile` is `value` in the config, and whose file `secrets/acme.share` holds `text`. */
async function profileOf(value: string, text: string): ReturnType<typeof readSourceProfile> {
  const path = join(folder, 'relay.yaml');
  await writeFile(path, SAMPLE.replace('acme.share', value));
  await writeFile(join(folder, 'secrets/acme.share'), text);
  const config = loadConfig(path);
  return readSourceProfile(must(config.sources[0], 'a source'), config);
}

it("a profile is read from the config's folder, and its key from its own", async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await writeFile(join(folder, 'secrets/key.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }));
  expect(await profileOf('secrets/acme.share', SIGNED)).toMatchObject({
    credential: { kind: 'signed' },
    file: { path: join(folder, 'secrets/acme.share'), what: 'profile secrets/acme.share' },
  });
});

it('a profile by a reference to its file is that file, and follows it', async () => {
  const { file, credential } = await profileOf('${file:secrets/acme.share}', PROFILE);
  expect([file?.path, credential.kind]).toEqual([join(folder, 'secrets/acme.share'), 'bearer']);
});

it('a profile by any other reference stays as it is, and names no key file', async () => {
  process.env['ACME_SHARE'] = SIGNED;
  try {
    await expect(profileOf('${ACME_SHARE}', '')).rejects.toThrow(
      'the profile of source acme: auth.privateKey.privateKeyFile names a file, and only a profile that is a file itself has files beside it',
    );
    process.env['ACME_SHARE'] = PROFILE;
    const { file, credential } = await profileOf('${ACME_SHARE}', '');
    expect([file, credential.kind]).toEqual([null, 'bearer']);
  } finally {
    delete process.env['ACME_SHARE'];
  }
});

it('a registry is asked as the config says, and then the relay has no pages of its own', async () => {
  const fake = new FakeRegistry();
  fake.authorization = 'Bearer t0ken';
  try {
    const registry = `{url: "${await fake.open()}", auth: {bearer: t0ken}, subjects: record, framing: guid, autoRegister: false}`;
    const config = parse(`${SAMPLE}registry: ${registry}\n`);
    await using publisher = assembleKafka(config, quiet);
    const text = '{"type":"record","name":"Orders","namespace":"s.p","fields":[]}';
    fake.register('s.p.Orders', text);
    const request = { recipient: 'analytics', topic: 'analytics.orders', part: 'value', text } as const;
    const { name } = await assembleRegistry(config, publisher, quiet).ensure(request, new AbortController().signal);
    expect([name, framingOf(config), assembleRegistryPages(config, publisher)]).toEqual([guidOf(1), 'registry-guid', null]);
  } finally {
    await fake.close();
  }
});

it('without a registry schemas are named by the GUID of their text, and the relay has pages for its recipients', async () => {
  const config = parse(SAMPLE);
  await using publisher = assembleKafka(config, quiet);
  expect(framingOf(config)).toBe('guid');
  const pages = assembleRegistryPages(config, publisher);
  const statusOf = async (recipient: string): Promise<number | undefined> =>
    (await pages?.answer({ method: 'GET', url: `/registry/${recipient}/schemas/types`, body: Readable.from([]) }))?.status;
  expect([await statusOf('analytics'), await statusOf('others')]).toEqual([200, 404]);
});
