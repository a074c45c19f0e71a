/**
 * An answer that is one JSON text, of bounded size.
 */
import { JsonMismatch } from '../../../src/lib/json.ts';
import { Failure } from '../../../src/model/failure.ts';
import { Bytes } from './bytes.ts';
import type { Reply } from './exchange.ts';
import { parseJson } from './json-text.ts';

const BYTES_MAX = 33_554_432;
/** An item of a listing has five or so. */
const JSON_LIMITS = { depthMax: 100, valuesMax: 1_000_000 };

/** Rejects with `provider.too_large` or `provider.malformed`; `doing` begins the message. */
export async function readJson(reply: Reply, doing: string): Promise<unknown> {
  const gathered = new Bytes();
  for await (const part of reply.body) {
    gathered.append(part);
    if (gathered.length > BYTES_MAX) throw new Failure('provider.too_large', `${doing}: the answer is longer than ${BYTES_MAX} bytes`);
  }
  try {
    return parseJson(Buffer.from(gathered.take()).toString('utf8'), JSON_LIMITS).value;
  } catch (error) {
    if (error instanceof JsonMismatch) throw new Failure('provider.malformed', `${doing}: ${error.message.replace(/^it/, 'the answer')}`);
    throw error;
  }
}
