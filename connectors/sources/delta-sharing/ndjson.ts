/**
 * A body as lines of JSON objects. Lines are bounded in length and number, and none is made of a part of a line.
 */
import { TextDecoder } from 'node:util';
import { JsonMismatch, JsonObject } from '../../../src/lib/json.ts';
import { Failure } from '../../../src/model/failure.ts';
import { Bytes } from './bytes.ts';
import { parseJson } from './json-text.ts';

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly object: JsonObject;
  /** About what it takes in memory. */
  readonly bytes: number;
}

export interface LineLimits {
  readonly lineBytesMax: number;
  readonly linesMax: number;
}

const NEWLINE = 0x0a;

/** A line has a handful of each; the schema within it is a text. */
const JSON_LIMITS = { depthMax: 100, valuesMax: 100_000 };

/**
 * The lines of `body`; empty ones are passed over. `where` begins every message. Throws `provider.malformed` for what is not a JSON object,
 * `provider.truncated` for a last line that breaks off, `provider.too_large` beyond the limits. No message quotes a line: it may hold a signed URL.
 */
export async function* jsonLines(body: AsyncIterable<Uint8Array>, limits: LineLimits, where: string): AsyncGenerator<Line, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  /** A line of which the end has not come yet. */
  const begun = new Bytes();
  let number = 0;

  const hold = (part: Uint8Array): void => {
    if (begun.length + part.length > limits.lineBytesMax)
      throw new Failure('provider.too_large', `${where}, line ${number + 1}: it is longer than ${limits.lineBytesMax} bytes`);
    begun.append(part);
  };
  const take = (end: Uint8Array): Uint8Array => {
    if (begun.length > 0) hold(end);
    const bytes = begun.length === 0 ? end : begun.take();
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
      yield { number, ...parse(decoder, bytes, 'provider.malformed', `${where}, line ${number}`) };
    }
    hold(piece.subarray(from));
  }
  const last = take(new Uint8Array(0));
  if (!isBlank(last)) yield { number, ...parse(decoder, last, 'provider.truncated', `${where}, line ${number}`) };
}

function parse(
  decoder: TextDecoder,
  line: Uint8Array,
  code: 'provider.malformed' | 'provider.truncated',
  where: string,
): Omit<Line, 'number'> {
  try {
    const { value, bytes } = parseJson(textOf(decoder, line), JSON_LIMITS);
    return { object: objectOf(value), bytes };
  } catch (error) {
    if (!(error instanceof JsonMismatch)) throw error;
    if (code === 'provider.truncated') throw new Failure(code, `${where}: the answer ends inside the line`);
    throw new Failure(code, `${where}: ${error.message}`);
  }
}

function textOf(decoder: TextDecoder, line: Uint8Array): string {
  try {
    return decoder.decode(line);
  } catch {
    throw new JsonMismatch('it is not JSON');
  }
}

function objectOf(value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new JsonMismatch('it is not a JSON object');
  return new JsonObject(value);
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
