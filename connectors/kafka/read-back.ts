/**
 * What a claim reads: a partition up to the claim's own record.
 */
import { Failure } from '../../src/model/failure.ts';
import type { ReadStep } from './committed-reader.ts';

export interface ReadBackLimits {
  /** How long the reading may go without getting on. A long partition on a slow link may take any number of these. */
  readonly timeoutMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/**
 * The latest value of each key, deleted ones left out, read until `offset` is passed. Rejects with `kafka.stuck` when the reading gets no further: `doing`, a
 * transaction is open in `place`.
 */
export async function latestUpTo(
  steps: AsyncIterable<ReadStep>,
  offset: number,
  { doing, place }: { readonly doing: string; readonly place: string },
  { timeoutMs, now }: ReadBackLimits,
): Promise<ReadonlyMap<string, string>> {
  const latest = new Map<string, string>();
  let reached = 0;
  let until = now() + timeoutMs;
  for await (const { records, next, stable, end } of steps) {
    for (const { key, value } of records) {
      if (key === null) continue;
      const name = Buffer.from(key).toString('utf8');
      if (value === null) latest.delete(name);
      else latest.set(name, Buffer.from(value).toString('utf8'));
    }
    if (next > offset) break;
    if (next > reached) {
      reached = next;
      until = now() + timeoutMs;
    } else if (now() > until) {
      throw new Failure(
        'kafka.stuck',
        `${doing}: ${place} can be read up to offset ${stable} only, of ${end}: a transaction is open there`,
      );
    }
  }
  return latest;
}
