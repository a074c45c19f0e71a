/**
 * What a provider says when it refuses. The protocol has `errorCode` and `message`; Databricks writes `error_code` and puts its own code into `details`;
 * the reference server sends text/plain; proxies send HTML (notes/protocol.md §2.9).
 */
import { JsonObject } from '../../../src/lib/json.ts';
import { Bytes } from './bytes.ts';
import type { Reply } from './exchange.ts';
import { scrub } from './scrub.ts';

export interface ProviderError {
  readonly status: number;
  /** Upper case; empty where the answer names none. */
  readonly code: string;
  /** Its own words, scrubbed; empty where it says nothing that can be read. */
  readonly message: string;
  readonly retryAfterMs: number;
}

const BODY_BYTES_MAX = 65_536;

/** Reads the body of a refusal, or the beginning of a long one. A body that echoes a secret is told without it: `redact` takes it out. */
export async function readProviderError(reply: Reply, retryAfterMs: number, redact: (text: string) => string): Promise<ProviderError> {
  const said = saidIn(await beginning(reply.body), redact);
  return { status: reply.status, retryAfterMs, ...said };
}

/** `400 INVALID_PARAMETER_VALUE: "No such thing."` */
export function errorText(error: ProviderError): string {
  const code = error.code === '' ? '' : ` ${error.code}`;
  return `${error.status}${code}${error.message === '' ? '' : `: ${JSON.stringify(error.message)}`}`;
}

/** The body as text, cut where it is long. */
export async function beginning(body: AsyncIterable<Uint8Array>): Promise<string> {
  const gathered = new Bytes();
  for await (const part of body) {
    gathered.append(part.subarray(0, BODY_BYTES_MAX - gathered.length));
    if (gathered.length === BODY_BYTES_MAX) break;
  }
  return Buffer.from(gathered.take()).toString('utf8');
}

function saidIn(text: string, redact: (text: string) => string): { readonly code: string; readonly message: string } {
  const object = jsonObject(text);
  if (object === null) return { code: '', message: scrub(redact(plain(text))) };
  const code = [dsError(object), object.raw('errorCode'), object.raw('error_code')].find((it) => typeof it === 'string' && it !== '');
  const message = object.raw('message');
  return {
    code: typeof code === 'string' ? scrub(redact(code)).toUpperCase() : '',
    message: typeof message === 'string' ? scrub(redact(message)) : '',
  };
}

function jsonObject(text: string): JsonObject | null {
  try {
    return new JsonObject(JSON.parse(text));
  } catch {
    return null;
  }
}

/** `details[].metadata.dsError`, the most telling code where it is there. */
function dsError(object: JsonObject): string | null {
  const details: unknown = object.raw('details');
  if (!Array.isArray(details)) return null;
  for (const detail of details) {
    try {
      return new JsonObject(detail).object('metadata').string('dsError');
    } catch {
      continue;
    }
  }
  return null;
}

/** An HTML page says most in its title. */
function plain(text: string): string {
  if (!/<html|<!doctype/i.test(text.slice(0, 1000))) return text;
  const title = /<title[^<>]*>([^<]*)<\/title>/i.exec(text)?.[1] ?? '';
  return title.trim() === '' ? 'an HTML page' : `an HTML page "${title.trim()}"`;
}
