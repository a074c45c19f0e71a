/**
 * URLs that carry their own permission for a while, as object storage signs them: an HMAC over path and expiry. They work for GET alone.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { EpochMs } from '../model/version.ts';

export type Verdict = 'good' | 'unsigned' | 'tampered' | 'expired';

/** `path` is the URL's path as it is on the wire, encoded. */
export function signedUrl(origin: string, path: string, expires: EpochMs, key: Uint8Array): string {
  return `${origin}${path}?expires=${expires}&signature=${signatureOf(path, expires, key)}`;
}

export function verify(path: string, query: Readonly<URLSearchParams>, now: EpochMs, key: Uint8Array): Verdict {
  const signature = query.get('signature');
  if (signature === null) return 'unsigned';
  const expires = Number(query.get('expires'));
  const expected = Buffer.from(signatureOf(path, expires, key));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return 'tampered';
  return now >= expires ? 'expired' : 'good';
}

function signatureOf(path: string, expires: EpochMs, key: Uint8Array): string {
  return createHmac('sha256', key).update(`GET\n${path}\n${expires}`).digest('hex');
}
