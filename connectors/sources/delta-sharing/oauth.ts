/**
 * One question to an OAuth token endpoint (RFC 6749 §4.4; RFC 7523 §2.1 for signed assertions), as the official clients of Delta Sharing ask it
 * (notes/protocol.md §1.3).
 */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { must } from '../../../src/lib/assert.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { JsonMismatch, JsonObject } from '../../../src/lib/json.ts';
import { Failure } from '../../../src/model/failure.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { EpochMs } from '../../../src/model/version.ts';
import type { Fault, Reply, Timeouts } from './exchange.ts';
import { exchange } from './exchange.ts';
import type { Route } from './network.ts';
import type { ClientSecretGrant, OauthGrant, SignedGrant } from './profile.ts';
import { beginning } from './provider-error.ts';
import { retryAfterMs } from './retry.ts';
import { redact, scrub } from './scrub.ts';

export interface AccessToken {
  readonly token: Secret;
  /** When it was asked for, so that its life is never thought longer than it is. */
  readonly askedAt: EpochMs;
  readonly lifetimeMs: number;
}

export interface TokenRequestOptions {
  /** The source's name, for messages. */
  readonly source: string;
  readonly route: Route;
  readonly timeouts: Timeouts;
  readonly clock: Clock;
  readonly userAgent: string;
}

/** One way to ask: what goes into the request, and what of it must not come back in a message. */
interface Asking {
  readonly headers: Readonly<Record<string, string>>;
  readonly form: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

const ASSERTION_SECONDS = 120;

const FAULTS = {
  answer: 'provider.unreachable',
  body: 'provider.truncated',
  redirect: 'provider.malformed',
  address: 'provider.address',
  certificate: 'provider.certificate',
} as const satisfies Record<Fault, string>;

/**
 * Asks once. Rejects with `provider.unauthorized` where the endpoint refuses, with the OAuth error it names; with `provider.unreachable`,
 * `provider.unavailable` and `provider.truncated` for what passes; with `provider.malformed` for an answer without a usable token.
 */
export async function askForToken(grant: OauthGrant, options: TokenRequestOptions, signal: AbortSignal): Promise<AccessToken> {
  if (grant.kind === 'signed') return orThrow(await ask(grant, await signed(grant, options.clock), options, signal));
  let answer: AccessToken | Failure | null = null;
  for (const pair of pairs(grant)) {
    answer = await ask(grant, withSecret(grant, pair), options, signal);
    if (!(answer instanceof Failure)) return answer;
  }
  return orThrow(must(answer, 'an answer'));
}

/**
 * The client's name and secret, as most send them, and as RFC 6749 §2.3.1 has it: form-encoded before they are joined. Where the two are not the same, some
 * servers take the one alone, some the other.
 */
function pairs({ clientId, clientSecret }: ClientSecretGrant): readonly string[] {
  const encoded = [clientId, clientSecret.reveal()].map((text) => encodeURIComponent(text)).join(':');
  const plain = `${clientId}:${clientSecret.reveal()}`;
  // A colon in the name would end it.
  if (clientId.includes(':')) return [encoded];
  return encoded === plain ? [plain] : [plain, encoded];
}

function withSecret({ clientSecret, scope }: ClientSecretGrant, pair: string): Asking {
  const basic = Buffer.from(pair).toString('base64');
  return {
    headers: { authorization: `Basic ${basic}` },
    form: { grant_type: 'client_credentials', ...(scope === null ? {} : { scope }) },
    secrets: [basic, clientSecret.reveal(), encodeURIComponent(clientSecret.reveal())],
  };
}

/** The assertion is made anew for every request: a server refuses one that it has seen. */
async function signed({ clientId, issuer, audience, scope, key }: SignedGrant, clock: Clock): Promise<Asking> {
  const now = Math.floor(clock.now() / 1000);
  const assertion = await new SignJWT({ ...(scope === null ? {} : { scope }), ...(audience === null ? {} : { resource: audience }) })
    .setProtectedHeader({ alg: key.algorithm, ...(key.keyId === null ? {} : { kid: key.keyId }) })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(issuer)
    .setIssuedAt(now)
    .setExpirationTime(now + ASSERTION_SECONDS)
    .setJti(randomUUID())
    .sign(key.key);
  return { headers: {}, form: { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }, secrets: [assertion] };
}

function orThrow(answer: AccessToken | Failure): AccessToken {
  if (answer instanceof Failure) throw answer;
  return answer;
}

/** Resolves to the refusal where another way to ask may fare better. */
async function ask(grant: OauthGrant, asking: Asking, options: TokenRequestOptions, signal: AbortSignal): Promise<AccessToken | Failure> {
  const { tokenEndpoint } = grant;
  const { clock, route, source, timeouts, userAgent } = options;
  const doing = `asking ${tokenEndpoint.origin} for a token for ${source}`;
  const askedAt = clock.now();
  return exchange(
    {
      route,
      url: tokenEndpoint,
      method: 'POST',
      headers: {
        ...asking.headers,
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        'user-agent': userAgent,
      },
      body: new URLSearchParams(asking.form).toString(),
      mayFollow: () => false,
      timeouts,
      fail: (fault, reason) => new Failure(FAULTS[fault], `${doing}: ${faultText(fault, reason)}`),
    },
    async (reply) => {
      if (reply.status !== 200) return refusal(reply, asking, doing, clock.now());
      return { askedAt, ...(await tokenIn(reply, doing)) };
    },
    signal,
  );
}

function faultText(fault: Fault, reason: string): string {
  switch (fault) {
    case 'answer':
      return `no answer: ${reason}`;
    case 'body':
      return `the answer broke off: ${reason}`;
    case 'redirect':
      return `it answers with ${reason}, so that the secret goes nowhere else`;
    case 'certificate':
    case 'address':
      return reason;
  }
}

async function tokenIn(reply: Reply, doing: string): Promise<Omit<AccessToken, 'askedAt'>> {
  try {
    const answer = new JsonObject(jsonOf(await beginning(reply.body)));
    const token = answer.string('access_token');
    if (!/^[\x21-\x7e]+$/.test(token)) throw new JsonMismatch('access_token is empty or holds characters that no token has');
    return { token: new Secret(token), lifetimeMs: lifetimeMs(answer.raw('expires_in')) };
  } catch (error) {
    if (error instanceof JsonMismatch)
      throw new Failure('provider.malformed', `${doing}: the answer holds no token to use: ${error.message}`);
    throw error;
  }
}

/** The parser's own message quotes the text, and the text holds the token. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new JsonMismatch('it is not JSON');
  }
}

/** `expires_in`: a whole number of seconds, which some servers write as a text. */
function lifetimeMs(value: unknown): number {
  const seconds = typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value;
  if (typeof seconds === 'number' && Number.isSafeInteger(seconds * 1000) && seconds > 0) return seconds * 1000;
  throw new JsonMismatch(value === undefined ? 'expires_in is missing' : 'expires_in is no number of seconds');
}

/** Resolves to the failure where it is the client that was not known; throws any other. */
async function refusal(reply: Reply, asking: Asking, doing: string, now: EpochMs): Promise<Failure> {
  const { status } = reply;
  const { error, description } = saidIn(await beginning(reply.body), asking.secrets);
  const sentence = [
    `${doing}: it answers ${status}`,
    ...(error === '' ? [] : [` ${error}`]),
    ...(description === '' ? [] : [`: ${description}`]),
  ].join('');
  if (status >= 500 || status === 429 || status === 408 || status === 425)
    throw new Failure('provider.unavailable', sentence, { retryAfterMs: retryAfterMs(reply.headers.get('retry-after'), now) });
  if (status < 400) throw new Failure('provider.malformed', sentence);
  const failure = new Failure('provider.unauthorized', sentence);
  if (status === 401 || error === 'invalid_client') return failure;
  throw failure;
}

/** The error and its description, in quotes (RFC 6749 §5.2); both empty for an answer of another kind. */
function saidIn(text: string, secrets: readonly string[]): { readonly error: string; readonly description: string } {
  try {
    const answer = new JsonObject(jsonOf(text));
    const said = (key: string): string => {
      const value = answer.raw(key);
      return typeof value === 'string' ? scrub(redact(value, secrets)) : '';
    };
    const description = said('error_description');
    return { error: said('error'), description: description === '' ? '' : JSON.stringify(description) };
  } catch (error) {
    if (error instanceof JsonMismatch) return { error: '', description: '' };
    throw error;
  }
}
