/**
 * A token for OAUTHBEARER from an OAuth token endpoint, by the grant of client credentials (RFC 6749 §4.4), as Kafka's own clients ask for it.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { answerText } from '../../src/lib/bounded-text.ts';
import { certificateProblem } from '../../src/lib/certificate-problem.ts';
import { JsonMismatch, JsonObject } from '../../src/lib/json.ts';
import { must } from '../../src/lib/assert.ts';
import { tlsOptions } from '../../src/model/certificates.ts';
import type { Tls } from '../../src/model/certificates.ts';
import { Failure } from '../../src/model/failure.ts';
import { proxyFor } from '../../src/model/proxy.ts';
import { Secret } from '../../src/model/secret.ts';
import type { BearerToken } from './bearer-tokens.ts';

export interface TokenEndpoint {
  /** https, or http to this machine. */
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  /** Null: none is asked for. */
  readonly scope: string | null;
  /** Null: as Node does it by itself. */
  readonly tls: Tls | null;
}

const BODY_BYTES_MAX = 1_048_576;
const WORDS_MAX = 300;
/** Where the endpoint does not say how long a token lives (RFC 6749 §5.1 only recommends it). */
const LIFETIME_MS = 300_000;

/** Asks once, or twice where the pair of name and secret can be written in two ways. Rejects as `FetchToken` does, with `kafka.token` where `signal` aborts. */
export async function tokenFrom(endpoint: TokenEndpoint, signal: AbortSignal): Promise<BearerToken> {
  let refused: Failure | null = null;
  for (const pair of pairs(endpoint)) {
    const answer = await ask(endpoint, pair, signal);
    if (!(answer instanceof Failure)) return answer;
    refused = answer;
  }
  throw must(refused, 'a refusal');
}

/** As most send them, and as RFC 6749 §2.3.1 has it: some servers take the one alone, some the other. */
function pairs({ clientId, clientSecret }: TokenEndpoint): readonly string[] {
  const secret = clientSecret.reveal();
  const plain = `${clientId}:${secret}`;
  const encoded = `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`;
  if (clientId.includes(':')) return [encoded];
  return plain === encoded ? [plain] : [plain, encoded];
}

/** Resolves to the refusal where the client was not known. */
async function ask(endpoint: TokenEndpoint, pair: string, signal: AbortSignal): Promise<BearerToken | Failure> {
  const url = new URL(endpoint.tokenEndpoint);
  const doing = `asking ${url.origin} for a token`;
  const basic = Buffer.from(pair).toString('base64');
  const form = { grant_type: 'client_credentials', ...(endpoint.scope === null ? {} : { scope: endpoint.scope }) };
  const { status, text } = await exchange(url, { basic, body: new URLSearchParams(form).toString(), tls: endpoint.tls, doing }, signal);
  const answer = objectIn(text);
  if (status === 200) return tokenIn(answer, doing);
  const secrets = [basic, ...endpoint.clientSecret.revealed().flatMap((secret) => [secret, encodeURIComponent(secret)])];
  const [error, description] = ['error', 'error_description'].map((key) => said(answer?.raw(key), secrets));
  const sentence = `${doing}: it answers ${[status, error, description].filter((part) => part !== '').join(' ')}`;
  if (status < 400 || status >= 500 || status === 408 || status === 429) throw new Failure('kafka.token', sentence);
  const failure = new Failure('kafka.unauthorized', sentence);
  if (status === 401 || error === 'invalid_client') return failure;
  throw failure;
}

interface Asking {
  readonly basic: string;
  readonly body: string;
  readonly tls: Tls | null;
  readonly doing: string;
}

async function exchange(
  url: URL,
  { basic, body, tls, doing }: Asking,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly text: string }> {
  const proxy = proxyFor(url, process.env)?.href;
  const send =
    url.protocol === 'https:'
      ? { request: httpsRequest, agent: new HttpsAgent({ ...(tls === null ? {} : tlsOptions(tls())), proxyEnv: { HTTPS_PROXY: proxy } }) }
      : { request: httpRequest, agent: new HttpAgent({ proxyEnv: { HTTP_PROXY: proxy } }) };
  const headers = {
    authorization: `Basic ${basic}`,
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': String(Buffer.byteLength(body)),
  };
  try {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = send.request(url, { method: 'POST', headers, agent: send.agent, signal });
    request.on('error', reject);
    request.once('response', resolve);
    request.end(body);
    const response = await promise;
    return { status: response.statusCode ?? 0, text: await answerText(response, BODY_BYTES_MAX) };
  } catch (error) {
    // The library's error is no cause here: it may hold the request with its header.
    const problem = certificateProblem(error);
    if (problem !== null) throw new Failure('kafka.certificate', `${doing}: ${problem}; see \`kafka.sasl.tls\``);
    throw new Failure('kafka.token', `${doing}: ${reasonOf(error, signal)}`);
  } finally {
    send.agent.destroy();
  }
}

function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'no answer in time';
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? String(Reflect.get(error, 'code')) : error.message;
}

function tokenIn(answer: JsonObject | null, doing: string): BearerToken {
  const token = answer?.raw('access_token');
  // Other characters would end the message that carries it to the broker.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token))
    throw new Failure('kafka.token', `${doing}: the answer holds no token that can be used`);
  const seconds = Number(answer?.raw('expires_in'));
  return { value: new Secret(token), lifetimeMs: Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1_000 : LIFETIME_MS };
}

/** Null where the text is no JSON object. */
function objectIn(text: string): JsonObject | null {
  try {
    return new JsonObject(JSON.parse(text));
  } catch (error) {
    if (error instanceof JsonMismatch || error instanceof SyntaxError) return null;
    throw error;
  }
}

function said(value: unknown, secrets: readonly string[]): string {
  if (typeof value !== 'string') return '';
  const words = secrets.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), value);
  return words.replaceAll(/[\s\p{Cc}]+/gu, ' ').slice(0, WORDS_MAX);
}
