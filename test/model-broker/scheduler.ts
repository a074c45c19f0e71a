/**
 * Time and order as a test decides them. Whatever waits, waits here: a message on its way, or a timer. One of them at a time is let go; everything that follows from it
 * runs to where it waits again; then the next one.
 *
 * What waits belongs to a process, or to nobody (the broker, the provider). A process that is killed gets nothing any more; one that is frozen gets what has come
 * meanwhile when it goes on.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/lib/clock.ts';

export interface Owner {
  state: 'alive' | 'frozen' | 'killed';
}

interface Waiting {
  readonly what: string;
  /** Null: nobody. */
  readonly owner: Owner | null;
  /** Not before this time. */
  readonly at: number;
  readonly go: () => void;
}

/** Gives a whole number below `count`. */
export type Choose = (count: number) => number;

const START = Date.UTC(2026, 10, 1);
/** Steps of one run: more mean that it goes in circles. */
const STEPS_MAX = 20_000;

export class Scheduler {
  readonly #choose: Choose;
  readonly #trace: ((line: string) => void) | null;
  #now = START;
  /** Messages, in the order of sending. */
  #messages: Waiting[] = [];
  /** By their time. */
  #timers: Waiting[] = [];
  /** How many were let go. */
  steps = 0;

  /** `choose` says which message goes first, 0 being the oldest; `trace` is told what is let go. */
  constructor(choose: Choose, trace: ((line: string) => void) | null = null) {
    this.#choose = choose;
    this.#trace = trace;
  }

  get now(): number {
    return this.#now;
  }

  /** Has `go` done after some other messages, or after a time. */
  later(what: string, owner: Owner | null, go: () => void, afterMs = 0): void {
    if (afterMs === 0) this.#messages.push({ what, owner, at: this.#now, go });
    else this.#addTimer({ what, owner, at: this.#now + afterMs, go });
  }

  /** The clock of a process, or of nobody. `random` is for its jitters. */
  clockOf(owner: Owner | null, random: () => number): Clock {
    return {
      now: () => this.#now,
      random,
      sleep: (ms, signal) => this.#sleep(ms, owner, signal),
    };
  }

  /** Lets go what waits, step by step, until `isOver`. Rejects where nothing waits any more, or there is no end of it. */
  async run(isOver: () => boolean, beforeStep: () => void = () => {}): Promise<void> {
    await setImmediate();
    while (!isOver()) {
      beforeStep();
      if (isOver()) return;
      const next = this.#next();
      if (next === null) throw new Error(`nothing is under way any more, after ${this.steps} steps`);
      this.steps++;
      if (this.steps > STEPS_MAX) throw new Error(`it goes on without end, lately with ${next.what}`);
      this.#now = Math.max(this.#now, next.at);
      this.#trace?.(`${this.steps} ${this.#now - START} ms ${next.what}`);
      next.go();
      await setImmediate();
    }
  }

  /** The time goes on to the next timer, whatever messages are on their way. */
  hurry(): void {
    const timer = this.#timers.find(isAwake);
    if (timer !== undefined) this.#now = Math.max(this.#now, timer.at);
  }

  #next(): Waiting | null {
    const isDue = (timer: Waiting): boolean => isAwake(timer) && timer.at <= this.#now;
    const messages = this.#messages.filter(isAwake);
    const due = this.#timers.find(isDue);
    const ready = due === undefined ? messages : [due, ...messages];
    const next = ready[ready.length > 1 ? this.#choose(ready.length) : 0] ?? this.#timers.find(isAwake) ?? null;
    if (next === null) return null;
    this.#messages = this.#messages.filter((one) => one !== next && one.owner?.state !== 'killed');
    this.#timers = this.#timers.filter((one) => one !== next && one.owner?.state !== 'killed');
    return next;
  }

  #addTimer(timer: Waiting): void {
    const at = this.#timers.findIndex((other) => other.at > timer.at);
    this.#timers.splice(at === -1 ? this.#timers.length : at, 0, timer);
  }

  async #sleep(ms: number, owner: Owner | null, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer: Waiting = { what: 'timer', owner, at: this.#now + Math.ceil(ms), go: resolve };
    const onAbort = (): void => {
      this.#timers = this.#timers.filter((one) => one !== timer);
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#addTimer(timer);
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}

function isAwake({ owner }: Waiting): boolean {
  return owner === null || owner.state === 'alive';
}
