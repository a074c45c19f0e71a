import { openPool } from '../../src/codec/pool.ts';
import { encoderExam } from '../contracts/encoder.ts';

encoderExam(() => openPool({ workers: 1, workerUrl: new URL('../../src/worker.ts', import.meta.url), memoryBytes: 512 * 1024 * 1024 }));
