/**
 * A worker whose files are scripts: the pool's tests decide what happens in the thread.
 */
import { parentPort } from 'node:worker_threads';
import { serveJobs } from '../../src/codec/worker-loop.ts';
import { must } from '../../src/lib/assert.ts';
import { Failure } from '../../src/model/failure.ts';
import type { ColumnBatch, ColumnData } from '../../src/model/column-batch.ts';
import type { DecodeRequest } from '../../src/ports/file-decoder.ts';
import { scriptOf } from './scripts.ts';
import type { Script } from './scripts.ts';

let heldBytes = 0;
let files = 0;

function* batches({ bytes, fromRow }: DecodeRequest): Generator<ColumnBatch, void> {
  const script = scriptOf(bytes);
  files += 1;
  heldBytes = script.heldBytes ?? 0;
  for (let row = fromRow; row < script.rows; row += 1) {
    yield {
      firstRow: row,
      rows: 1,
      columns: [columnOf(script, row)],
      changeTypes: null,
    };
  }
  if (script.ending === 'failure') throw new Failure('file.undecodable', 'the footer is cut');
  if (script.ending === 'panic') throw new RangeError('unreachable');
  if (script.ending === 'exit') process.exit(3);
  while (script.ending === 'never') files += 1;
}

function columnOf({ cell }: Script, row: number): ColumnData {
  if (cell !== 'text') return { kind: 'int32', validity: null, values: Int32Array.of(cell === 'files' ? files : row) };
  const data = new Uint8Array(3 * 1024 * 1024);
  return { kind: 'bytes', validity: null, offsets: Int32Array.of(0, data.length), data };
}

serveJobs(must(parentPort, 'the port'), { batches, rows: () => Promise.reject(new Error('not here')), heldBytes: () => heldBytes });
