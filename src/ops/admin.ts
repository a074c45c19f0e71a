/**
 * Who may give orders: whoever has the token of the config, and a replica that hands on the order of one who has. The token itself is sent to no replica: their addresses come
 * from Kafka. A replica signs what it hands on with the token instead, which holds for this order and for half a minute.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../model/secret.ts';
import type { EpochMs } from '../model/version.ts';

export type Right =
  /** The config has no token: nobody may. */
  | 'off'
  /** No token, or another one. */
  | 'refused'
  | 'granted'
  /** By another replica, which is not to be handed on again. */
  | 'granted_to_replica';

const SIGNED_MS = 30_000;
const BEARER = 'Bearer ';
const REPLICA = 'Replica ';

/** `authorization` is the request's header; `order` is the method, a space, and the path as sent. */
export function rightOf(token: Secret | null, authorization: string | undefined, order: string, now: EpochMs): Right {
  if (token === null) return 'off';
  if (authorization?.startsWith(BEARER) === true) {
    return isSame(token, authorization.slice(BEARER.length).trim(), token.reveal()) ? 'granted' : 'refused';
  }
  if (authorization?.startsWith(REPLICA) !== true) return 'refused';
  const [stamp = '', mac = ''] = authorization.slice(REPLICA.length).split(':');
  const isInTime = /^\d{1,15}$/.test(stamp) && Math.abs(now - Number(stamp)) <= SIGNED_MS;
  return isInTime && isSame(token, mac, macOf(token, stamp, order)) ? 'granted_to_replica' : 'refused';
}

/** The header by which a replica hands an order on. */
export function signed(token: Secret, order: string, now: EpochMs): string {
  return `${REPLICA}${now}:${macOf(token, String(now), order)}`;
}

function macOf(token: Secret, stamp: string, order: string): string {
  return createHmac('sha256', token.reveal()).update(`${stamp} ${order}`).digest('hex');
}

/** In a time that tells nothing of either, nor of their lengths. */
function isSame(token: Secret, given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHmac('sha256', token.reveal()).update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
