/**
 * A provider that points where it has no business: URLs of files and vectors, token endpoints and redirects that lead to this machine or into its network.
 */
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { expect, it } from 'vitest';
import { parseProfile } from '../../../../connectors/sources/delta-sharing/profile.ts';
import { must } from '../../../../src/lib/assert.ts';
import { Failure } from '../../../../src/model/failure.ts';
import type { Scripted, ScriptedServer } from './scripted-server.ts';
import { json, lines, scriptedServer, text } from './scripted-server.ts';
import type { SourceSettings } from './wire-makers.ts';
import {
  CHANGES,
  DELTA,
  deltaFile,
  deltaMetaData,
  deltaProtocol,
  END,
  file,
  metaData,
  NEVER,
  PARQUET,
  PROTOCOL,
  sourceOver,
  TABLE,
  TOKEN,
  VERSION,
} from './wire-makers.ts';

const SIGNED = 'secret-path?sig=SIGNATURE';

/** Reads the one file of the one version; what becomes of it in a word or a failure. */
async function read(server: ScriptedServer, url: string, settings: SourceSettings = {}): Promise<string | Failure> {
  server.on(CHANGES, lines([PROTOCOL, metaData(0), file('add', 1, 'f', { url }), END], PARQUET));
  const source = sourceOver({ origin: named(server) }, { lookup: resolving({}), ...settings });
  try {
    const listing = await source.changes(TABLE, { from: 0, to: 9, listedAs: null }, NEVER);
    const version = must(listing.versions[0], 'a version');
    const { bytes } = await listing.read(version, must(version.files[0], 'a file'), NEVER);
    return new TextDecoder().decode(bytes);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  } finally {
    await source[Symbol.asyncDispose]();
  }
}

/** Of the same server, by a name: so no address is the endpoint's own host. */
function named(server: ScriptedServer, host = 'provider.example'): string {
  return server.origin.replace('127.0.0.1', host);
}

/** Each name resolves to its addresses, one answer after the other, of which the last one stays; every other name to this machine. */
function resolving(names: Readonly<Record<string, readonly (readonly string[])[]>>): LookupFunction {
  const asked = new Map<string, number>();
  return (host, _options, callback) => {
    const answers = names[host] ?? [['127.0.0.1']];
    const times = asked.get(host) ?? 0;
    asked.set(host, times + 1);
    const found: LookupAddress[] = (answers[Math.min(times, answers.length - 1)] ?? []).map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    callback(null, found);
  };
}

function requireRefused(got: string | Failure): Failure {
  if (!(got instanceof Failure)) throw new Error(`it was read: ${got}`);
  expect(got).toMatchObject({ code: 'provider.address', disposition: 'probe' });
  expect(got.remedy).toContain('allowHosts');
  expect(got.message).not.toContain('secret-path');
  expect(got.message).not.toContain('SIGNATURE');
  return got;
}

it.each([
  ['127.0.0.1', '127.0.0.1', 'loopback'],
  ['127.1', '127.0.0.1', 'loopback'],
  ['2130706433', '127.0.0.1', 'loopback'],
  ['0x7f.0.0.1', '127.0.0.1', 'loopback'],
  ['0177.0.0.1', '127.0.0.1', 'loopback'],
  ['%31%32%37.0.0.1', '127.0.0.1', 'loopback'],
  ['１２７.0.0.1', '127.0.0.1', 'loopback'],
  ['[::1]', '::1', 'loopback'],
  ['[::ffff:127.0.0.1]', '::ffff:7f00:1', 'loopback'],
  ['[64:ff9b::127.0.0.1]', '64:ff9b::7f00:1', 'loopback'],
  ['[2002:7f00:1::]', '2002:7f00:1::', 'loopback'],
  ['0', '0.0.0.0', 'unspecified'],
  ['[::]', '::', 'unspecified'],
  ['169.254.169.254', '169.254.169.254', 'link-local'],
  ['[fe80::1]', 'fe80::1', 'link-local'],
  ['10.0.0.1', '10.0.0.1', 'private'],
  ['192.168.1.1', '192.168.1.1', 'private'],
  ['[fd00:ec2::254]', 'fd00:ec2::254', 'private'],
])('a file at %s is not asked for: that is %s, which is %s', async (host, address, use) => {
  await using server = await scriptedServer();
  const { port } = new URL(server.origin);
  const failure = requireRefused(await read(server, `http://${host}:${port}/${SIGNED}`));
  expect(failure.message).toBe(
    `reading file f of acme's s.d.t at version 1: ${address} is an address that is ${use}, to which only \`allowHosts\` lets a provider point`,
  );
  expect(server.asked.map(({ path }) => path)).toEqual([CHANGES]);
});

it.each([
  ['one address of this machine', ['127.0.0.1'], '127.0.0.1'],
  ['it in IPv6', ['::ffff:127.0.0.1'], '::ffff:127.0.0.1'],
  ['several of the network', ['10.0.0.7', 'fd00::7'], '10.0.0.7'],
])('a file at a name that has %s is not asked for', async (_, addresses, told) => {
  await using server = await scriptedServer();
  const url = `${named(server, 'storage.example')}/${SIGNED}`;
  const failure = requireRefused(await read(server, url, { lookup: resolving({ 'storage.example': [addresses] }) }));
  expect(failure.message).toContain(`storage.example is at ${told}, an address that is `);
  expect(server.asked.map(({ path }) => path)).toEqual([CHANGES]);
});

it('a name that resolves otherwise the second time is judged the second time', async () => {
  await using server = await scriptedServer();
  server.on('/secret-path', text(200, 'PAR1', { connection: 'close' }));
  server.on(
    CHANGES,
    lines([PROTOCOL, metaData(0), file('add', 1, 'f', { url: `${named(server, 'storage.example')}/${SIGNED}` }), END], PARQUET),
  );
  const lookup = resolving({ 'storage.example': [['127.0.0.1'], ['127.0.0.2']] });
  // The first address stands for one of the open Internet, which no test may ask.
  const source = sourceOver({ origin: named(server) }, { lookup, allowHosts: ['127.0.0.1'] });
  const listing = await source.changes(TABLE, { from: 0, to: 9, listedAs: null }, NEVER);
  const version = must(listing.versions[0], 'a version');
  const readOnce = async (): Promise<unknown> => listing.read(version, must(version.files[0], 'a file'), NEVER);
  await readOnce();
  await expect(readOnce()).rejects.toMatchObject({ code: 'provider.address' });
  expect(server.asked.map(({ path }) => path)).toEqual([CHANGES, '/secret-path']);
});

it('a name of which no address answers is told with what the connections said', async () => {
  const server = await scriptedServer();
  await server[Symbol.asyncDispose]();
  const source = sourceOver({ origin: named(server) }, { lookup: resolving({ 'provider.example': [['127.0.0.1', '::1']] }) });
  await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({
    code: 'provider.unreachable',
    message: expect.stringMatching(/no answer from http:\/\/provider\.example:\d+: the connection failed \(E[A-Z]+\)$/),
  });
});

it('of a name with several addresses those are asked that may be', async () => {
  await using server = await scriptedServer();
  server.on('/secret-path', text(200, 'PAR1'));
  const lookup = resolving({ 'storage.example': [['127.0.0.2', '10.0.0.1', '127.0.0.1']] });
  expect(await read(server, `${named(server, 'storage.example')}/${SIGNED}`, { lookup, allowHosts: ['127.0.0.1'] })).toBe('PAR1');
});

it.each([
  ['the name of the host', ['Storage.Example']],
  ['the address', ['127.0.0.1']],
  ['a block', ['::1', '127.0.0.0/8']],
])('`allowHosts` lets in by %s', async (_, allowHosts) => {
  await using server = await scriptedServer();
  server.on('/secret-path', text(200, 'PAR1'));
  expect(await read(server, `${named(server, 'storage.example')}/${SIGNED}`, { allowHosts })).toBe('PAR1');
});

it('the very host of an endpoint at a private address is let in, on any port and in no other way', async () => {
  await using server = await scriptedServer();
  await using storage = await scriptedServer();
  storage.on('/secret-path', text(200, 'PAR1'));
  const from = async (origin: string, url: string): Promise<string | Failure> => {
    server.on(CHANGES, lines([PROTOCOL, metaData(0), file('add', 1, 'f', { url }), END], PARQUET));
    const source = sourceOver({ origin }, { lookup: resolving({}) });
    const listing = await source.changes(TABLE, { from: 0, to: 9, listedAs: null }, NEVER);
    const version = must(listing.versions[0], 'a version');
    return listing.read(version, must(version.files[0], 'a file'), NEVER).then(
      ({ bytes }) => new TextDecoder().decode(bytes),
      (error: unknown) => (error instanceof Failure ? error : Promise.reject(error)),
    );
  };
  expect(await from(server.origin, `${storage.origin}/${SIGNED}`)).toBe('PAR1');
  expect(await from(named(server, 'localhost'), `${named(storage, 'localhost')}/${SIGNED}`)).toBe('PAR1');
  requireRefused(await from(server.origin, `${named(storage, 'localhost')}/${SIGNED}`));
  requireRefused(await from(named(server, 'localhost'), `${storage.origin}/${SIGNED}`));
  requireRefused(await from(named(server), `${named(storage)}/${SIGNED}`));
  requireRefused(await from(server.origin, `${storage.origin.replace('127.0.0.1', '127.0.0.2')}/${SIGNED}`));
  expect(storage.asked).toHaveLength(2);
});

it('a deletion vector is not asked for there either', async () => {
  await using server = await scriptedServer();
  const vector = { storageType: 'p', pathOrInlineDv: `${server.origin}/${SIGNED}`, offset: 1, sizeInBytes: 40, cardinality: 2 };
  const before = deltaFile('remove', 3, 'f', { path: `${named(server, 'storage.example')}/f` });
  const after = deltaFile('add', 3, 'f', { path: `${named(server, 'storage.example')}/f`, deletionVector: vector });
  server.on(CHANGES, lines([deltaProtocol(), deltaMetaData(2), before, after, END], DELTA));
  server.on('/f', text(200, 'PAR1'));
  const source = sourceOver({ origin: named(server) }, { lookup: resolving({}), allowHosts: ['storage.example'] });
  const listing = await source.changes(TABLE, { from: 2, to: 5, listedAs: null }, NEVER);
  const version = must(listing.versions[0], 'a version');
  for (const ask of [listing.read(version, must(version.files[0], 'a file'), NEVER), listing.prove(version, NEVER)])
    requireRefused(
      await ask.then(
        () => 'read',
        (error: unknown) => (error instanceof Failure ? error : Promise.reject(error)),
      ),
    );
  expect(server.asked.map(({ path }) => path)).not.toContain('/secret-path');
});

it('a token endpoint is not asked there: the secret stays here', async () => {
  await using server = await scriptedServer();
  server.on('/token', json(200, { access_token: 'x', expires_in: 60 }));
  server.on(VERSION, text(200, '', { 'delta-table-version': '7' }));
  const profile = parseProfile(
    JSON.stringify({
      shareCredentialsVersion: 2,
      type: 'oauth_client_credentials',
      endpoint: `${named(server)}/api`,
      tokenEndpoint: `${named(server, 'sign-in.example')}/token`,
      clientId: 'me',
      clientSecret: 'sEcReT',
    }),
    'the profile',
  );
  const asking = (allowHosts: readonly string[]): Promise<number> =>
    sourceOver(server, { profile, lookup: resolving({}), allowHosts }).latestVersion(TABLE, NEVER);
  await expect(asking([])).rejects.toMatchObject({ code: 'provider.address' });
  expect(server.asked).toEqual([]);
  expect(await asking(['sign-in.example'])).toBe(7);
});

it('a redirect that leads to the same name is judged anew', async () => {
  await using server = await scriptedServer();
  const url = `${named(server, 'storage.example')}/${SIGNED}`;
  server.on('/secret-path', text(302, '', { location: '/further', connection: 'close' }));
  server.on('/further', text(200, 'PAR1'));
  const lookup = resolving({ 'storage.example': [['127.0.0.1'], ['127.0.0.2']] });
  requireRefused(await read(server, url, { lookup, allowHosts: ['127.0.0.1'] }));
  expect(server.asked.map(({ path }) => path)).toEqual([CHANGES, '/secret-path']);
});

it.each([301, 302, 303, 307, 308])('a redirect %i to another origin takes neither the token nor a signed URL along', async (status) => {
  await using server = await scriptedServer();
  await using elsewhere = await scriptedServer();
  const away: Scripted = text(status, '', { location: `${elsewhere.origin}/caught` });
  server.on(VERSION, away);
  server.on('/f', away);
  const source = sourceOver(server);
  await expect(source.latestVersion(TABLE, NEVER)).rejects.toMatchObject({ code: 'provider.malformed' });
  server.on(CHANGES, lines([PROTOCOL, metaData(0), file('add', 1, 'f', { url: `${server.origin}/f?sig=SIGNATURE` }), END], PARQUET));
  const listing = await source.changes(TABLE, { from: 0, to: 9, listedAs: null }, NEVER);
  const version = must(listing.versions[0], 'a version');
  await expect(listing.read(version, must(version.files[0], 'a file'), NEVER)).rejects.toMatchObject({ code: 'file.forbidden' });
  expect(elsewhere.asked).toEqual([]);
  expect(server.asked.filter(({ path }) => path === VERSION).map(({ headers }) => headers.authorization)).toEqual([`Bearer ${TOKEN}`]);
  expect(server.asked.filter(({ path }) => path === '/f').map(({ headers }) => headers.authorization)).toEqual([undefined]);
});
