/**
 * The worker's side of the pool: one job at a time, segment after segment, a bounded stretch ahead of the reader.
 *
 * What a file or a table does wrong (`Failure`) ends the job. Anything else that is thrown ends the thread: after a bug or a panic in WebAssembly nothing
 * that this thread holds can be trusted, and the pool starts another.
 */
import type { MessagePort } from 'node:worker_threads';
import { assert, must } from '../lib/assert.ts';
import type { ChangeFile, FileContent } from '../model/change-files.ts';
import { Failure } from '../model/failure.ts';
import type { Segment } from '../ports/encoder.ts';
import type { FileDecoder } from '../ports/file-decoder.ts';
import { RecordWriter } from './record-writer.ts';
import { encodeEntry } from './segments.ts';
import { encodeVersion } from './version-encoder.ts';
import type { Need } from './version-encoder.ts';
import { flatten, versionOf } from './wire.ts';
import type { FromWorker, ToWorker, Work } from './wire.ts';

interface Job {
  readonly work: Work;
  readonly segments: Generator<Segment | Need, void, FileContent | undefined>;
  /** The file that is being read. */
  file: ChangeFile | null;
  /** Whether it waits for that file. */
  isWaiting: boolean;
  /** The file, once it has come. */
  content: FileContent | undefined;
  /** Segments made and not yet taken. */
  aheadSegments: number;
  aheadBytes: number;
}

/** How far a worker runs ahead: until one of the two is reached. */
const AHEAD_SEGMENTS = 4;
const AHEAD_BYTES = 8 * 1024 * 1024;

/** Serves jobs that come over `port` until the thread ends. */
export function serveJobs(port: MessagePort, decoder: FileDecoder): void {
  const writer = new RecordWriter();
  let job: Job | null = null;
  let isScheduled = false;

  const send = (message: FromWorker, transfer: readonly ArrayBuffer[] = []): void => port.postMessage(message, transfer);

  const end = (failure: ReturnType<typeof flatten> | null): void => {
    const { work, segments } = must(job, 'the job');
    segments.return();
    // Given back at once: garbage of such files would be collected when there is far too much of it.
    if (work.kind === 'entry') work.request.bytes.buffer.transfer(0);
    job = null;
    send({ kind: 'done', failure, heldBytes: decoder.heldBytes() });
  };

  const begin = (work: Work): Job => {
    const segments = work.kind === 'entry' ? encodeEntry(work.request, decoder, writer) : encodeVersion(work.request, decoder, writer);
    const file = work.kind === 'entry' ? work.request.entry.file : null;
    return { work, segments, file, isWaiting: false, content: undefined, aheadSegments: 0, aheadBytes: 0 };
  };

  const advance = (current: Job): void => {
    const { content } = current;
    current.content = undefined;
    const next = current.segments.next(content);
    if (next.done === true) return end(null);
    if ('kind' in next.value) {
      current.file = next.value.file;
      current.isWaiting = true;
      return send(next.value);
    }
    current.aheadSegments += 1;
    current.aheadBytes += next.value.bytes;
    send(
      { kind: 'segment', segment: next.value },
      next.value.blocks.map((block) => block.bytes.buffer),
    );
    schedule();
  };

  const step = (): void => {
    isScheduled = false;
    if (job === null || job.isWaiting || job.aheadSegments >= AHEAD_SEGMENTS || job.aheadBytes >= AHEAD_BYTES) return;
    try {
      advance(job);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      end(flatten(error, job.file, versionOf(job.work)));
    }
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
        job = begin(message.work);
        break;
      case 'content':
        // The job may have been cancelled before this came.
        if (job?.isWaiting === true) {
          job.content = message.content;
          job.isWaiting = false;
        }
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
