/**
 * Answers onto the wire, with the faults that concern their bytes.
 */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { keptBytes } from './faults.ts';
import type { ActiveFaults } from './faults.ts';
import type { Answer, Headers } from './table-request.ts';

export function statusOf(answer: Answer): number {
  return answer.kind === 'empty' || answer.kind === 'lines' ? 200 : answer.status;
}

/** Resolves when all is written, or the client is gone. */
export async function send(response: ServerResponse, answer: Answer, faults: ActiveFaults): Promise<void> {
  response.sendDate = false;
  const hang = faults.find('hang');
  if (hang !== null && (answer.kind === 'empty' || (hang.bytes === undefined && hang.fraction === undefined))) return closed(response);
  const spoils = ['hang', 'cut', 'short', 'wrong-bytes'] as const;
  if (answer.kind !== 'empty' && spoils.some((kind) => faults.find(kind) !== null)) return sendSpoiled(response, answer, faults);
  const status = statusOf(answer);
  switch (answer.kind) {
    case 'empty':
      response.writeHead(status, { ...answer.headers, 'content-length': '0' }).end();
      return;
    case 'body':
      response.writeHead(status, withLength(answer.headers, Buffer.byteLength(answer.body))).end(answer.body);
      return;
    case 'lines':
      response.writeHead(status, answer.headers);
      return writeAll(response, blocks(answer.lines));
    case 'file':
      response.writeHead(status, withLength(answer.headers, answer.to - answer.from));
      return writeAll(response, bytesOf(answer));
  }
}

async function sendSpoiled(
  response: ServerResponse,
  answer: Exclude<Answer, { readonly kind: 'empty' }>,
  faults: ActiveFaults,
): Promise<void> {
  const body = await wholeBody(answer);
  const wrong = faults.find('wrong-bytes');
  if (wrong !== null) {
    const at = wrong.at < 0 ? body.length + wrong.at : wrong.at;
    for (let index = Math.max(0, at); index < Math.min(body.length, at + wrong.count); index += 1)
      body.writeUInt8(body.readUInt8(index) ^ 0xff, index);
  }
  const short = faults.find('short');
  const told = short === null ? body : body.subarray(0, keptBytes(short, body.length));
  const headers = answer.kind === 'lines' ? answer.headers : withLength(answer.headers, told.length);
  response.writeHead(statusOf(answer), headers);
  const hang = faults.find('hang');
  const cut = hang ?? faults.find('cut');
  if (cut === null) {
    response.end(told);
    return;
  }
  // The bytes, or the head alone, must be out before the connection breaks, or the client may see none of them.
  response.flushHeaders();
  const kept = told.subarray(0, keptBytes(cut, told.length));
  await new Promise<void>((resolve) => {
    if (kept.length > 0) response.write(kept, () => resolve());
    else if (response.socket === null) resolve();
    else response.socket.write('', () => resolve());
  });
  if (hang === null) response.destroy();
  else await closed(response);
}

/** Resolves when the client has given up, or the server is stopped. */
async function closed(response: ServerResponse): Promise<void> {
  if (!response.closed && !response.destroyed) await once(response, 'close');
}

async function wholeBody(answer: Exclude<Answer, { readonly kind: 'empty' }>): Promise<Buffer> {
  if (answer.kind === 'body') return Buffer.from(answer.body);
  const parts: Uint8Array[] = [];
  for await (const part of answer.kind === 'lines' ? blocks(answer.lines) : bytesOf(answer))
    parts.push(typeof part === 'string' ? Buffer.from(part) : part);
  return Buffer.concat(parts);
}

/** A client that goes away is no error; a file that cannot be read breaks the connection, as its length is promised. */
async function writeAll(response: ServerResponse, parts: AsyncIterable<string | Uint8Array>): Promise<void> {
  try {
    await pipeline(parts, response);
  } catch (error) {
    if (!isPrematureClose(error)) throw error;
  }
}

function isPrematureClose(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}

/** Lines, gathered into blocks of about 64 KiB so that long listings do not take a packet each. */
async function* blocks(lines: readonly string[]): AsyncGenerator<string> {
  let block = '';
  for (const line of lines) {
    block += `${line}\n`;
    if (block.length < 65_536) continue;
    yield block;
    block = '';
  }
  if (block !== '') yield block;
}

async function* bytesOf(answer: Extract<Answer, { readonly kind: 'file' }>): AsyncGenerator<Uint8Array> {
  if (answer.to === answer.from) return;
  const stream = createReadStream(answer.path, { start: answer.from, end: answer.to - 1, highWaterMark: 1 << 20 });
  for await (const part of stream) if (part instanceof Uint8Array) yield part;
}

function withLength(headers: Headers, length: number): Headers {
  return { ...headers, 'content-length': String(length) };
}
