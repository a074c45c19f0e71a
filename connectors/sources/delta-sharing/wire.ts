/**
 * Numbers, texts and addresses of the wire, read strictly: int64 comes as a JSON number or as a text, and what a double cannot hold exactly is refused, or taken as not
 * said, and never rounded.
 */
import type { JsonObject } from '../../../src/lib/json.ts';
import { JsonMismatch } from '../../../src/lib/json.ts';
import { Secret } from '../../../src/model/secret.ts';

/** A whole number from 0 that a double holds exactly, or null where the field is missing. `what` names the object in messages. */
export function int64OrNull(object: JsonObject, key: string, what: string): number | null {
  const raw = object.raw(key);
  if (raw === undefined || raw === null) return null;
  const value = wholeNumber(raw);
  if (value === null) throw new JsonMismatch(`${what}.${key} is not a whole number from 0 to 2^53 - 1`);
  return value;
}

/** A number that the relay can do without, such as a time that may be written as the largest int64 and mean never: null where it cannot be read, too. */
export function int64IfReadable(object: JsonObject, key: string): number | null {
  return wholeNumber(object.raw(key));
}

export function int64(object: JsonObject, key: string, what: string): number {
  const value = int64OrNull(object, key, what);
  if (value === null) throw new JsonMismatch(`${what} has no ${key}`);
  return value;
}

/** A list of texts; empty where it is missing. */
export function texts(object: JsonObject, key: string, what: string): readonly string[] {
  const raw = object.raw(key) ?? [];
  if (!Array.isArray(raw)) throw new JsonMismatch(`${what}.${key} is not a list`);
  return raw.map((item: unknown) => {
    if (typeof item !== 'string') throw new JsonMismatch(`${what}.${key} holds what is not a text`);
    return item;
  });
}

/** A signed URL. */
export function urlOf(object: JsonObject, key: string, what: string): Secret {
  const text = object.string(key);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new JsonMismatch(`${what}.${key} is not an https address`);
  return new Secret(text);
}

function wholeNumber(raw: unknown): number | null {
  const value = typeof raw === 'string' && /^\d{1,16}$/.test(raw) ? Number(raw) : raw;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
