/**
 * A worker thread: bytes → decoder → codec → blocks of records. Started by the pool in src/codec/pool.ts.
 */
import { parentPort } from 'node:worker_threads';
import { openDecoder } from '../connectors/decoders/parquet.ts';
import { serveJobs } from './codec/worker-loop.ts';
import { must } from './lib/assert.ts';

serveJobs(must(parentPort, 'the port of the thread that started this one'), openDecoder());
