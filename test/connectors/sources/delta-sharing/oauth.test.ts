import { createPrivateKey } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Network } from '../../../../connectors/sources/delta-sharing/network.ts';
import { openNetwork } from '../../../../connectors/sources/delta-sharing/network.ts';
import type { AccessToken } from '../../../../connectors/sources/delta-sharing/oauth.ts';
import { askForToken } from '../../../../connectors/sources/delta-sharing/oauth.ts';
import type { OauthGrant } from '../../../../connectors/sources/delta-sharing/profile.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { must } from '../../../../src/lib/assert.ts';
import { Failure } from '../../../../src/model/failure.ts';
import { Secret } from '../../../../src/model/secret.ts';
import type { Scripted } from './scripted-server.ts';
import { cut, hangUp, json, text } from './scripted-server.ts';
import type { TokenServer } from './token-server.ts';
import { CLIENT, ODD_CLIENT, SCOPE, SIGNER, tokenServer } from './token-server.ts';
import { NEVER } from './wire-makers.ts';

let server: TokenServer;
let network: Network;
beforeAll(async () => {
  server = await tokenServer(3600);
  network = openNetwork({ endpoint: new URL(server.endpoint), allowHosts: [], tls: null, env: {} });
});
afterAll(async () => {
  await network[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});
beforeEach(() => {
  server.asked.length = 0;
  server.instead.length = 0;
});

const BRIEF = { headersMs: 5_000, stallMs: 5_000, graceMs: 50_000 };

function ask(grant: OauthGrant): Promise<AccessToken> {
  return askForToken(
    grant,
    { source: 'acme', route: network.toTold, timeouts: BRIEF, clock: systemClock, userAgent: 'cdf-relay/test' },
    NEVER,
  );
}

function withSecret(client = CLIENT, scope: string | null = null): OauthGrant {
  const { clientId, clientSecret } = client;
  return { kind: 'client-secret', tokenEndpoint: new URL(server.endpoint), clientId, clientSecret: new Secret(clientSecret), scope };
}

function signed(more: { readonly audience?: string; readonly scope?: string; readonly issuer?: string } = {}): OauthGrant {
  return {
    kind: 'signed',
    tokenEndpoint: new URL(server.endpoint),
    clientId: SIGNER,
    issuer: more.issuer ?? server.issuer,
    audience: more.audience ?? null,
    scope: more.scope ?? null,
    key: { algorithm: 'RS256', keyId: 'key-1', key: createPrivateKey(server.pem) },
  };
}

function decoded(assertion: string | undefined): { readonly header: unknown; readonly claims: unknown } {
  const [header, claims] = must(assertion, 'an assertion')
    .split('.', 2)
    .map((part): unknown => JSON.parse(Buffer.from(part, 'base64url').toString() || 'null'));
  return { header, claims };
}

describe('client credentials', () => {
  it('give a token, and how long it lives', async () => {
    const { token, lifetimeMs } = await ask(withSecret());
    expect(lifetimeMs).toBe(3_600_000);
    expect(await server.scopeOf(token.reveal())).toBe('');
    expect(server.asked.map(({ headers, form }) => [headers.accept, headers['content-type'], headers['user-agent'], form])).toEqual([
      ['application/json', 'application/x-www-form-urlencoded', 'cdf-relay/test', { grant_type: 'client_credentials' }],
    ]);
  });

  it('trap 39: a scope is form-encoded, so that the server reads the one that was meant', async () => {
    const { token } = await ask(withSecret(CLIENT, SCOPE));
    expect(await server.scopeOf(token.reveal())).toBe(SCOPE);
  });

  it('are sent again in the encoding of the standard where the plain one is refused', async () => {
    const { token } = await ask(withSecret(ODD_CLIENT));
    expect(await server.scopeOf(token.reveal())).toBe('');
    const plain = Buffer.from(`${ODD_CLIENT.clientId}:${ODD_CLIENT.clientSecret}`).toString('base64');
    expect(server.asked.map(({ headers }) => headers.authorization === `Basic ${plain}`)).toEqual([true, false]);
  });

  it('are not sent again where they are not what is refused', async () => {
    server.instead.push(json(400, { error: 'invalid_scope' }));
    expect((await failureOf(ask(withSecret(ODD_CLIENT)))).message).toMatch(/it answers 400 invalid_scope$/);
    expect(server.asked).toHaveLength(1);
  });

  it('that are wrong are refused by the name of the error, asked with once', async () => {
    const failure = await failureOf(ask(withSecret({ ...CLIENT, clientSecret: 'wrong' })));
    expect([failure.code, failure.message]).toEqual([
      'provider.unauthorized',
      `asking ${new URL(server.endpoint).origin} for a token for acme: it answers 401 invalid_client: "client authentication failed"`,
    ]);
    expect(server.asked).toHaveLength(1);
  });
});

describe('a signed assertion', () => {
  it('gives a token; it says who asks, whom, what for, and for how long', async () => {
    const before = Math.floor(Date.now() / 1000);
    const { token } = await ask(signed({ audience: 'https://sharing.example', scope: SCOPE }));
    expect(await server.scopeOf(token.reveal())).toBe('');
    const { form } = must(server.asked[0], 'a request');
    expect(form['grant_type']).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const { header, claims } = decoded(form['assertion']);
    expect(header).toEqual({ alg: 'RS256', kid: 'key-1' });
    expect(claims).toEqual({
      iss: SIGNER,
      sub: SIGNER,
      aud: server.issuer,
      resource: 'https://sharing.example',
      scope: SCOPE,
      iat: expect.any(Number),
      exp: expect.any(Number),
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    const { iat, exp } = Object(claims);
    expect([exp - iat, iat - before <= 5]).toEqual([120, true]);
  });

  it('is made anew for every token: the server takes none twice', async () => {
    await ask(signed());
    await ask(signed());
    const [first, second] = server.asked.map(({ form }) => form);
    expect(decoded(first?.['assertion']).claims).not.toEqual(decoded(second?.['assertion']).claims);
    const again = await server.post(must(first, 'a form'));
    expect([again.status, await again.json()]).toMatchObject([401, { error: 'invalid_client' }]);
  });

  it('to another issuer is refused', async () => {
    await expect(ask(signed({ issuer: 'https://another.example' }))).rejects.toMatchObject({ code: 'provider.unauthorized' });
  });
});

describe('an answer', () => {
  it.each([
    ['a number', 7200, 7_200_000],
    ['a text', '7200', 7_200_000],
  ])('trap 39: may tell its seconds as %s', async (_, seconds, lifetimeMs) => {
    server.instead.push(json(200, { access_token: 'a.b-c', token_type: 'Bearer', expires_in: seconds }));
    expect((await ask(withSecret())).lifetimeMs).toBe(lifetimeMs);
  });

  const CASES: Readonly<Record<string, readonly [Scripted, string, string]>> = {
    'without a token': [
      json(200, { expires_in: 1 }),
      'provider.malformed',
      'the answer holds no token to use: access_token is not a string',
    ],
    'whose token is none': [
      json(200, { access_token: 'a\nb', expires_in: 1 }),
      'provider.malformed',
      'the answer holds no token to use: access_token is empty or holds characters that no token has',
    ],
    'without its seconds': [
      json(200, { access_token: 'abc' }),
      'provider.malformed',
      'the answer holds no token to use: expires_in is missing',
    ],
    'whose seconds are none': [
      json(200, { access_token: 'abc', expires_in: 'soon' }),
      'provider.malformed',
      'the answer holds no token to use: expires_in is no number of seconds',
    ],
    'that is not JSON': [text(200, '<html>abc'), 'provider.malformed', 'the answer holds no token to use: it is not JSON'],
    'that goes on for ever': [
      text(200, `{"access_token":"${'x'.repeat(100_000)}"}`),
      'provider.malformed',
      'the answer holds no token to use: it is not JSON',
    ],
    'that echoes the secret': [
      json(400, { error: 'invalid_scope', error_description: `no ${CLIENT.clientSecret} at https://x.example/y` }),
      'provider.unauthorized',
      'it answers 400 invalid_scope: "no [secret] at [address]"',
    ],
    'that is a page': [text(403, '<html><title>No</title>'), 'provider.unauthorized', 'it answers 403'],
    'that leads elsewhere': [
      text(307, '', { location: 'http://127.0.0.2:1/steal' }),
      'provider.malformed',
      'it answers with a redirect to http://127.0.0.2:1, which is not followed, so that the secret goes nowhere else',
    ],
    'that is busy': [json(429, {}, { 'retry-after': '7' }), 'provider.unavailable', 'it answers 429'],
    'that fails': [json(503, { error: 'server_error' }), 'provider.unavailable', 'it answers 503 server_error'],
    'that is none': [hangUp, 'provider.unreachable', 'no answer: other side closed (UND_ERR_SOCKET)'],
    'that breaks off': [cut('{"access'), 'provider.truncated', 'the answer broke off: other side closed (UND_ERR_SOCKET)'],
  };
  it.each(Object.entries(CASES))('%s', async (_, [answer, code, said]) => {
    server.instead.push(answer);
    const failure = await failureOf(ask(withSecret()));
    expect([failure.code, failure.message]).toEqual([code, `asking ${new URL(server.endpoint).origin} for a token for acme: ${said}`]);
    expect(failure.retryAfterMs).toBe(code === 'provider.unavailable' && said.includes('429') ? 7000 : 0);
  });
});

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (!(error instanceof Failure)) throw new Error(`no failure: ${String(error)}`);
  return error;
}
