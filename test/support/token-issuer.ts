/** An OAuth token endpoint on the loopback, by the grant of client credentials, whose tokens are JSON Web Tokens that brokers can check. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { ServerOptions } from 'node:https';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey } from 'jose';

export interface TokenRequest {
  readonly authorization: string;
  readonly body: string;
}

export class TokenIssuer implements AsyncDisposable {
  /** For brokers. */
  readonly jwks: string;
  readonly requests: TokenRequest[] = [];
  lifetimeSeconds = 300;
  /** Whom the tokens are about. */
  subject = 'admin';
  audience = 'kafka';
  /** What is answered instead of a token; null = a token. */
  answer: { readonly status: number; readonly body: string } | null = null;
  readonly #key: CryptoKey;
  readonly #server: Server;
  readonly #scheme: 'http' | 'https';
  #port = 0;

  private constructor(key: CryptoKey, jwks: string, tls: ServerOptions | null) {
    this.#key = key;
    this.jwks = jwks;
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        this.requests.push({ authorization: request.headers.authorization ?? '', body });
        this.#answer().then(
          ({ status, body: text }) => response.writeHead(status).end(text),
          () => response.destroy(),
        );
      });
    };
    this.#server = tls === null ? createServer(listener) : createTlsServer(tls, listener);
    this.#scheme = tls === null ? 'http' : 'https';
  }

  static async make(tls: ServerOptions | null = null): Promise<TokenIssuer> {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
    const issuer = new TokenIssuer(privateKey, JSON.stringify({ keys: [jwk] }), tls);
    issuer.#server.listen(0, '127.0.0.1');
    await once(issuer.#server, 'listening');
    const address = issuer.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    issuer.#port = address.port;
    return issuer;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.#port}/token`;
  }

  async token(): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ scope: 'produce' })
      .setProtectedHeader({ alg: 'RS256', kid: 'one' })
      .setSubject(this.subject)
      .setAudience(this.audience)
      .setIssuedAt(now)
      .setExpirationTime(now + this.lifetimeSeconds)
      .sign(this.#key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(): Promise<{ readonly status: number; readonly body: string }> {
    if (this.answer !== null) return this.answer;
    return {
      status: 200,
      body: JSON.stringify({ access_token: await this.token(), token_type: 'Bearer', expires_in: this.lifetimeSeconds }),
    };
  }
}
