/**
 * Instants as clients write them and as the reference server's messages spell them.
 */
import type { EpochMs } from '../model/version.ts';
import { invalid } from './refusal.ts';

const LOCAL = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?/;
const WHOLE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** An ISO instant with a zone. Throws a `Refusal` that names the parameter and ends with `stop`. */
export function parseInstant(parameter: string, text: string, stop = ''): EpochMs {
  const at = WHOLE.test(text) ? Date.parse(text.replace(/(\.\d{3})\d+/, '$1')) : Number.NaN;
  if (Number.isNaN(at))
    throw invalid(`Invalid ${parameter}: Text '${text}' could not be parsed at index ${LOCAL.exec(text)?.[0].length ?? 0}${stop}`);
  return at;
}

/** `2024-01-06 16:44:59.0`, in UTC. */
export function sqlText(at: EpochMs): string {
  const [date = '', time = ''] = new Date(at).toISOString().slice(0, -1).split('T');
  return `${date} ${time.replace(/(\.\d)0+$/, '$1').replace(/(\.\d\d)0$/, '$1')}`;
}

/** `2024-01-06T16:44:59Z`, with milliseconds only if there are any. */
export function isoText(at: EpochMs): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}
