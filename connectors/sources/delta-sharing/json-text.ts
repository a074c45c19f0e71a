/**
 * JSON from a provider, looked over before it is parsed: a few megabytes of brackets parse into a gigabyte of objects, and what is nested without end ends
 * whoever walks down in it.
 */
import { JsonMismatch } from '../../../src/lib/json.ts';

export interface JsonLimits {
  readonly depthMax: number;
  /** Members of objects and elements of lists, all together. */
  readonly valuesMax: number;
}

export interface JsonText {
  readonly value: unknown;
  /** About what it takes in memory. */
  readonly bytes: number;
}

/** An empty object, the largest thing for the fewest characters. */
const VALUE_BYTES = 56;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** Throws `JsonMismatch`, whose message quotes nothing of the text: it may hold a secret. */
export function parseJson(text: string, limits: JsonLimits): JsonText {
  const values = countValues(text, limits);
  try {
    return { value: JSON.parse(text), bytes: Math.max(text.length, values * VALUE_BYTES) };
  } catch {
    throw new JsonMismatch('it is not JSON');
  }
}

/** Counts what stands outside of texts: commas, and what opens. */
function countValues(text: string, { depthMax, valuesMax }: JsonLimits): number {
  let values = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfText(text, at);
      continue;
    }
    // `[` and `{`, `]` and `}` differ in one bit, which no other character shares.
    const bracket = code | 0x20;
    if (bracket === 0x7b) depth += 1;
    else if (bracket === 0x7d) depth -= 1;
    if (bracket === 0x7b || code === COMMA) values += 1;
    if (depth > depthMax) throw new JsonMismatch(`it is nested more than ${depthMax} deep`);
    if (values > valuesMax) throw new JsonMismatch(`it holds more than ${valuesMax} values`);
  }
  return values;
}

/** Of the quote that closes the text that opens at `at`, or the end of all where none does. */
function endOfText(text: string, at: number): number {
  for (let quote = text.indexOf('"', at + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote;
  }
  return text.length;
}
