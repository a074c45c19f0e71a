/**
 * The other replicas, asked by HTTP at the addresses that their claims name (`\0claim` on the checkpoint topic): each knows its own feeds to the moment. What they answer is
 * bounded in size and time; one that does not answer is told of, and its feeds are shown as Kafka has them.
 */
import { boundedText } from '../lib/bounded-text.ts';
import { JsonMismatch, JsonObject } from '../lib/json.ts';
import type { Secret } from '../model/secret.ts';
import type { EpochMs } from '../model/version.ts';
import { signed } from './admin.ts';
import type { PeerStatus } from './status.ts';

/** An answer of a replica, to be handed on as it is. */
export interface PeerAnswer {
  readonly status: number;
  readonly text: string;
  /** Of a replica that asks to wait; seconds. */
  readonly retryAfter: string | null;
}

/** The status of some ten thousand feeds. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const PEER_MS = 1_000;
/** For an order, which waits for a transaction; the replica gives up earlier. */
const ORDER_MS = 15_000;
/** What they answer is in memory together, and whoever can write a claim names the addresses. */
const PEERS_AT_ONCE = 4;
const ADDRESS = /^http:\/\/(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/;

/** By address, the feeds that a replica says are its own; null for one that does not answer. */
export async function askPeers(
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly PeerStatus[] | null>> {
  const answers = new Map<string, readonly PeerStatus[] | null>();
  const left = [...new Set(addresses)];
  const asker = async (): Promise<void> => {
    for (let address = left.shift(); address !== undefined; address = left.shift()) answers.set(address, await askPeer(address, signal));
  };
  await Promise.all(Array.from({ length: PEERS_AT_ONCE }, asker));
  return answers;
}

/** The detail of a feed by the replica that has it; null where it does not answer. */
export async function askDetail(address: string, path: string, signal: AbortSignal): Promise<PeerAnswer | null> {
  return call(address, path, { method: 'GET' }, PEER_MS, signal);
}

/** Hands an order on; null where nobody answers. */
export async function handOn(address: string, path: string, token: Secret, now: EpochMs, signal: AbortSignal): Promise<PeerAnswer | null> {
  return call(address, path, { method: 'POST', headers: { authorization: signed(token, `POST ${path}`, now) } }, ORDER_MS, signal);
}

async function askPeer(address: string, signal: AbortSignal): Promise<readonly PeerStatus[] | null> {
  const answer = await call(address, '/api/status?own', { method: 'GET' }, PEER_MS, signal);
  if (answer?.status !== 200) return null;
  try {
    const document = new JsonObject(JSON.parse(answer.text));
    return document.objects('feeds').map((feed) => ({ ...feed.fields(), id: feed.string('id') }));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof JsonMismatch) return null;
    throw error;
  }
}

async function call(address: string, path: string, request: RequestInit, ms: number, signal: AbortSignal): Promise<PeerAnswer | null> {
  if (!ADDRESS.test(address)) return null;
  try {
    const response = await fetch(`${address}${path}`, {
      ...request,
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(ms)]),
    });
    const text = response.body === null ? '' : await boundedText(response.body, ANSWER_BYTES_MAX);
    return text === null ? null : { status: response.status, text, retryAfter: response.headers.get('retry-after') };
  } catch {
    // Whatever it is, the replica does not answer: that is told in its place.
    signal.throwIfAborted();
    return null;
  }
}
