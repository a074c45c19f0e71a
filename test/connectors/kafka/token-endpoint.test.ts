/** Token endpoints of all kinds; what brokers make of the tokens is in sasl.test.ts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { tokenFrom } from '../../../connectors/kafka/token-endpoint.ts';
import type { TokenEndpoint } from '../../../connectors/kafka/token-endpoint.ts';
import { Secret } from '../../../src/model/secret.ts';
import { makeCertificates } from '../../kafka/certificates.ts';
import { startConnectProxy } from '../../support/connect-proxy.ts';
import { TokenIssuer } from '../../support/token-issuer.ts';

const NEVER = new AbortController().signal;
let issuer: TokenIssuer;
let ca = '';

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-token-'));
  const made = await makeCertificates(folder);
  await rm(folder, { recursive: true });
  ({ ca } = made);
  issuer = await TokenIssuer.make({ cert: made.cert, key: made.key });
}, 60_000);
afterAll(() => issuer[Symbol.asyncDispose]());
beforeEach(() => {
  issuer.answer = null;
  issuer.requests.length = 0;
});

const ask = (more: Partial<TokenEndpoint> = {}): ReturnType<typeof tokenFrom> => {
  const tls = (): { ca: string; cert: null; key: null } => ({ ca, cert: null, key: null });
  return tokenFrom({ tokenEndpoint: issuer.url, clientId: 'relay', clientSecret: new Secret('hunter2'), scope: null, tls, ...more }, NEVER);
};

test('an authority of its own is trusted where it is named, and told of where it is not', async () => {
  expect((await ask()).lifetimeMs).toBe(300_000);
  await expect(ask({ tls: null })).rejects.toMatchObject({
    code: 'kafka.certificate',
    message: `asking ${new URL(issuer.url).origin} for a token: its certificate is signed by an authority that is not trusted here (UNABLE_TO_VERIFY_LEAF_SIGNATURE); see \`kafka.sasl.tls\``,
  });
});

test('the proxy of the environment leads there', async () => {
  await using proxy = await startConnectProxy(() => issuer.port);
  process.env['HTTPS_PROXY'] = proxy.url;
  try {
    expect((await ask({ tokenEndpoint: 'https://idp.relay.test/token' })).lifetimeMs).toBe(300_000);
    expect(proxy.asked).toEqual([`CONNECT idp.relay.test:443 Basic ${Buffer.from('relay:proxy password').toString('base64')}`]);
  } finally {
    delete process.env['HTTPS_PROXY'];
  }
});

test('a name and a secret that can be written in two ways are tried in both', async () => {
  issuer.answer = { status: 401, body: '{"error": "invalid_client"}' };
  await expect(ask({ clientSecret: new Secret('a+b') })).rejects.toMatchObject({ code: 'kafka.unauthorized' });
  const pairs = issuer.requests.map(({ authorization }) => Buffer.from(authorization.slice('Basic '.length), 'base64').toString());
  expect(pairs).toEqual(['relay:a+b', 'relay:a%2Bb']);
});

test.each([
  [400, '{"error": "invalid_scope"}', 'kafka.unauthorized', 'it answers 400 invalid_scope'],
  [
    401,
    '{"error": "invalid_client", "error_description": "no relay:hunter2\\nhere"}',
    'kafka.unauthorized',
    'it answers 401 invalid_client no relay:[redacted] here',
  ],
  [302, '', 'kafka.token', 'it answers 302'],
  [503, '<html>', 'kafka.token', 'it answers 503'],
  [200, '<html>', 'kafka.token', 'the answer holds no token that can be used'],
  [200, '{"access_token": "a b"}', 'kafka.token', 'the answer holds no token that can be used'],
  [200, `{"access_token": "${'x'.repeat(2_000_000)}"}`, 'kafka.token', 'its answer is larger than 1048576 bytes'],
])('an answer %i %.40s is %s', async (status, body, code, told) => {
  issuer.answer = { status, body };
  await expect(ask()).rejects.toMatchObject({ code, message: `asking ${new URL(issuer.url).origin} for a token: ${told}` });
});

test('a life that is not told is five minutes', async () => {
  issuer.answer = { status: 200, body: '{"access_token": "abc"}' };
  const { value, lifetimeMs } = await ask();
  expect([value.reveal(), lifetimeMs]).toEqual(['abc', 300_000]);
});
