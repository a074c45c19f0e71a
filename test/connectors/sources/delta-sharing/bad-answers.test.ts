/**
 * Kinds of bad input from a provider, and the sentence a person gets. Each answer is given to a source named `acme` that asks about table `s.d.t`.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readProfile } from '../../../../connectors/sources/delta-sharing/profile.ts';
import { must } from '../../../../src/lib/assert.ts';
import { Failure } from '../../../../src/model/failure.ts';
import { EVERYTHING } from '../../../../src/ports/source.ts';
import {
  ASKED_CHANGES,
  ASKED_VERSION,
  CHANGES_CASES,
  DELTA_HEAD,
  HEAD,
  LISTING_CASES,
  STANDS_STILL,
  STORAGE_CASES,
  VERSION_CASES,
} from './bad-answer-cases.ts';
import type { Told } from './bad-answer-cases.ts';
import type { ScriptedServer } from './scripted-server.ts';
import { lines, scriptedServer, silence } from './scripted-server.ts';
import {
  CHANGES,
  DELTA,
  END,
  file,
  metaData,
  METADATA,
  NEVER,
  PARQUET,
  PROTOCOL,
  sourceOver,
  TABLE,
  TOKEN,
  VERSION,
} from './wire-makers.ts';

describe('a profile', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'profiles-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  const GOOD = { shareCredentialsVersion: 1, endpoint: 'https://x', bearerToken: TOKEN };
  const OAUTH = {
    shareCredentialsVersion: 2,
    type: 'oauth_client_credentials',
    endpoint: 'https://x',
    tokenEndpoint: 'https://id',
    clientId: 'me',
    clientSecret: TOKEN,
  };
  const withOut = (key: keyof typeof GOOD): object => Object.fromEntries(Object.entries(GOOD).filter(([it]) => it !== key));

  const CASES: Readonly<Record<string, readonly [string | object, Told]>> = {
    'that is empty': ['', ['profile.invalid', 'profile P: it is empty']],
    'that is not JSON': [`{"bearerToken": "${TOKEN}", }`, ['profile.invalid', 'profile P: it is not JSON']],
    'that is a list': [[GOOD], ['profile.invalid', 'profile P: it is not a JSON object']],
    'that is a large file': ['x'.repeat(2_000_000), ['profile.invalid', 'profile P: 2000000 bytes are too many for a profile file']],
    'without an endpoint': [withOut('endpoint'), ['profile.invalid', 'profile P: endpoint is missing']],
    'without a token': [withOut('bearerToken'), ['profile.invalid', 'profile P: bearerToken is missing']],
    'without a version': [withOut('shareCredentialsVersion'), ['profile.invalid', 'profile P: shareCredentialsVersion is missing']],
    'whose version is a text': [
      { ...GOOD, shareCredentialsVersion: '1' },
      ['profile.invalid', 'profile P: shareCredentialsVersion is not a whole number'],
    ],
    'of version 3': [
      { ...GOOD, shareCredentialsVersion: 3 },
      ['profile.unsupported', 'profile P: shareCredentialsVersion 3 is not supported, only 1 and 2 are'],
    ],
    'of another type': [
      { ...GOOD, shareCredentialsVersion: 2, type: 'oidc_managed_identity' },
      [
        'profile.unsupported',
        'profile P: a profile of type "oidc_managed_identity" is not supported, only ' +
          'bearer_token, oauth_client_credentials, oauth_jwt_bearer_private_key_jwt, basic are',
      ],
    ],
    'whose type is of a later version': [
      { ...GOOD, type: 'oauth_client_credentials' },
      ['profile.invalid', 'profile P: type "oauth_client_credentials" needs shareCredentialsVersion 2, and it says 1'],
    ],
    'of type basic without a password': [
      { ...GOOD, shareCredentialsVersion: 2, type: 'basic', username: 'ann' },
      ['profile.invalid', 'profile P: password is missing'],
    ],
    'of type basic whose user name holds a colon': [
      { ...GOOD, shareCredentialsVersion: 2, type: 'basic', username: 'a:b', password: TOKEN },
      ['profile.invalid', 'profile P: username holds a colon'],
    ],
    'of type oauth_client_credentials without a secret': [
      { ...OAUTH, clientSecret: undefined },
      ['profile.invalid', 'profile P: clientSecret is missing'],
    ],
    'of type oauth_client_credentials whose secret has a line break in it': [
      { ...OAUTH, clientSecret: `${TOKEN}\n` },
      ['profile.invalid', 'profile P: clientSecret is empty or holds control characters'],
    ],
    'of type oauth_client_credentials whose secret holds half a character': [
      { ...OAUTH, clientSecret: `${TOKEN}\uD800` },
      ['profile.invalid', 'profile P: clientSecret is empty or holds control characters'],
    ],
    'whose token endpoint holds a password': [
      { ...OAUTH, tokenEndpoint: `https://u:${TOKEN}@id` },
      ['profile.invalid', 'profile P: tokenEndpoint holds a user name or password'],
    ],
    'of type oauth_jwt_bearer_private_key_jwt without its part': [
      { ...GOOD, shareCredentialsVersion: 2, type: 'oauth_jwt_bearer_private_key_jwt' },
      ['profile.invalid', 'profile P: auth is missing'],
    ],
    'whose token has a line break in it': [
      { ...GOOD, bearerToken: `${TOKEN}\nx` },
      ['profile.invalid', 'profile P: bearerToken is empty or holds characters that no token has'],
    ],
    'whose endpoint is no URL': [{ ...GOOD, endpoint: 'sharing.example' }, ['profile.invalid', 'profile P: endpoint is not a URL']],
    'whose endpoint is of another scheme': [
      { ...GOOD, endpoint: 's3://bucket' },
      ['profile.invalid', 'profile P: endpoint begins with s3: instead of https:'],
    ],
    'whose endpoint holds a password': [
      { ...GOOD, endpoint: 'https://u:p@x' },
      ['profile.invalid', 'profile P: endpoint holds a user name or password'],
    ],
    'whose expiry is no time': [
      { ...GOOD, expirationTime: 'next year' },
      ['profile.invalid', 'profile P: expirationTime is not an ISO 8601 time'],
    ],
  };

  it.each(Object.entries(CASES))('%s', async (_, [content, [code, sentence]]) => {
    const path = join(folder, 'p.share');
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    expect(await told(readProfile(path), path, 'P')).toEqual([code, sentence]);
  });

  it('that is not there', async () => {
    const path = join(folder, 'none.share');
    expect(await told(readProfile(path), path, 'P')).toEqual(['profile.unreadable', 'profile P: there is no such file']);
  });

  it('that is a directory', async () => {
    expect(await told(readProfile(folder), folder, 'P')).toEqual(['profile.unreadable', 'profile P: it is a directory, not a file']);
  });
});

describe('an answer about the latest version', () => {
  const ASKED = ASKED_VERSION;

  it.each(Object.entries(VERSION_CASES))('%s', async (_, [answer, expected]) => {
    await using server = await scriptedServer();
    server.on(VERSION, answer);
    const others = { headersMs: answer === silence ? 50 : 20_000, stallMs: 20_000, graceMs: 200_000 };
    const source = sourceOver(server, { expirationTime: '2026-01-01T00:00:00Z', timeouts: { others } });
    expect(await told(source.latestVersion(TABLE, NEVER), host(server), 'PROVIDER')).toEqual(expected);
  });

  it('that nobody gives', async () => {
    const server = await scriptedServer();
    await server[Symbol.asyncDispose]();
    const [code, sentence] = await told(sourceOver(server).latestVersion(TABLE, NEVER), host(server), 'PROVIDER');
    expect([code, sentence]).toEqual(['provider.unreachable', `${ASKED}: no answer from http://PROVIDER: connect ECONNREFUSED PROVIDER`]);
  });
});

describe('an answer about changes', () => {
  const ASKED = ASKED_CHANGES;

  it.each(Object.entries(CHANGES_CASES))('%s', async (_, [answer, expected]) => {
    await using server = await scriptedServer();
    server.on(CHANGES, answer);
    const changes = { headersMs: 20_000, stallMs: answer === STANDS_STILL ? 50 : 20_000, graceMs: 200_000 };
    const source = sourceOver(server, { timeouts: { changes } });
    expect(await told(source.changes(TABLE, { from: 2, to: 5, listedAs: null }, NEVER), host(server), 'PROVIDER')).toEqual(expected);
  });

  it.each([
    ['table', lines([PROTOCOL, metaData(2, { id: 'table-2' }), END], PARQUET)],
    ['format', lines([...DELTA_HEAD, END], DELTA)],
    ['id hash', lines([...HEAD, END], { ...PARQUET, fileidhash: 'delta' })],
  ])('whose second page is of another %s', async (_, second) => {
    await using server = await scriptedServer();
    server.on(CHANGES, lines([...HEAD, { endStreamAction: { nextPageToken: 'x' } }], PARQUET), second);
    const source = sourceOver(server);
    expect(await told(source.changes(TABLE, { from: 2, to: 5, listedAs: null }, NEVER), host(server), 'PROVIDER')).toEqual([
      'provider.malformed',
      `${ASKED}: page 2 of the answer is of another table or format than the first`,
    ]);
  });

  it('whose schemas cannot be had for their versions', async () => {
    await using server = await scriptedServer();
    server.on(CHANGES, lines([PROTOCOL, metaData(9), file('add', 3, 'f'), END], PARQUET));
    server.on(METADATA, lines([PROTOCOL, metaData(null)], { 'delta-table-version': '9' }));
    expect(await told(sourceOver(server).changes(TABLE, { from: 2, to: 5, listedAs: null }, NEVER), host(server), 'PROVIDER')).toEqual([
      'provider.malformed',
      'asking acme for the metadata of s.d.t at version 2: the provider answers with another version, and did not give the schema with the changes either',
    ]);
  });
});

describe('a listing of tables', () => {
  it.each(Object.entries(LISTING_CASES))('%s', async (_, [answer, expected]) => {
    await using server = await scriptedServer();
    server.on('/api/shares', answer);
    const first = sourceOver(server).tables(EVERYTHING, NEVER)[Symbol.asyncIterator]().next();
    expect(await told(first, host(server), 'PROVIDER')).toEqual(expected);
  });
});

describe('the storage', () => {
  it.each(Object.entries(STORAGE_CASES))('%s', async (_, [answer, expected]) => {
    await using server = await scriptedServer();
    server.on(CHANGES, lines([PROTOCOL, metaData(3), file('add', 3, 'f', { url: `${server.origin}/f?sig=SIGNATURE` }), END], PARQUET));
    server.on('/f', answer);
    const listing = await sourceOver(server).changes(TABLE, { from: 3, to: 3, listedAs: null }, NEVER);
    const version = must(listing.versions[0], 'the version');
    expect(await told(listing.read(version, must(version.files[0], 'the file'), NEVER), host(server), 'STORAGE')).toEqual(expected);
  });
});

function host(server: Pick<ScriptedServer, 'origin'>): string {
  return server.origin.slice('http://'.length);
}

/** Code and sentence, with the one word that differs at each run replaced. Neither may hold a secret, nor may anything that hangs on the failure. */
async function told(promise: Promise<unknown>, variable: string, name: string): Promise<Told> {
  const failure = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(failure instanceof Failure)) throw new Error(`no failure, but ${String(failure)}`);
  const everything = `${failure.stack ?? ''} ${JSON.stringify(failure)} ${String(failure.cause)}`;
  expect(everything).not.toContain(TOKEN);
  expect(everything).not.toContain('SIGNATURE');
  return [failure.code, failure.message.replaceAll(variable, name)];
}
