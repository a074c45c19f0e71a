import { vi } from 'vitest';
import { encoderExam } from '../contracts/encoder.ts';
import { encoderHere } from './encoder-here.ts';

// It computes in this thread: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 600_000 });

encoderExam(encoderHere);
