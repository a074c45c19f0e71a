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
import { Bytes } from './bytes.ts';
import { retryAfterMs } from './retry.ts';

export interface StoredFile {
  readonly id: string;
  readonly version: Version;
  /** Null where the action does not say. */
  readonly size: number | null;
}

export interface StorageOptions {
  /** Of a file whose size the action does not say; one that is told is judged before it is asked for. */
  readonly bytesMax: number;
  readonly route: Route;
  readonly timeouts: Timeouts;
  readonly clock: Clock;
  readonly userAgent: string;
}

/** The storage refuses the URL: it is old, or its signer has no right. */
export class UrlRefused {
  /** What to say if a fresh URL is refused as well. */
  readonly failure: Failure;

  constructor(failure: Failure) {
    this.failure = failure;
  }
}

/** Where bytes lie in a file: `length` of them from `from` on. */
export interface ByteRange {
  readonly from: number;
  readonly length: number;
}

const SHORT_BODY_BYTES = 1024;

const FAULTS = {
  answer: 'file.unavailable',
  body: 'file.unavailable',
  redirect: 'file.forbidden',
  address: 'provider.address',
  certificate: 'provider.certificate',
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
  const use = async (reply: Reply): Promise<Uint8Array<ArrayBuffer> | null> =>
    reply.status === 200 ? wholeBody(reply, file.size, doing, options.bytesMax) : null;
  return ask({ url, version: file.version, range: null, doing }, use, options, signal);
}

/** Reads a part of a file once; a server that ignores ranges is read up to the part's end. As `getFile`, with `file.length` where the file ends before. */
export async function getRange(
  url: Secret,
  range: ByteRange,
  version: Version,
  doing: string,
  options: StorageOptions,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | UrlRefused> {
  const use = async (reply: Reply): Promise<Uint8Array<ArrayBuffer> | null> => {
    if (reply.status === 200) return partOf(reply.body, range, range.from, doing);
    if (reply.status === 416) throw endsBefore(doing, range, contentRange(reply)?.total ?? null);
    if (reply.status !== 206) return null;
    const first = contentRange(reply)?.first ?? range.from;
    if (first !== range.from) throw new Failure('file.length', `${doing}: the storage answers with another part of it than was asked for`);
    return partOf(reply.body, range, 0, doing);
  };
  return ask({ url, version, range, doing }, use, options, signal);
}

/** Asks for the first byte of a file, and resolves to true if it is there, of the length that is told. As `getFile`. */
export async function proveFile(
  url: Secret,
  file: StoredFile,
  doing: string,
  options: StorageOptions,
  signal: AbortSignal,
): Promise<true | UrlRefused> {
  const use = async (reply: Reply): Promise<true | null> => {
    if (reply.status !== 200 && reply.status !== 206 && reply.status !== 416) return null;
    const length = reply.status === 200 ? announcedLength(reply) : (contentRange(reply)?.total ?? null);
    if (file.size !== null && length !== null && length !== file.size) throw wrongLength(doing, length, file.size);
    if (reply.status === 416) throw endsBefore(doing, { from: 0, length: 1 }, length);
    if (reply.status === 206) await leave(reply.body);
    return true;
  };
  return ask({ url, version: file.version, range: { from: 0, length: 1 }, doing }, use, options, signal);
}

interface Asking {
  readonly url: Secret;
  readonly version: Version;
  readonly range: ByteRange | null;
  readonly doing: string;
}

/** One GET. `use` makes nothing (null) of a status that it does not take. */
async function ask<T>(
  { url, version, range, doing }: Asking,
  use: (reply: Reply) => Promise<T | null>,
  options: StorageOptions,
  signal: AbortSignal,
): Promise<T | UrlRefused> {
  const address = new URL(url.reveal());
  return exchange(
    {
      route: options.route,
      url: address,
      headers: {
        // Without this, fetch asks for a compressed body, whose length is not the file's.
        'accept-encoding': 'identity',
        'user-agent': options.userAgent,
        ...(range === null ? {} : { range: `bytes=${range.from}-${range.from + range.length - 1}` }),
      },
      mayFollow: (to) => to.host === address.host && to.protocol === address.protocol,
      timeouts: options.timeouts,
      fail: (fault, reason) => new Failure(FAULTS[fault], `${doing}: ${faultText(fault, address.host, reason)}`),
    },
    async (reply) =>
      (await use(reply)) ?? refused(reply, version, `${doing}: ${address.host} answers ${reply.status}`, options.clock.now()),
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
    case 'certificate':
      return `${host}: ${reason}`;
    case 'address':
      return reason;
  }
}

function refused(reply: Reply, version: Version, text: string, now: EpochMs): UrlRefused {
  switch (reply.status) {
    case 400:
    case 401:
    case 403:
      return new UrlRefused(new Failure('file.forbidden', `${text}, to a freshly signed URL too`, { version }));
    case 404:
    case 410:
      throw new Failure('gap.file_gone', `${text}: the file is gone`, { version });
    case 408:
    case 425:
    case 429:
      throw new Failure('file.unavailable', text, { retryAfterMs: retryAfterMs(reply.headers.get('retry-after'), now) });
    default:
      if (reply.status < 500) throw new Failure('file.forbidden', text, { version });
      throw new Failure('file.unavailable', text, { retryAfterMs: retryAfterMs(reply.headers.get('retry-after'), now) });
  }
}

async function wholeBody(reply: Reply, size: number | null, doing: string, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
  const announced = announcedLength(reply);
  if (size !== null && announced !== null && announced !== size) throw wrongLength(doing, announced, size);
  const length = size ?? announced;
  if (length === null) return unknownLength(reply, doing, bytesMax);
  if (size === null && length > bytesMax) throw tooLarge(doing, length);
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

/** The part of a file from a body that has `ahead` bytes before it; it is read no further. */
async function partOf(body: Reply['body'], range: ByteRange, ahead: number, doing: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(range.length);
  let at = -ahead;
  for await (const piece of body) {
    const wanted = piece.subarray(Math.max(0, -at), Math.max(0, range.length - at));
    if (wanted.length > 0) bytes.set(wanted, Math.max(0, at));
    at += piece.length;
    if (at >= range.length) return bytes;
  }
  throw endsBefore(doing, range, null);
}

/** A short body is read to its end, which leaves the connection to the next question. */
async function leave(body: Reply['body']): Promise<void> {
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > SHORT_BODY_BYTES) return;
  }
}

/** First byte and whole length of `Content-Range` (RFC 9110 §14.4), each null where it is not told; null where there is none that can be read. */
function contentRange(reply: Reply): { readonly first: number | null; readonly total: number | null } | null {
  const [, first, total] =
    /^bytes (?:(\d{1,15})-\d{1,15}|\*)\/(\d{1,15}|\*)$/i.exec(reply.headers.get('content-range')?.trim() ?? '') ?? [];
  if (total === undefined) return null;
  return { first: first === undefined ? null : Number(first), total: total === '*' ? null : Number(total) };
}

/** What is stored is read as it is stored, whatever `Content-Encoding` somebody gave it: its length is the file's. */
function announcedLength(reply: Reply): number | null {
  const text = reply.headers.get('content-length') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

async function unknownLength(reply: Reply, doing: string, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
  const gathered = new Bytes();
  for await (const piece of reply.body) {
    if (gathered.length + piece.length > bytesMax) throw tooLarge(doing, gathered.length + piece.length);
    gathered.append(piece);
  }
  return gathered.take().slice();
}

function wrongLength(doing: string, is: number, should: number, about = ''): Failure {
  return new Failure('file.length', `${doing}: it has ${about}${is} bytes, and the provider says ${should}`);
}

function endsBefore(doing: string, { from, length }: ByteRange, is: number | null): Failure {
  return new Failure('file.length', `${doing}: it ends ${is === null ? 'before' : `after ${is} bytes, before`} byte ${from + length}`);
}

function tooLarge(doing: string, bytes: number): Failure {
  return new Failure('file.too_large', `${doing}: ${bytes} bytes or more are over a quarter of limits.memory`);
}
