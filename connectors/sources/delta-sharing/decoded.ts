/**
 * The body of an answer without the compression that was asked for: lists of files shrink to a tenth on the way. It is unpacked piece by piece, as the reader
 * takes it, so that what unfolds without end meets the reader's own bounds.
 */
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Failure } from '../../../src/model/failure.ts';
import type { Reply } from './exchange.ts';

/** What to ask for. */
export const ENCODINGS = { 'accept-encoding': 'gzip' } as const;

export type Undecodable =
  /** It is what it should not be. */
  | 'malformed'
  /** It ends before its end. */
  | 'truncated';

/** Throws what `fail` makes, for an encoding that was not asked for too. */
export function decoded(reply: Reply, fail: (problem: Undecodable, reason: string) => Failure): Reply {
  const encoding = (reply.headers.get('content-encoding') ?? '').trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return reply;
  if (encoding !== 'gzip' && encoding !== 'x-gzip')
    throw fail('malformed', `the answer is in the encoding ${JSON.stringify(encoding.slice(0, 60))}, which was not asked for`);
  return { ...reply, body: unpacked(reply.body, fail) };
}

async function* unpacked(
  body: AsyncIterable<Uint8Array>,
  fail: (problem: Undecodable, reason: string) => Failure,
): AsyncGenerator<Uint8Array, void> {
  const gunzip = createGunzip();
  // What breaks is told to whoever reads.
  pipeline(body, gunzip, () => {});
  try {
    for await (const piece of gunzip) yield bytesOf(piece);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'Z_BUF_ERROR') throw fail('truncated', 'the answer ends before its end');
    if (typeof code === 'string' && code.startsWith('Z_')) throw fail('malformed', 'the answer is not gzip, as it says');
    throw error;
  }
}

function bytesOf(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  throw new Error('bug: what is unpacked is bytes');
}
