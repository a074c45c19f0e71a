/**
 * A body as lines of JSON objects. Lines are bounded in length and number, and none is made of a part of a line.
 */
import { TextDecoder } from 'node:util';
import { JsonMismatch, JsonObject } from '../../../src/lib/json.ts';
import { Failure } from '../../../src/model/failure.ts';

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly object: JsonObject;
}

export interface LineLimits {
  readonly lineBytesMax: number;
  readonly linesMax: number;
}

const NEWLINE = 0x0a;

/**
 * The lines of `body`; empty ones are passed over. `where` begins every message. Throws `provider.malformed` for what is not a JSON object,
 * `provider.truncated` for a last line that breaks off, `provider.too_large` beyond the limits. No message quotes a line: it may hold a signed URL.
 */
export async function* jsonLines(body: AsyncIterable<Uint8Array>, limits: LineLimits, where: string): AsyncGenerator<Line, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let number = 0;

  const take = (end: Uint8Array): Uint8Array => {
    const bytes = held.length === 0 ? end : Buffer.concat([...held, end]);
    held = [];
    heldBytes = 0;
    number++;
    if (number > limits.linesMax) throw new Failure('provider.too_large', `${where}: it holds more than ${limits.linesMax} lines`);
    return bytes;
  };

  for await (const piece of body) {
    let from = 0;
    for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, from)) {
      const bytes = take(piece.subarray(from, at));
      from = at + 1;
      if (isBlank(bytes)) continue;
      yield { number, object: parse(decoder, bytes, 'provider.malformed', `${where}, line ${number}`) };
    }
    held.push(piece.subarray(from));
    heldBytes += piece.length - from;
    if (heldBytes > limits.lineBytesMax) {
      throw new Failure('provider.too_large', `${where}, line ${number + 1}: it is longer than ${limits.lineBytesMax} bytes`);
    }
  }
  const last = take(new Uint8Array(0));
  if (!isBlank(last)) yield { number, object: parse(decoder, last, 'provider.truncated', `${where}, line ${number}`) };
}

function parse(decoder: TextDecoder, bytes: Uint8Array, code: 'provider.malformed' | 'provider.truncated', where: string): JsonObject {
  try {
    return new JsonObject(JSON.parse(decoder.decode(bytes)));
  } catch (error) {
    if (code === 'provider.truncated') throw new Failure(code, `${where}: the answer ends inside the line`);
    throw new Failure(code, `${where}: it is not ${error instanceof JsonMismatch ? 'a JSON object' : 'JSON'}`);
  }
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
