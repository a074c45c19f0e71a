/**
 * The encoder: a pool of worker threads, each with a decoder and a codec of its own.
 *
 * Jobs wait in the order of `encode` and each has one worker for itself until its last segment is made or its reader leaves. A worker runs a few segments
 * ahead of the reader and then waits, so that a slow reader holds it up instead of filling memory. The file's bytes go over and are gone: whoever wants a
 * second try reads the file again. A version that is worked whole asks for its files one by one, and is given them by whoever asked for the job. A thread that dies takes one job with it and nothing else; the file that it died of is remembered, and a second death by
 * it in the same pass, with no success of that pass in between, is the file's fault.
 */
import { Worker } from 'node:worker_threads';
import { assert, must } from '../lib/assert.ts';
import type { ChangeFile, FileContent } from '../model/change-files.ts';
import { Failure } from '../model/failure.ts';
import type { FeedEvent } from '../model/feed-event.ts';
import type { AvroTexts, EncodeRequest, EncodeVersionRequest, Encoder, RecordBlock, SchemaLayout, Segment } from '../ports/encoder.ts';
import { avroTexts } from './avro-schema.ts';
import { EVENT_SCHEMA, encodeEvents } from './events.ts';
import { Job } from './job.ts';
import type { ReadFile } from './job.ts';
import { MARK_BYTES, markSegment } from './key-marks.ts';
import { PoisonList } from './poison-list.ts';
import { rebuilt, versionOf } from './wire.ts';
import type { FromWorker, ToWorker, Work } from './wire.ts';

export interface PoolOptions {
  readonly workers: number;
  /** The module that calls `serveJobs`: src/worker.ts. */
  readonly workerUrl: URL;
  /** Of the whole process: a worker whose decoder keeps more than its share of it is replaced. */
  readonly memoryBytes: number;
}

/** Of the process's memory, what all decoders together may keep between files; and what one may keep in any case, since starting again costs more. */
const HELD_SHARE = 5 / 16;
const HELD_BYTES_MIN = 64 * 1024 * 1024;

/**
 * The heap that a thread may grow to, in any case, and else twice the memory of the process. It holds next to nothing, since decoded columns are outside, and a bound
 * is there for one that grows without end. But from half of this limit on V8 collects all garbage whenever what is outside grows a little
 * (Heap::ReportExternalMemoryPressure), and a decoder's memory grows thousands of times in a file of many columns.
 */
const HEAP_MB_MIN = 256;

/** How much its workers have to do. */
export interface PoolUse {
  /** Workers that have a job. */
  readonly busy: number;
  /** For how long they had one, all together, since the pool was opened. */
  readonly busySeconds: number;
  /**
   * For how long the worker that has not come to rest for the longest has been at one job without any, in milliseconds, as seen from one call to the next: one that goes
   * in circles never rests. To be called every few seconds.
   */
  restless(): number;
}

/** The threads start at once. Dispose to end them; jobs that are still open then reject. */
export function openPool(options: PoolOptions): Encoder & PoolUse {
  assert(options.workers >= 1, `a pool of ${options.workers} workers`);
  return new Pool(options);
}

interface Thread {
  readonly worker: Worker;
  job: Job | null;
  /** When it was given the job, by `performance.now()`. */
  since: number;
  /** Whether its module has loaded: a thread that dies before did not die of a file. */
  isReady: boolean;
  /** How long it had rested at the last call of `restless`, and since when it has not rested any more. */
  restedMs: number;
  restlessSince: number;
}

class Pool implements Encoder, PoolUse {
  readonly #options: PoolOptions;
  readonly #heldBytesMax: number;
  readonly #threads = new Set<Thread>();
  readonly #queue: Job[] = [];
  readonly #poison = new PoisonList();
  #isDisposed = false;
  /** Of jobs that are over. */
  #busyMs = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#heldBytesMax = Math.max(HELD_BYTES_MIN, (options.memoryBytes * HELD_SHARE) / options.workers);
    while (this.#threads.size < options.workers) this.#start();
  }

  encode(request: EncodeRequest, signal: AbortSignal): AsyncIterable<Segment> {
    return this.#enqueue({ kind: 'entry', request }, noFile, signal);
  }

  encodeVersion(request: EncodeVersionRequest, signal: AbortSignal): AsyncIterable<Segment> {
    const { read, ...rest } = request;
    const files = new Map(request.plan.entries.map(({ file }) => [nameOf(file), file]));
    const own: ReadFile = (file, end) => read(must(files.get(nameOf(file)), 'a file of the plan'), end);
    return this.#enqueue({ kind: 'version', request: rest }, own, signal);
  }

  #enqueue(work: Work, read: ReadFile, signal: AbortSignal): Job {
    assert(!this.#isDisposed, 'encode after dispose');
    signal.throwIfAborted();
    const job: Job = new Job(work, read, signal, {
      taken: ({ bytes }) => this.#tell(job, { kind: 'taken', bytes }),
      left: () => this.#cancel(job),
    });
    this.#queue.push(job);
    this.#assign();
    return job;
  }

  restless(): number {
    const now = performance.now();
    let longest = 0;
    for (const thread of this.#threads) {
      const { idle } = thread.worker.performance.eventLoopUtilization();
      if (thread.job === null || idle !== thread.restedMs) thread.restlessSince = now;
      thread.restedMs = idle;
      longest = Math.max(longest, now - thread.restlessSince);
    }
    return longest;
  }

  marked(segment: Segment, marked: ReadonlySet<string>): Segment {
    return markSegment(segment, marked);
  }

  readonly markBytes = MARK_BYTES;

  schemas(layout: SchemaLayout): AvroTexts {
    return avroTexts(layout);
  }

  readonly eventSchema = EVENT_SCHEMA;

  events(events: readonly FeedEvent[], prefix: Uint8Array): readonly RecordBlock[] {
    return [...encodeEvents(events, prefix)];
  }

  get busy(): number {
    return [...this.#threads].filter(({ job }) => job !== null).length;
  }

  get busySeconds(): number {
    const now = performance.now();
    const open = [...this.#threads].reduce((sum, { job, since }) => (job === null ? sum : sum + now - since), 0);
    return (this.#busyMs + open) / 1000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    const threads = [...this.#threads];
    this.#threads.clear();
    for (const job of [...this.#queue.splice(0), ...threads.flatMap(({ job }) => job ?? [])]) job.fail(new Error('the encoder is closed'));
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  #start(): Thread {
    const maxOldGenerationSizeMb = Math.max(HEAP_MB_MIN, (2 * this.#options.memoryBytes) / 2 ** 20);
    const worker = new Worker(this.#options.workerUrl, { resourceLimits: { maxOldGenerationSizeMb } });
    const thread: Thread = { worker, job: null, since: 0, isReady: false, restedMs: 0, restlessSince: 0 };
    let cause: unknown = null;
    worker.unref();
    worker.on('message', (message: FromWorker) => this.#receive(thread, message));
    worker.on('messageerror', (error) => {
      cause = error;
      terminate(worker);
    });
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', (code) => this.#buried(thread, cause ?? new Error(`the thread ended with exit code ${code}`)));
    this.#threads.add(thread);
    return thread;
  }

  #assign(): void {
    while (this.#queue.length > 0) {
      const idle = [...this.#threads].find(({ job }) => job === null);
      if (idle === undefined && this.#threads.size >= this.#options.workers) return;
      const thread = idle ?? this.#start();
      const job = this.#queue.shift();
      if (job === undefined) return;
      thread.job = job;
      thread.since = performance.now();
      thread.worker.ref();
      if (job.work.kind === 'version') {
        send(thread, { kind: 'job', work: job.work });
        continue;
      }
      const content = compactContent(job.work.request);
      send(thread, { kind: 'job', work: { kind: 'entry', request: { ...job.work.request, ...content } } }, [content.bytes.buffer]);
    }
  }

  #receive(thread: Thread, message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
        thread.isReady = true;
        return;
      case 'segment':
        thread.job?.push(message.segment);
        return;
      case 'need':
        if (thread.job !== null) this.#give(thread, thread.job, message.file);
        return;
      case 'done':
        this.#finish(thread, message);
    }
  }

  #give(thread: Thread, job: Job, file: ChangeFile): void {
    const use = (read: FileContent): void => {
      if (thread.job !== job) return;
      const content = compactContent(read);
      send(thread, { kind: 'content', content }, [content.bytes.buffer]);
    };
    job.need(file, use).catch((error: unknown) => job.fail(error));
  }

  #finish(thread: Thread, { failure, heldBytes }: Extract<FromWorker, { readonly kind: 'done' }>): void {
    const job = this.#freed(thread);
    thread.worker.unref();
    if (heldBytes > this.#heldBytesMax && this.#threads.delete(thread)) {
      terminate(thread.worker);
      this.#start();
    }
    if (failure !== null) job?.fail(rebuilt(failure));
    else if (job?.isOpen === true) {
      this.#poison.forget(passKey(job));
      job.end();
    }
    this.#assign();
  }

  /** The job that the thread had; it has none from here on. */
  #freed(thread: Thread): Job | null {
    const { job } = thread;
    if (job !== null) this.#busyMs += performance.now() - thread.since;
    thread.job = null;
    return job;
  }

  /** A thread has ended, by itself or because it was replaced. */
  #buried(thread: Thread, cause: unknown): void {
    this.#threads.delete(thread);
    const job = this.#freed(thread);
    if (job?.isOpen === true) job.fail(this.#death(job, thread.isReady, cause));
    if (!this.#isDisposed) this.#assign();
  }

  #death(job: Job, isOfTheFile: boolean, cause: unknown): Failure {
    const version = versionOf(job.work);
    const reason = cause instanceof Error ? cause.message : String(cause);
    const about = `the worker ended while it encoded ${job.file === null ? '' : `file ${job.file.id} of `}version ${version}: ${reason}`;
    const isPoison = isOfTheFile && this.#poison.add(passKey(job)) > 1;
    return new Failure(isPoison ? 'file.poison' : 'worker.died', about, { version, cause });
  }

  #cancel(job: Job): void {
    const waiting = this.#queue.indexOf(job);
    if (waiting !== -1) this.#queue.splice(waiting, 1);
    this.#tell(job, { kind: 'cancel' });
  }

  /** Says it to the job's worker, if it has one. */
  #tell(job: Job, message: ToWorker): void {
    for (const thread of this.#threads) if (thread.job === job) send(thread, message);
  }
}

/** The two passes over a change file take other rows of it: that one ends well says nothing of the other. Of a version that is worked whole, all of it. */
function passKey({ work }: Job): string {
  if (work.kind === 'version') return String(work.request.plan.version);
  const { entry, version } = work.request;
  return `${version}/${entry.pass}/${nameOf(entry.file)}`;
}

function nameOf({ kind, id }: ChangeFile): string {
  return `${kind}/${id}`;
}

function noFile(): Promise<FileContent> {
  throw new Error('bug: the worker asks for a file that it was given');
}

/** Memory that a view shows only a part of may belong to others too, and would go over whole. */
function compactContent({ bytes, rows }: FileContent): FileContent {
  return { bytes: compact(bytes), rows: rows === null ? null : { ...rows, bits: compact(rows.bits) } };
}

function compact(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

/** Its end is seen by the event `exit`. */
function terminate(worker: Worker): void {
  worker.terminate().catch(() => {});
}

function send(thread: Thread, message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
  thread.worker.postMessage(message, transfer);
}
