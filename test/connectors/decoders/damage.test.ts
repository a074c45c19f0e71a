/**
 * Damaged files end in a failure or in rows: never in a crash, a hang or any other error. Each runs in a worker thread as it does in the relay, and the thread
 * is replaced when the decoder asks for it.
 */
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';

import { parquetFile } from '../../support/parquet-file.ts';
import type { Damage, DamageReport } from './damage.ts';

const FILES = ['row_groups', 'row_groups_int96', 'row_groups_int96_v2_zstd', 'nested_rows', 'nested_rows_v2_zstd', 'nested_old_layouts'];

/** As many cuts, and three times as many with other bytes. */
const CUTS = Number(process.env['CODEC_RUNS'] ?? 50);

describe.each(FILES)('%s', (file) => {
  it('cut anywhere is undecodable', async () => {
    const whole = parquetFile(file).length;
    const cuts = Array.from({ length: CUTS }, (_, i): Damage => ({ kind: 'cut', length: Math.floor((i * whole) / CUTS) }));
    expect(new Set(await outcomes(file, cuts))).toEqual(new Set(['file.undecodable']));
  });

  it('with bytes overwritten is undecodable, does not fit the table, or is read', async () => {
    const random = sequence(file.length);
    const overwritten = Array.from({ length: 3 * CUTS }, (): Damage => {
      const bytes = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({ place: random(), value: Math.floor(random() * 256) }));
      return { kind: 'overwritten', bytes };
    });
    const seen = await outcomes(file, overwritten);
    expect(seen.filter((outcome) => !['rows', 'file.undecodable', 'file.column'].includes(outcome))).toEqual([]);
    expect(new Set(seen)).toContain('file.undecodable');
  });
});

it('a file that breaks the wasm instance down is undecodable, and the decoder asks for its thread to be replaced', async () => {
  const file = 'decimals_fixed';
  // Found by search: this value in this place makes parquet-wasm 0.8.0 panic.
  const damage: Damage = { kind: 'overwritten', bytes: [{ place: 103.5 / parquetFile(file).length, value: 24 }] };
  expect(await reports(file, [damage, damage])).toEqual([
    { index: 0, outcome: 'file.undecodable', heldBytes: Number.POSITIVE_INFINITY },
    { index: 1, outcome: 'file.undecodable', heldBytes: Number.POSITIVE_INFINITY },
  ]);
});

async function outcomes(file: string, damages: readonly Damage[]): Promise<readonly string[]> {
  return (await reports(file, damages)).map(({ outcome }) => outcome);
}

/** One report for each damage; a thread that ends early is replaced and goes on with the next. */
async function reports(file: string, damages: readonly Damage[]): Promise<readonly DamageReport[]> {
  const seen: DamageReport[] = [];
  while (seen.length < damages.length) {
    const before = seen.length;
    const worker = new Worker(new URL('damage-worker.ts', import.meta.url), { workerData: { file, damages, from: before } });
    worker.on('message', (report: DamageReport) => seen.push(report));
    const ended = Promise.withResolvers<void>();
    worker.once('error', ended.reject);
    worker.once('exit', () => ended.resolve());
    await ended.promise;
    expect(seen.length, 'each thread gets further').toBeGreaterThan(before);
  }
  return seen;
}

/** Numbers in [0, 1), the same in every run (mulberry32). */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    const once = Math.imul(state ^ (state >>> 15), 1 | state);
    const twice = (once + Math.imul(once ^ (once >>> 7), 61 | once)) ^ once;
    return ((twice ^ (twice >>> 14)) >>> 0) / 2 ** 32;
  };
}
