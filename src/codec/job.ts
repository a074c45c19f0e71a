/**
 * One call of the encoder as its reader sees it: segments come in from the worker and wait here, a bounded number of them, until they are pulled.
 */
import { assert } from '../lib/assert.ts';
import type { ChangeFile, FileContent } from '../model/change-files.ts';
import type { Segment } from '../ports/encoder.ts';
import type { Work } from './wire.ts';

export interface JobEvents {
  /** A segment was taken: the worker may make one more. */
  readonly taken: (segment: Segment) => void;
  /** The reader left before the end. Called once at most. */
  readonly left: () => void;
}

/** Gives the content of a file that the worker asks for. */
export type ReadFile = (file: ChangeFile, signal: AbortSignal) => Promise<FileContent>;

type Outcome =
  /** More may come. */
  { readonly kind: 'open' } | { readonly kind: 'ended' } | { readonly kind: 'failed'; readonly error: unknown };

export class Job implements AsyncIterableIterator<Segment, void, void> {
  readonly work: Work;
  /** The file that is being read. */
  file: ChangeFile | null;
  readonly #read: ReadFile;
  /** Ends what is being read for the job. */
  readonly #reading = new AbortController();
  readonly #signal: AbortSignal;
  readonly #events: JobEvents;
  readonly #waiting: Segment[] = [];
  readonly #onAbort: () => void;
  #outcome: Outcome = { kind: 'open' };
  #reader: PromiseWithResolvers<IteratorResult<Segment, void>> | null = null;

  constructor(work: Work, read: ReadFile, signal: AbortSignal, events: JobEvents) {
    this.work = work;
    this.file = work.kind === 'entry' ? work.request.entry.file : null;
    this.#read = read;
    this.#signal = signal;
    this.#events = events;
    this.#onAbort = (): void => this.#leave({ kind: 'failed', error: signal.reason });
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get isOpen(): boolean {
    return this.#outcome.kind === 'open';
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Segments in order, then the end or the failure. One call at a time. */
  async next(): Promise<IteratorResult<Segment, void>> {
    const segment = this.#waiting.shift();
    if (segment !== undefined) {
      this.#events.taken(segment);
      return { done: false, value: segment };
    }
    if (this.#outcome.kind === 'failed') throw this.#outcome.error;
    if (this.#outcome.kind === 'ended') return { done: true, value: undefined };
    assert(this.#reader === null, 'two reads of one job at a time');
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  async return(): Promise<IteratorResult<Segment, void>> {
    this.#leave({ kind: 'ended' });
    return { done: true, value: undefined };
  }

  /** From the worker: it needs this file. `use` is given its content unless the job is over by then; a file that cannot be had ends the job. */
  async need(file: ChangeFile, use: (content: FileContent) => void): Promise<void> {
    this.file = file;
    try {
      const content = await this.#read(file, AbortSignal.any([this.#signal, this.#reading.signal]));
      if (this.isOpen) use(content);
    } catch (error) {
      if (!this.isOpen) return;
      this.fail(error);
      this.#events.left();
    }
  }

  /** From the worker: one more segment. */
  push(segment: Segment): void {
    if (!this.isOpen) return;
    if (this.#reader === null) {
      this.#waiting.push(segment);
      return;
    }
    this.#reader.resolve({ done: false, value: segment });
    this.#reader = null;
    this.#events.taken(segment);
  }

  /** From the worker: the end of the file. */
  end(): void {
    this.#settle({ kind: 'ended' });
  }

  /** The job comes to nothing: what was made before is still read. */
  fail(error: unknown): void {
    this.#settle({ kind: 'failed', error });
  }

  #leave(outcome: Outcome): void {
    this.#waiting.length = 0;
    if (!this.isOpen) {
      this.#outcome = outcome;
      return;
    }
    this.#settle(outcome);
    this.#events.left();
  }

  #settle(outcome: Outcome): void {
    if (!this.isOpen) return;
    this.#outcome = outcome;
    this.#reading.abort(new Error('the job is over'));
    this.#signal.removeEventListener('abort', this.#onAbort);
    const reader = this.#reader;
    this.#reader = null;
    if (reader === null || outcome.kind === 'open') return;
    if (outcome.kind === 'failed') reader.reject(outcome.error);
    else reader.resolve({ done: true, value: undefined });
  }
}
