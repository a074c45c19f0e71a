/**
 * Connections under TLS, to a server whose certificate this process trusts.
 */
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { Server } from 'node:https';
import { createServer } from 'node:https';
import type { LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { exchange } from '../../../../connectors/sources/delta-sharing/exchange.ts';
import { openNetwork } from '../../../../connectors/sources/delta-sharing/network.ts';
import { Failure } from '../../../../src/model/failure.ts';
import { makeCertificates } from '../../../kafka/certificates.ts';
import { NEVER } from './wire-makers.ts';

const trusted = getCACertificates('default');
let server: Server;
let port = 0;
let connections = 0;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tls-'));
  const { ca, keystore } = await makeCertificates(folder);
  const pem = await readFile(keystore, 'utf8');
  await rm(folder, { recursive: true });
  setDefaultCACertificates([...trusted, ca]);
  server = createServer({ key: pem, cert: pem }, (_request, response) => response.end('hello'));
  server.on('connection', () => connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  ({ port } = address);
}, 60_000);
afterAll(() => {
  setDefaultCACertificates(trusted);
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  connections = 0;
});

/** Whatever the name, it is this machine. */
const lookup: LookupFunction = (_host, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]);

async function ask(host: string, allowHosts: readonly string[]): Promise<string> {
  await using network = openNetwork({ endpoint: new URL('https://provider.example'), allowHosts, lookup, tls: null, env: {} });
  return await exchange(
    {
      route: network.toTold,
      url: new URL(`https://${host}:${port}/file?sig=SIGNATURE`),
      headers: {},
      mayFollow: () => false,
      timeouts: { headersMs: 20_000, stallMs: 20_000, graceMs: 20_000 },
      fail: (fault, reason) => new Failure('file.unavailable', `${fault}: ${reason}`),
    },
    async ({ status, body }) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of body) pieces.push(piece);
      return `${status} ${Buffer.concat(pieces).toString()}`;
    },
    NEVER,
  );
}

it('a name is asked under TLS where it is let in, and its certificate is held against the name', async () => {
  expect(await ask('localhost', ['localhost'])).toBe('200 hello');
  await expect(ask('storage.example', ['127.0.0.1'])).rejects.toThrow('ERR_TLS_CERT_ALTNAME_INVALID');
  expect(connections).toBe(2);
});

it('an address is asked under TLS alike', async () => {
  expect(await ask('127.0.0.1', ['127.0.0.0/8'])).toBe('200 hello');
});

it.each(['localhost', '127.0.0.1'])('%s is refused before a handshake: nothing is connected to', async (host) => {
  await expect(ask(host, [])).rejects.toThrow('address: ');
  expect(connections).toBe(0);
});
