/**
 * The bytes of one file by its signed URL: a plain GET without any credential of ours, since the URL is one.
 */
import type { Clock } from '../../../src/lib/clock.ts';
import { Failure } from '../../../src/model/failure.ts';
import type { Secret } from '../../../src/model/secret.ts';
import type { EpochMs, Version } from '../../../src/model/version.ts';
import type { Fault, Reply, Timeouts } from './exchange.ts';
import { exchange } from './exchange.ts';
import type { Route } from './network.ts';
import { retryAfterMs } from './retry.ts';

export interface StoredFile {
  readonly id: string;
  readonly version: Version;
  /** Null where the action does not say. */
  readonly size: number | null;
}

export interface StorageOptions {
  readonly route: Route;
  readonly timeouts: Timeouts;
  readonly clock: Clock;
  readonly userAgent: string;
}

/** The storage refuses the URL: it is old, or its signer has no right. */
export interface UrlRefused {
  readonly refused: number;
  /** What to say if a fresh URL is refused as well. */
  readonly failure: Failure;
}

/** Far beyond what a worker can decode; the relay's own limit is lower and judged before. */
const FILE_BYTES_MAX = 2_147_483_647;

const FAULTS = {
  answer: 'file.unavailable',
  body: 'file.unavailable',
  redirect: 'file.forbidden',
  address: 'provider.address',
} as const satisfies Record<Fault, string>;

/**
 * Reads the file once. `doing` begins the messages. Rejects with `file.unavailable`, `file.length`, `file.too_large`, `gap.file_gone`; resolves to
 * `UrlRefused` where a fresh URL may help.
 */
export async function getFile(
  url: Secret,
  file: StoredFile,
  doing: string,
  options: StorageOptions,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | UrlRefused> {
  if (file.size !== null && file.size > FILE_BYTES_MAX) throw tooLarge(doing, file.size);
  const address = new URL(url.reveal());
  return exchange(
    {
      route: options.route,
      url: address,
      headers: { 'user-agent': options.userAgent },
      mayFollow: (to) => to.host === address.host && to.protocol === address.protocol,
      timeouts: options.timeouts,
      fail: (fault, reason) => new Failure(FAULTS[fault], `${doing}: ${faultText(fault, address.host, reason)}`),
    },
    async (reply) => {
      if (reply.status === 200) return wholeBody(reply, file.size, doing);
      return refused(reply, file, `${doing}: ${address.host} answers ${reply.status}`, options.clock.now());
    },
    signal,
  );
}

function faultText(fault: Fault, host: string, reason: string): string {
  switch (fault) {
    case 'answer':
      return `no answer from ${host}: ${reason}`;
    case 'body':
      return `${host} broke off: ${reason}`;
    case 'redirect':
      return `${host} answers with ${reason}`;
    case 'address':
      return reason;
  }
}

function refused(reply: Reply, file: StoredFile, text: string, now: EpochMs): UrlRefused {
  switch (reply.status) {
    case 400:
    case 401:
    case 403:
      return {
        refused: reply.status,
        failure: new Failure('file.forbidden', `${text}, to a freshly signed URL too`, { version: file.version }),
      };
    case 404:
    case 410:
      throw new Failure('gap.file_gone', `${text}: the file is gone`, { version: file.version });
    case 408:
    case 425:
    case 429:
      throw new Failure('file.unavailable', text, { retryAfterMs: retryAfterMs(reply.headers.get('retry-after'), now) });
    default:
      if (reply.status < 500) throw new Failure('file.forbidden', text, { version: file.version });
      throw new Failure('file.unavailable', text, { retryAfterMs: retryAfterMs(reply.headers.get('retry-after'), now) });
  }
}

async function wholeBody(reply: Reply, size: number | null, doing: string): Promise<Uint8Array<ArrayBuffer>> {
  const announced = announcedLength(reply);
  if (size !== null && announced !== null && announced !== size) throw wrongLength(doing, announced, size);
  const length = size ?? announced;
  if (length === null) return unknownLength(reply, doing);
  if (length > FILE_BYTES_MAX) throw tooLarge(doing, length);
  const bytes = new Uint8Array(length);
  let filled = 0;
  for await (const piece of reply.body) {
    if (filled + piece.length > length) throw wrongLength(doing, filled + piece.length, length, 'at least ');
    bytes.set(piece, filled);
    filled += piece.length;
  }
  if (filled !== length) throw wrongLength(doing, filled, length);
  return bytes;
}

/** What is stored is read as it is stored, whatever `Content-Encoding` somebody gave it: its length is the file's. */
function announcedLength(reply: Reply): number | null {
  const text = reply.headers.get('content-length') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

async function unknownLength(reply: Reply, doing: string): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of reply.body) {
    pieces.push(piece);
    length += piece.length;
    if (length > FILE_BYTES_MAX) throw tooLarge(doing, length);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function wrongLength(doing: string, is: number, should: number, about = ''): Failure {
  return new Failure('file.length', `${doing}: it has ${about}${is} bytes, and the provider says ${should}`);
}

function tooLarge(doing: string, bytes: number): Failure {
  return new Failure('file.too_large', `${doing}: ${bytes} bytes are more than can be held`);
}
