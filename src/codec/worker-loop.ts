/**
 * The worker's side of the pool: one job at a time, segment after segment, a bounded stretch ahead of the reader.
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
  /** Segments made and not yet taken. */
  aheadSegments: number;
  aheadBytes: number;
}

/** How far a worker runs ahead: until one of the two is reached. */
const AHEAD_SEGMENTS = 4;
const AHEAD_BYTES = 8 * 1024 * 1024;

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
    if (job === null || job.aheadSegments >= AHEAD_SEGMENTS || job.aheadBytes >= AHEAD_BYTES) return;
    try {
      const next = job.segments.next();
      if (next.done === true) return end(null);
      job.aheadSegments += 1;
      job.aheadBytes += next.value.bytes;
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
        job = { request: message.request, segments: encoder.encode(message.request), aheadSegments: 0, aheadBytes: 0 };
        break;
      case 'taken':
        // The job may have ended by itself before this came.
        if (job !== null) {
          job.aheadSegments -= 1;
          job.aheadBytes -= message.bytes;
        }
        break;
      case 'cancel':
        if (job !== null) end(null);
        break;
    }
    schedule();
  });
  send({ kind: 'ready' });
}
