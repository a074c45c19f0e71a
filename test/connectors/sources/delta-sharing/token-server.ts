/**
 * A real OAuth 2.0 server in this process. Its token endpoint stands behind one of ours, which remembers what was asked, can answer in its place, and hands a signed
 * assertion on as what the server knows: the client's own proof, checked by signature, audience, age and against being used twice.
 */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import type { AdapterFactory, AdapterPayload } from 'oidc-provider';
import { Provider } from 'oidc-provider';
import type { Scripted } from './scripted-server.ts';

export const CLIENT = { clientId: 'relay', clientSecret: 'sEcReT-that-nobody-sees' };
/** Its secret is another when it is form-encoded. */
export const ODD_CLIENT = { clientId: 'odd', clientSecret: 's%3A+e c/r=e:t' };
export const SIGNER = 'signer';
/** Both are legal characters of a scope, and mean something else in a form. */
export const SCOPE = 'read&write a+b';

export interface TokenRequest {
  readonly headers: IncomingHttpHeaders;
  readonly form: Readonly<Record<string, string>>;
}

export interface TokenServer {
  readonly endpoint: string;
  readonly issuer: string;
  /** The private key of `SIGNER`, in PEM. */
  readonly pem: string;
  readonly asked: TokenRequest[];
  /** Answers in place of the server, one request each, before it answers itself again. */
  readonly instead: Scripted[];
  /** The scope of a token that it gave, empty for none; null for any other token. */
  scopeOf(token: string): Promise<string | null>;
  /** The token endpoint itself, asked with a form. */
  post(form: Readonly<Record<string, string>>): Promise<Response>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `lifetimeSeconds` of every token. */
export async function tokenServer(lifetimeSeconds: number): Promise<TokenServer> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const asked: TokenRequest[] = [];
  const instead: Scripted[] = [];

  const inner = createServer();
  const issuer = await listening(inner);
  const provider = openProvider(issuer, lifetimeSeconds, {
    ...publicKey.export({ format: 'jwk' }),
    kid: 'key-1',
    alg: 'RS256',
    use: 'sig',
  });
  const answer = provider.callback();
  inner.on('request', (request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(new Error(String(error))));
  });

  const post = async (form: Readonly<Record<string, string>>, authorization?: string): Promise<Response> =>
    fetch(`${issuer}/token`, {
      method: 'POST',
      headers: authorization === undefined ? {} : { authorization },
      body: new URLSearchParams(asProof(form)),
    });
  const answered = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const form = Object.fromEntries(new URLSearchParams(await text(request)));
    asked.push({ headers: request.headers, form });
    const scripted = instead.shift();
    if (scripted !== undefined) {
      scripted(response, { method: 'POST', path: request.url ?? '', query: {}, headers: request.headers, body: '' });
      return;
    }
    const given = await post(form, request.headers.authorization);
    response.writeHead(given.status, { 'content-type': 'application/json' }).end(await given.text());
  };
  const outer = createServer((request, response) => {
    answered(request, response).catch((error: unknown) => response.destroy(new Error(String(error))));
  });
  const endpoint = `${await listening(outer)}/token`;

  return {
    endpoint,
    issuer,
    pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    asked,
    instead,
    scopeOf: async (token) => {
      const found = await provider.ClientCredentials.find(token);
      return found === undefined ? null : (found.scope ?? '');
    },
    post,
    [Symbol.asyncDispose]: async () => {
      for (const server of [outer, inner]) {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      }
    },
  };
}

function openProvider(issuer: string, lifetimeSeconds: number, key: object): Provider {
  const client = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: SCOPE };
  return new Provider(issuer, {
    clients: [
      { ...client, client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret, token_endpoint_auth_method: 'client_secret_basic' },
      {
        ...client,
        client_id: ODD_CLIENT.clientId,
        client_secret: ODD_CLIENT.clientSecret,
        token_endpoint_auth_method: 'client_secret_basic',
      },
      { ...client, client_id: SIGNER, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key] } },
    ],
    clientAuthMethods: ['client_secret_basic', 'private_key_jwt'],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    scopes: SCOPE.split(' '),
    ttl: { ClientCredentials: lifetimeSeconds },
    cookies: { keys: ['of a test'] },
    jwks: {
      keys: [{ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }],
    },
    adapter: inMemory(),
  });
}

/** The server's own store does as much, and warns on stderr. */
function inMemory(): AdapterFactory {
  const kept = new Map<string, AdapterPayload>();
  return (name) => ({
    upsert: async (id, payload) => {
      kept.set(`${name}/${id}`, payload);
    },
    find: async (id) => kept.get(`${name}/${id}`),
    findByUserCode: async () => undefined,
    findByUid: async () => undefined,
    consume: async () => {},
    destroy: async (id) => {
      kept.delete(`${name}/${id}`);
    },
    revokeByGrantId: async () => {},
  });
}

/** An assertion as a grant (RFC 7523 §2.1) → the same as the proof of who asks (§2.2), which checks it alike. */
function asProof(form: Readonly<Record<string, string>>): Record<string, string> {
  const { assertion, ...rest } = form;
  if (assertion === undefined || rest['grant_type'] !== 'urn:ietf:params:oauth:grant-type:jwt-bearer') return { ...form };
  return {
    ...rest,
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  };
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}
