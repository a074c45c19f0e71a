/**
 * Decodes damaged copies of a file, and says of each what came of it. It ends as soon as the decoder asks for its thread to be replaced.
 */
import { parentPort, workerData } from 'node:worker_threads';

import { openDecoder } from '../../../connectors/decoders/parquet.ts';
import { must } from '../../../src/lib/assert.ts';
import { Failure } from '../../../src/model/failure.ts';
import { column, list, map, parquetFile, struct } from '../../support/parquet-file.ts';
import type { Damage, DamageReport } from './damage.ts';
import { damaged } from './damage.ts';

const port = must(parentPort, 'the thread that started this one');
const { file, damages, from }: { file: string; damages: readonly Damage[]; from: number } = workerData;
/** Of every file those that it has. */
const COLUMNS = [
  column('id', 'long'),
  column('name', 'string'),
  column('even', 'boolean'),
  column('at', 'timestamp'),
  column('items', list('long')),
  column('marks', map('string', 'timestamp')),
  column('inner', struct({ n: 'integer', l: list(struct({ t: 'timestamp', s: 'string' })) })),
  column('lists', list(list('short'))),
  column('bag', list('integer')),
  column('struct_array', list(struct({ a: 'integer' }))),
  column('repeated', list('integer')),
  column('named_map', map('integer', 'integer')),
];

const decoder = openDecoder();
const bytes = parquetFile(file);
for (const [index, damage] of damages.slice(from).entries()) {
  const outcome = outcomeOf(damaged(bytes, damage));
  const report: DamageReport = { index: from + index, outcome, heldBytes: decoder.heldBytes() };
  port.postMessage(report);
  if (report.heldBytes === Number.POSITIVE_INFINITY) break;
}

function outcomeOf(copy: Uint8Array): string {
  try {
    let rows = 0;
    for (const batch of decoder.batches({ bytes: copy, columns: COLUMNS, mapping: 'none', changeTypes: false, batchRows: 100, fromRow: 0 }))
      rows += batch.rows;
    return 'rows';
  } catch (error) {
    return error instanceof Failure ? error.code : String(error);
  }
}
