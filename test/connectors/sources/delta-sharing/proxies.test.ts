/**
 * Private authorities and proxies on the way to a provider: a real proxy, and a real server under TLS of an authority of its own.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { exchange } from '../../../../connectors/sources/delta-sharing/exchange.ts';
import { openNetwork } from '../../../../connectors/sources/delta-sharing/network.ts';
import type { Network, NetworkOptions } from '../../../../connectors/sources/delta-sharing/network.ts';
import { Failure } from '../../../../src/model/failure.ts';
import type { Certificates } from '../../../../src/model/certificates.ts';
import { Secret } from '../../../../src/model/secret.ts';
import { makeCertificates } from '../../../kafka/certificates.ts';
import type { Certificates as Made } from '../../../kafka/certificates.ts';
import { startConnectProxy } from '../../../support/connect-proxy.ts';
import type { ConnectProxy } from '../../../support/connect-proxy.ts';
import { NEVER } from './wire-makers.ts';

const AUTHORIZED = `Basic ${Buffer.from('relay:proxy password').toString('base64')}`;
const ENDPOINT = 'https://provider.relay.test/delta-sharing';

let made: Made;
let server: Server;
let port = 0;
let proxy: ConnectProxy;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cdf-relay-proxies-'));
  made = await makeCertificates(folder);
  const client = await made.issue('the-relay');
  made = { ...made, ...client };
  await rm(folder, { recursive: true });
  const { ca, cert, key } = made;
  server = createServer({ key, cert, ca, requestCert: true, rejectUnauthorized: false }, ({ socket }, response) => {
    const shown = socket instanceof TLSSocket ? socket.getPeerCertificate().subject?.CN : undefined;
    response.end(shown ?? 'nobody');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  ({ port } = address);
  proxy = await startConnectProxy(() => port);
}, 60_000);
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  proxy.asked.length = 0;
  proxy.refusal = null;
});

const trusting = (): Certificates => ({ ca: made.ca, cert: null, key: null });

function network(options: Partial<NetworkOptions> = {}): Network {
  const certificates = trusting();
  return openNetwork({
    endpoint: new URL(ENDPOINT),
    allowHosts: [],
    tls: () => certificates,
    env: { HTTPS_PROXY: proxy.url, NO_PROXY: 'direct.relay.test' },
    lookup: (_host, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
    ...options,
  });
}

async function ask(open: Network, way: 'toEndpoint' | 'toTold', url: string): Promise<string> {
  return exchange(
    {
      route: open[way],
      url: new URL(url),
      headers: {},
      mayFollow: () => false,
      timeouts: { headersMs: 20_000, stallMs: 20_000, graceMs: 20_000 },
      fail: (fault, reason) => new Failure('file.unavailable', `${fault}: ${reason}`),
    },
    async ({ body }) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of body) pieces.push(piece);
      return Buffer.concat(pieces).toString();
    },
    NEVER,
  );
}

it('the endpoint and what it tells are asked through the proxy of the environment, which resolves their names', async () => {
  await using open = network();
  expect(await ask(open, 'toEndpoint', `${ENDPOINT}/shares`)).toBe('nobody');
  expect(await ask(open, 'toTold', 'https://storage.relay.test/file?sig=SIGNATURE')).toBe('nobody');
  expect(proxy.asked).toEqual([`CONNECT provider.relay.test:443 ${AUTHORIZED}`, `CONNECT storage.relay.test:443 ${AUTHORIZED}`]);
});

it('what NO_PROXY names is asked without', async () => {
  await using open = network();
  expect(await ask(open, 'toEndpoint', `https://direct.relay.test:${port}/`)).toBe('nobody');
  expect(proxy.asked).toEqual([]);
});

it.each([
  ['https://10.0.0.5/x', '10.0.0.5 is an address that is private'],
  ['https://169.254.169.254/latest/meta-data', '169.254.169.254 is an address that is link-local'],
  ['https://[fd00::1]/x', 'fd00::1 is an address that is private'],
  ['https://[::ffff:10.0.0.5]/x', '::ffff:a00:5 is an address that is private'],
  ['https://metadata.google.internal/x', 'metadata.google.internal is a name of a private network'],
  ['https://minio/x', 'minio is a name of a private network'],
  ['https://vault.default.svc./x', 'vault.default.svc. is a name of a private network'],
])('a provider cannot have the proxy lead to %s', async (url, told) => {
  await using open = network();
  await expect(ask(open, 'toTold', url)).rejects.toThrow(`address: ${told}, to which only \`allowHosts\` lets a provider point`);
  expect(proxy.asked).toEqual([]);
});

it('what the operator lets in is asked through the proxy too', async () => {
  await using open = network({ allowHosts: ['10.0.0.0/8', 'minio'] });
  // The proxy leads to a server that is neither, as its certificate shows: it was asked.
  for (const url of ['https://10.0.0.5/x', 'https://minio/x']) await expect(ask(open, 'toTold', url)).rejects.toThrow(/^certificate: /);
  expect(proxy.asked).toEqual([`CONNECT 10.0.0.5:443 ${AUTHORIZED}`, `CONNECT minio:443 ${AUTHORIZED}`]);
});

it('a proxy that refuses is told, and its password is not', async () => {
  await using open = network();
  proxy.refusal = '407 Proxy Authentication Required';
  const asking = ask(open, 'toEndpoint', `${ENDPOINT}/shares`);
  await expect(asking).rejects.toThrow(/^answer: Proxy response \(407\)/);
  await expect(asking).rejects.not.toThrow(/password/);
});

it.each(['HTTPS_PROXY', 'https_proxy'])('a proxy of another kind is refused at the start, by %s', (name) => {
  expect(() => network({ env: { [name]: 'socks5://relay:secret@proxy:1080' } })).toThrow('HTTPS_PROXY names a proxy of the kind socks5');
});

it.each([true, false])('an authority that is not trusted is one sentence (through a proxy: %s)', async (isProxied) => {
  await using open = network({ tls: null, env: isProxied ? { HTTPS_PROXY: proxy.url } : {} });
  await expect(ask(open, 'toEndpoint', `https://provider.relay.test:${isProxied ? 443 : port}/`)).rejects.toThrow(
    'certificate: its certificate is signed by an authority that is not trusted here (SELF_SIGNED_CERT_IN_CHAIN)',
  );
});

it.each([true, false])('our certificate is shown to the endpoint alone (through a proxy: %s)', async (isProxied) => {
  const { ca, cert, key } = made;
  const certificates = { ca, cert, key: new Secret(key) };
  await using open = network({
    tls: () => certificates,
    env: isProxied ? { HTTPS_PROXY: proxy.url } : {},
    allowHosts: ['storage.relay.test'],
  });
  const at = isProxied ? '' : `:${port}`;
  expect(await ask(open, 'toEndpoint', `https://provider.relay.test${at}/`)).toBe('the-relay');
  expect(await ask(open, 'toTold', `https://storage.relay.test${at}/`)).toBe('nobody');
});

it.each([true, false])('certificates that have changed are taken up by the next connection (through a proxy: %s)', async (isProxied) => {
  let certificates: Certificates = { ca: null, cert: null, key: null };
  await using open = network({ tls: () => certificates, env: isProxied ? { HTTPS_PROXY: proxy.url } : {} });
  const url = `https://provider.relay.test:${isProxied ? 443 : port}/`;
  await expect(ask(open, 'toEndpoint', url)).rejects.toThrow(/^certificate: /);
  certificates = trusting();
  expect(await ask(open, 'toEndpoint', url)).toBe('nobody');
});
