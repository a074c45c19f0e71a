/**
 * The worker's side of the pool: one job at a time, segment after segment as long as there is credit.
 *
 * What a file or a table does wrong (`Failure`) ends the job. Anything else that is thrown ends the thread: after a bug or a panic in WebAssembly nothing
 * that this thread holds can be trusted, and the pool starts another.
 */
import type { MessagePort } from 'node:worker_threads';
import { assert, must } from '../lib/assert.ts';
import { Failure } from '../model/failure.ts';
import type { EncodeRequest, Segment } from '../ports/encoder.ts';
import type { FileDecoder } from '../ports/file-decoder.ts';
import { SegmentEncoder } from './segments.ts';
import { flatten } from './wire.ts';
import type { FromWorker, ToWorker } from './wire.ts';

interface Job {
  readonly request: EncodeRequest;
  readonly segments: Generator<Segment, void>;
  credit: number;
}

/** Serves jobs that come over `port` until the thread ends. */
export function serveJobs(port: MessagePort, decoder: FileDecoder): void {
  const encoder = new SegmentEncoder(decoder);
  let job: Job | null = null;
  let isScheduled = false;

  const send = (message: FromWorker, transfer: readonly ArrayBuffer[] = []): void => port.postMessage(message, transfer);

  const end = (failure: ReturnType<typeof flatten> | null): void => {
    must(job, 'the job').segments.return();
    job = null;
    send({ kind: 'done', failure, heldBytes: decoder.heldBytes() });
  };

  const step = (): void => {
    isScheduled = false;
    if (job === null || job.credit === 0) return;
    try {
      const next = job.segments.next();
      if (next.done === true) return end(null);
      job.credit -= 1;
      send(
        { kind: 'segment', segment: next.value },
        next.value.blocks.map((block) => block.bytes.buffer),
      );
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return end(flatten(error, job.request));
    }
    schedule();
  };

  // Between two segments the thread looks for messages: the reader may have left.
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(step);
  };

  port.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'job':
        assert(job === null, 'a job came while another one runs');
        job = { request: message.request, segments: encoder.encode(message.request), credit: message.credit };
        break;
      case 'credit':
        // The job may have ended by itself before this came.
        if (job !== null) job.credit += message.segments;
        break;
      case 'cancel':
        if (job !== null) end(null);
        break;
    }
    schedule();
  });
  send({ kind: 'ready' });
}
