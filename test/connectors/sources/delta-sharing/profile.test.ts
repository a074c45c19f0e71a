import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import type { Profile } from '../../../../connectors/sources/delta-sharing/profile.ts';
import { parseProfile, readProfile } from '../../../../connectors/sources/delta-sharing/profile.ts';
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

it('opening a source reports when its credential expires', async () => {
  await using server = await scriptedServer();
  await using source = sourceOver(server, { expirationTime: '2027-01-01T00:00:00Z' });
  expect(source.expiries).toEqual([Date.parse('2027-01-01T00:00:00Z')]);
});
