/**
 * The credential file that a provider gives (PROTOCOL.md, "Profile File Format"): an endpoint and the right to ask it. Version 1 is the specification's, with a
 * bearer token; the types of version 2 are what the official clients read (notes/protocol.md §1). Fields that are not known are ignored.
 */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { Failure } from '../../../src/model/failure.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { EpochMs } from '../../../src/model/version.ts';
import { JsonMismatch, JsonObject } from '../../../src/lib/json.ts';
import { readKeyFile, readProfileFile } from './profile-file.ts';
import type { SigningKey } from './signing-key.ts';
import { ALGORITHM_DEFAULT, signingKey } from './signing-key.ts';

export interface Profile {
  /** The prefix of every API address, without a slash at its end. */
  readonly endpoint: string;
  readonly credential: Credential;
  /** Null: the provider does not say. */
  readonly expirationTime: EpochMs | null;
  /** Where it can be read again; null for one that came as text. */
  readonly file: ProfileFile | null;
  /** The same for the same content, of the key file too. */
  readonly digest: string;
}

export interface ProfileFile {
  readonly path: string;
  /** Names it in messages. */
  readonly what: string;
}

export type Credential =
  | { readonly kind: 'bearer'; readonly token: Secret }
  | { readonly kind: 'basic'; readonly username: string; readonly password: Secret }
  | OauthGrant;

/** What an access token is given for. */
export type OauthGrant = ClientSecretGrant | SignedGrant;

export interface ClientSecretGrant {
  readonly kind: 'client-secret';
  readonly tokenEndpoint: URL;
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly scope: string | null;
}

export interface SignedGrant {
  readonly kind: 'signed';
  readonly tokenEndpoint: URL;
  readonly clientId: string;
  /** Who gives the token: what the assertion is addressed to. */
  readonly issuer: string;
  /** What the token is for; null where the profile does not say. */
  readonly audience: string | null;
  readonly scope: string | null;
  readonly key: SigningKey;
}

/** The types of a profile, as it spells them → the kind of credential. */
const KINDS = {
  bearer_token: 'bearer',
  oauth_client_credentials: 'client-secret',
  oauth_jwt_bearer_private_key_jwt: 'signed',
  basic: 'basic',
} as const satisfies Record<string, Credential['kind']>;

/** Control characters would break the header; and what a client says of an illegal header value quotes the token. */
const LEGAL_TOKEN = /^[\x21-\x7e]+$/;

/** Neither control characters nor halves of a character, which no encoding takes. */
const LEGAL_TEXT = /^[^\p{Cc}\p{Cs}]+$/u;

const ISO_TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))?(Z|[+-]\d{2}:?\d{2})?$/i;

const KEY_FILE = 'auth.privateKey.privateKeyFile';

/**
 * Reads a profile: `pathOrText` is the path of a profile file, or the profile's JSON itself. `what` names the file in messages. A key file that it names is
 * read from the profile's own folder alone. Throws `profile.unreadable`, `profile.invalid`, `profile.unsupported`. No message holds any of the text.
 */
export async function readProfile(pathOrText: string, what = `profile ${pathOrText}`): Promise<Profile> {
  if (pathOrText.trimStart().startsWith('{')) return parseProfile(pathOrText, 'the profile');
  const text = await readProfileFile(pathOrText, what);
  const fields = fieldsOf(text, what);
  const keyFile = mended(fields, what, () => keyFileOf(fields, what));
  const pem = keyFile === null ? null : await readKeyFile(dirname(pathOrText), keyFile, `${what}: ${KEY_FILE}`);
  return profileOf(fields, { text, what, file: { path: pathOrText, what }, pem });
}

/** As `readProfile`, for a text that is already there; it can name no key file. `what` names it in messages. */
export function parseProfile(text: string, what: string): Profile {
  return profileOf(fieldsOf(text, what), { text, what, file: null, pem: null });
}

interface Origin {
  readonly text: string;
  readonly what: string;
  readonly file: ProfileFile | null;
  /** The content of the key file, where there is one. */
  readonly pem: string | null;
}

function fieldsOf(text: string, what: string): JsonObject {
  const bare = text.replace(/^\uFEFF/, '');
  if (bare.trim() === '') throw new Failure('profile.invalid', `${what}: it is empty`);
  try {
    return new JsonObject(JSON.parse(bare));
  } catch (error) {
    // The parser's own message quotes the text, and the text holds the secret.
    const problem = error instanceof JsonMismatch ? 'it is not a JSON object' : 'it is not JSON';
    throw new Failure('profile.invalid', `${what}: ${problem}`);
  }
}

function profileOf(fields: JsonObject, { text, what, file, pem }: Origin): Profile {
  return mended(fields, what, () => {
    const kind = kindOf(fields, what);
    return {
      endpoint: endpointOf(fields.string('endpoint'), what),
      credential: credentialOf(kind, fields, what, pem),
      expirationTime: fields.nullable('expirationTime', (key) => timeOf(fields.string(key), what)),
      file,
      digest: createHash('sha256')
        .update(JSON.stringify([text, pem]))
        .digest('hex'),
    };
  });
}

/** What `read` gives; a field that is not what it should be is a failure of the profile. */
function mended<T>(fields: JsonObject, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof JsonMismatch) throw new Failure('profile.invalid', `${what}: ${missingOr(fields, error.message)}`);
    throw error;
  }
}

/** `x is not a string` of a field that is not there at all says less than it could. */
function missingOr(fields: JsonObject, message: string): string {
  const [path = ''] = message.split(' ');
  const keys = path.split('.');
  let at = fields;
  for (const [i, key] of keys.entries()) {
    if (at.raw(key) === undefined) return `${keys.slice(0, i + 1).join('.')} is missing`;
    if (i + 1 < keys.length) at = at.object(key);
  }
  return message;
}

function kindOf(fields: JsonObject, what: string): Credential['kind'] {
  const version = fields.integer('shareCredentialsVersion');
  if (version !== 1 && version !== 2)
    throw new Failure('profile.unsupported', `${what}: shareCredentialsVersion ${version} is not supported, only 1 and 2 are`);
  const type = fields.nullable('type', (key) => fields.string(key)) ?? 'bearer_token';
  const [, kind] = Object.entries(KINDS).find(([name]) => name === type.toLowerCase()) ?? [];
  const shown = JSON.stringify(type.slice(0, 60));
  if (kind === undefined) {
    throw new Failure(
      'profile.unsupported',
      `${what}: a profile of type ${shown} is not supported, only ${Object.keys(KINDS).join(', ')} are`,
    );
  }
  if (version === 1 && kind !== 'bearer')
    throw new Failure('profile.invalid', `${what}: type ${shown} needs shareCredentialsVersion 2, and it says 1`);
  return kind;
}

/** The name of the key file that must be read before the rest can be; null where the profile has none. */
function keyFileOf(fields: JsonObject, what: string): string | null {
  if (kindOf(fields, what) !== 'signed') return null;
  return legal(fields.object('auth').object('privateKey').string('privateKeyFile'), KEY_FILE, what);
}

function credentialOf(kind: Credential['kind'], fields: JsonObject, what: string, pem: string | null): Credential {
  switch (kind) {
    case 'bearer': {
      const token = fields.string('bearerToken').trim();
      if (!LEGAL_TOKEN.test(token))
        throw new Failure('profile.invalid', `${what}: bearerToken is empty or holds characters that no token has`);
      return { kind, token: new Secret(token) };
    }
    case 'basic': {
      const username = legal(fields.string('username'), 'username', what);
      if (username.includes(':')) throw new Failure('profile.invalid', `${what}: username holds a colon`);
      return { kind, username, password: new Secret(legal(fields.string('password'), 'password', what)) };
    }
    case 'client-secret':
      return {
        kind,
        tokenEndpoint: tokenEndpointOf(fields.string('tokenEndpoint'), 'tokenEndpoint', what),
        clientId: legal(fields.string('clientId'), 'clientId', what),
        clientSecret: new Secret(legal(fields.string('clientSecret'), 'clientSecret', what)),
        scope: textOrNull(fields, 'scope'),
      };
    case 'signed':
      return signedGrant(fields.object('auth'), what, pem);
  }
}

function signedGrant(auth: JsonObject, what: string, pem: string | null): SignedGrant {
  const privateKey = auth.object('privateKey');
  const name = privateKey.string('privateKeyFile');
  if (pem === null)
    throw new Failure('profile.invalid', `${what}: ${KEY_FILE} names a file, and only a profile that is a file itself has files beside it`);
  const algorithm = textOrNull(privateKey, 'algorithm') ?? ALGORITHM_DEFAULT;
  return {
    kind: 'signed',
    tokenEndpoint: tokenEndpointOf(auth.string('tokenEndpoint'), 'auth.tokenEndpoint', what),
    clientId: legal(auth.string('clientId'), 'auth.clientId', what),
    issuer: legal(auth.string('issuer'), 'auth.issuer', what),
    audience: textOrNull(auth, 'audience'),
    scope: textOrNull(auth, 'scope'),
    key: signingKey({ pem, algorithm, keyId: textOrNull(privateKey, 'keyId') }, { what, name }),
  };
}

function textOrNull(fields: JsonObject, key: string): string | null {
  const text = fields.nullable(key, () => fields.string(key));
  return text === null || text.trim() === '' ? null : text.trim();
}

function legal(text: string, key: string, what: string): string {
  if (LEGAL_TEXT.test(text)) return text;
  throw new Failure('profile.invalid', `${what}: ${key} is empty or holds control characters`);
}

function endpointOf(text: string, what: string): string {
  const endpoint = text.trim().replace(/\/+$/, '');
  const url = addressOf(endpoint, 'endpoint', what);
  if (url.search !== '' || url.hash !== '') throw new Failure('profile.invalid', `${what}: endpoint holds a query or a fragment`);
  return endpoint;
}

function tokenEndpointOf(text: string, key: string, what: string): URL {
  const url = addressOf(text.trim(), key, what);
  if (url.hash !== '') throw new Failure('profile.invalid', `${what}: ${key} holds a fragment`);
  return url;
}

function addressOf(text: string, key: string, what: string): URL {
  const invalid = (problem: string): Failure => new Failure('profile.invalid', `${what}: ${key} ${problem}`);
  if (!URL.canParse(text)) throw invalid('is not a URL');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw invalid(`begins with ${url.protocol} instead of https:`);
  if (url.username !== '' || url.password !== '') throw invalid('holds a user name or password');
  return url;
}

/** An instant; a time without a zone is taken as UTC. */
function timeOf(text: string, what: string): EpochMs {
  const [, date, time = '00:00:00', zone = 'Z'] = ISO_TIME.exec(text.trim()) ?? [];
  const at = date === undefined ? Number.NaN : Date.parse(`${date}T${time}${zone}`);
  if (Number.isNaN(at)) throw new Failure('profile.invalid', `${what}: expirationTime is not an ISO 8601 time`);
  return at;
}
