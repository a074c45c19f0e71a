/**
 * The credential file that a provider gives (PROTOCOL.md, "Profile File Format"): an endpoint and a bearer token. Version 1 only.
 */
import { readFile, stat } from 'node:fs/promises';
import { Failure } from '../../../src/model/failure.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { EpochMs } from '../../../src/model/version.ts';
import { JsonMismatch, JsonObject } from '../../../src/lib/json.ts';

export interface Profile {
  /** The prefix of every API address, without a slash at its end. */
  readonly endpoint: string;
  readonly token: Secret;
  /** Null: the provider does not say. */
  readonly expirationTime: EpochMs | null;
}

/** A profile holds a few hundred bytes; whatever is larger than this is another file. */
const PROFILE_BYTES_MAX = 1_048_576;

/** Control characters would break the header; and what fetch says of an illegal header value quotes the token. */
const LEGAL_TOKEN = /^[\x21-\x7e]+$/;

const ISO_TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))?(Z|[+-]\d{2}:?\d{2})?$/i;

/**
 * Reads a profile: `pathOrText` is the path of a profile file, or the profile's JSON itself.
 * Throws `profile.unreadable`, `profile.invalid`, `profile.unsupported`. No message holds any of the text.
 */
export async function readProfile(pathOrText: string): Promise<Profile> {
  if (pathOrText.trimStart().startsWith('{')) return parseProfile(pathOrText, 'the profile');
  return parseProfile(await readText(pathOrText), `profile ${pathOrText}`);
}

/** As `readProfile`, for a text that is already there; `what` names it in messages. */
export function parseProfile(text: string, what: string): Profile {
  const profile = profileObject(text, what);
  try {
    requireSupported(profile, what);
    const token = profile.string('bearerToken').trim();
    if (!LEGAL_TOKEN.test(token))
      throw new Failure('profile.invalid', `${what}: bearerToken is empty or holds characters that no token has`);
    return {
      endpoint: endpointOf(profile.string('endpoint'), what),
      token: new Secret(token),
      expirationTime: profile.nullable('expirationTime', (key) => timeOf(profile.string(key), what)),
    };
  } catch (error) {
    if (error instanceof JsonMismatch) throw new Failure('profile.invalid', `${what}: ${missingOr(profile, error.message)}`);
    throw error;
  }
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > PROFILE_BYTES_MAX) throw new Failure('profile.invalid', `profile ${path}: ${size} bytes are too many for a profile file`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure('profile.unreadable', `profile ${path}: ${unreadable(error)}`);
  }
}

function unreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file';
    case 'EISDIR':
      return 'it is a directory, not a file';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not read it';
    default:
      return `it cannot be read (${code})`;
  }
}

function profileObject(text: string, what: string): JsonObject {
  const bare = text.replace(/^\uFEFF/, '');
  if (bare.trim() === '') throw new Failure('profile.invalid', `${what}: it is empty`);
  try {
    return new JsonObject(JSON.parse(bare));
  } catch (error) {
    // The parser's own message quotes the text, and the text holds the token.
    const problem = error instanceof JsonMismatch ? 'it is not a JSON object' : 'it is not JSON';
    throw new Failure('profile.invalid', `${what}: ${problem}`);
  }
}

function requireSupported(profile: JsonObject, what: string): void {
  const version = profile.integer('shareCredentialsVersion');
  if (version !== 1) throw new Failure('profile.unsupported', `${what}: shareCredentialsVersion ${version} is not supported, only 1 is`);
  const type = profile.nullable('type', (key) => profile.string(key)) ?? 'bearer_token';
  if (type.toLowerCase() !== 'bearer_token') {
    throw new Failure(
      'profile.unsupported',
      `${what}: a profile of type ${JSON.stringify(type.slice(0, 60))} is not supported, only bearer_token is`,
    );
  }
}

/** `x is not a string` of a field that is not there at all says less than it could. */
function missingOr(profile: JsonObject, message: string): string {
  const [key = ''] = message.split(' ');
  return profile.raw(key) === undefined ? `${key} is missing` : message;
}

function endpointOf(text: string, what: string): string {
  const endpoint = text.trim().replace(/\/+$/, '');
  const invalid = (problem: string): Failure => new Failure('profile.invalid', `${what}: endpoint ${problem}`);
  if (!URL.canParse(endpoint)) throw invalid('is not a URL');
  const url = new URL(endpoint);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw invalid(`begins with ${url.protocol} instead of https:`);
  if (url.username !== '' || url.password !== '') throw invalid('holds a user name or password');
  if (url.search !== '' || url.hash !== '') throw invalid('holds a query or a fragment');
  return endpoint;
}

/** An instant; a time without a zone is taken as UTC. */
function timeOf(text: string, what: string): EpochMs {
  const [, date, time = '00:00:00', zone = 'Z'] = ISO_TIME.exec(text.trim()) ?? [];
  const at = date === undefined ? Number.NaN : Date.parse(`${date}T${time}${zone}`);
  if (Number.isNaN(at)) throw new Failure('profile.invalid', `${what}: expirationTime is not an ISO 8601 time`);
  return at;
}
